package io.lockstep.coordinator.plan;

import io.lockstep.coordinator.core.DeepSpeedConfig;
import io.lockstep.protocol.model.JobSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What will go otherwise than expected; each rule is one method. */
final class Warnings {
  /** A bucket above this part of the card is worth a word. */
  private static final int BUCKET_PERCENT = 5;

  private final Setup setup;
  private final TrainingFlags flags;
  private final TrainingLength length;
  private final Hardware hardware;
  private final JobSpec job;
  private final Map<String, Object> config;
  private final List<Warning> found = new ArrayList<>();

  Warnings(
      Setup setup,
      TrainingFlags flags,
      TrainingLength length,
      Hardware hardware,
      JobSpec job,
      Optional<Map<String, Object>> zero) {
    this.setup = setup;
    this.flags = flags;
    this.length = length;
    this.hardware = hardware;
    this.job = job;
    this.config = zero.orElse(Map.of());
  }

  List<Warning> all(GpuMemory gpu, HostMemory host, Optional<Fit> fit) throws Unplannable {
    fit.ifPresent(how -> memory(how, gpu));
    hostMemory(host);
    saving();
    batch();
    timeout();
    bf16();
    buckets();
    return found;
  }

  private void memory(Fit fit, GpuMemory gpu) {
    if (fit == Fit.FITS) {
      return;
    }
    long card = hardware.card().map(Card::memoryBytes).orElse(0L);
    if (Fit.onCard(gpu, card) == Fit.FITS) {
      return; // it is the host that does not fit, which is told there
    }
    warn(
        "GPU_MEMORY",
        fit.words()
            + ": a worker needs "
            + Words.range(gpu.onCard())
            + " of a card's "
            + Words.bytes(card)
            + (fit == Fit.TIGHT
                ? "; PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True leaves fewer gaps"
                : "; see lockstep plan --advise"));
  }

  private void hostMemory(HostMemory host) {
    boolean offloads = setup.zero().offload().isOptimizer();
    if (hardware.hostBytes().isEmpty()) {
      if (offloads) {
        warn(
            "HOST_MEMORY_UNKNOWN",
            "offload needs "
                + Words.range(host.total())
                + " of each host's memory; say --host-memory to have that compared");
      }
      return;
    }
    long memory = hardware.hostBytes().getAsLong();
    if (host.total().highBytes() > memory) {
      warn(
          "HOST_MEMORY",
          (host.total().lowBytes() > memory ? "the hosts are too small: " : "may be too much: ")
              + "each needs "
              + Words.range(host.total())
              + " and has "
              + Words.bytes(memory));
    }
  }

  /** The guide's own defaults never write a checkpoint in mid-run (training.md 1). */
  private void saving() {
    if (length.totalSteps().isEmpty()) {
      warn(
          "STEPS_UNKNOWN",
          "how many steps there will be is not known; say --samples, or --max_steps in args");
      return;
    }
    long steps = length.totalSteps().getAsLong();
    long written = length.checkpoints().orElse(0);
    if (written == 0) {
      warn("NO_CHECKPOINT", "no checkpoint is written: a failure loses everything");
    } else if (written == 1 && steps > 1) {
      warn(
          "NO_CHECKPOINT",
          "save_steps "
              + length.saveEvery()
              + " is not below the "
              + steps
              + " steps of the whole run: the only checkpoint is the last one, so a failure loses"
              + " everything; set --save_steps to "
              + Math.max(1, steps / 10)
              + " or so");
    }
  }

  private void batch() {
    for (String problem : DeepSpeedConfig.checks(config, (int) setup.world())) {
      warn("BATCH", "DeepSpeed will refuse to start: " + problem);
    }
    differs(DeepSpeedConfig.MICRO, "per_device_train_batch_size");
    differs(DeepSpeedConfig.ACCUMULATION, "gradient_accumulation_steps");
    Object train = config.get(DeepSpeedConfig.TRAIN);
    if (config.get(DeepSpeedConfig.MICRO) instanceof String
        && train instanceof Number number
        && number.longValue() != length.samplesPerStep()) {
      warn(
          "BATCH",
          "train_batch_size is "
              + train
              + ", but "
              + setup.microBatch()
              + " x "
              + setup.accumulation()
              + " x "
              + setup.world()
              + " workers are "
              + length.samplesPerStep()
              + ": HF refuses that; write \"auto\"");
    }
  }

  /** HF: "ds X=… vs hf Y=…", an error before training (training.md 5). */
  private void differs(String key, String flag) {
    @Nullable Object value = config.get(key);
    String given = flags.text(flag).orElse("");
    if (value instanceof Number number
        && given.matches("[0-9]{1,9}")
        && number.longValue() != Long.parseLong(given)) {
      warn(
          "BATCH",
          key
              + " is "
              + value
              + " in the DeepSpeed file, --"
              + flag
              + " is "
              + given
              + ": HF's Trainer refuses that; write \"auto\"");
    }
  }

  private void timeout() throws Unplannable {
    double seconds = flags.number("ddp_timeout").orElse(1_800.0);
    long deadline = job.deadlines().noProgress().toSeconds();
    if (deadline > 0 && seconds > deadline) {
      warn(
          "DDP_TIMEOUT",
          "--ddp_timeout is "
              + (long) seconds
              + " s: torch itself ends a hang only then; deadlines.noProgress is "
              + deadline
              + " s");
    } else if (deadline == 0) {
      warn(
          "DDP_TIMEOUT",
          "deadlines.noProgress is off: a hang lasts until --ddp_timeout, "
              + (long) seconds
              + " s");
    }
  }

  private void bf16() {
    boolean wanted =
        flags.isOn("bf16")
            || (config.get("bf16") instanceof Map<?, ?> map
                && Boolean.TRUE.equals(map.get("enabled")));
    hardware
        .card()
        .filter(card -> wanted && !card.bf16())
        .ifPresent(
            card ->
                warn(
                    "BF16",
                    card.name()
                        + " has no bf16 (compute capability 8.0 is needed); use --fp16 instead"));
  }

  private void buckets() {
    long card = hardware.card().map(Card::memoryBytes).orElse(0L);
    Range buckets = Buckets.of(setup).most();
    if (setup.deepSpeed() && card > 0 && buckets.highBytes() > card / 100 * BUCKET_PERCENT) {
      warn(
          "BUCKETS",
          "buckets take up to "
              + Words.bytes(buckets.highBytes())
              + " of each card: reduce_bucket_size is "
              + setup.zero().reduceBucket()
              + " elements of 2 B"
              + (setup.zero().overlap() && setup.stage() < 3 ? ", twice under overlap_comm" : "")
              + ", allgather_bucket_size "
              + setup.zero().allgatherBucket()
              + "; 2e8 is usual");
    }
  }

  private void warn(String code, String message) {
    found.add(new Warning(code, message));
  }
}
