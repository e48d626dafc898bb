package io.lockstep.protocol.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.protocol.Samples;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A spec that cannot be meant cannot be made. */
final class JobSpecTest {
  private static JobSpec spec(String name, int nodes, int procsPerNode, int spares) {
    return spec(name, nodes, procsPerNode, spares, List.of(), Map.of());
  }

  private static JobSpec spec(
      String name,
      int nodes,
      int procsPerNode,
      int spares,
      List<Integer> devices,
      Map<String, String> env) {
    JobSpec like = Samples.JOB_SPEC;
    return new JobSpec(
        name,
        like.script(),
        like.args(),
        like.workdir(),
        nodes,
        procsPerNode,
        devices,
        spares,
        like.priority(),
        like.zero(),
        like.paths(),
        env,
        like.checkpoint(),
        like.restart(),
        like.deadlines(),
        like.warm(),
        like.python());
  }

  @Test
  void theSmallestJobIsOneNodeWithProcessesLeftToTheNode() {
    assertThat(spec("n", 1, 0, 0).procsPerNode()).isZero();
  }

  @ParameterizedTest
  @CsvSource({
    "' ', 1, 1, 0, 'name must be a word, found:  '",
    "n, 0, 1, 0, 'nodes must be 1 or more, found: 0'",
    "n, 1, -1, 0, 'procsPerNode must be auto or 1 or more, found: -1'",
    "n, 1, 1, -1, 'spares must be 0 or more, found: -1'"
  })
  void aWrongNumberIsNamed(String name, int nodes, int procs, int spares, String message) {
    assertThatThrownBy(() -> spec(name, nodes, procs, spares))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
  }

  @Test
  void theEnvironmentIsInOrderAndCannotBeChanged() {
    var env = new HashMap<>(Map.of("Z", "1", "A", "2", "M", "3"));
    JobSpec spec = spec("n", 1, 1, 0, List.of(), env);
    env.clear();

    assertThat(spec.env().keySet()).containsExactly("A", "M", "Z");
    assertThatThrownBy(() -> spec.env().clear()).isInstanceOf(UnsupportedOperationException.class);
  }

  @Test
  void theDevicesKeepTheirOrder() {
    var devices = new ArrayList<>(List.of(3, 1));
    JobSpec spec = spec("n", 1, 2, 0, devices, Map.of());
    devices.add(0);

    assertThat(spec.devices()).containsExactly(3, 1);
  }

  @Test
  void onlyTheZeroConfigurationChangesWithIt() {
    var zero = new JobSpec.Zero(3, Optional.of("{}"), "--ds");

    JobSpec changed = Samples.JOB_SPEC.withZero(zero);

    assertThat(changed.zero()).contains(zero);
    assertThat(changed)
        .usingRecursiveComparison()
        .ignoringFields("zero")
        .isEqualTo(Samples.JOB_SPEC);
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 4})
  void aZeroStageIsOneTwoOrThree(int stage) {
    assertThatThrownBy(() -> new JobSpec.Zero(stage, Optional.of("{}"), "--deepspeed"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("zero stage must be 0 to 3, found: " + stage);
  }

  @Test
  void withoutAStageAConfigurationIsNeeded() {
    assertThatThrownBy(() -> new JobSpec.Zero(0, Optional.empty(), "--deepspeed"))
        .hasMessage("zero must be a stage or a configuration, found: 0");
    assertThat(new JobSpec.Zero(0, Optional.of("{}"), "--deepspeed").json()).contains("{}");
    assertThat(new JobSpec.Zero(1, Optional.empty(), "--deepspeed").json()).isEmpty();
  }

  @Test
  void theDefaultBudgetIsTenRestartsAnHour() {
    assertThat(JobSpec.Restart.DEFAULT)
        .isEqualTo(
            new JobSpec.Restart(10, Duration.ofHours(1), Duration.ZERO, Duration.ofSeconds(30)));
  }

  @Test
  void theDefaultDeadlinesAreThoseOfTheContract() {
    assertThat(JobSpec.Deadlines.DEFAULT)
        .isEqualTo(
            new JobSpec.Deadlines(
                Duration.ofSeconds(60),
                Duration.ofSeconds(120),
                Duration.ZERO,
                Duration.ofMinutes(15),
                Duration.ofSeconds(6)));
  }

  @Test
  void aBudgetMayBeNothingButItsWindowMayNot() {
    Duration hour = Duration.ofHours(1);
    assertThat(new JobSpec.Restart(0, hour, Duration.ZERO, Duration.ZERO).max()).isZero();
    assertThatThrownBy(() -> new JobSpec.Restart(-1, hour, Duration.ZERO, Duration.ZERO))
        .hasMessage("restart.max must be 0 or more, found: -1");
    assertThatThrownBy(() -> new JobSpec.Restart(1, Duration.ZERO, Duration.ZERO, Duration.ZERO))
        .hasMessage("restart.window must be > 0, found: PT0S");
    assertThatThrownBy(() -> new JobSpec.Restart(1, hour.negated(), Duration.ZERO, Duration.ZERO))
        .hasMessageContaining("restart.window must be > 0");
  }
}
