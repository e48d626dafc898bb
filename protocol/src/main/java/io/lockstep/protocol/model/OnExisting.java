package io.lockstep.protocol.model;

/** What to do with checkpoints that lie in the folder before the job's first attempt. */
public enum OnExisting {
  /** Resume what a job of this name left, refuse another job's. */
  AUTO("auto"),
  RESUME("resume"),
  REFUSE("refuse"),
  /** Move them aside (never deleted) and start fresh. */
  OVERWRITE("overwrite");

  private final String text;

  OnExisting(String text) {
    this.text = text;
  }

  /** As written in a job file. */
  public String text() {
    return text;
  }
}
