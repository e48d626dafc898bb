package io.lockstep.coordinator.plan;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Finds what makes a training smaller than the model knows: adapters, quantised weights, optimizers
 * other than Adam. The low bound does not hold for these.
 */
final class NotCovered {
  private static final Pattern SMALLER =
      Pattern.compile(
          "(^|_)(peft|lora|qlora|adapters?|freeze|bits|quantization|liger)(_|$)|4bit|8bit");

  private NotCovered() {}

  /** A sentence about the first of them. */
  static Optional<String> find(TrainingFlags flags, Optional<Map<String, Object>> zero) {
    Optional<String> flag =
        flags.names().stream()
            .filter(name -> SMALLER.matcher(name).find() && !flags.isOff(name))
            .findFirst();
    if (flag.isPresent()) {
      return Optional.of(
          "--"
              + flag.get()
              + " may need far less than this: adapters, quantised weights and"
              + " fused losses are not in the model");
    }
    Optional<String> optimizer = optimizer(flags, zero);
    return optimizer
        .filter(
            name -> !List.of("adam", "adamw", "adamw_torch", "adamw_torch_fused").contains(name))
        .map(name -> "optimizer " + name + " is counted as AdamW, which keeps 12 B per parameter");
  }

  private static Optional<String> optimizer(
      TrainingFlags flags, Optional<Map<String, Object>> zero) {
    Object configured = zero.map(config -> config.get("optimizer")).orElse(null);
    if (configured instanceof Map<?, ?> optimizer && optimizer.get("type") instanceof String type) {
      return Optional.of(type.toLowerCase(java.util.Locale.ROOT));
    }
    return flags.text("optim");
  }
}
