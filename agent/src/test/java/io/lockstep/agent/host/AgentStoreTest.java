package io.lockstep.agent.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.agent.Jobs;
import io.lockstep.agent.core.AgentState;
import io.lockstep.agent.core.GroupInput;
import io.lockstep.agent.core.GroupMachine;
import io.lockstep.agent.core.Readiness;
import io.lockstep.agent.core.StartOrder;
import io.lockstep.protocol.model.CheckpointInventory;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.Term;
import io.lockstep.protocol.model.WorkerInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The memory comes back whole, or as a new one under a new id. */
class AgentStoreTest {
  private static AgentState full(String disk) {
    var machine = new GroupMachine();
    var term = new Term(4);
    AgentState state = AgentState.empty(disk);
    List<GroupInput> life =
        List.of(
            new GroupInput.Stop(term, Jobs.fence(6), Duration.ZERO, disk, "never"),
            new GroupInput.Prepare(term, Jobs.launch(Jobs.fence(7), Jobs.job(), disk)),
            new GroupInput.PreflightPassed(
                Jobs.fence(7),
                new Readiness(
                    Optional.of(29_500),
                    Optional.of("z"),
                    "s",
                    new CheckpointInventory(
                        Optional.of(new CheckpointInventory.Owner("llama", "llama")),
                        List.of(new CompleteCheckpoint("/c/checkpoint-4", 4, 2)),
                        List.of("checkpoint-9: broken")))),
            new GroupInput.Start(
                term,
                Jobs.fence(7),
                new StartOrder(
                    29_500, Optional.of(new CompleteCheckpoint("/c/checkpoint-4", 4, 2)), true)),
            new GroupInput.WorkersSeen(Jobs.fence(7), List.of(new WorkerInfo(0, 0, 11))),
            new GroupInput.Stop(term, Jobs.fence(7), Duration.ofSeconds(30), disk, "enough"));
    for (GroupInput input : life) {
      state = machine.decide(state, input, Instant.parse("2026-11-24T00:00:00.5Z")).state();
    }
    return state;
  }

  @Test
  void aNewMemoryHasAnId(@TempDir Path dir) throws IOException {
    String first;
    try (var store = AgentStore.open(dir)) {
      first = store.stored().disk();
      assertThat(first).isNotBlank();
    }
    try (var store = AgentStore.open(dir)) {
      assertThat(store.stored().disk()).isEqualTo(first);
    }
  }

  @Test
  void everythingComesBack(@TempDir Path dir) throws IOException {
    AgentState state;
    try (var store = AgentStore.open(dir)) {
      state = full(store.stored().disk());
      store.save(state);
    }
    try (var store = AgentStore.open(dir)) {
      assertThat(store.stored()).isEqualTo(state);
    }
    assertThat(
            PosixFilePermissions.toString(Files.getPosixFilePermissions(dir.resolve("agent.json"))))
        .isEqualTo("rw-------");
  }

  /** -Dgolden.record=true writes the memory anew; review the difference. */
  @Test
  void theMemoryOfTheFirstReleaseIsRead(@TempDir Path dir) throws IOException {
    Path golden = Path.of("src/test/resources/golden/agent.json");
    AgentState state = full("disk-1");
    try (var store = AgentStore.open(dir)) {
      store.save(state);
    }
    if (Boolean.getBoolean("golden.record")) {
      Files.copy(dir.resolve("agent.json"), golden, StandardCopyOption.REPLACE_EXISTING);
    }
    assertThat(dir.resolve("agent.json")).hasSameTextualContentAs(golden);

    Files.copy(golden, dir.resolve("agent.json"), StandardCopyOption.REPLACE_EXISTING);

    try (var store = AgentStore.open(dir)) {
      assertThat(store.stored()).isEqualTo(state);
    }
  }

  @Test
  void theMemoryOfAReleaseWithoutReadingsIsRead(@TempDir Path dir) throws IOException {
    String now = Files.readString(Path.of("src/test/resources/golden/agent.json"));
    String before = now.replace(",\"readings\":null", "");
    assertThat(before).isNotEqualTo(now);
    Files.writeString(dir.resolve("agent.json"), before);

    try (var store = AgentStore.open(dir)) {
      assertThat(store.stored()).isEqualTo(full("disk-1"));
    }
  }

  @Test
  void anUnreadableMemoryIsANewOneAndTheOldIsKept(@TempDir Path dir) throws IOException {
    String before;
    try (var store = AgentStore.open(dir)) {
      before = store.stored().disk();
    }
    for (String broken : List.of("{\"disk\": \"x", "", "{}", "null", "[1]")) {
      Files.writeString(dir.resolve("agent.json"), broken);
      try (var store = AgentStore.open(dir)) {
        assertThat(store.stored().disk()).isNotEqualTo(before);
        assertThat(store.stored().current()).isEmpty();
      }
    }
    try (var files = Files.list(dir)) {
      assertThat(files.filter(f -> f.toString().contains("unreadable"))).isNotEmpty();
    }
  }

  @Test
  void twoCannotShareIt(@TempDir Path dir) throws IOException {
    try (var store = AgentStore.open(dir)) {
      assertThat(store.stored()).isNotNull();
      assertThatThrownBy(() -> AgentStore.open(dir))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("agent.lock");
    }
  }
}
