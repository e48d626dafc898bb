package io.lockstep.simulation;

import io.lockstep.coordinator.actor.StateCodec;
import io.lockstep.coordinator.core.ClusterEvent;
import io.lockstep.coordinator.core.ClusterState;
import java.util.IdentityHashMap;
import java.util.Objects;
import java.util.Optional;

/**
 * Writes tokens instead of text and folds each event once, however many seats and coordinators do:
 * only to save time. The text is another test's matter, and that of every sixteenth seed.
 */
final class RememberingCodec extends StateCodec {
  private final IdentityHashMap<byte[], ClusterEvent> events = new IdentityHashMap<>();
  private final IdentityHashMap<byte[], ClusterState> snapshots = new IdentityHashMap<>();
  private final IdentityHashMap<ClusterEvent, Fold> folds = new IdentityHashMap<>();

  /** What an event last made of what. */
  private record Fold(ClusterState before, ClusterState after) {}

  @Override
  public byte[] write(ClusterEvent event) {
    var token = new byte[1];
    events.put(token, event);
    return token;
  }

  @Override
  protected Optional<ClusterEvent> readIfKnown(byte[] token) {
    return Optional.of(Objects.requireNonNull(events.get(token), "not written here"));
  }

  @Override
  public byte[] writeSnapshot(ClusterState state) {
    var token = new byte[1];
    snapshots.put(token, state);
    return token;
  }

  @Override
  protected ClusterState readSnapshot(byte[] token) {
    return Objects.requireNonNull(snapshots.get(token), "not written here");
  }

  @Override
  @SuppressWarnings("ReferenceEquality") // to compare what is in it takes longer than to fold
  public ClusterState evolve(ClusterState state, ClusterEvent event) {
    Fold fold = folds.get(event);
    if (fold == null || fold.before() != state) {
      fold = new Fold(state, super.evolve(state, event));
      folds.put(event, fold);
    }
    return fold.after();
  }
}
