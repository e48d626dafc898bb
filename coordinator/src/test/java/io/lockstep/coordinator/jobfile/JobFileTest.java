package io.lockstep.coordinator.jobfile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.coordinator.jobfile.JobFile.Defaults;
import io.lockstep.coordinator.jobfile.JobFile.Parsed;
import io.lockstep.protocol.api.Problem.Mistake;
import io.lockstep.protocol.model.CheckpointFormat;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.OnExisting;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class JobFileTest {
  private static final String LEAST = "name: n\nscript: /s.py\nworkdir: /w\n";

  static final String WHOLE =
      """
      name: qwen3-pretrain
      id: qwen3-1
      script: pretraining.py
      args: [--num_train_epochs, 0.5, --bf16, yes]
      workdir: /data/run1
      nodes: 2
      procsPerNode: 4
      devices: [4, 5, 6, 7]
      spares: 1
      priority: -3
      zero: 2
      zeroArgument: --ds
      paths: {model: /m, tokenizer: /t, trainFiles: /tr, validFiles: /v, output: /o, cache: /c}
      env: {NCCL_DEBUG: WARN, A: 1}
      checkpoint: {dir: /ck, resumeArg: --resume, format: deepspeed, onExisting: overwrite}
      restart: {max: 3, window: 2h, backoff: {initial: 500ms, max: 10s}}
      deadlines: {prepare: 1m, start: 90s, firstStep: 3h, noProgress: 0, lease: 10s}
      warm: off
      python: /opt/venv/bin/python
      """;

  @Test
  void everyKeyOfTheContractIsUnderstood() {
    Parsed parsed = parse(WHOLE);

    assertThat(parsed.mistakes()).isEmpty();
    assertThat(parsed.id()).contains("qwen3-1");
    assertThat(parsed.spec())
        .contains(
            new JobSpec(
                "qwen3-pretrain",
                "/data/run1/pretraining.py",
                List.of("--num_train_epochs", "0.5", "--bf16", "yes"),
                "/data/run1",
                2,
                4,
                List.of(4, 5, 6, 7),
                1,
                -3,
                Optional.of(new JobSpec.Zero(2, Optional.empty(), "--ds")),
                new JobSpec.Paths(
                    Optional.of("/m"),
                    Optional.of("/t"),
                    Optional.of("/tr"),
                    Optional.of("/v"),
                    Optional.of("/o"),
                    Optional.of("/c")),
                Map.of("NCCL_DEBUG", "WARN", "A", "1"),
                new JobSpec.Checkpoint(
                    Optional.of("/ck"),
                    true,
                    Optional.of("--resume"),
                    CheckpointFormat.DEEPSPEED,
                    OnExisting.OVERWRITE),
                new JobSpec.Restart(
                    3, Duration.ofHours(2), Duration.ofMillis(500), Duration.ofSeconds(10)),
                new JobSpec.Deadlines(
                    Duration.ofMinutes(1),
                    Duration.ofSeconds(90),
                    Duration.ofHours(3),
                    Duration.ZERO,
                    Duration.ofSeconds(10)),
                "off",
                Optional.of("/opt/venv/bin/python")));
  }

  @Test
  void howStepsAreNamedAndHowLongPausesMayBeCanBeSaid() {
    JobSpec spec =
        valid(LEAST + "progress: {step: 'it (\\d+) of (\\d+)', factor: 5, floor: 30s}\n");

    assertThat(spec.progressRules())
        .isEqualTo(
            new JobSpec.ProgressRules(
                Optional.of("it (\\d+) of (\\d+)"), 5, Duration.ofSeconds(30)));
    assertThat(valid(LEAST).progressRules()).isEqualTo(JobSpec.ProgressRules.DEFAULT);
  }

  @Test
  void whatOthersMayHoldOfEachGpuCanBeSaid() {
    assertThat(held("4GiB")).isEqualTo(4_096);
    assertThat(held("600MiB")).isEqualTo(600);
    assertThat(held("0MiB")).isZero();
    assertThat(valid(LEAST).preflightLimits().gpuMemoryHeldMib()).isEqualTo(1_024);
    assertThat(valid(LEAST).preflight()).as("an older agent reads the job as before").isEmpty();
  }

  private static int held(String size) {
    return valid(LEAST + "preflight: {gpuMemoryHeld: " + size + "}\n")
        .preflightLimits()
        .gpuMemoryHeldMib();
  }

  @Test
  void theLeastJobFileTakesEveryDefault() {
    JobSpec spec = valid(LEAST);

    assertThat(spec)
        .isEqualTo(
            new JobSpec(
                "n",
                "/s.py",
                List.of(),
                "/w",
                1,
                0,
                List.of(),
                0,
                0,
                Optional.empty(),
                JobSpec.Paths.NONE,
                Map.of(),
                new JobSpec.Checkpoint(
                    Optional.empty(),
                    false,
                    Optional.of("--resume_from_checkpoint"),
                    CheckpointFormat.NONE,
                    OnExisting.AUTO),
                JobSpec.Restart.DEFAULT,
                JobSpec.Deadlines.DEFAULT,
                "auto",
                Optional.empty()));
    assertThat(parse(LEAST).id()).isEmpty();
  }

  @Test
  void checkpointsFollowFromOutputAndZero() {
    JobSpec.Checkpoint withZero = valid(LEAST + "zero: 3\npaths: {output: /o}").checkpoint();
    JobSpec.Checkpoint without = valid(LEAST + "paths: {output: /o}").checkpoint();
    JobSpec.Checkpoint none =
        valid(LEAST + "paths: {output: /o}\ncheckpoint: {format: none}").checkpoint();

    assertThat(withZero.dir()).contains("/o");
    assertThat(withZero.named()).isFalse();
    assertThat(withZero.format()).isEqualTo(CheckpointFormat.HF_DEEPSPEED);
    assertThat(without.format()).isEqualTo(CheckpointFormat.HF);
    assertThat(none.dir()).isEmpty();
  }

  static Stream<Arguments> mistakes() {
    return Stream.of(
        mistake("nodes: two", 4, 8, "nodes", "whole number from 1 to 10000", "\"two\""),
        mistake("nodes: 0", 4, 8, "nodes", "from 1 to", "found: 0"),
        mistake("nodes: 1.5", 4, 8, "nodes", "whole number", "1.5"),
        mistake("nodes:", 4, 7, "nodes", "whole number", "nothing"),
        mistake("nodes: 99999999999999999999", 4, 8, "nodes", "whole number", "9999"),
        mistake("nodez: 2", 4, 1, "nodez", "is no key", "did you mean nodes?"),
        mistake("procs_per_node: 2", 4, 1, "procs_per_node", "did you mean procsPerNode?", ""),
        mistake("wibble: 2", 4, 1, "wibble", "is no key (keys: name, id", ""),
        mistake("procsPerNode: many", 4, 15, "procsPerNode", "auto or", "many"),
        mistake("devices: [0, 0]", 4, 14, "devices", "names GPU 0 twice", ""),
        mistake("devices: [0, x]", 4, 14, "devices", "GPU numbers", "x"),
        mistake("devices: all", 4, 10, "devices", "auto or a list", "all"),
        mistake("devices: [1]\nprocsPerNode: 2", 4, 10, "devices", "procsPerNode = 2", "1"),
        mistake("args: --x", 4, 7, "args", "a list", "--x"),
        mistake("args: [--x, [1]]", 4, 13, "args[1]", "a word", "a list"),
        mistake("args: [--x, ~]", 4, 13, "args[1]", "a word", "nothing"),
        mistake("zero: 4", 4, 7, "zero", "1, 2, 3 or", "found: 4"),
        mistake("zero: ds.json", 4, 7, "zero", "1, 2, 3 or", "ds.json"),
        mistake("zeroArgument: --ds", 4, 15, "zeroArgument", "without zero", ""),
        mistake("zero: 2\nzeroArgument: a b", 5, 15, "zeroArgument", "argument", "a b"),
        mistake(
            "zero: {train_batch_size: 7, train_micro_batch_size_per_gpu: 2,"
                + " gradient_accumulation_steps: 1}\nprocsPerNode: 2\nnodes: 2",
            4,
            26,
            "zero",
            "2 × 1 × 4 = 8",
            "found: 7"),
        mistake(
            "zero:\n  train_batch_size: auto\n  zero_optimization: {stage: 7}",
            6,
            22,
            "zero",
            "stage must be 0, 1, 2 or 3",
            "7"),
        mistake("zero: {train_batch_size: 0x10}", 4, 26, "zero.train_batch_size", "JSON", "0x10"),
        mistake("paths: {model: m}", 4, 16, "paths.model", "absolute path", "m"),
        mistake("paths: {modle: /m}", 4, 9, "paths.modle", "did you mean model?", ""),
        mistake("paths: /m", 4, 8, "paths", "a mapping with model", "/m"),
        mistake("env: [A]", 4, 6, "env", "a mapping", "a list"),
        mistake("env: {A B: 1}", 4, 7, "env.A B", "letters, digits", "A B"),
        mistake("env: {A: [1]}", 4, 10, "env.A", "a word", "a list"),
        mistake("env: {RANK: 1}", 4, 7, "env.RANK", "set by torchrun", ""),
        mistake("env: {LOCKSTEP_X: 1}", 4, 7, "env.LOCKSTEP_X", "set by torchrun or", ""),
        mistake("env: {CUDA_VISIBLE_DEVICES: 1}", 4, 7, "env.CUDA_VISIBLE_DEVICES", "devices", ""),
        mistake("env: {MODEL_PATH: /m}\npaths: {model: /x}", 4, 7, "env.MODEL_PATH", "paths", ""),
        mistake("checkpoint: {dir: ck}", 4, 19, "checkpoint.dir", "absolute", "ck"),
        mistake(
            "checkpoint: {dir: /c, format: zip}",
            4,
            31,
            "checkpoint.format",
            "hf-deepspeed, hf, deepspeed or none",
            "zip"),
        mistake("checkpoint: {format: hf}", 4, 13, "checkpoint.format", "no folder", ""),
        mistake("checkpoint: {onExisting: no}", 4, 26, "checkpoint.onExisting", "resume", "no"),
        mistake("checkpoint: {resumeArg: a b}", 4, 25, "checkpoint.resumeArg", "spaces", "a b"),
        mistake("restart: {max: -1}", 4, 16, "restart.max", "from 0", "-1"),
        mistake("restart: {window: 0}", 4, 19, "restart.window", "at least 1s", "0"),
        mistake("restart: {window: 60}", 4, 19, "restart.window", "a duration such as", "60"),
        mistake(
            "restart: {backoff: {initial: 1m, max: 1s}}",
            4,
            39,
            "restart.backoff.max",
            "at least backoff.initial = 1m",
            "1s"),
        mistake("restart: {backof: {}}", 4, 11, "restart.backof", "did you mean backoff?", ""),
        mistake("deadlines: {lease: 1s}", 4, 20, "deadlines.lease", "at least 2s, at most 10m", ""),
        mistake("deadlines: {lease: 0}", 4, 20, "deadlines.lease", "at least 2s", "0"),
        mistake("deadlines: {start: 2 minutes}", 4, 20, "deadlines.start", "or 0", "2 minutes"),
        mistake("deadlines: {start: 999d}", 4, 20, "deadlines.start", "duration", "999d"),
        mistake(
            "preflight: {gpuMemoryHeld: 4}", 4, 28, "preflight.gpuMemoryHeld", "as in 4GiB", "4"),
        mistake(
            "preflight: {gpuMemoryHeld: 4TiB}", 4, 28, "preflight.gpuMemoryHeld", "GiB", "4TiB"),
        mistake(
            "preflight: {gpuMemoryHeld: 2048GiB}",
            4,
            28,
            "preflight.gpuMemoryHeld",
            "1024GiB",
            "2048GiB"),
        mistake(
            "preflight: {gpuMemoryHold: 4GiB}",
            4,
            13,
            "preflight.gpuMemoryHold",
            "did you mean gpuMemoryHeld?",
            ""),
        mistake("progress: {factor: 1}", 4, 20, "progress.factor", "from 2", "1"),
        mistake("progress: {floor: soon}", 4, 19, "progress.floor", "duration", "soon"),
        mistake("progress: {step: 'no group'}", 4, 18, "progress.step", "one group", "no group"),
        mistake("progress: {step: '(('}", 4, 18, "progress.step", "regular expression", "(("),
        mistake("progress: {steps: x}", 4, 12, "progress.steps", "did you mean step?", ""),
        mistake("entry: binary", 4, 8, "entry", "file, module or program", "binary"),
        mistake("nodes: [a, a]", 4, 12, "nodes", "names a twice", ""),
        mistake("nodes: [a, -x]", 4, 12, "nodes", "list of the names of nodes", "-x"),
        mistake("nodes: []", 4, 8, "nodes", "whole number", ""),
        mistake("warm: hot", 4, 7, "warm", "auto, off or a list", "hot"),
        mistake("warm: [a-b]", 4, 7, "warm", "modules", "a list"),
        mistake("python: venv/bin/python", 4, 9, "python", "absolute path", "venv"),
        mistake("id: Über", 4, 5, "id", "a-z, 0-9", "Über"),
        mistake("priority: high", 4, 11, "priority", "whole number", "high"),
        mistake("nodes: 2\nnodes: 3", 5, 1, "nodes", "given twice, first in line 4", ""),
        mistake("nodes: !!int 2\nspares: !x 3", 5, 9, "", "tag !x is not allowed", ""),
        mistake("<<: {nodes: 2}", 4, 1, "<<", "merge keys", ""),
        mistake("? [a]\n: b", 4, 3, "", "a key must be a word", ""));
  }

  @ParameterizedTest
  @MethodSource
  void mistakes(String text, int line, int column, String field, String says, String found) {
    Parsed parsed = parse(LEAST + text);

    assertThat(parsed.spec()).isEmpty();
    assertThat(parsed.mistakes()).hasSize(1);
    Mistake mistake = parsed.mistakes().get(0);
    assertThat(mistake.message()).contains(says).contains(found);
    assertThat(List.of(mistake.line(), mistake.column())).containsExactly(line, column);
    assertThat(mistake.field()).isEqualTo(field);
  }

  @Test
  void namedNodesAreCountedAndKeptByRank() {
    JobSpec spec = valid(LEAST + "nodes: [gpu-02, gpu-01]");

    assertThat(spec.nodes()).isEqualTo(2);
    assertThat(spec.pins()).containsExactly(new NodeId("gpu-02"), new NodeId("gpu-01"));
  }

  @Test
  void aModuleIsNoPath() {
    JobSpec spec = valid("name: x\nworkdir: /w\nscript: package.train\nentry: module\n");

    assertThat(spec.script()).isEqualTo("package.train");
    assertThat(spec.entry()).isEqualTo(JobSpec.Entry.MODULE);
  }

  @Test
  void everythingWrongIsToldAtOnceInTheOrderOfTheText() {
    Parsed parsed =
        parse(
            """
            nmae: x
            nodes: zero
            spares: -1
            paths:
              output: out
            deadlines:
              start: soon
            restart: never
            """);

    assertThat(parsed.mistakes())
        .extracting(Mistake::line, Mistake::field)
        .containsExactly(
            org.assertj.core.groups.Tuple.tuple(1, "nmae"),
            org.assertj.core.groups.Tuple.tuple(1, "name"),
            org.assertj.core.groups.Tuple.tuple(1, "script"),
            org.assertj.core.groups.Tuple.tuple(1, "workdir"),
            org.assertj.core.groups.Tuple.tuple(2, "nodes"),
            org.assertj.core.groups.Tuple.tuple(3, "spares"),
            org.assertj.core.groups.Tuple.tuple(5, "paths.output"),
            org.assertj.core.groups.Tuple.tuple(7, "deadlines.start"),
            org.assertj.core.groups.Tuple.tuple(8, "restart"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "   \n", "- a\n- b", "just a word", "# nothing but a comment", "---"})
  void whatIsNoMappingIsSaidOnce(String text) {
    assertThat(parse(text).mistakes())
        .singleElement()
        .satisfies(mistake -> assertThat(mistake.message()).contains("must be a mapping"));
  }

  @Test
  void brokenYamlIsToldWithItsPlace() {
    Mistake mistake = parse("name: n\nargs: [a, b\nnodes: 2\n").mistakes().get(0);

    assertThat(mistake.line()).isBetween(2, 4);
    assertThat(mistake.message()).startsWith("not YAML: ");
    assertThat(parse("name: n\n---\nname: m\n").mistakes()).hasSize(1);
  }

  @Test
  void jsonIsYamlAlsoWithTabs() {
    JobSpec spec =
        valid("{\n\t\"name\": \"n\",\n\t\"script\": \"\\/s.py\",\n\t\"workdir\": \"/w\"\n}");

    assertThat(spec.script()).isEqualTo("/s.py");
  }

  @Test
  void aliasBombsAndLoopsAreRefused() {
    var bomb = new StringBuilder("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 9; i++) {
      bomb.append("a").append(i).append(": &a").append(i).append(" [");
      bomb.append(("*a" + (i - 1) + ", ").repeat(9)).append("x]\n");
    }

    assertThat(parse(bomb.toString()).mistakes())
        .singleElement()
        .satisfies(mistake -> assertThat(mistake.message()).contains("50000 values"));
    assertThat(parse(LEAST + "env: &e {A: *e}").mistakes())
        .singleElement()
        .satisfies(mistake -> assertThat(mistake.message()).contains("holds itself"));
    assertThat(parse("a: " + "[".repeat(5000)).mistakes()).hasSize(1);
  }

  @Test
  void aFileOverTheLimitIsRefused() {
    assertThat(parse("#".repeat(JobDocument.MAX_BYTES + 1)).mistakes())
        .singleElement()
        .satisfies(mistake -> assertThat(mistake.message()).contains("larger than 1048576 bytes"));
    assertThat(parse("#" + "é".repeat(JobDocument.MAX_BYTES / 2)).mistakes()).hasSize(1);
  }

  @Test
  void manyMistakesAreCounted() {
    var text = new StringBuilder(LEAST);
    for (int i = 0; i < 300; i++) {
      text.append("unknown").append(i).append(": 1\n");
    }

    List<Mistake> mistakes = parse(text.toString()).mistakes();

    assertThat(mistakes).hasSize(JobFile.MAX_MISTAKES + 1);
    assertThat(mistakes.get(JobFile.MAX_MISTAKES).message()).isEqualTo("and 200 more mistakes");
  }

  @Test
  void inlineZeroKeepsOrderAndNumbers() {
    JobSpec.Zero zero =
        valid(
                LEAST
                    + "zero:\n  zero_optimization: {stage: 3, reduce_bucket_size: 5e8,"
                    + " overlap_comm: yes}\n  train_batch_size: auto\n  x: 0.10\n")
            .zero()
            .orElseThrow();

    assertThat(zero.stage()).isZero();
    assertThat(zero.json().orElseThrow().replaceAll("\\s", ""))
        .isEqualTo(
            "{\"zero_optimization\":{\"stage\":3,\"reduce_bucket_size\":5E+8,"
                + "\"overlap_comm\":true},\"train_batch_size\":\"auto\",\"x\":0.10}");
  }

  @Test
  void theBatchIsNotCheckedWhileProcsPerNodeIsAuto() {
    assertThat(valid(LEAST + "zero: {train_batch_size: 7}").zero()).isPresent();
  }

  @Test
  void warmModulesAreJoined() {
    assertThat(valid(LEAST + "warm: [torch, transformers.trainer]").warm())
        .isEqualTo("torch,transformers.trainer");
  }

  @Test
  void aScriptIsTakenFromTheWorkdir() {
    assertThat(valid("name: n\nscript: a/b.py\nworkdir: /w/\n").script()).isEqualTo("/w/a/b.py");
  }

  @Test
  void editsComeBeforeReading() {
    Parsed parsed =
        JobFile.parse(
            WHOLE,
            Defaults.STANDARD,
            List.of(
                "nodes=4",
                "restart.backoff.max=20s",
                "args=[--a, b]",
                "id=",
                "env.NEW=x=y",
                "name=训练"));

    JobSpec spec = parsed.spec().orElseThrow();
    assertThat(spec.nodes()).isEqualTo(4);
    assertThat(spec.restart().backoffMax()).isEqualTo(Duration.ofSeconds(20));
    assertThat(spec.args()).containsExactly("--a", "b");
    assertThat(spec.env()).containsEntry("NEW", "x=y");
    assertThat(spec.name()).isEqualTo("训练");
    assertThat(parsed.id()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "nodes|must be key=value",
        "=3|must be key=value",
        "nodes.x=3|nodes is 2",
        "a..b=3|dotted key",
        "nodes=[|cannot be set: not YAML",
        "nodes=many|whole number from 1"
      })
  void aWrongEditIsAMistakeWithoutALine(String edit, String says) {
    Parsed parsed = JobFile.parse(WHOLE, Defaults.STANDARD, List.of(edit));

    assertThat(parsed.mistakes())
        .singleElement()
        .satisfies(
            mistake -> {
              assertThat(mistake.message()).contains(says);
            });
  }

  @Test
  void anEditLeavesTheOtherLinesAsTheyAre() {
    Parsed parsed = JobFile.parse(WHOLE + "oops: 1\n", Defaults.STANDARD, List.of("nodes=x"));

    assertThat(parsed.mistakes())
        .extracting(Mistake::line, Mistake::field)
        .containsExactly(
            org.assertj.core.groups.Tuple.tuple(20, "oops"),
            org.assertj.core.groups.Tuple.tuple(0, "nodes"));
  }

  @Test
  void aDocumentWrittenAsJsonReadsAsTheSameJob() {
    assertThat(parse(JobDocument.read(WHOLE).json())).isEqualTo(parse(WHOLE));
    String inline = LEAST + "zero: {train_batch_size: auto, a: 5e8, b: [1, ~, no]}\nenv: {X: on}";
    assertThat(parse(JobDocument.read(inline).json())).isEqualTo(parse(inline));
  }

  @ParameterizedTest
  @CsvSource({
    "qwen3-pretrain,qwen3-pretrain-0a1b2c",
    "训练,job-0a1b2c",
    "训练 Run 1,run-1-0a1b2c",
    "Crème brûlée!,creme-brulee-0a1b2c",
    "'--',job-0a1b2c",
    "'../../etc/passwd',etc-passwd-0a1b2c"
  })
  void anIdIsTheNameAndAFewLetters(String name, String id) {
    assertThat(JobFile.idFor(name, "0A-1b2c3d4")).isEqualTo(id);
  }

  @Test
  void anIdIsNeverTooLong() {
    assertThat(JobFile.idFor("a".repeat(500), "abcdefgh")).hasSize(80).endsWith("-abcdef");
    assertThatThrownBy(() -> JobFile.idFor("a", "abc")).hasMessageContaining("6 letters");
  }

  @ParameterizedTest
  @CsvSource({"0,PT0S", "500ms,PT0.5S", "60s,PT1M", "15m,PT15M", "1h,PT1H", "2d,PT48H"})
  void durationsReadAndWrite(String text, Duration duration) {
    assertThat(Durations.parse(text)).contains(duration);
    assertThat(Durations.parse(Durations.text(duration))).contains(duration);
  }

  @Test
  void aShippedConfigurationFitsItsStage() throws Exception {
    for (int stage = 1; stage <= 3; stage++) {
      Map<String, Object> config = ZeroJson.read(ShippedZero.json(stage));
      assertThat(io.lockstep.coordinator.core.DeepSpeedConfig.stage(config)).hasValue(stage);
      assertThat(io.lockstep.coordinator.core.DeepSpeedConfig.checks(config, 8)).isEmpty();
    }
    assertThatThrownBy(() -> ShippedZero.json(0)).isInstanceOf(IllegalArgumentException.class);
  }

  private static Arguments mistake(
      String text, int line, int column, String field, String says, String found) {
    return Arguments.of(text, line, column, field, says, found);
  }

  private static JobSpec valid(String text) {
    Parsed parsed = parse(text);
    assertThat(parsed.mistakes()).isEmpty();
    return parsed.spec().orElseThrow();
  }

  private static Parsed parse(String text) {
    return JobFile.parse(text, Defaults.STANDARD);
  }
}
