package io.lockstep.agent.host;

/** A checkpoint did not pass; the message says why, in a few words. */
final class IncompleteException extends Exception {
  private static final long serialVersionUID = 1L;

  IncompleteException(String why) {
    super(why);
  }
}
