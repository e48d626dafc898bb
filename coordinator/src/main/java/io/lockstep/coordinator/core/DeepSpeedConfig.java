package io.lockstep.coordinator.core;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** Checks a DeepSpeed configuration against the gang that will run it. */
public final class DeepSpeedConfig {
  public static final String TRAIN = "train_batch_size";
  public static final String MICRO = "train_micro_batch_size_per_gpu";
  public static final String ACCUMULATION = "gradient_accumulation_steps";

  private static final String AUTO = "auto";

  /** Keys in the order in which DeepSpeed's own documents give them; others follow as they came. */
  private static final List<String> ORDER =
      List.of(
          TRAIN,
          MICRO,
          ACCUMULATION,
          "zero_optimization",
          "bf16",
          "fp16",
          "optimizer",
          "scheduler",
          "gradient_clipping");

  private DeepSpeedConfig() {}

  /**
   * Every reason why this configuration cannot run; empty when there is none.
   *
   * @param worldSize workers of the gang; 0 when not known yet, then products are not checked
   */
  public static List<String> checks(Map<String, ?> config, int worldSize) {
    var found = new ArrayList<String>();
    checkStage(config, found);
    checkPrecision(config, found);
    if (checkBatchNumbers(config, found)) {
      checkArithmetic(config, worldSize, found);
    }
    return List.copyOf(found);
  }

  /** The ZeRO stage, 0 when none is named; empty when it is no stage. */
  public static OptionalInt stage(Map<String, ?> config) {
    Object zero = config.get("zero_optimization");
    if (zero == null) {
      return OptionalInt.of(0);
    }
    if (!(zero instanceof Map<?, ?> settings)) {
      return OptionalInt.empty();
    }
    Object stage = settings.get("stage");
    if (stage == null) {
      return OptionalInt.of(0);
    }
    OptionalLong number = whole(stage);
    boolean known = number.isPresent() && number.getAsLong() >= 0 && number.getAsLong() <= 3;
    return known ? OptionalInt.of((int) number.getAsLong()) : OptionalInt.empty();
  }

  /** Dotted names of the values that are left to the HF Trainer ("auto"); plain DeepSpeed fails. */
  public static List<String> autoKeys(Map<String, ?> config) {
    var found = new ArrayList<String>();
    collectAuto("", config, found);
    return List.copyOf(found);
  }

  /** Micro batch, accumulation and train batch as DeepSpeed will have them. */
  public record Batch(long train, long micro, long accumulation) {}

  /**
   * The three batch numbers, with what follows when fewer are given; empty while one is "auto", the
   * world size is unknown or they do not fit.
   */
  public static Optional<Batch> batch(Map<String, ?> config, int worldSize) {
    if (worldSize < 1
        || isAuto(config.get(TRAIN))
        || isAuto(config.get(MICRO))
        || isAuto(config.get(ACCUMULATION))) {
      return Optional.empty();
    }
    long train = number(config, TRAIN);
    long micro = number(config, MICRO);
    long accumulation = number(config, ACCUMULATION);
    // as runtime/config.py of DeepSpeed derives them
    if (accumulation == 0) {
      accumulation = train > 0 && micro > 0 ? train / micro / worldSize : 1;
    }
    if (micro == 0) {
      micro = train / worldSize / Math.max(1, accumulation);
    }
    if (train == 0) {
      train = product(micro, accumulation, worldSize);
    }
    return train > 0 && train < Long.MAX_VALUE && train == product(micro, accumulation, worldSize)
        ? Optional.of(new Batch(train, micro, accumulation))
        : Optional.empty();
  }

  /** The same configuration with its keys in the order in which DeepSpeed's documents give them. */
  public static Map<String, Object> ordered(Map<String, ?> config) {
    var ordered = new LinkedHashMap<String, Object>();
    for (String key : ORDER) {
      Object value = config.get(key);
      if (value != null) {
        ordered.put(key, value);
      }
    }
    config.forEach(ordered::putIfAbsent);
    return Collections.unmodifiableMap(ordered);
  }

  private static void checkStage(Map<String, ?> config, List<String> found) {
    if (stage(config).isPresent()) {
      return;
    }
    Object zero = config.get("zero_optimization");
    found.add(
        zero instanceof Map<?, ?> settings
            ? "zero_optimization.stage must be 0, 1, 2 or 3, found: " + settings.get("stage")
            : "zero_optimization must be an object with a stage, found: " + zero);
  }

  private static void checkPrecision(Map<String, ?> config, List<String> found) {
    if (isEnabled(config.get("fp16")) && isEnabled(config.get("bf16"))) {
      found.add("fp16.enabled and bf16.enabled are both true; DeepSpeed takes one of them");
    }
  }

  private static boolean isEnabled(@Nullable Object precision) {
    return precision instanceof Map<?, ?> settings && Boolean.TRUE.equals(settings.get("enabled"));
  }

  /** True when every batch number that is given is a number above 0 or "auto". */
  private static boolean checkBatchNumbers(Map<String, ?> config, List<String> found) {
    boolean sound = true;
    boolean any = false;
    for (String key : List.of(TRAIN, MICRO, ACCUMULATION)) {
      Object value = config.get(key);
      any |= value != null && !key.equals(ACCUMULATION);
      if (value == null || isAuto(value)) {
        continue;
      }
      OptionalLong number = whole(value);
      if (number.isEmpty() || number.getAsLong() < 1 || number.getAsLong() > Integer.MAX_VALUE) {
        found.add(key + " must be a whole number above 0 or \"auto\", found: " + value);
        sound = false;
      }
    }
    if (!any) {
      found.add(TRAIN + " or " + MICRO + " must be given (a number or \"auto\")");
      return false;
    }
    return sound;
  }

  private static void checkArithmetic(Map<String, ?> config, int worldSize, List<String> found) {
    boolean auto =
        isAuto(config.get(TRAIN)) || isAuto(config.get(MICRO)) || isAuto(config.get(ACCUMULATION));
    if (worldSize < 1 || auto || batch(config, worldSize).isPresent()) {
      return;
    }
    long train = number(config, TRAIN);
    long micro = number(config, MICRO);
    long accumulation = number(config, ACCUMULATION);
    if (micro > 0 && accumulation > 0) {
      found.add(
          String.format(
              "%s must be micro × accumulation × world size = %d × %d × %d = %d, found: %d",
              TRAIN,
              micro,
              accumulation,
              worldSize,
              product(micro, accumulation, worldSize),
              train));
      return;
    }
    String parts =
        (micro > 0 ? "micro " + micro + " × " : "")
            + (accumulation > 0 ? "accumulation " + accumulation + " × " : "")
            + "world size "
            + worldSize;
    found.add(TRAIN + " must be a multiple of " + parts + ", found: " + train);
  }

  private static void collectAuto(String prefix, Map<?, ?> config, List<String> found) {
    config.forEach(
        (key, value) -> {
          if (isAuto(value)) {
            found.add(prefix + key);
          } else if (value instanceof Map<?, ?> inner) {
            collectAuto(prefix + key + ".", inner, found);
          }
        });
  }

  private static boolean isAuto(@Nullable Object value) {
    return AUTO.equals(value);
  }

  private static long product(long micro, long accumulation, long worldSize) {
    try {
      return Math.multiplyExact(Math.multiplyExact(micro, accumulation), worldSize);
    } catch (ArithmeticException e) {
      return Long.MAX_VALUE; // no train batch is that large, so it never fits
    }
  }

  /** The number, 0 when it is not given. */
  private static long number(Map<String, ?> config, String key) {
    Object value = config.get(key);
    return value == null ? 0 : whole(value).orElse(0);
  }

  private static OptionalLong whole(Object value) {
    if (value instanceof Boolean || !(value instanceof Number)) {
      return OptionalLong.empty();
    }
    try {
      return OptionalLong.of(new BigDecimal(value.toString()).longValueExact());
    } catch (NumberFormatException | ArithmeticException e) {
      return OptionalLong.empty();
    }
  }
}
