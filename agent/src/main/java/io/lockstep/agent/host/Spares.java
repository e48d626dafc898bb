package io.lockstep.agent.host;

import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.RankTable;
import io.lockstep.protocol.model.StandbyOrder;
import java.util.List;

/**
 * Imagines the launch that would follow if this spare were taken: but for its ranks it is known.
 */
final class Spares {
  private Spares() {}

  /** Good for what a pool loads and under which environment, and for nothing that is started. */
  static LaunchSpec launchLike(NodeId node, String address, StandbyOrder order) {
    return new LaunchSpec(
        order.fence(),
        node,
        0,
        new RankTable(List.of(new RankTable.Entry(node, address)), order.procsPerNode()),
        "",
        order.job(),
        order.zeroJson(),
        "");
  }
}
