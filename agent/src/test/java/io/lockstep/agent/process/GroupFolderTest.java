package io.lockstep.agent.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.JobId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Old folders go, the newest stay. */
class GroupFolderTest {
  private static Fence fence(String job, long plan) {
    return new Fence(plan, new JobId(job), new Attempt((int) plan));
  }

  private static Path make(Path data, String job, long plan) throws IOException {
    Path path = GroupFolder.of(data, fence(job, plan)).path();
    Files.createDirectories(path.resolve("logs"));
    Files.writeString(path.resolve("logs/rank-0.0000000000000000.log"), "x");
    return path;
  }

  @Test
  void theNewestOfAJobStay(@TempDir Path data) throws IOException {
    for (long plan = 1; plan <= 25; plan++) {
      make(data, "a", plan);
    }
    Path kept = make(data, "b", 1);
    GroupFolder.deleteOld(data, fence("a", 1));
    assertThat(GroupFolder.of(data, fence("a", 5)).path()).doesNotExist();
    assertThat(GroupFolder.of(data, fence("a", 6)).path()).exists();
    assertThat(GroupFolder.of(data, fence("a", 1)).path()).exists();
    assertThat(kept).exists();
  }

  @Test
  void theNewestPlanOfAnAttemptIsFound(@TempDir Path data) throws IOException {
    Path older = GroupFolder.of(data, new Fence(9, new JobId("a"), new Attempt(2))).path();
    Path newer = GroupFolder.of(data, new Fence(10, new JobId("a"), new Attempt(2))).path();
    Files.createDirectories(older);
    Files.createDirectories(newer);
    assertThat(GroupFolder.newest(data, new JobId("a"), new Attempt(2)).orElseThrow().path())
        .isEqualTo(newer);
    assertThat(GroupFolder.newest(data, new JobId("a"), new Attempt(3))).isEmpty();
  }

  @Test
  void socketsStayShortAlsoInADeepDataDir(@TempDir Path data) throws IOException {
    Path deep = data.resolve("d".repeat(120));
    Path socket = ShimSockets.under(deep).of("127.0.0.1:25520/7/llama/1");
    assertThat(socket.toString().length()).isLessThan(ShimSockets.MAX_PATH_BYTES + 1);
    assertThat(ShimSockets.under(deep).of("127.0.0.1:25520/8/llama/2")).isNotEqualTo(socket);
  }
}
