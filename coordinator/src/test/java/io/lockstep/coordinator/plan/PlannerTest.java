package io.lockstep.coordinator.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.coordinator.jobfile.JobFile;
import io.lockstep.coordinator.jobfile.ShippedZero;
import io.lockstep.coordinator.jobfile.ZeroJson;
import io.lockstep.protocol.model.JobSpec;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PlannerTest {
  private static final String GUIDES_JOB =
      "name: n\nscript: /w/pretraining.py\nworkdir: /w\nzero: 2\n";

  /** training.md 1: 10,000 blocks, batch 1 x 16, half an epoch. */
  @ParameterizedTest
  @CsvSource({"1, 4, 79, 4", "1, 8, 40, 2", "2, 8, 20, 1"})
  void stepsAreTheTrainersAndTheGuideNeverSavesInMidRun(
      int nodes, int workers, long steps, long warmup) throws Exception {
    Plan plan = plan(GUIDES_JOB, nodes, workers);

    assertThat(plan.length().totalSteps()).hasValue(steps);
    assertThat(plan.length().warmupSteps()).hasValue(warmup);
    assertThat(plan.length().checkpoints()).hasValue(1);
    assertThat(codes(plan)).contains("NO_CHECKPOINT", "DDP_TIMEOUT");
  }

  @Test
  void savesInMidRunAreCountedAndKeptAsFarAsTheLimitAndOneMore() throws Exception {
    Plan plan = plan(GUIDES_JOB + "args: [--save_steps, '10', --save_total_limit=3]\n", 1, 8);

    assertThat(plan.length().checkpoints()).hasValue(4);
    assertThat(plan.checkpoint().kept()).hasValue(4);
    assertThat(plan.checkpoint().eachBytes()).isEqualTo(16 * 596_049_920L);
    assertThat(codes(plan)).doesNotContain("NO_CHECKPOINT");

    Plan longer = plan(GUIDES_JOB + "args: [--save_steps, '5', --save_total_limit=3]\n", 1, 8);
    assertThat(longer.length().checkpoints()).hasValue(8);
    assertThat(longer.checkpoint().kept()).hasValue(4);
  }

  @Test
  void theLastStepIsSavedToo() throws Exception {
    Plan plan = plan(GUIDES_JOB + "args: [--max_steps, '8', --save_steps, '5']\n", 1, 2);

    assertThat(plan.length().totalSteps()).hasValue(8);
    assertThat(plan.length().checkpoints()).hasValue(2);
  }

  @Test
  void partsOfOneAreRatiosOfAllSteps() throws Exception {
    Plan plan = plan(GUIDES_JOB + "args: [--save_steps=0.25, --warmup_steps=0.1]\n", 1, 8);

    assertThat(plan.length().saveEvery()).isEqualTo(10);
    assertThat(plan.length().warmupSteps()).hasValue(4);
  }

  @Test
  void withoutANumberOfSamplesStepsAreUnknown() throws Exception {
    Plan plan = plan("name: n\nscript: /w/train.py\nworkdir: /w\nzero: 2\n", 1, 8);

    assertThat(plan.length().totalSteps()).isEmpty();
    assertThat(codes(plan)).contains("STEPS_UNKNOWN");
    assertThat(plan.notes()).anyMatch(note -> note.contains("--sequence"));
  }

  @Test
  void savesAreExpectedWhereStepsAreUnknown() throws Exception {
    String job = "name: n\nscript: /w/train.py\nworkdir: /w\npaths: {output: /w/o}\nzero: 2\n";

    assertThat(plan(job, 1, 8).failures().get(0).mostStepsLost()).hasValue(500);
    assertThat(plan(job + "args: [--save_strategy=no]\n", 1, 8).failures().get(0).mostStepsLost())
        .isEmpty();
  }

  @Test
  void whatTheModelDoesNotCoverIsSaid() throws Exception {
    for (String flag :
        List.of("--use_peft", "--lora_rank=8", "--load_in_4bit", "--use_liger_kernel")) {
      assertThat(plan(GUIDES_JOB + "args: ['" + flag + "']\n", 1, 8).notes())
          .anyMatch(note -> note.contains("may need far less"));
    }
    assertThat(plan(GUIDES_JOB + "args: [--use_peft, 'False']\n", 1, 8).notes())
        .noneMatch(note -> note.contains("may need far less"));
  }

  /** training.md 4.4: 2, 17 and 48 times the parameters with 16 micro batches. */
  @ParameterizedTest
  @CsvSource({"1, 2", "2, 17", "3, 48"})
  void communicationGrowsWithAccumulationAsTheStageReduces(int stage, long multiple)
      throws Exception {
    Plan plan = plan(GUIDES_JOB.replace("zero: 2", "zero: " + stage), 1, 8);

    assertThat(plan.communication().multiple()).isEqualTo(multiple);
    assertThat(plan.communication().bytesPerStep()).isEqualTo(multiple * 2 * 596_049_920L / 8 * 7);
    Plan alone = plan(GUIDES_JOB.replace("zero: 2", "zero: " + stage), 1, 1);
    assertThat(alone.communication().bytesPerStep()).isZero();
  }

  @Test
  void aBatchThatDoesNotDivideIsTold() throws Exception {
    String zero =
        "zero: {train_batch_size: 30, train_micro_batch_size_per_gpu: 1, zero_optimization: {stage: 2}}\n";
    Plan plan = plan(GUIDES_JOB.replace("zero: 2\n", zero), 1, 8);

    assertThat(messages(plan)).anyMatch(text -> text.contains("DeepSpeed will refuse to start"));
  }

  @Test
  void aNumberThatDiffersFromTheFlagIsTold() throws Exception {
    String zero =
        "zero: {train_batch_size: auto, gradient_accumulation_steps: 4, train_micro_batch_size_per_gpu: auto}\n";
    Plan plan = plan(GUIDES_JOB.replace("zero: 2\n", zero), 1, 8);

    assertThat(plan.accumulation()).isEqualTo(4);
    assertThat(messages(plan)).anyMatch(text -> text.contains("gradient_accumulation_steps is 4"));
  }

  @Test
  void bf16OnACardWithoutItIsTold() throws Exception {
    Plan plan =
        plan(
            GUIDES_JOB,
            new Hardware(1, 8, Optional.of(Card.parse("V100-32GB")), OptionalLong.empty(), "test"));

    assertThat(codes(plan)).contains("BF16");
    assertThat(Card.reported("Tesla V100-SXM2-32GB", 1L << 35).bf16()).isFalse();
    assertThat(Card.reported("NVIDIA H200", 1L << 37).bf16()).isTrue();
  }

  @Test
  void largeBucketsAndOffloadWithoutMemoryAreTold() throws Exception {
    String zero =
        "zero: {train_micro_batch_size_per_gpu: auto, zero_optimization: {stage: 2, reduce_bucket_size: 500000000,"
            + " overlap_comm: true, offload_optimizer: {device: cpu}}}\n";
    String job = GUIDES_JOB.replace("zero: 2\n", zero);
    Optional<Card> small = Optional.of(Card.parse("24GB"));

    assertThat(codes(plan(job, new Hardware(1, 1, small, OptionalLong.empty(), "test"))))
        .contains("BUCKETS", "HOST_MEMORY_UNKNOWN");
    Plan little = plan(job, new Hardware(1, 1, small, OptionalLong.of(4_000_000_000L), "test"));
    assertThat(codes(little)).contains("HOST_MEMORY");
    assertThat(little.fit()).hasValue(Fit.CANNOT_FIT);
    assertThat(codes(plan(job, new Hardware(1, 1, small, OptionalLong.of(1L << 40), "test"))))
        .doesNotContain("HOST_MEMORY", "HOST_MEMORY_UNKNOWN");
  }

  @Test
  void withoutDeepSpeedTheScriptsTypeCounts() throws Exception {
    String job = GUIDES_JOB.replace("zero: 2\n", "");

    // bf16 weights: torch's AdamW keeps moments of the same type, as the guide's table has it
    assertThat(plan(job, 1, 1).gpu().state()).isEqualTo(Range.exactly(8 * 596_049_920L));
    assertThat(plan(job + "args: [--dtype=float32]\n", 1, 1).gpu().state())
        .isEqualTo(Range.exactly(16 * 596_049_920L));
  }

  @Test
  void aNumberOfParametersIsEnough() throws Exception {
    JobSpec job = job(GUIDES_JOB);
    var request = request(job, Optional.empty(), OptionalLong.of(32_000_000_000L), eight());

    Plan plan = Planner.plan(request);

    assertThat(plan.parameters().total()).isEqualTo(32_000_000_000L);
    assertThat(plan.notes()).anyMatch(note -> note.contains("32.76 B"));
    assertThatThrownBy(
            () -> Planner.plan(request(job, Optional.empty(), OptionalLong.empty(), eight())))
        .isInstanceOf(Unplannable.class)
        .hasMessageContaining("--params");
  }

  @Test
  void cardsAreNamesOrSizes() throws Exception {
    assertThat(Card.parse("h100-80gb").memoryBytes()).isEqualTo(81_559L << 20);
    assertThat(Card.parse("80GB").memoryBytes()).isEqualTo(80_000_000_000L);
    assertThat(Card.parse("80e9").memoryBytes()).isEqualTo(80_000_000_000L);
    assertThat(Card.parse("81559MiB").memoryBytes()).isEqualTo(81_559L << 20);
    assertThatThrownBy(() -> Card.parse("H1000")).hasMessageContaining("H200-141GB");
  }

  /** What the planner takes for pretraining.py is what stands in it. */
  @Test
  void theDefaultsAreThoseOfTheShippedScript() throws Exception {
    String script = Files.readString(Path.of("../deploy/examples/pretraining.py"));

    TrainingDefaults.guide()
        .forEach(
            (name, value) ->
                assertThat(script)
                    .containsAnyOf(
                        "\"" + name + "\": " + value + ",",
                        name + ": int = field(default=" + value,
                        name + ": int | None = field(default=" + value,
                        name + ": str = field(default=\"" + value));
  }

  private static Plan plan(String file, int nodes, int workers) throws Exception {
    return plan(file, new Hardware(nodes, workers, Optional.empty(), OptionalLong.empty(), "test"));
  }

  private static Plan plan(String file, Hardware hardware) throws Exception {
    return Planner.plan(
        request(job(file), Optional.of(Shapes.qwen06()), OptionalLong.empty(), hardware));
  }

  private static PlanRequest request(
      JobSpec job, Optional<Map<String, Object>> model, OptionalLong count, Hardware hardware)
      throws Exception {
    Optional<Map<String, Object>> zero = Optional.empty();
    if (job.zero().isPresent()) {
      int stage = job.zero().get().stage();
      zero =
          Optional.of(
              ZeroJson.read(job.zero().get().json().orElseGet(() -> ShippedZero.json(stage))));
    }
    return new PlanRequest(
        job,
        model,
        zero,
        List.of(),
        count,
        OptionalInt.empty(),
        OptionalLong.empty(),
        hardware,
        false,
        false);
  }

  private static Hardware eight() {
    return new Hardware(1, 8, Optional.empty(), OptionalLong.empty(), "test");
  }

  private static JobSpec job(String file) {
    JobFile.Parsed parsed = JobFile.parse(file, JobFile.Defaults.STANDARD);
    assertThat(parsed.mistakes()).isEmpty();
    return parsed.spec().orElseThrow();
  }

  private static List<String> codes(Plan plan) {
    return plan.warnings().stream().map(Warning::code).toList();
  }

  private static List<String> messages(Plan plan) {
    return plan.warnings().stream().map(Warning::message).toList();
  }
}
