package io.lockstep.coordinator.seat;

import java.time.Duration;

/** Every limit of seats and quorum, each with its unit. */
public final class SeatLimits {
  /** What one Akka frame may hold; the actor system's maximum-frame-size must be at least this. */
  public static final int MAX_FRAME_BYTES = 4 * 1024 * 1024;

  /** Snapshot and events since together; leaves room in the frame for names and numbers. */
  public static final int MAX_STATE_BYTES = 3 * 1024 * 1024;

  /**
   * From this size of a snapshot on the coordinator forgets what is past: events until the next
   * snapshot, and one large decision, must still fit.
   */
  public static final int FORGET_ABOVE_BYTES = 2 * 1024 * 1024;

  /** Events that a seat keeps since its snapshot; compact long before. */
  public static final int MAX_EVENTS_SINCE_SNAPSHOT = 4_096;

  /** With fewer events since the snapshot none is written for their number. */
  public static final int COMPACT_AFTER_EVENTS = 256;

  /** With so many events since the snapshot one is written, however small they are. */
  public static final int COMPACT_ALWAYS_AFTER_EVENTS = MAX_EVENTS_SINCE_SNAPSHOT / 2;

  /** From this many bytes of events since the snapshot on, compaction is wanted too. */
  public static final int COMPACT_AFTER_BYTES = 512 * 1024;

  /**
   * A snapshot is worth its writing when the events since are as large: of a thousand nodes it is
   * over half a megabyte, which three seats would write and read for each few hundred events.
   */
  public static boolean wantCompaction(long snapshotBytes, int events, long eventBytes) {
    return eventBytes >= COMPACT_AFTER_BYTES
        || events >= COMPACT_ALWAYS_AFTER_EVENTS
        || (events >= COMPACT_AFTER_EVENTS && eventBytes >= snapshotBytes);
  }

  /** Events of decisions that are stored together; a larger decision goes alone. */
  public static final int MAX_WRITE_EVENTS = 256;

  /** Bytes of events that are stored together; a larger decision goes alone. */
  public static final int MAX_WRITE_BYTES = 256 * 1024;

  /**
   * How often the coordinator ticks its {@link QuorumDriver}: lost messages are sent again then.
   */
  public static final Duration TICK = Duration.ofMillis(500);

  /**
   * An idle coordinator asks all seats this often whether they still follow it, and how old the
   * leases are that they granted.
   */
  public static final Duration PROBE_INTERVAL = Duration.ofMillis(500);

  /** The whole state goes to one seat at most this often. */
  public static final Duration INSTALL_INTERVAL = Duration.ofMillis(400);

  /** A refused coordinator waits a random time between these two (A7). */
  public static final Duration MIN_STEP_DOWN_WAIT = Duration.ofMillis(50);

  public static final Duration MAX_STEP_DOWN_WAIT = Duration.ofSeconds(1);

  /**
   * One that led and was outbid waits so much longer: somebody newer coordinates, and of two that
   * both take themselves for the singleton the one in the lost cluster is ended meanwhile. Without
   * it the two outbid each other about once a second (seen by deploy/chaos/run).
   */
  public static final Duration OUTBID_WAIT = Duration.ofSeconds(8);

  /**
   * Requests waiting for a seat's disk; what comes beyond is dropped and sent again by its sender.
   */
  public static final int MAX_QUEUED_REQUESTS = 1_000;

  private SeatLimits() {}
}
