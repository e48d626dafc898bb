package io.lockstep.agent.host;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.agent.Jobs;
import io.lockstep.agent.process.GroupFolder;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Output is read by its place in the stream, whatever segments are left of it. */
@NullUnmarked // JUnit fills the fields in
class LogFilesTest {
  @TempDir Path dir;
  private GroupFolder folder;
  private LogFiles logs;

  @BeforeEach
  void makeFolder() throws IOException {
    folder = GroupFolder.of(dir, Jobs.fence(7));
    Files.createDirectories(folder.logs());
    logs = new LogFiles(dir);
  }

  private void segment(String stream, long offset, String text) throws IOException {
    Files.writeString(folder.logs().resolve(String.format("%s.%016d.log", stream, offset)), text);
  }

  private LogFiles.Piece read(long offset, int most) {
    return logs.read(Jobs.fence(7).job(), Jobs.fence(7).attempt(), Optional.of(1), offset, most);
  }

  private static String text(LogFiles.Piece piece) {
    return new String(piece.data(), StandardCharsets.UTF_8);
  }

  @Test
  void segmentsReadAsOneStream() throws IOException {
    segment("rank-1", 0, "hello ");
    segment("rank-1", 6, "world");
    segment("rank-10", 0, "somebody else");
    assertThat(text(read(0, 100))).isEqualTo("hello world");
    assertThat(text(read(4, 4))).isEqualTo("o wo");
    assertThat(read(4, 4).offset()).isEqualTo(4);
  }

  @Test
  void aGapIsJumpedOver() throws IOException {
    segment("rank-1", 0, "first ");
    segment("rank-1", 100, "later");
    assertThat(text(read(0, 100))).isEqualTo("first ");
    var after = read(6, 100);
    assertThat(after.offset()).isEqualTo(100);
    assertThat(text(after)).isEqualTo("later");
  }

  @Test
  void negativeCountsBackFromTheEnd() throws IOException {
    segment("rank-1", 0, "hello world");
    assertThat(text(read(-5, 100))).isEqualTo("world");
    assertThat(text(read(-500, 100))).isEqualTo("hello world");
  }

  @Test
  void theEndIsSaidOnlyWhenTheAttemptIsOverAndAllIsRead() throws IOException {
    segment("rank-1", 0, "hello");
    assertThat(read(5, 100).ended()).isFalse();
    Files.writeString(folder.report(), "{}");
    assertThat(read(0, 2).ended()).isFalse();
    assertThat(read(0, 5).ended()).isTrue();
    assertThat(read(5, 100).ended()).isTrue();
    assertThat(read(5, 100).data()).isEmpty();
  }

  @Test
  void torchrunsOwnOutputIsItsOwnStream() throws IOException {
    segment("torchrun", 0, "W1124");
    var piece = logs.read(Jobs.fence(7).job(), Jobs.fence(7).attempt(), Optional.empty(), 0, 100);
    assertThat(text(piece)).isEqualTo("W1124");
  }

  @Test
  void nothingThereIsAProblem() {
    assertThat(read(0, 100).problem()).isPresent();
    assertThat(
            logs.read(Jobs.fence(8).job(), Jobs.fence(8).attempt(), Optional.of(0), 0, 10)
                .problem())
        .isPresent();
  }
}
