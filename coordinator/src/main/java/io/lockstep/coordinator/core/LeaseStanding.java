package io.lockstep.coordinator.core;

/** What a state says of a lease (A15). */
public enum LeaseStanding {
  /** Its attempt was released on that node, and is not over. */
  PERMITTED,
  /** Its attempt is over. */
  ENDED,
  /** Neither is known: not granted, and nobody is told to stop. */
  UNKNOWN
}
