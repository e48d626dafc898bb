package io.lockstep.protocol.model;

/** What kind of failure it was: what is done about it, and whose it is to mend. */
public enum FailureClass {
  /** The script, its arguments or its data. */
  USER_CODE,
  /** A card has too little memory for what the script asks of it. */
  OUT_OF_MEMORY_GPU,
  /** The host, or the cgroup, has too little memory: the kernel killed a process. */
  OUT_OF_MEMORY_HOST,
  /** A card or the host is broken. */
  HARDWARE,
  /** A peer could not be reached, and no node says why. */
  NETWORK,
  /** A disk or a share is full, gone or broken. */
  STORAGE,
  /** What was asked for cannot run here: modules, flags, DeepSpeed's configuration. */
  CONFIGURATION,
  /** Somebody wanted the node for something else. */
  PREEMPTED,
  /** It stood still. */
  HANG,
  /** No rule fits; also what a newer release knows and this one does not. */
  UNKNOWN
}
