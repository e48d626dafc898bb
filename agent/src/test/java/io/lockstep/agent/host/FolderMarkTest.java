package io.lockstep.agent.host;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The id of a checkpoint folder. */
class FolderMarkTest {
  @Test
  void allWhoComeAtOnceReadTheSameAndAnotherFolderHasAnother(@TempDir Path dir) throws Exception {
    var pool = Executors.newFixedThreadPool(8);
    List<Future<Optional<String>>> asked = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      asked.add(pool.submit(() -> FolderMark.of(dir)));
    }
    var said = new HashSet<Optional<String>>();
    for (var each : asked) {
      said.add(each.get());
    }
    pool.shutdown();
    assertThat(said).hasSize(1).doesNotContain(Optional.empty());
    Path other = Files.createDirectory(dir.resolve("other"));
    assertThat(FolderMark.of(other)).isPresent().isNotEqualTo(said.iterator().next());
  }
}
