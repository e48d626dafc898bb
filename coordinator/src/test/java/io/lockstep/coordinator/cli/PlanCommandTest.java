package io.lockstep.coordinator.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.lockstep.coordinator.jobfile.JobFile;
import io.lockstep.coordinator.plan.Warning;
import io.lockstep.protocol.model.JobSpec;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** lockstep plan as a person sees it. */
class PlanCommandTest {
  private static final Path EXAMPLES = Path.of("../deploy/examples").toAbsolutePath().normalize();
  private static final String NOBODY = "http://127.0.0.1:1";

  private final Path folder;

  PlanCommandTest(@TempDir Path folder) {
    this.folder = folder;
  }

  @Test
  void theGuidesTableIsPrintedAsItIs() {
    CliRun run = plan("qwen3-32b.yaml", "--guide");

    assertThat(run.code).isZero();
    assertThat(run.out)
        .contains(
            """
            MODE                        GUIDE  PARAMS/GRADS/OPT  TRUE
            no ZeRO                     256    64/64/128         512 GB to 768 GB
            ZeRO-1                      144    64/64/16          176 GB to 208 GB
            ZeRO-2                      88     64/8/16           120 GB to 152 GB
            ZeRO-2 + optimizer offload  72     -                 64.0 GB to 75.1 GB
            ZeRO-3                      32     8/8/16            64.0 GB to 72.0 GB
            ZeRO-3 + offload            ≈ 24   8/8/0             8.00 GB to 19.6 GB
            """)
        .contains("12-25 (20-40 % of the parameters)")
        .contains("with checkpointing     3-8 ");
    assertThat(run.outLines()).allMatch(line -> Text.width(line) <= 80);
  }

  @Test
  void theAdviceForTheGuidesJobIsTheGuides() {
    CliRun run = plan("qwen3-32b.yaml", "--advise");

    assertThat(run.code).isZero();
    assertThat(run.out)
        .contains("recommended   ZeRO-2 + checkpointing + offload of optimizer")
        .contains("holds here")
        .contains("the advice is for H100-80GB");
    assertThat(run.outLines()).allMatch(line -> Text.width(line) <= 80);
  }

  @Test
  void whatCannotFitIsToldAndTheNextCommandIsNamed() {
    CliRun run = plan("qwen3-32b.yaml", "--gpu", "H100-80GB");

    assertThat(run.code).isZero();
    assertThat(run.out).contains("verdict       cannot fit: H100-80GB has 85.5 GB");
    assertThat(run.err).contains("--advise");
  }

  @Test
  void jsonHasEveryPartWithItsBoundsAndItsSource() throws Exception {
    CliRun run = plan("qwen3-32b.yaml", "--nodes", "4", "--gpu", "H100-80GB", "--output", "json");

    JsonNode plan = CliJson.mapper().readTree(run.out);
    assertThat(plan.at("/parameters/total").asLong()).isEqualTo(32_762_123_264L);
    assertThat(plan.at("/hardware/nodes").asInt()).isEqualTo(4);
    assertThat(plan.at("/gpu/parts/0/name").asText()).isEqualTo("weights");
    assertThat(plan.at("/gpu/parts/0/update/lowBytes").asLong()).isEqualTo(65_524_246_528L);
    assertThat(plan.at("/gpu/parts/0/source").asText()).contains("ZeRO paper");
    assertThat(plan.at("/gpu/onCard/highBytes").asLong()).isPositive();
    assertThat(plan.at("/fit").asText()).isEqualTo("MAY_NOT_FIT");
    assertThat(plan.at("/length/totalSteps").asLong()).isEqualTo(10);
  }

  @Test
  void theRecommendedFileIsWrittenOnceAndIsAcceptedAsAJobsZero() throws Exception {
    Path file = folder.resolve("zero.json");

    CliRun run = plan("qwen3-32b.yaml", "--advise", "--write", file.toString());

    assertThat(run.code).isZero();
    assertThat(run.err).contains("written: " + file).contains("--gradient_accumulation_steps");
    assertThat(Files.readString(file)).contains("offload_optimizer").contains("\"cpu\"");
    CliRun again = plan("qwen3-32b.yaml", "--set", "zero=" + file, "--gpu", "H100-80GB");
    assertThat(again.out).contains("ZeRO-2, offload of optimizer");
    assertThat(plan("qwen3-32b.yaml", "--advise", "--write", file.toString()).code).isEqualTo(2);
  }

  @Test
  void failuresAreRehearsed() {
    CliRun run =
        plan(
            "qwen3-32b.yaml",
            "--nodes",
            "2",
            "--set",
            "spares=1",
            "--set",
            "args=[--save_steps=10]");

    assertThat(run.out)
        .contains(
            """
            IF                               THEN       AFTER  COUNTED  STEPS LOST
            a worker killed                  restarts   0.5 s  1        about 5, at most 10
            a host lost                      restarts   7.0 s  1        about 5, at most 10
            two hosts lost                   QUEUED     -      1        -
            the coordinator lost             trains on  -      0        -
            a worker killed again and again  FAILED     -      10       -
            """);
  }

  @Test
  void theClusterIsAskedForCardsThatNobodyNamed() throws Exception {
    try (var api = new FakeApi()) {
      api.answer(
          "GET /v1/nodes",
          List.of(
              Views.gpuNode("a", "NVIDIA H200", 143_771L << 20, 8),
              Views.gpuNode("b", "NVIDIA H200", 143_771L << 20, 8)));
      CliRun run =
          CliRun.builder()
              .env("LOCKSTEP_API", api.url())
              .folder(EXAMPLES)
              .run("plan", "qwen3-32b.yaml", "--set", "nodes=2", "--set", "procsPerNode=auto");

      assertThat(run.out).contains("2 nodes x 8 workers, NVIDIA H200 of 151 GB (the cluster)");
    }
  }

  @Test
  void whatIsMissingIsNamed() {
    assertThat(plan("qwen3-32b.yaml", "--set", "procsPerNode=auto").err)
        .contains("say --gpus-per-node");
    assertThat(plan("qwen3-32b.yaml", "--model", "nowhere").err)
        .contains("nowhere/config.json")
        .contains("--params");
    assertThat(plan("qwen3-32b.yaml", "--gpu", "H1000").code).isEqualTo(2);
    assertThat(plan("qwen3-32b.yaml", "--params", "many").err).contains("as in 32e9");
    assertThat(plan("qwen3-32b.yaml", "--write", "x.json").err).contains("--advise");
    assertThat(plan("qwen3-32b.yaml", "--set", "zero=7").code).isEqualTo(9);
  }

  @Test
  void theInstalledTransformersSaysWhichFlagsItKnows() throws Exception {
    FlagProbe.Found found = probe(fakePython(""), "TrainingArguments", Duration.ofSeconds(60));

    assertThat(found.skipped()).isEmpty();
    assertThat(found.warnings())
        .extracting(Warning::message)
        .containsExactly(
            "neither transformers 9.9 nor the script knows --save_step; the nearest is --save_steps",
            "neither transformers 9.9 nor the script knows --warmup_ratio");
  }

  @Test
  void withoutAnAnswerTheCheckIsSkippedWithAWord() throws Exception {
    Duration long60 = Duration.ofSeconds(60);
    assertThat(probe("/no/such/python", "TrainingArguments", long60).skipped()).isPresent();
    assertThat(probe(fakePython("exit 3\n"), "TrainingArguments", long60).skipped())
        .hasValueSatisfying(why -> assertThat(why).contains("ended with 3"));
    assertThat(
            probe(fakePython("exec sleep 60\n"), "TrainingArguments", Duration.ofMillis(200))
                .skipped())
        .hasValueSatisfying(why -> assertThat(why).contains("within 200 ms"));
    assertThat(probe(fakePython(""), "argparse", long60).skipped())
        .hasValueSatisfying(why -> assertThat(why).contains("TrainingArguments"));
  }

  private static CliRun plan(String... args) {
    String[] all = new String[args.length + 1];
    all[0] = "plan";
    System.arraycopy(args, 0, all, 1, args.length);
    return CliRun.builder()
        .env("LOCKSTEP_API", NOBODY)
        .env("LOCKSTEP_PYTHON", "/no/such/python")
        .folder(EXAMPLES)
        .run(all);
  }

  private FlagProbe.Found probe(String python, String import_, Duration limit) throws Exception {
    Path script = folder.resolve("train.py");
    Files.writeString(
        script,
        "from x import "
            + import_
            + "\nclass A:\n    block_size: int = 3\nparser.add_argument('--mine')\n");
    String file =
        "name: n\nscript: "
            + script
            + "\nworkdir: /w\npython: "
            + python
            + "\nargs: [--block_size, '3', --mine, --save_steps=5, --save_step=5, --no_bf16, --warmup_ratio, '0.1']\n";
    JobSpec job = JobFile.parse(file, JobFile.Defaults.STANDARD).spec().orElseThrow();
    return new FlagProbe(job, Map.of(), CliJson.mapper(), limit).ask();
  }

  /** A real interpreter that finds a small transformers. */
  private String fakePython(String before) throws Exception {
    Path packages = Files.createDirectories(folder.resolve("packages"));
    Path transformers = Files.createDirectories(packages.resolve("transformers"));
    Files.writeString(transformers.resolve("__init__.py"), "raise SystemExit('imported')\n");
    Files.writeString(
        transformers.resolve("training_args.py"),
        "class TrainingArguments:\n    save_steps: int = 1\n    bf16: bool = True\n    warmup_steps: float = 0\n");
    Path info = Files.createDirectories(packages.resolve("transformers-9.9.dist-info"));
    Files.writeString(
        info.resolve("METADATA"), "Metadata-Version: 2.1\nName: transformers\nVersion: 9.9\n");
    Path python = Files.createTempFile(folder, "python", ".sh");
    Files.writeString(
        python, "#!/bin/sh\n" + before + "PYTHONPATH=" + packages + " exec python3 \"$@\"\n");
    Files.setPosixFilePermissions(python, PosixFilePermissions.fromString("rwx------"));
    return python.toString();
  }
}
