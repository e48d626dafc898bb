package io.lockstep.coordinator.plan;

import java.util.List;

/** Shapes to count activations with where only a number of parameters is known. */
final class KnownShapes {
  private static final List<ModelShape> BY_SIZE =
      List.of(
          qwen3(1_024, 28, 16, 3_072, true),
          qwen3(2_048, 28, 16, 6_144, true),
          qwen3(2_560, 36, 32, 9_728, true),
          qwen3(4_096, 36, 32, 12_288, false),
          qwen3(5_120, 40, 40, 17_408, false),
          qwen3(5_120, 64, 64, 25_600, false),
          new ModelShape(
              "qwen2", 152_064, 8_192, 80, 64, 8, 128, 29_568, 0, 0, 0, 0, 0, false, true, false,
              false, false));

  private KnownShapes() {}

  /** The published shape (Qwen3 0.6B to 32B, Qwen2.5-72B) whose size is nearest by ratio. */
  static ModelShape nearest(long parameters) {
    ModelShape best = BY_SIZE.get(0);
    for (ModelShape shape : BY_SIZE) {
      if (distance(shape, parameters) < distance(best, parameters)) {
        best = shape;
      }
    }
    return best;
  }

  private static double distance(ModelShape shape, long parameters) {
    return Math.abs(Math.log((double) parameters / ParameterCount.of(shape).total()));
  }

  private static ModelShape qwen3(
      long hidden, long layers, long heads, long feedForward, boolean tied) {
    return new ModelShape(
        "qwen3",
        151_936,
        hidden,
        layers,
        heads,
        8,
        128,
        feedForward,
        0,
        0,
        0,
        feedForward,
        0,
        tied,
        false,
        false,
        false,
        true);
  }
}
