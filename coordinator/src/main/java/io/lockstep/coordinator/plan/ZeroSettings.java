package io.lockstep.coordinator.plan;

import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a DeepSpeed configuration says about memory. Numbers of elements are DeepSpeed 0.19.6's
 * defaults (runtime/zero/config.py) where the file is silent, and what HF fills in for "auto"
 * (integrations/deepspeed.py): reduce bucket h², prefetch bucket 0.9 h².
 *
 * @param overlap communication beside backward; takes a second reduce bucket in stages 1 and 2
 */
public record ZeroSettings(
    int stage,
    Offload offload,
    long reduceBucket,
    long allgatherBucket,
    long prefetchBucket,
    long maxLiveParameters,
    long subGroup,
    boolean overlap) {
  /** No DeepSpeed at all. */
  static final ZeroSettings ABSENT = new ZeroSettings(0, Offload.NONE, 0, 0, 0, 0, 0, false);

  /** A configuration that is silent, of a stage. */
  public static ZeroSettings defaults(int stage) {
    return of(Map.of("zero_optimization", Map.of("stage", stage)), 1);
  }

  /**
   * Reads a configuration.
   *
   * @param hidden width of the model, for "auto"
   */
  public static ZeroSettings of(Map<String, ?> config, long hidden) {
    Map<?, ?> zero = config.get("zero_optimization") instanceof Map<?, ?> found ? found : Map.of();
    int stage = zero.get("stage") instanceof Number number ? number.intValue() : 0;
    boolean optimizer = isOffloaded(zero.get("offload_optimizer"));
    boolean parameters = stage == 3 && isOffloaded(zero.get("offload_param"));
    return new ZeroSettings(
        stage,
        parameters
            ? Offload.OPTIMIZER_AND_PARAMETERS
            : optimizer ? Offload.OPTIMIZER : Offload.NONE,
        elements(zero, "reduce_bucket_size", 500_000_000, hidden * hidden),
        elements(zero, "allgather_bucket_size", 500_000_000, 500_000_000),
        elements(zero, "stage3_prefetch_bucket_size", 50_000_000, hidden * hidden * 9 / 10),
        elements(zero, "stage3_max_live_parameters", 1_000_000_000, 1_000_000_000),
        elements(zero, "sub_group_size", 1_000_000_000, 1_000_000_000),
        zero.get("overlap_comm") instanceof Boolean overlap ? overlap : stage == 3);
  }

  /** The same with another offload, as {@code plan --advise} tries them. */
  ZeroSettings with(Offload other) {
    return new ZeroSettings(
        stage,
        other,
        reduceBucket,
        allgatherBucket,
        prefetchBucket,
        maxLiveParameters,
        subGroup,
        overlap);
  }

  private static boolean isOffloaded(@Nullable Object target) {
    return target instanceof Map<?, ?> settings
        && Optional.ofNullable(settings.get("device"))
            .filter(device -> !device.equals("none"))
            .isPresent();
  }

  private static long elements(Map<?, ?> zero, String key, long absent, long auto) {
    Object value = zero.get(key);
    if (value instanceof Number number) {
      return Math.max(0, number.longValue());
    }
    return "auto".equals(value) ? auto : absent;
  }
}
