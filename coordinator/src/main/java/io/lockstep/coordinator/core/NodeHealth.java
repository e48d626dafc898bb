package io.lockstep.coordinator.core;

/** A node's health as operators read it. */
public enum NodeHealth {
  READY,
  DRAINING,
  SUSPECT,
  QUARANTINED,
  LOST
}
