package io.lockstep.coordinator.plan;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.coordinator.core.DeepSpeedConfig;
import io.lockstep.coordinator.jobfile.ShippedZero;
import io.lockstep.coordinator.jobfile.ZeroJson;
import io.lockstep.coordinator.plan.Advice.Choice;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class AdviceTest {
  private static final long H100 = Card.GUIDES.memoryBytes();
  private static final OptionalLong TWO_TERABYTES = OptionalLong.of(2_500_000_000_000L);

  @Test
  void upTo13BillionTheGuideHoldsOnEightCards() throws Exception {
    Advice advice = advice(Shapes.qwen3(4_096, 36, 32, 12_288, false), 1, 8, TWO_TERABYTES);

    Choice taken = advice.recommended().orElseThrow();
    assertThat(taken.stage()).isEqualTo(2);
    assertThat(taken.offload()).isEqualTo(Offload.NONE);
    assertThat(taken.checkpointing()).isTrue();
    assertThat(advice.reason()).contains("holds here");
  }

  @Test
  void at32BillionTheGuideHoldsOnEightCards() throws Exception {
    Advice advice = advice(Shapes.qwen32(), 1, 8, TWO_TERABYTES);

    Choice taken = advice.recommended().orElseThrow();
    assertThat(taken.stage()).isEqualTo(2);
    assertThat(taken.offload()).isEqualTo(Offload.OPTIMIZER);
    assertThat(taken.fit()).isEqualTo(Fit.TIGHT);
    assertThat(advice.reason()).contains("holds here");
  }

  @Test
  void at32BillionASmallHostCannotDoAsTheGuideSays() throws Exception {
    Advice advice = advice(Shapes.qwen32(), 1, 8, OptionalLong.of(256_000_000_000L));

    assertThat(advice.reason()).contains("does not hold here");
    assertThat(advice.recommended().map(Choice::offload)).hasValue(Offload.NONE);
    assertThat(advice.recommended().map(Choice::stage)).hasValue(3);
  }

  @Test
  void at72BillionTheGuideHoldsOnEightCards() throws Exception {
    Advice advice = advice(qwen72(), 1, 8, OptionalLong.of(4_000_000_000_000L));

    Choice taken = advice.recommended().orElseThrow();
    assertThat(taken.stage()).isEqualTo(3);
    assertThat(taken.offload()).isNotEqualTo(Offload.NONE);
    assertThat(advice.reason()).contains("holds here");
  }

  @Test
  void at72BillionNothingNeedsToBeOffloadedOn64Cards() throws Exception {
    Advice advice = advice(qwen72(), 8, 8, TWO_TERABYTES);

    Choice taken = advice.recommended().orElseThrow();
    assertThat(taken.stage()).isEqualTo(3);
    assertThat(taken.offload()).isEqualTo(Offload.NONE);
    assertThat(advice.reason()).contains("nothing needs to be offloaded");
  }

  @Test
  void whatFitsForSureComesFirst() throws Exception {
    List<Fit> fits =
        advice(Shapes.qwen32(), 1, 8, TWO_TERABYTES).choices().stream().map(Choice::fit).toList();

    assertThat(fits).isSorted().contains(Fit.FITS, Fit.CANNOT_FIT);
  }

  @Test
  void nothingIsRecommendedWhereNothingFits() throws Exception {
    Advice advice = advice(qwen72(), 1, 1, OptionalLong.of(64_000_000_000L));

    assertThat(advice.recommended()).isEmpty();
    assertThat(advice.reason()).contains("more or larger cards");
  }

  @Test
  void everyChoiceHasTheJobsSamplesPerStep() throws Exception {
    assertThat(advice(Shapes.qwen32(), 1, 8, TWO_TERABYTES).choices())
        .hasSize(14)
        .allMatch(choice -> choice.microBatch() * choice.accumulation() == 16);
  }

  @Test
  void whatIsWrittenIsAConfigurationOfTheChoice() throws Exception {
    for (Choice choice : advice(Shapes.qwen32(), 1, 8, TWO_TERABYTES).choices()) {
      Map<String, Object> config =
          ZeroProposal.of(choice, ZeroJson.read(ShippedZero.json(choice.stage())));

      ZeroSettings read = ZeroSettings.of(ZeroJson.read(ZeroJson.write(config)), 5_120);
      assertThat(read.stage()).isEqualTo(choice.stage());
      assertThat(read.offload()).isEqualTo(choice.offload());
      assertThat(DeepSpeedConfig.checks(config, 8)).isEmpty();
      assertThat(ZeroJson.write(config).contains("torch_adam"))
          .isEqualTo(choice.offload() == Offload.NONE);
    }
  }

  private static Map<String, Object> qwen72() {
    return Shapes.decoder("qwen2", 8_192, 80, 64, 8, 29_568, 152_064, false);
  }

  private static Advice advice(
      Map<String, Object> config, int nodes, int workers, OptionalLong host) throws Exception {
    ModelShape shape = ModelConfig.shape(config);
    var stages = new ArrayList<ZeroSettings>();
    for (int stage = 1; stage <= 3; stage++) {
      stages.add(ZeroSettings.of(ZeroJson.read(ShippedZero.json(stage)), shape.hidden()));
    }
    var job =
        new Setup(
            shape,
            ParameterCount.of(shape),
            Precision.MIXED,
            true,
            stages.get(1),
            nodes,
            workers,
            512,
            1,
            16,
            true,
            true);
    return Advice.of(job, stages, H100, host);
  }
}
