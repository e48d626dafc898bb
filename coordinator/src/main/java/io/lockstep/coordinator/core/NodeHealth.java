package io.lockstep.coordinator.core;

/** A node's health as operators read it. */
public enum NodeHealth {
  READY,
  DRAINING,
  SUSPECT,
  /** Its agent cannot store, so nothing new is placed there. */
  TROUBLED,
  QUARANTINED,
  LOST
}
