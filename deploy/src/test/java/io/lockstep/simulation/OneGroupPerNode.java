package io.lockstep.simulation;

/** Processes of at most one fence live on a node. */
final class OneGroupPerNode implements Invariant {
  private final Simulation sim;

  OneGroupPerNode(Simulation sim) {
    this.sim = sim;
  }

  @Override
  public void worldChanged() {
    for (SimHost host : sim.hosts()) {
      require(host.groups(f -> true).size() <= 1, "%s runs %s", host.id, host.livingFences());
    }
  }
}
