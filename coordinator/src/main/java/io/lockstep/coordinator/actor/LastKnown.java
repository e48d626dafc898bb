package io.lockstep.coordinator.actor;

import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.coordinator.seat.LastAccepted;
import io.lockstep.coordinator.seat.StoredState;
import io.lockstep.protocol.api.LastKnownView;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers reads from what this host's seat last accepted, for when no coordinator with a majority
 * of the seats does. What is not in it is not denied: a newer state may have it.
 */
public final class LastKnown {
  private static final Logger log = LoggerFactory.getLogger(LastKnown.class);

  private final Supplier<Optional<LastAccepted>> seat;
  private final StateCodec codec = new StateCodec();
  private volatile @Nullable Folded folded;

  private record Folded(StoredState stored, ClusterState state) {}

  /** An answer, and what it is worth. */
  public record Answer(CoordinatorAnswer answer, LastKnownView about) {}

  /** Asks this host's own seat; its answer is empty where it belongs to no cluster. */
  public LastKnown(Supplier<Optional<LastAccepted>> seat) {
    this.seat = seat;
  }

  /** Empty when this is no read of jobs, nodes or events, or nothing is known to answer it. */
  public Optional<Answer> answer(CoordinatorRequest request, String why) {
    return isRead(request)
        ? seat.get().flatMap(last -> answer(request, last, why))
        : Optional.empty();
  }

  private static boolean isRead(CoordinatorRequest request) {
    return request instanceof CoordinatorRequest.ListJobs
        || request instanceof CoordinatorRequest.DescribeJob
        || request instanceof CoordinatorRequest.ListNodes
        || request instanceof CoordinatorRequest.ListEvents;
  }

  private Optional<Answer> answer(CoordinatorRequest request, LastAccepted last, String why) {
    Optional<ClusterState> state = state(last.stored());
    if (state.isEmpty()) {
      return Optional.empty();
    }
    Instant now = Instant.now();
    var nobody = new AgentDirectory(now);
    var reads =
        new Reads(
            state.get(), nobody, Optional.of(last.stored().membership()), Optional.empty(), now);
    CoordinatorAnswer answer = reads.answer(request);
    return answer instanceof CoordinatorAnswer.Refused
        ? Optional.empty()
        : Optional.of(new Answer(answer, about(last, why)));
  }

  private static LastKnownView about(LastAccepted last, String why) {
    return new LastKnownView(
        last.seat().address(),
        last.term().number(),
        last.stored().version(),
        last.age().map(Duration::toSeconds),
        why);
  }

  @SuppressWarnings("ReferenceEquality") // the same object is the same state, at no cost
  private Optional<ClusterState> state(StoredState stored) {
    Folded before = folded;
    if (before != null && before.stored() == stored) {
      return Optional.of(before.state());
    }
    try {
      ClusterState state = codec.read(stored);
      folded = new Folded(stored, state);
      return Optional.of(state);
    } catch (UncheckedIOException | IllegalArgumentException e) {
      log.warn("the state of this host's seat cannot be read by this release: {}", e.toString());
      return Optional.empty();
    }
  }
}
