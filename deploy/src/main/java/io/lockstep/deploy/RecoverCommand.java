package io.lockstep.deploy;

import io.lockstep.coordinator.seat.SeatId;
import io.lockstep.coordinator.seat.SeatRecovery;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Makes one seat's store a cluster of its own. */
@Command(
    name = "recover",
    mixinStandardHelpOptions = true,
    description = {
      "Go on with one seat when a majority of the seats is lost for good.",
      "Run it where a seat's store is left, with its daemon down. Without --forget it only says"
          + " what the store holds and what may be lost."
    },
    footer = {
      "",
      "Examples:",
      "  lockstepd recover --config conf/lockstep.conf",
      "  lockstepd recover --config conf/lockstep.conf --forget 10.0.0.2,10.0.0.3",
      "Exit codes: 0 done or looked, 1 refused, 2 wrong settings."
    })
final class RecoverCommand implements Callable<Integer> {
  /** A seat that is alive answers on its host at once. */
  private static final int CONNECT_MILLIS = 2_000;

  @Mixin private final Where where = new Where();

  @Option(
      names = "--forget",
      paramLabel = "A,B",
      split = ",",
      description = "All other seats, each by host or host:port: they are lost for good.")
  private List<String> forget = List.of();

  private final PrintStream out = System.out;
  private final PrintStream err = System.err;

  @Override
  public Integer call() {
    DaemonSettings settings;
    try {
      settings = where.settings();
    } catch (SettingsException e) {
      e.problems().forEach(problem -> err.println("lockstepd recover: " + problem));
      return Lockstepd.WRONG_SETTINGS;
    }
    try {
      SeatId self = settings.place().id();
      SeatRecovery.Held held = SeatRecovery.look(settings.dataDir(), self);
      if (forget.isEmpty()) {
        tell(held);
        return 0;
      }
      requireAllOthers(held, settings);
      requireSilence(held, settings);
      SeatRecovery.Held now = SeatRecovery.giveUpOthers(settings.dataDir(), self);
      done(held, now);
      return 0;
    } catch (IOException e) {
      err.println("lockstepd recover: " + e.getMessage());
      err.println("nothing was changed");
      return Lockstepd.CANNOT_RUN;
    }
  }

  private void tell(SeatRecovery.Held held) {
    out.printf("this seat   %s, disk %s%n", held.self(), held.disk());
    out.printf(
        "holds       version %d, accepted under term %s, written %s%n",
        held.version(), held.acceptedTerm(), held.written());
    out.printf(
        "seats       %s; a majority is %d%n",
        names(held.membership().members().stream().map(m -> m.seat()).toList()),
        held.membership().majority());
    out.println();
    if (held.others().isEmpty()) {
      out.println("It is the only seat: nothing needs recovering. Start lockstepd.");
      return;
    }
    out.println(
        """
        While a majority of the seats can come back, wait for it: nothing is lost then.

        What may be lost: whatever the other seats accepted and this one did not. Jobs that were
        submitted, canceled or released since, drains, the newest attempts; a job may go on from an
        older checkpoint than the newest. If several seats are left, look on each and recover the
        one with the highest term and, of these, the highest version.

        What must be true first, and only you can know it: the daemons of the other seats, and all
        that trains under them, have ended and will not come back. Should they live on behind a
        cut, two attempts of a job can train at once. Before one of these hosts is started again,
        move seat/ in its data dir away.
        """);
    out.printf("to go on    lockstepd recover --forget %s%n", names(held.others()));
  }

  private void requireAllOthers(SeatRecovery.Held held, DaemonSettings settings)
      throws IOException {
    Set<String> named =
        forget.stream()
            .map(text -> Seat.parse(text.strip(), settings.ports().akka()).toString())
            .collect(Collectors.toCollection(TreeSet::new));
    Set<String> others =
        held.others().stream().map(SeatId::address).collect(Collectors.toCollection(TreeSet::new));
    if (!named.equals(others)) {
      throw new IOException(
          "--forget must name every other seat: wanted %s, found %s"
              .formatted(String.join(",", others), String.join(",", named)));
    }
  }

  private static void requireSilence(SeatRecovery.Held held, DaemonSettings settings)
      throws IOException {
    for (SeatId other : held.others()) {
      Seat place = Seat.parse(other.address(), settings.ports().akka());
      for (int port : List.of(settings.ports().lease(), place.port())) {
        try (var socket = new Socket()) {
          socket.connect(new InetSocketAddress(place.host(), port), CONNECT_MILLIS);
        } catch (IOException e) {
          continue; // as it should be
        }
        throw new IOException(
            "%s is not lost: something listens on %s:%d. Stop its lockstepd and end what trains there, or bring a majority back"
                .formatted(other, place.host(), port));
      }
    }
  }

  private void done(SeatRecovery.Held before, SeatRecovery.Held now) {
    out.printf(
        "%s is the only seat now (set %d), as a new founding %s in place of %s; version %d is kept%n",
        now.self(), now.membership().set(), now.founding(), before.founding(), now.version());
    out.println("next: start lockstepd here; the other hosts follow within seconds");
    out.printf(
        "next: write seats = [\"%s\"] into the settings of all hosts, then: lockstep seats add HOST%n",
        now.self());
    out.printf("never: start %s with the old data dir%n", names(before.others()));
  }

  private static String names(List<SeatId> seats) {
    return seats.stream().map(SeatId::address).collect(Collectors.joining(","));
  }
}
