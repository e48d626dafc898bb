package io.lockstep.protocol.model;

/** What to do when the newest checkpoint was written by another number of ranks. */
public enum OnResize {
  /** Refuse the job, and say the command that converts. */
  REFUSE("refuse"),
  /** Convert it on one node, then go on from it. */
  UNIVERSAL("universal");

  private final String text;

  OnResize(String text) {
    this.text = text;
  }

  /** As written in a job file. */
  public String text() {
    return text;
  }
}
