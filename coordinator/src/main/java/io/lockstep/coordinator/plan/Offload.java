package io.lockstep.coordinator.plan;

/** What DeepSpeed keeps in the host's memory. */
public enum Offload {
  NONE("none"),
  OPTIMIZER("optimizer"),
  /** Stage 3 only. */
  OPTIMIZER_AND_PARAMETERS("optimizer + parameters");

  private final String words;

  Offload(String words) {
    this.words = words;
  }

  public String words() {
    return words;
  }

  boolean isOptimizer() {
    return this != NONE;
  }
}
