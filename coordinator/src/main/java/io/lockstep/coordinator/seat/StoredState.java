package io.lockstep.coordinator.seat;

import com.fasterxml.jackson.annotation.JsonIgnore;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The coordinator's state as seats keep it: a snapshot, the events since, and the membership. Its
 * bytes are opaque here and never changed after they were handed over.
 *
 * @param snapshotVersion how many events the snapshot stands for
 */
public record StoredState(
    Membership membership, long snapshotVersion, byte[] snapshot, List<byte[]> events) {
  static final StoredState EMPTY = new StoredState(Membership.NONE, 0, new byte[0], List.of());

  public StoredState {
    events = List.copyOf(events);
    if (snapshotVersion < 0) {
      throw new IllegalArgumentException(
          "snapshotVersion must be 0 or more, found: " + snapshotVersion);
    }
  }

  /** The count of events, those in the snapshot included. */
  @JsonIgnore
  public long version() {
    return snapshotVersion + events.size();
  }

  /** Snapshot and events together. */
  @JsonIgnore
  public long bytes() {
    return snapshot.length + eventBytes();
  }

  @JsonIgnore
  long eventBytes() {
    return events.stream().mapToLong(e -> e.length).sum();
  }

  @JsonIgnore
  boolean fits() {
    return bytes() <= SeatLimits.MAX_STATE_BYTES
        && events.size() <= SeatLimits.MAX_EVENTS_SINCE_SNAPSHOT;
  }

  StoredState append(Membership newMembership, List<byte[]> more) {
    var all = new ArrayList<>(events);
    all.addAll(more);
    return new StoredState(newMembership, snapshotVersion, snapshot, all);
  }

  StoredState compact(long version, byte[] newSnapshot) {
    int dropped = Math.toIntExact(version - snapshotVersion);
    return new StoredState(
        membership, version, newSnapshot, events.subList(dropped, events.size()));
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof StoredState that
        && membership.equals(that.membership)
        && snapshotVersion == that.snapshotVersion
        && Arrays.equals(snapshot, that.snapshot)
        && Arrays.deepEquals(events.toArray(), that.events.toArray());
  }

  @Override
  public int hashCode() {
    return Long.hashCode(version()) * 31 + Arrays.deepHashCode(events.toArray());
  }

  @Override
  public String toString() {
    return "version %d (snapshot %d, %d bytes) %s"
        .formatted(version(), snapshotVersion, bytes(), membership);
  }
}
