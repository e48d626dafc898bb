package io.lockstep.coordinator.plan;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;

/** What must hold for every model and every training, whatever the numbers. */
class MemoryPropertiesTest {
  @Property(tries = 500)
  void moreParametersNeverNeedLess(
      @ForAll("setups") Setup setup, @ForAll @IntRange(min = 1, max = 40) int more) {
    ModelShape larger = setup.shape().withLayers(setup.shape().layers() + more);

    isMonotone(setup, changed(setup, larger, setup.sequence(), setup.microBatch()));
  }

  @Property(tries = 500)
  void aLargerNumberOfParametersAloneNeverNeedsLess(
      @ForAll @IntRange(min = 1, max = 200_000) int millions,
      @ForAll @IntRange(min = 1, max = 50_000) int more,
      @ForAll @IntRange(min = 0, max = 3) int stage) {
    isMonotone(guessed(millions, stage), guessed(millions + more, stage));
  }

  @Property(tries = 500)
  void longerSequencesNeverNeedLess(
      @ForAll("setups") Setup setup, @ForAll @IntRange(min = 1, max = 8_192) int more) {
    isMonotone(setup, changed(setup, setup.shape(), setup.sequence() + more, setup.microBatch()));
  }

  @Property(tries = 500)
  void largerMicroBatchesNeverNeedLess(
      @ForAll("setups") Setup setup, @ForAll @IntRange(min = 1, max = 32) int more) {
    isMonotone(setup, changed(setup, setup.shape(), setup.sequence(), setup.microBatch() + more));
  }

  @Property(tries = 500)
  void eachStageHoldsNoMoreStateThanTheOneBelow(@ForAll("setups") Setup setup) {
    if (setup.world() < 2) {
      return;
    }
    for (int stage = 1; stage <= 3; stage++) {
      Range below = GpuMemory.of(staged(setup, stage - 1, setup.procsPerNode())).state();
      Range above = GpuMemory.of(staged(setup, stage, setup.procsPerNode())).state();
      assertThat(above.lowBytes()).isLessThanOrEqualTo(below.lowBytes());
      assertThat(above.highBytes()).isLessThanOrEqualTo(below.highBytes());
    }
    long first = GpuMemory.of(staged(setup, 0, setup.procsPerNode())).state().lowBytes();
    long last = GpuMemory.of(staged(setup, 3, setup.procsPerNode())).state().lowBytes();
    assertThat(last).isLessThan(first);
  }

  @Property(tries = 500)
  void moreWorkersNeverRaiseAShardedPart(
      @ForAll("setups") Setup setup,
      @ForAll @IntRange(min = 0, max = 3) int stage,
      @ForAll @IntRange(min = 1, max = 64) int more) {
    List<Part> few = sharded(staged(setup, stage, setup.procsPerNode()));
    List<Part> many = sharded(staged(setup, stage, setup.procsPerNode() + more));

    for (int i = 0; i < few.size(); i++) {
      noMore(many.get(i).backward(), few.get(i).backward());
      noMore(many.get(i).update(), few.get(i).update());
    }
  }

  @Property(tries = 500)
  void offloadNeverRaisesWhatTheCardsLowBoundIs(@ForAll("setups") Setup setup) {
    long without = GpuMemory.of(offloaded(setup, Offload.NONE)).onCard().lowBytes();
    long with = GpuMemory.of(offloaded(setup, Offload.OPTIMIZER)).onCard().lowBytes();

    assertThat(with).isLessThanOrEqualTo(without);
  }

  private static void isMonotone(Setup smaller, Setup larger) {
    GpuMemory less = GpuMemory.of(smaller);
    GpuMemory more = GpuMemory.of(larger);
    noMore(less.state(), more.state());
    noMore(less.peak(), more.peak());
    noMore(less.onCard(), more.onCard());
    noMore(HostMemory.of(smaller).total(), HostMemory.of(larger).total());
  }

  private static void noMore(Range less, Range more) {
    assertThat(less.lowBytes()).isLessThanOrEqualTo(more.lowBytes());
    assertThat(less.highBytes()).isLessThanOrEqualTo(more.highBytes());
  }

  private static List<Part> sharded(Setup setup) {
    return List.of(
        Weights.of(setup), Gradients.of(setup), OptimizerState.of(setup), StepTransients.of(setup));
  }

  private static Setup guessed(int millions, int stage) {
    long parameters = millions * 1_000_000L;
    ModelShape shape = KnownShapes.nearest(parameters);
    return new Setup(
        shape,
        new ParameterCount(parameters, parameters),
        Precision.MIXED,
        true,
        ZeroSettings.defaults(stage),
        1,
        8,
        512,
        1,
        2,
        true,
        true);
  }

  private static Setup changed(Setup setup, ModelShape shape, int sequence, int micro) {
    return new Setup(
        shape,
        ParameterCount.of(shape),
        setup.precision(),
        setup.deepSpeed(),
        setup.zero(),
        setup.nodes(),
        setup.procsPerNode(),
        sequence,
        micro,
        setup.accumulation(),
        setup.checkpointing(),
        setup.flash());
  }

  private static Setup staged(Setup setup, int stage, int workers) {
    return with(setup, ZeroSettings.defaults(stage), workers);
  }

  private static Setup offloaded(Setup setup, Offload offload) {
    return with(setup, setup.zero().with(offload), setup.procsPerNode());
  }

  private static Setup with(Setup setup, ZeroSettings zero, int workers) {
    return new Setup(
        setup.shape(),
        setup.parameters(),
        setup.precision(),
        setup.deepSpeed(),
        zero,
        setup.nodes(),
        workers,
        setup.sequence(),
        setup.microBatch(),
        setup.accumulation(),
        setup.checkpointing(),
        setup.flash());
  }

  @Provide
  Arbitrary<Setup> setups() {
    Arbitrary<ModelShape> shapes =
        Combinators.combine(
                Arbitraries.integers().between(1, 64),
                Arbitraries.integers().between(1, 90),
                Arbitraries.integers().between(1, 8),
                Arbitraries.integers().between(1, 16),
                Arbitraries.of(0, 8, 128),
                Arbitraries.of(true, false))
            .as(MemoryPropertiesTest::shape);
    Arbitrary<ZeroSettings> zeros =
        Combinators.combine(Arbitraries.integers().between(0, 3), Arbitraries.of(Offload.values()))
            .as(
                (stage, offload) ->
                    ZeroSettings.defaults(stage)
                        .with(
                            stage < 3 && offload == Offload.OPTIMIZER_AND_PARAMETERS
                                ? Offload.NONE
                                : offload));
    Arbitrary<Integer> sizes = Arbitraries.integers().between(1, 16);
    return Combinators.combine(
            shapes,
            zeros,
            Arbitraries.of(Precision.MIXED, Precision.FULL),
            sizes,
            sizes,
            Arbitraries.integers().between(1, 32_768),
            sizes,
            Arbitraries.of(true, false))
        .as(
            (shape, zero, precision, workers, micro, sequence, accumulation, recompute) ->
                new Setup(
                    shape,
                    ParameterCount.of(shape),
                    precision,
                    true,
                    zero,
                    1,
                    workers,
                    sequence,
                    micro,
                    accumulation,
                    recompute,
                    micro % 2 == 0));
  }

  private static ModelShape shape(
      int width, int layers, int keyValueHeads, int groups, int experts, boolean tied) {
    long heads = (long) keyValueHeads * groups;
    return new ModelShape(
        "qwen3_moe",
        32_000,
        128L * width,
        layers,
        heads,
        keyValueHeads,
        128,
        384L * width,
        experts,
        experts == 0 ? 0 : 2,
        0,
        384L * width,
        0,
        tied,
        false,
        false,
        false,
        true);
  }
}
