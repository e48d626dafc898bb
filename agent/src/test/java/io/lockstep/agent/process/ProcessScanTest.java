package io.lockstep.agent.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.JobId;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Only what carries this daemon's mark is ever found and ended. */
class ProcessScanTest {
  private final String prefix = "10.9.9.9:" + ThreadLocalRandom.current().nextInt(100_000, 999_999);
  private final ProcessScan scan = new ProcessScan(prefix);

  private static Process start(String marker, String command) throws IOException {
    var builder = new ProcessBuilder("sh", "-c", command);
    builder.environment().put("LOCKSTEP_GROUP", marker);
    return builder.start();
  }

  @Test
  void marksAreToldApartByDaemonAndFence() throws Exception {
    Process seven = start(prefix + "/7/llama/1", "exec sleep 100");
    Process eight = start(prefix + "/8/llama/2", "exec sleep 100");
    Process longer = start(prefix + "1/7/llama/1", "exec sleep 100");
    Process nonsense = start(prefix + "/x/llama", "exec sleep 100");
    try {
      var fence = new Fence(7, new JobId("llama"), new Attempt(1));
      await().until(() -> scan.living(fence::equals).size() == 1);
      assertThat(scan.living(fence::equals).get(0).pid()).isEqualTo(seven.pid());
      assertThat(scan.end(fence::equals, Duration.ofSeconds(5))).isEmpty();
      assertThat(seven.waitFor(5, TimeUnit.SECONDS)).isTrue();
      assertThat(eight.isAlive()).isTrue();
      assertThat(scan.end(any -> true, Duration.ofSeconds(5))).isEmpty();
      assertThat(longer.isAlive()).isTrue();
      assertThat(nonsense.isAlive()).isTrue();
    } finally {
      for (Process process : new Process[] {seven, eight, longer, nonsense}) {
        process.destroyForcibly();
      }
    }
  }

  @Test
  void aChildThatDroppedTheMarkIsFoundByItsParent() throws Exception {
    Process parent = start(prefix + "/7/llama/1", "env -u LOCKSTEP_GROUP sleep 100 & wait");
    try {
      await().until(() -> scan.living(any -> true).size() == 2);
      assertThat(scan.end(any -> true, Duration.ofSeconds(5))).isEmpty();
    } finally {
      parent.destroyForcibly();
    }
  }

  @Test
  void aPidAloneIsNobody() {
    long self = ProcessHandle.current().pid();
    assertThat(ProcessScan.isAlive(self, 1)).isFalse();
  }
}
