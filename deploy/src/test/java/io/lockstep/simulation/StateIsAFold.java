package io.lockstep.simulation;

import io.lockstep.coordinator.core.ClusterState;

/** What a new coordinator reads from the seats is the fold of all that became true. */
final class StateIsAFold implements Invariant {
  @Override
  public void tookOver(ClusterState truth, ClusterState read) {
    require(read.equals(truth), "read %s, the fold is %s", read, truth);
  }
}
