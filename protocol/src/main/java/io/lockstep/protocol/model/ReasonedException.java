package io.lockstep.protocol.model;

/** An expected refusal on its way to the caller who asked; carries the reason to show. */
public final class ReasonedException extends Exception {
  private static final long serialVersionUID = 1L;

  private final transient Reason reason;

  public ReasonedException(Reason reason) {
    super(reason.toString());
    this.reason = reason;
  }

  public Reason reason() {
    return reason;
  }
}
