package io.lockstep.coordinator.actor;

import io.lockstep.coordinator.core.ClusterEvent;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.coordinator.core.Lease;
import io.lockstep.coordinator.seat.LeaseLaw;
import io.lockstep.coordinator.seat.Membership;
import io.lockstep.coordinator.seat.StoredState;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.NodeId;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads the state that a seat keeps as the law of its leases; what is appended is folded once. An
 * event that only a later release knows is skipped: a coordinator that was upgraded first must not
 * end what trains. So no later release may add to {@link #CHANGES_LEASES}.
 */
public final class StateLaw implements LeaseLaw.Reader {
  private static final Logger log = LoggerFactory.getLogger(StateLaw.class);

  /** What a lease is follows from these events alone; of the first release, and for ever. */
  public static final Set<Class<? extends ClusterEvent>> CHANGES_LEASES =
      Set.of(
          ClusterEvent.JobQueued.class,
          ClusterEvent.AttemptPlanned.class,
          ClusterEvent.AttemptReleased.class,
          ClusterEvent.AttemptFailed.class,
          ClusterEvent.AttemptCleared.class,
          ClusterEvent.GroupGone.class,
          ClusterEvent.NodeExited.class,
          ClusterEvent.NodeFinished.class,
          ClusterEvent.LeaseRevoked.class,
          ClusterEvent.JobStopping.class,
          ClusterEvent.JobRequeued.class,
          ClusterEvent.JobEnded.class,
          ClusterEvent.PastForgotten.class);

  private final StateCodec codec;
  private StoredState read = new StoredState(Membership.NONE, 0, new byte[0], List.of());
  private ClusterState state = ClusterState.EMPTY;

  public StateLaw() {
    this(new StateCodec());
  }

  public StateLaw(StateCodec codec) {
    this.codec = codec;
  }

  @Override
  public LeaseLaw read(StoredState stored) {
    try {
      state =
          isAppendedTo(stored)
              ? appended(stored)
              : folded(codec.snapshotOf(stored), stored.events());
      read = stored;
    } catch (UncheckedIOException | IllegalArgumentException e) {
      log.error("this release cannot read the state of its seat, and so grants no lease", e);
      return LeaseLaw.NONE;
    }
    return new Law(state);
  }

  private record Law(ClusterState state) implements LeaseLaw {
    @Override
    public Standing of(Fence fence, NodeId node) {
      return switch (state.standing(new Lease(fence, node))) {
        case PERMITTED -> Standing.PERMITTED;
        case ENDED -> Standing.ENDED;
        case UNKNOWN -> Standing.UNKNOWN;
      };
    }

    @Override
    public boolean isPast(Fence fence, NodeId node) {
      return state.isPast(new Lease(fence, node));
    }
  }

  /** The same bytes and more: a seat appends without copying. */
  private boolean isAppendedTo(StoredState stored) {
    int before = read.events().size();
    if (stored.snapshotVersion() != read.snapshotVersion()
        || stored.snapshot() != read.snapshot()
        || stored.events().size() < before) {
      return false;
    }
    for (int i = 0; i < before; i++) {
      if (stored.events().get(i) != read.events().get(i)) {
        return false;
      }
    }
    return true;
  }

  private ClusterState appended(StoredState stored) {
    return folded(state, stored.events().subList(read.events().size(), stored.events().size()));
  }

  private ClusterState folded(ClusterState from, List<byte[]> events) {
    ClusterState folded = from;
    for (byte[] bytes : events) {
      Optional<ClusterEvent> event = codec.readIfKnown(bytes);
      folded = event.isPresent() ? codec.evolve(folded, event.get()) : folded.skipping();
    }
    return folded;
  }
}
