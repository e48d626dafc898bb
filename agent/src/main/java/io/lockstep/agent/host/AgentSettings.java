package io.lockstep.agent.host;

import io.lockstep.protocol.model.NodeId;
import java.nio.file.Path;
import java.util.List;

/**
 * What the daemon tells its agent about itself.
 *
 * @param address where other nodes reach this one
 * @param akkaPort makes the daemon unique on its address
 * @param dataDir the agent's own folder on a local disk
 * @param shim folder of the shim's Python package, named lockstep_shim
 * @param python default interpreter for workers; also runs the shim (3.10 or newer)
 * @param masterPortLow first port of the range for MASTER_PORT
 * @param masterPortHigh last port of the range, included
 * @param nodeRankHint rank that the host asks for, or -1
 * @param isForeground no daemon comes after this one: its groups end when it is gone
 * @param leaseSeats where groups renew their leases, as {@code host:port}; none means that groups
 *     run without a lease
 * @param keepsWarm whether jobs may have a warm pool here
 */
public record AgentSettings(
    NodeId node,
    String address,
    int akkaPort,
    Path dataDir,
    Path shim,
    String python,
    int masterPortLow,
    int masterPortHigh,
    String version,
    int nodeRankHint,
    boolean isForeground,
    List<String> leaseSeats,
    boolean keepsWarm) {
  public AgentSettings {
    leaseSeats = List.copyOf(leaseSeats);
    dataDir = dataDir.toAbsolutePath().normalize();
    shim = shim.toAbsolutePath().normalize();
    if (masterPortLow < 1 || masterPortHigh > 65_535 || masterPortLow > masterPortHigh) {
      throw new IllegalArgumentException(
          "the range for master ports must lie in 1 to 65535, found: "
              + masterPortLow
              + " to "
              + masterPortHigh);
    }
  }

  /** The same for a command in the foreground that asks for a node rank; -1 asks for none. */
  public AgentSettings inForeground(int nodeRank) {
    return new AgentSettings(
        node,
        address,
        akkaPort,
        dataDir,
        shim,
        python,
        masterPortLow,
        masterPortHigh,
        version,
        nodeRank,
        true,
        leaseSeats,
        keepsWarm);
  }

  /** What this daemon's processes carry: unique per daemon on a machine. */
  public String markerPrefix() {
    return address + ":" + akkaPort;
  }
}
