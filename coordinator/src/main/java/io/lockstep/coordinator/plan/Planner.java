package io.lockstep.coordinator.plan;

import io.lockstep.coordinator.core.DeepSpeedConfig;
import io.lockstep.protocol.model.JobSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** Makes a plan from what is known of a job. */
public final class Planner {
  private static final int ASSUMED_SEQUENCE = 1_024;
  private static final List<String> SEQUENCE_FLAGS =
      List.of("block_size", "max_seq_length", "max_length", "model_max_length", "seq_length");

  private final PlanRequest request;
  private final TrainingFlags flags;
  private final List<String> notes = new ArrayList<>();

  private Planner(PlanRequest request, TrainingFlags flags) {
    this.request = request;
    this.flags = flags;
  }

  /** The plan; refused when too little is known. */
  public static Plan plan(PlanRequest request) throws Unplannable {
    return new Planner(request, TrainingDefaults.fill(given(request), request.job().script()))
        .plan();
  }

  /**
   * The least that the job can need: what neither file nor flags say is taken as small as it goes.
   */
  static Plan least(PlanRequest request) throws Unplannable {
    return new Planner(request, TrainingDefaults.least(given(request), request.job().script()))
        .plan();
  }

  /**
   * Whether the job may be queued on that hardware; {@link Admission#UNKNOWN} for trainings that
   * the model does not cover.
   */
  public static Admission admission(PlanRequest request) throws Unplannable {
    if (NotCovered.find(given(request), request.zero()).isPresent()) {
      return Admission.UNKNOWN;
    }
    return Admission.of(least(request), plan(request));
  }

  private static TrainingFlags given(PlanRequest request) {
    return TrainingFlags.of(request.job().args());
  }

  private Plan plan() throws Unplannable {
    JobSpec job = request.job();
    Setup setup = setup();
    GpuMemory gpu = GpuMemory.of(setup);
    HostMemory host = HostMemory.of(setup);
    TrainingLength length = TrainingLength.of(flags, samples(), setup);
    Hardware hardware = request.hardware();
    Optional<Fit> fit =
        hardware.card().map(card -> Fit.of(gpu, host, card.memoryBytes(), hardware.hostBytes()));
    NotCovered.find(flags, request.zero()).ifPresent(notes::add);
    var warnings = new Warnings(setup, flags, length, hardware, job, request.zero());
    return new Plan(
        job.name(),
        model(),
        setup.parameters(),
        hardware,
        setup.precision().name(),
        setup.stage(),
        setup.zero().offload(),
        setup.sequence(),
        setup.microBatch(),
        setup.accumulation(),
        setup.checkpointing(),
        gpu,
        host,
        fit,
        CheckpointSize.of(setup, length),
        Communication.of(setup),
        length,
        FailureRehearsal.of(job, hardware, length.midRun()),
        warnings.all(gpu, host, fit),
        notes,
        request.guide() ? Optional.of(GuideTable.of(setup)) : Optional.empty(),
        request.advise() ? Optional.of(advice(setup)) : Optional.empty());
  }

  private Advice advice(Setup setup) {
    Card card = request.hardware().card().orElse(Card.GUIDES);
    if (request.hardware().card().isEmpty()) {
      notes.add("no card is known: the advice is for " + card.name() + "; say --gpu");
    }
    List<ZeroSettings> stages =
        request.shipped().stream()
            .map(config -> ZeroSettings.of(config, setup.shape().hidden()))
            .toList();
    return Advice.of(setup, stages, card.memoryBytes(), request.hardware().hostBytes());
  }

  private Setup setup() throws Unplannable {
    Optional<ModelShape> read =
        request.model().isPresent()
            ? Optional.of(ModelConfig.shape(request.model().get()))
            : Optional.empty();
    if (read.isEmpty() && request.parameters().isEmpty()) {
      throw new Unplannable(
          "the size of the model is not known; say --model FOLDER or --params 32e9");
    }
    ModelShape shape = read.orElseGet(() -> guessed(request.parameters().orElse(0)));
    ParameterCount counted = ParameterCount.of(shape);
    if (request.parameters().isPresent()) {
      long given = request.parameters().getAsLong();
      counted =
          new ParameterCount(
              given, Math.max(1, Math.round((double) given * counted.active() / counted.total())));
    }
    Optional<Map<String, Object>> config = request.zero();
    ZeroSettings zero =
        config.map(map -> ZeroSettings.of(map, shape.hidden())).orElse(ZeroSettings.ABSENT);
    return new Setup(
        shape,
        counted,
        precision(config),
        config.isPresent(),
        zero,
        request.hardware().nodes(),
        request.hardware().procsPerNode(),
        sequence(),
        number(DeepSpeedConfig.MICRO, "per_device_train_batch_size", 8),
        number(DeepSpeedConfig.ACCUMULATION, "gradient_accumulation_steps", 1),
        flags.isOn("gradient_checkpointing"),
        flags.text("attn_implementation").filter("eager"::equals).isEmpty());
  }

  private ModelShape guessed(long parameters) {
    ModelShape shape = KnownShapes.nearest(parameters);
    notes.add(
        "no config.json: activations are those of the published shape of "
            + Words.parameters(ParameterCount.of(shape).total())
            + " parameters that is nearest");
    return shape;
  }

  /** DeepSpeed's number unless it is "auto" or absent, then the script's flag. */
  private int number(String key, String flag, int otherwise) throws Unplannable {
    Optional<Object> value = request.zero().map(config -> config.get(key));
    if (value.isPresent() && value.get() instanceof Number number && number.intValue() >= 1) {
      return number.intValue();
    }
    return flags.count(flag, otherwise);
  }

  private int sequence() throws Unplannable {
    if (request.sequence().isPresent()) {
      return request.sequence().getAsInt();
    }
    for (String flag : SEQUENCE_FLAGS) {
      if (flags.text(flag).isPresent()) {
        return flags.count(flag, ASSUMED_SEQUENCE);
      }
    }
    notes.add(
        "no flag says the length of a sample: " + ASSUMED_SEQUENCE + " tokens; say --sequence");
    return ASSUMED_SEQUENCE;
  }

  private OptionalLong samples() throws Unplannable {
    if (request.samples().isPresent()) {
      return request.samples();
    }
    double most = flags.number("max_train_samples").orElse(0.0);
    if (most >= 1) {
      notes.add("samples: --max_train_samples, " + (long) most + "; fewer if the text has fewer");
      return OptionalLong.of((long) most);
    }
    return OptionalLong.empty();
  }

  private Precision precision(Optional<Map<String, Object>> config) {
    if (config.isEmpty()) {
      String dtype = flags.text("dtype").orElse("");
      boolean isHalf = dtype.equals("bfloat16") || dtype.equals("float16");
      return isHalf ? Precision.PURE : dtype.equals("float32") ? Precision.FULL : Precision.UNKNOWN;
    }
    boolean isHalf =
        isEnabled(config.get(), "bf16", flags.isOn("bf16"))
            || isEnabled(config.get(), "fp16", flags.isOn("fp16"));
    return isHalf ? Precision.MIXED : Precision.FULL;
  }

  private static boolean isEnabled(Map<String, Object> config, String key, boolean auto) {
    Object enabled = config.get(key) instanceof Map<?, ?> found ? found.get("enabled") : null;
    return "auto".equals(enabled) ? auto : Boolean.TRUE.equals(enabled);
  }

  private String model() {
    if (request.model().isEmpty()) {
      return "--params";
    }
    return request.model().get().get("model_type")
        + (request.parameters().isPresent() ? " config.json, size from --params" : " config.json");
  }
}
