package io.lockstep.protocol.model;

import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * How long a start took, seen by the shim from outside and by its own clock.
 *
 * @param forkMillis from when the shim had its order until the last worker was forked: the first
 *     grant of the lease, torchrun's own start, and its meeting with the other nodes' torchruns
 * @param rendezvousMillis from then until the last worker had come to torchrun's store, where
 *     init_process_group waits for the other ranks: what a script does before is in it; empty while
 *     one has not come, and where workers meet in some other way
 */
public record StartLengths(long forkMillis, Optional<Long> rendezvousMillis) {
  public StartLengths {
    rendezvousMillis = Objects.requireNonNullElse(rendezvousMillis, Optional.empty());
  }

  /** That of all, whose orders came at the same time; empty while one has not said. */
  public static Optional<StartLengths> ofAll(List<Optional<StartLengths>> said) {
    return said.stream().allMatch(Optional::isPresent)
        ? said.stream().flatMap(Optional::stream).reduce(StartLengths::with)
        : Optional.empty();
  }

  /** Each part ends with the later one. */
  private StartLengths with(StartLengths other) {
    long fork = Math.max(forkMillis, other.forkMillis);
    return new StartLengths(
        fork,
        metMillis().flatMap(met -> other.metMillis().map(later -> Math.max(met, later) - fork)));
  }

  private Optional<Long> metMillis() {
    return rendezvousMillis.map(length -> forkMillis + length);
  }
}
