package io.lockstep.simulation;

import io.lockstep.protocol.model.CheckpointInventory;
import io.lockstep.protocol.model.CompleteCheckpoint;
import java.util.List;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;

/** One job's checkpoint folder, as all hosts see it. */
final class SharedFolder {
  private static final int KEPT = 4;

  private final String path;
  private final NavigableMap<Long, CompleteCheckpoint> complete = new TreeMap<>();
  private Optional<CheckpointInventory.Owner> owner = Optional.empty();

  SharedFolder(String path) {
    this.path = path;
  }

  void mark(String job, String name) {
    owner = Optional.of(new CheckpointInventory.Owner(job, name));
  }

  void save(long step, int worldSize) {
    complete.put(step, new CompleteCheckpoint(path + "/checkpoint-" + step, step, worldSize));
    while (complete.size() > KEPT) {
      complete.pollFirstEntry();
    }
  }

  boolean holds(CompleteCheckpoint wanted) {
    return wanted.equals(complete.get(wanted.step()));
  }

  void moveAsideAfter(long step) {
    complete.tailMap(step, false).clear();
  }

  Optional<CompleteCheckpoint> newest() {
    return complete.isEmpty() ? Optional.empty() : Optional.of(complete.lastEntry().getValue());
  }

  CheckpointInventory inventory() {
    return new CheckpointInventory(
        owner, List.copyOf(complete.descendingMap().values()), List.of());
  }
}
