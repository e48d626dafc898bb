package io.lockstep.simulation;

import io.lockstep.agent.core.GroupInput;
import io.lockstep.agent.core.GroupReport;
import io.lockstep.coordinator.core.ClusterEvent;
import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.GroupStatus;
import java.util.stream.Collectors;

/** Messages and events as a transcript shows them. */
final class Texts {
  private Texts() {}

  static String of(GroupInput input) {
    if (input instanceof GroupInput.OfFounding o) {
      return of(o.command());
    } else if (input instanceof GroupInput.Prepare p) {
      return "Prepare %s rank %d of %s"
          .formatted(p.launch().fence(), p.launch().nodeRank(), p.launch().rankTable());
    } else if (input instanceof GroupInput.Start s) {
      return "Start %s port %d %s"
          .formatted(
              s.fence(),
              s.order().masterPort(),
              s.order().resume().map(c -> "from step " + c.step()).orElse("fresh"));
    } else if (input instanceof GroupInput.Stop s) {
      return "Stop %s grace %d s: %s".formatted(s.fence(), s.grace().toSeconds(), s.reason());
    } else if (input instanceof GroupInput.Acknowledge a) {
      return "Acknowledge %s %s".formatted(a.kind(), a.fence());
    } else if (input instanceof GroupInput.TakeStacks t) {
      return "TakeStacks " + t.fence();
    } else if (input instanceof GroupInput.StandBy s) {
      return "StandBy for %s: %s"
          .formatted(s.order().map(o -> o.fence().toString()).orElse("none"), s.why());
    } else if (input instanceof GroupInput.SayHello) {
      return "SayHello";
    } else if (input instanceof GroupInput.GroupExited e) {
      return "GroupExited %s %s".formatted(e.fence(), of(e.report()));
    }
    return input.toString();
  }

  static String of(Report report) {
    if (report instanceof Report.Hello hello) {
      return "Hello %s %s".formatted(hello.disk(), groups(hello));
    } else if (report instanceof Report.Told told) {
      return of(told.report());
    }
    return report.toString();
  }

  private static String groups(Report.Hello hello) {
    return hello.groups().stream().map(Texts::of).collect(Collectors.toList()).toString();
  }

  private static String of(GroupStatus group) {
    return group.fence() + " " + group.phase();
  }

  private static String of(GroupReport report) {
    if (report instanceof GroupReport.Prepared p) {
      return "Prepared %s%s"
          .formatted(p.fence(), p.readiness().masterPort().map(port -> " port " + port).orElse(""));
    } else if (report instanceof GroupReport.PrepareRejected r) {
      return "PrepareRejected %s %s".formatted(r.fence(), r.reason());
    } else if (report instanceof GroupReport.Started s) {
      return "Started %s".formatted(s.fence());
    } else if (report instanceof GroupReport.Exited e) {
      return "Exited %s %s".formatted(e.fence(), of(e.report()));
    } else if (report instanceof GroupReport.Unknown u) {
      return "Unknown %s".formatted(u.fence());
    }
    return report.toString();
  }

  private static String of(ExitReport report) {
    String how =
        report
            .firstFailure()
            .map(
                f ->
                    f.peerLoss()
                        ? " peer lost"
                        : f.signal().map(s -> " signal " + s).orElse(" " + f.message()))
            .orElse("");
    return report.outcome() + how + (report.treeGone() ? "" : " NOT PROVEN GONE");
  }

  static String of(ClusterEvent event) {
    return event.getClass().getSimpleName()
        + event.job().map(j -> " " + j).orElse("")
        + event.attempt().map(a -> " attempt " + a).orElse("")
        + event.node().map(n -> " " + n).orElse("")
        + ": "
        + event.reason().message();
  }
}
