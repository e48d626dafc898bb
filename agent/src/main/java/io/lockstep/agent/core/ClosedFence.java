package io.lockstep.agent.core;

import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.GroupStatus;
import io.lockstep.protocol.model.Reason;
import java.util.List;
import java.util.Optional;

/**
 * A fence that will never be forked (again) on this node, and how it ended.
 *
 * @param rejected why the node refused to prepare it; empty when it did not
 * @param heard true when the coordinator stored the report
 */
public record ClosedFence(
    Fence fence, ExitReport report, Optional<Reason> rejected, boolean heard) {

  static ClosedFence exited(Fence fence, ExitReport report) {
    return new ClosedFence(fence, report, Optional.empty(), false);
  }

  static ClosedFence refused(Fence fence, Reason reason, ExitReport report) {
    return new ClosedFence(fence, report, Optional.of(reason), false);
  }

  /** As the coordinator sees it. */
  public GroupStatus status() {
    return new GroupStatus(
        fence,
        GroupStatus.Phase.EXITED,
        List.of(),
        Optional.empty(),
        Optional.empty(),
        Optional.of(report));
  }

  /** What is said about it until it is acknowledged. */
  GroupReport tell() {
    return rejected
        .<GroupReport>map(reason -> new GroupReport.PrepareRejected(fence, reason))
        .orElseGet(() -> new GroupReport.Exited(fence, report));
  }

  ClosedFence acknowledged() {
    return new ClosedFence(fence, report, rejected, true);
  }

  /** The same fence, whose end is what is asked for now, not the refusal. */
  ClosedFence askedForEnd() {
    return new ClosedFence(fence, report, Optional.empty(), false);
  }
}
