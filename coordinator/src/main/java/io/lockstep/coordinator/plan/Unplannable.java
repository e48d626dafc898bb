package io.lockstep.coordinator.plan;

/** A job of which too little is known, or something that no plan covers; the message says what. */
public final class Unplannable extends Exception {
  private static final long serialVersionUID = 1L;

  public Unplannable(String message) {
    super(message);
  }
}
