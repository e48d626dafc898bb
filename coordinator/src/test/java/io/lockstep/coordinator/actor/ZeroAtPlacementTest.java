package io.lockstep.coordinator.actor;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.coordinator.jobfile.ShippedZero;
import io.lockstep.protocol.model.JobSpec;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The numbers of a ZeRO configuration against the gang that will run it. */
class ZeroAtPlacementTest {
  private static final String FORTY_EIGHT =
      """
      {"train_batch_size": 50, "train_micro_batch_size_per_gpu": 4,
       "gradient_accumulation_steps": 2, "zero_optimization": {"stage": 2}}
      """;

  @Test
  void whatDoesNotMultiplyIsNamedWithItsNumbers() {
    assertThat(Requests.zeroProblems(FORTY_EIGHT, 6))
        .singleElement()
        .asString()
        .contains("4 × 2 × 6 = 48", "found: 50");
  }

  @Test
  void withoutAWorldSizeThereIsNothingToMultiply() {
    assertThat(Requests.zeroProblems(FORTY_EIGHT, 0)).isEmpty();
  }

  @Test
  void whatIsNoJsonIsSaidToBeNone() {
    assertThat(Requests.zeroProblems("{", 2)).singleElement().asString().contains("JSON");
  }

  @Test
  void aStageIsStoredWithTheFileOfItsDay() {
    JobSpec asked = Samples.SPEC.withZero(new JobSpec.Zero(3, Optional.empty(), "--deepspeed"));

    JobSpec stored = Requests.withShippedZero(asked);

    assertThat(stored.zero().orElseThrow().stage()).isEqualTo(3);
    assertThat(stored.zero().orElseThrow().json()).contains(ShippedZero.json(3));
    assertThat(Requests.withShippedZero(Samples.SPEC)).isEqualTo(Samples.SPEC);
  }
}
