package io.lockstep.deploy;

import io.lockstep.agent.host.AgentSettings;
import io.lockstep.coordinator.core.FailureRules;
import io.lockstep.coordinator.core.QuarantinePolicy;
import io.lockstep.coordinator.failure.RuleSet;
import io.lockstep.protocol.model.NodeId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * What one daemon runs by; whole and checked.
 *
 * @param host the daemon's one address: everything is bound to it
 * @param isLoopback whether only this machine can reach it
 * @param seats where the coordinator may run, and its state lies
 * @param dataDir the daemon's own folder on a local disk
 * @param python default interpreter for workers
 * @param shim folder of the shim's Python package
 * @param insecure whether it may listen off loopback without TLS
 * @param nodeSilentAfter a node that says nothing for so long is given up
 * @param nodeSuspectAfter a node that says nothing for so long after its gang lost a peer is passed
 *     over
 * @param quarantine when a node that is lost again and again is kept out of placement
 * @param rules tell what kind of failure it was: the operator's before the shipped ones
 * @param keepsWarm whether this host keeps warm pools
 */
public record DaemonSettings(
    NodeId node,
    String host,
    boolean isLoopback,
    List<Seat> seats,
    Path dataDir,
    String python,
    Path shim,
    boolean insecure,
    Ports ports,
    Duration nodeSilentAfter,
    Duration nodeSuspectAfter,
    QuarantinePolicy quarantine,
    Rules rules,
    boolean keepsWarm,
    String version) {
  /** Unless the settings say otherwise. */
  public static final Duration NODE_SILENT_AFTER = Duration.ofSeconds(10);

  /** Unless the settings say otherwise. */
  public static final Duration NODE_SUSPECT_AFTER = Duration.ofSeconds(2);

  public DaemonSettings {
    seats = List.copyOf(seats);
  }

  /**
   * Ports of the daemon, all on its one address.
   *
   * @param lease where a seat grants leases; the same on all hosts
   * @param masterLow first of the range for MASTER_PORT
   * @param masterHigh last of it, included
   */
  public record Ports(
      int akka, int management, int http, int lease, int masterLow, int masterHigh) {}

  /**
   * Failure rules as they were read at the start.
   *
   * @param file the operator's own; empty without
   */
  public record Rules(Optional<Path> file, FailureRules set) {
    /** Those of this release alone. */
    public static Rules shipped() {
      return new Rules(Optional.empty(), RuleSet.shipped());
    }
  }

  /** This daemon's own seat, if it is one. */
  public Optional<Seat> seat() {
    return seats.stream().filter(place()::equals).findFirst();
  }

  /** What this daemon's seat is called, should it be one. */
  public Seat place() {
    return new Seat(host, ports.akka());
  }

  /** The same with other seats: those of the stored state go before those of the settings (A1). */
  DaemonSettings withSeats(List<Seat> known) {
    return new DaemonSettings(
        node,
        host,
        isLoopback,
        known,
        dataDir,
        python,
        shim,
        insecure,
        ports,
        nodeSilentAfter,
        nodeSuspectAfter,
        quarantine,
        rules,
        keepsWarm,
        version);
  }

  /** Where the seats renew leases, as {@code host:port}. */
  List<String> doors() {
    return seats.stream().map(this::door).toList();
  }

  String door(Seat seat) {
    return seat.address(ports.lease());
  }

  /** How many seats make a majority. */
  public int majority() {
    return seats.size() / 2 + 1;
  }

  public AgentSettings agent() {
    return new AgentSettings(
        node,
        host,
        ports.akka(),
        dataDir,
        shim,
        python,
        ports.masterLow(),
        ports.masterHigh(),
        version,
        -1,
        false,
        doors(),
        keepsWarm);
  }

  /** The effective settings in the form of lockstep.conf. */
  public String describe() {
    return String.join(
        "\n",
        "# version " + version + ", " + (seat().isPresent() ? "a seat" : "an agent only"),
        "node.id = \"" + node + "\"",
        "host = \"" + host + "\"",
        "seats = [" + String.join(", ", seats.stream().map(s -> "\"" + s + "\"").toList()) + "]",
        "data-dir = \"" + dataDir + "\"",
        "python = \"" + python + "\"",
        "shim = \"" + shim + "\"",
        "insecure = " + insecure,
        "node-silent-after = " + nodeSilentAfter.toMillis() + "ms",
        "node-suspect-after = " + nodeSuspectAfter.toMillis() + "ms",
        "quarantine.losses = " + quarantine.losses(),
        "quarantine.length = " + quarantine.length().toMillis() + "ms",
        "quarantine.check = " + quarantine.check(),
        "failure-rules = \"" + rules.file().map(Path::toString).orElse("") + "\"",
        "warm = " + keepsWarm,
        "ports.akka = " + ports.akka(),
        "ports.management = " + ports.management(),
        "ports.http = " + ports.http(),
        "ports.lease = " + ports.lease(),
        "ports.master = \"" + ports.masterLow() + "-" + ports.masterHigh() + "\"");
  }
}
