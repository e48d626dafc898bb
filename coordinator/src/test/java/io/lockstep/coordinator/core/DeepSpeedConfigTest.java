package io.lockstep.coordinator.core;

import static io.lockstep.coordinator.core.DeepSpeedConfig.ACCUMULATION;
import static io.lockstep.coordinator.core.DeepSpeedConfig.MICRO;
import static io.lockstep.coordinator.core.DeepSpeedConfig.TRAIN;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.coordinator.core.DeepSpeedConfig.Batch;
import java.math.BigDecimal;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DeepSpeedConfigTest {
  @ParameterizedTest
  @CsvSource({
    // train, micro, accumulation given (0: not) -> what they become on 4 workers
    "32, 4, 2, 32, 4, 2",
    "32, 4, 0, 32, 4, 2",
    "32, 0, 2, 32, 4, 2",
    "0, 4, 2, 32, 4, 2",
    "32, 0, 0, 32, 8, 1",
    "0, 4, 0, 16, 4, 1"
  })
  void whatIsNotGivenFollows(int train, int micro, int acc, int t, int m, int a) {
    Map<String, Object> config = config(train, micro, acc);

    assertThat(DeepSpeedConfig.checks(config, 4)).isEmpty();
    assertThat(DeepSpeedConfig.batch(config, 4)).contains(new Batch(t, m, a));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "33|4|2|4 × 2 × 4 = 32, found: 33",
        "30|4|0|a multiple of micro 4 × world size 4, found: 30",
        "30|0|2|a multiple of accumulation 2 × world size 4, found: 30",
        "30|0|0|a multiple of world size 4, found: 30",
        "3|0|0|a multiple of world size 4, found: 3",
        "0|2147483647|2147483647|found: 0"
      })
  void whatDoesNotMultiplyIsTold(int train, int micro, int acc, String says) {
    Map<String, Object> config = config(train, micro, acc);

    assertThat(DeepSpeedConfig.checks(config, 4))
        .singleElement()
        .satisfies(problem -> assertThat(problem).contains(says));
  }

  @Test
  void withoutAWorldSizeOnlyTheNumbersThemselvesAreChecked() {
    assertThat(DeepSpeedConfig.checks(config(33, 4, 2), 0)).isEmpty();
    assertThat(DeepSpeedConfig.checks(config(-1, 4, 2), 0))
        .containsExactly(TRAIN + " must be a whole number above 0 or \"auto\", found: -1");
    assertThat(DeepSpeedConfig.checks(Map.of(TRAIN, "many"), 0)).hasSize(1);
    assertThat(DeepSpeedConfig.checks(Map.of(TRAIN, 1.5, MICRO, true), 0)).hasSize(2);
    assertThat(DeepSpeedConfig.checks(Map.of(TRAIN, new BigDecimal("1E+999999")), 0)).hasSize(1);
  }

  @Test
  void autoIsLeftToTheTrainer() {
    Map<String, Object> config =
        Map.of(TRAIN, "auto", MICRO, 3, "zero_optimization", Map.of("bucket", "auto"));

    assertThat(DeepSpeedConfig.checks(config, 4)).isEmpty();
    assertThat(DeepSpeedConfig.batch(config, 4)).isEmpty();
    assertThat(DeepSpeedConfig.autoKeys(config))
        .containsExactlyInAnyOrder(TRAIN, "zero_optimization.bucket");
  }

  @Test
  void aBatchMustBeGiven() {
    assertThat(DeepSpeedConfig.checks(Map.of(ACCUMULATION, 2), 4))
        .containsExactly(TRAIN + " or " + MICRO + " must be given (a number or \"auto\")");
  }

  @Test
  void theStageIsZeroToThree() {
    for (Object stage : List.of(4, -1, 1.5, "auto", "two", true)) {
      assertThat(DeepSpeedConfig.stage(staged(stage))).isEmpty();
      assertThat(DeepSpeedConfig.checks(staged(stage), 4))
          .containsExactly("zero_optimization.stage must be 0, 1, 2 or 3, found: " + stage);
    }
    assertThat(DeepSpeedConfig.stage(staged(3))).hasValue(3);
    assertThat(DeepSpeedConfig.stage(staged(2L))).hasValue(2);
    assertThat(DeepSpeedConfig.stage(Map.of())).hasValue(0);
    assertThat(DeepSpeedConfig.checks(Map.of(TRAIN, "auto", "zero_optimization", true), 4))
        .containsExactly("zero_optimization must be an object with a stage, found: true");
  }

  @Test
  void onePrecisionOnly() {
    var both =
        Map.of(TRAIN, "auto", "fp16", Map.of("enabled", true), "bf16", Map.of("enabled", true));

    assertThat(DeepSpeedConfig.checks(both, 1)).singleElement().asString().contains("bf16");
  }

  @Test
  void keysComeInOneOrder() {
    var config = new LinkedHashMap<String, Object>();
    config.put("steps_per_print", 1);
    config.put("zero_optimization", Map.of());
    config.put(TRAIN, "auto");

    assertThat(DeepSpeedConfig.ordered(config).keySet())
        .containsExactly(TRAIN, "zero_optimization", "steps_per_print");
  }

  private static Map<String, Object> staged(Object stage) {
    return Map.of(TRAIN, "auto", "zero_optimization", Map.of("stage", stage));
  }

  private static Map<String, Object> config(int train, int micro, int accumulation) {
    var config = new LinkedHashMap<String, Object>();
    put(config, TRAIN, train);
    put(config, MICRO, micro);
    put(config, ACCUMULATION, accumulation);
    return config;
  }

  private static void put(Map<String, Object> config, String key, int number) {
    if (number != 0) {
      config.put(key, number);
    }
  }
}
