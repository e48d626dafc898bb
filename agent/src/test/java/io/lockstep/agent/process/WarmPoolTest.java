package io.lockstep.agent.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.agent.Jobs;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.Progress;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** When a standby is made, and of what. */
class WarmPoolTest {
  private static Optional<Progress> step(long step) {
    return Optional.of(new Progress(step, 100, Optional.empty(), Optional.empty(), Instant.EPOCH));
  }

  @Test
  void itIsMadeWhenTheFirstStepsAreDone() {
    assertThat(WarmPool.isDue(true, step(1), false, Duration.ofSeconds(14))).isFalse();
    assertThat(WarmPool.isDue(true, step(2), false, Duration.ofSeconds(3))).isTrue();
  }

  @Test
  void whereStepsCannotBeReadItIsMadeAfterAWhile() {
    for (boolean warm : new boolean[] {false, true}) {
      Duration limit = warm ? WarmPool.WITHOUT_PROGRESS_WARM : WarmPool.WITHOUT_PROGRESS;
      assertThat(WarmPool.isDue(true, Optional.empty(), warm, limit.minusMillis(1))).isFalse();
      assertThat(WarmPool.isDue(true, Optional.empty(), warm, limit)).isTrue();
    }
  }

  @Test
  void itNeverCompetesWithAStart() {
    assertThat(WarmPool.isDue(false, step(9), true, Duration.ofHours(1))).isFalse();
  }

  @Test
  void autoMeansWhatTheScriptImportsAndAListExactlyThese() {
    assertThat(WarmPool.spec(job("auto", JobSpec.Entry.FILE)))
        .contains(Map.of("script", "train.py"));
    assertThat(WarmPool.spec(job("torch,transformers.trainer", JobSpec.Entry.FILE)))
        .contains(
            Map.of("script", "train.py", "modules", List.of("torch", "transformers.trainer")));
  }

  @Test
  void offModulesAndProgramsStartCold() {
    assertThat(WarmPool.spec(job("off", JobSpec.Entry.FILE))).isEmpty();
    assertThat(WarmPool.spec(job("auto", JobSpec.Entry.MODULE))).isEmpty();
    assertThat(WarmPool.spec(job("auto", JobSpec.Entry.PROGRAM))).isEmpty();
  }

  private static JobSpec job(String warm, JobSpec.Entry entry) {
    JobSpec plain = Jobs.job();
    return new JobSpec(
        plain.name(),
        plain.script(),
        plain.args(),
        plain.workdir(),
        plain.nodes(),
        plain.procsPerNode(),
        plain.devices(),
        plain.spares(),
        plain.priority(),
        plain.zero(),
        plain.paths(),
        plain.env(),
        plain.checkpoint(),
        plain.restart(),
        plain.deadlines(),
        warm,
        plain.python(),
        entry,
        plain.pins());
  }
}
