package io.lockstep.coordinator.plan;

import java.util.Map;

/** What a script takes where it is not given a flag. */
public final class TrainingDefaults {
  /** The guide's values, which the shipped pretraining.py has; a test compares them. */
  private static final Map<String, String> GUIDE =
      Map.ofEntries(
          Map.entry("per_device_train_batch_size", "1"),
          Map.entry("gradient_accumulation_steps", "16"),
          Map.entry("num_train_epochs", "0.5"),
          Map.entry("warmup_steps", "0.05"),
          Map.entry("save_steps", "500"),
          Map.entry("save_total_limit", "13"),
          Map.entry("ddp_timeout", "30000"),
          Map.entry("gradient_checkpointing", "True"),
          Map.entry("block_size", "512"),
          Map.entry("max_train_samples", "10000"),
          Map.entry("dtype", "bfloat16"));

  /** TrainingArguments' own (transformers 5.18). */
  private static final Map<String, String> TRANSFORMERS =
      Map.of(
          "per_device_train_batch_size", "8",
          "gradient_accumulation_steps", "1",
          "num_train_epochs", "3",
          "save_steps", "500",
          "ddp_timeout", "1800");

  /** The least that a script can do with what it is not told. */
  private static final Map<String, String> LEAST =
      Map.of(
          "per_device_train_batch_size", "1",
          "gradient_accumulation_steps", "1",
          "gradient_checkpointing", "True",
          "block_size", "1",
          "bf16", "True");

  private TrainingDefaults() {}

  /** The guide's defaults for a script called pretraining.py; for any other the least. */
  static TrainingFlags least(TrainingFlags flags, String script) {
    return isPretraining(script) ? fill(flags, script) : flags.or(LEAST).or(TRANSFORMERS);
  }

  /** The guide's defaults for a script called pretraining.py, HF's for any other. */
  public static TrainingFlags fill(TrainingFlags flags, String script) {
    if (!isPretraining(script)) {
      return flags.or(TRANSFORMERS);
    }
    TrainingFlags filled = flags.or(GUIDE).or(TRANSFORMERS);
    boolean half = !filled.isOn("fp16") && !filled.text("dtype").orElse("").equals("float32");
    return filled.or(Map.of("bf16", half ? "True" : "False"));
  }

  private static boolean isPretraining(String script) {
    return script.endsWith("/pretraining.py") || script.equals("pretraining.py");
  }

  static Map<String, String> guide() {
    return GUIDE;
  }
}
