package io.lockstep.coordinator.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The model against what was measured: training.md 4.2, whose H200 rows the bounds of transients
 * and activations were set by, and other shapes, measured after that.
 */
class MeasuredMemoryTest {
  private static final double GB = 1e9;
  private static final double MOST_HIGH_OVER_LOW = 1.6;

  /**
   * Real DeepSpeed on CPU, live tensors per parameter before step(): 0.25 of it and less are small
   * buffers, which count for that tiny model only.
   */
  @ParameterizedTest(name = "stage {0}, {1} workers: {2} bytes per parameter")
  @CsvSource({"0, 1, 16.00", "1, 2, 9.25", "2, 2, 9.25", "2, 4, 5.75", "3, 2, 8.02", "3, 4, 4.02"})
  void theStateIsWhatDeepSpeedHeldOnCpu(int stage, int world, double measured) {
    ModelShape shape = Shapes.shape(Shapes.qwen06());
    Setup setup = Shapes.setup(shape, ZeroSettings.defaults(stage), world, 512, 1, 1);

    Range state = GpuMemory.of(setup).state();

    assertThat(state.lowBytes()).isEqualTo(state.highBytes());
    double perParameter = (double) state.lowBytes() / setup.total();
    assertThat(measured - perParameter).isBetween(-0.001, 0.251);
  }

  /**
   * One H200, one worker, Qwen3-0.6B's shape, DeepSpeed 0.19.8's default buckets, accumulation 2.
   */
  @ParameterizedTest(name = "stage {0}, {1} x {2}, checkpointing {3}: peak {4} GB")
  @CsvSource({
    "0,  512, 1, true,  14.38, 14.50",
    "1,  512, 1, true,  13.18, 18.89",
    "2,  512, 1, true,  13.18, 19.25",
    "3,  512, 1, true,  15.37, 18.92",
    "2,  512, 1, false, 13.18, 0",
    "2, 2048, 2, false, 25.35, 0",
    "2, 2048, 2, true,  17.34, 0",
  })
  void theBoundsHoldWhatTheH200Needed(
      int stage, int sequence, int micro, boolean recompute, double peakGb, double reservedGb) {
    ModelShape shape = Shapes.shape(Shapes.qwen06());
    Setup setup = Shapes.setup(shape, ZeroSettings.defaults(stage), 1, sequence, micro, 2);

    GpuMemory memory = GpuMemory.of(recompute ? setup : Shapes.withoutCheckpointing(setup));

    assertThat(peakGb * GB).isBetween(low(memory.peak()), high(memory.peak()));
    assertThat(high(memory.peak()) / low(memory.peak())).isLessThanOrEqualTo(MOST_HIGH_OVER_LOW);
    if (reservedGb > 0) {
      // with the least context, since the context itself was not measured
      double needed = reservedGb * GB + low(Context.of().most());
      assertThat(needed).isBetween(low(memory.onCard()), high(memory.onCard()));
    }
  }

  /**
   * Two H200, three other shapes, one and two workers (docs/memory-model.md); measured after the
   * bounds were set. The context is what the card had in use beside what torch had reserved.
   */
  @ParameterizedTest(name = "{0}, stage {1}, {2} workers, {3} x {4}, checkpointing {5}: {6} GB")
  @CsvSource({
    "qwen17,  2, 1, 1024, 1, true,  37.92, 48.77, 1.39",
    "llama15, 2, 1, 2048, 1, false, 33.03, 47.40, 1.39",
    "gpt2m,   0, 1, 1024, 8, false, 22.42, 24.33, 1.39",
    "gpt2m,   3, 1, 1024, 4, false, 15.09, 19.93, 1.80",
    "qwen17,  2, 2, 1024, 1, true,  20.72, 31.01, 1.90",
    "qwen17,  3, 2, 1024, 1, true,  21.72, 31.67, 2.20",
    "qwen17,  1, 2, 1024, 2, false, 28.51, 40.32, 1.90",
    "llama15, 2, 2, 2048, 2, true,  20.20, 28.07, 1.90",
    "llama15, 3, 2, 2048, 2, false, 28.57, 38.35, 2.20",
    "gpt2m,   2, 2, 1024, 8, true,   8.65, 11.36, 1.90",
  })
  void theBoundsHoldForShapesThatTheyWereNotSetBy(
      String model,
      int stage,
      int world,
      int sequence,
      int micro,
      boolean recompute,
      double peakGb,
      double reservedGb,
      double contextGb) {
    ModelShape shape = Shapes.shape(Shapes.named(model));
    Setup setup = Shapes.setup(shape, ZeroSettings.defaults(stage), world, sequence, micro, 2);

    GpuMemory memory = GpuMemory.of(recompute ? setup : Shapes.withoutCheckpointing(setup));

    assertThat(peakGb * GB).isBetween(low(memory.peak()), high(memory.peak()));
    assertThat(high(memory.peak()) / low(memory.peak())).isLessThanOrEqualTo(MOST_HIGH_OVER_LOW);
    assertThat((reservedGb + contextGb) * GB)
        .isBetween(low(memory.onCard()), high(memory.onCard()));
  }

  @ParameterizedTest(name = "{0} x {1} tokens of Qwen3-32B: {2} GB checkpointed")
  @CsvSource({"512, 1, 0.34", "1024, 1, 0.67", "4096, 1, 2.68"})
  void checkpointedActivationsAreTheLayersInputs(int sequence, int micro, double gb) {
    ModelShape shape = Shapes.shape(Shapes.qwen32());
    Setup setup = Shapes.setup(shape, ZeroSettings.defaults(2), 8, sequence, micro, 1);

    double inputs = low(Activations.of(setup).most()) - low(Activations.layer(setup));

    assertThat(inputs / GB).isCloseTo(gb, within(0.01));
  }

  private static double low(Range range) {
    return range.lowBytes();
  }

  private static double high(Range range) {
    return range.highBytes();
  }
}
