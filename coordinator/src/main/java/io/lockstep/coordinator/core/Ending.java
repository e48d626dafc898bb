package io.lockstep.coordinator.core;

/** What a stopping job becomes when its groups are gone. */
public enum Ending {
  SUCCEED,
  FAIL,
  CANCEL,
  /** Planned anew: an operator moved it. */
  RESTART
}
