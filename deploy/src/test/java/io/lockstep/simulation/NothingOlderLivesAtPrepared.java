package io.lockstep.simulation;

import io.lockstep.agent.core.GroupReport;

/** When a node says Prepared, no process of an older plan lives on it. */
final class NothingOlderLivesAtPrepared implements Invariant {
  @Override
  public void said(SimHost host, GroupReport report) {
    if (report instanceof GroupReport.Prepared prepared) {
      require(
          !host.isAlive(fence -> prepared.fence().supersedes(fence)),
          "%s says Prepared(%s) while %s live",
          host.id,
          prepared.fence(),
          host.livingFences());
    }
  }
}
