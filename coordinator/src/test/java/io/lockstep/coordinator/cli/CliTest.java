package io.lockstep.coordinator.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.lockstep.protocol.api.DoctorView;
import io.lockstep.protocol.api.JobView;
import io.lockstep.protocol.api.JobView.ReasonView;
import io.lockstep.protocol.api.MessageResponse;
import io.lockstep.protocol.api.NodeView;
import io.lockstep.protocol.api.PairsView;
import io.lockstep.protocol.api.Problem.Mistake;
import io.lockstep.protocol.api.SeatsView;
import io.lockstep.protocol.api.SubmitResponse;
import io.lockstep.protocol.model.ConversionStatus;
import io.lockstep.protocol.model.ReasonCode;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** The command as a person sees it: stdout, stderr, exit code. */
class CliTest {
  private static final String JOB = "name: n\nscript: s.py\nzero: ds.json\n";

  private final FakeApi api = new FakeApi();

  private final Path folder;

  CliTest(@TempDir Path folder) {
    this.folder = folder;
  }

  @AfterEach
  void close() {
    api.close();
  }

  // --- tables, pinned as they look ---

  @Test
  void listLooksLikeThis() {
    api.answer(
        "GET /v1/jobs", List.of(Views.restarted("qwen3-pretrain-k3x9a1"), Views.queued("n-1")));

    CliRun run = CliRun.of(api, "list");

    assertThat(run.out)
        .isEqualTo(
            """
            JOB                    PHASE    GANG  ATTEMPT  STEP   REASON
            qwen3-pretrain-k3x9a1  RUNNING  2x1   2        35/79  all 2 nodes started
            n-1                    QUEUED   2x1   -        -      needs 2 ready nodes, 1 is…
            """);
    assertThat(run.err).isEmpty();
    assertThat(run.code).isZero();
  }

  @Test
  void doctorPairsShowsWhoMetAndWhoIsBad() {
    var passed =
        new PairsView.GroupView(
            1,
            List.of("n0", "n2"),
            "PASSED",
            Optional.of(0.0204),
            Optional.of(2.056e8),
            Optional.empty());
    var failed =
        new PairsView.GroupView(
            2,
            List.of("n1", "n2"),
            "FAILED",
            Optional.empty(),
            Optional.empty(),
            Optional.of("n1: reset"));
    var well = new DoctorView.FindingView("PAIR_FAILED", "OK", "is well with n2", "");
    var bad = new DoctorView.FindingView("PAIR_FAILED", "FAIL", "fails with n2", "keep it out");
    var busy = new DoctorView.FindingView("PAIR_FAILED", "SKIPPED", "not tried: job j", "");
    api.answer(
        "POST /v1/doctor/pairs?nodes=n0%2Cn1%2Cn2%2Cn3&python=%2Fv%2Fpython",
        new PairsView(
            false,
            List.of(passed, failed),
            List.of(
                new DoctorView.PatientView("n0", List.of(well)),
                new DoctorView.PatientView("n1", List.of(bad)),
                new DoctorView.PatientView("n3", List.of(busy)))));

    CliRun run =
        CliRun.of(api, "doctor", "--pairs", "n0", "n1", "n2", "n3", "--python", "/v/python");

    assertThat(run.out)
        .isEqualTo(
            """
            ROUND  RESULT  ALL-GATHER  GB/S  NODES
            1      PASSED  20.4 ms     0.21  n0, n2
            2      FAILED  -           -     n1, n2
            n0: 1 checks are well
            n1: 0 checks are well
              FAIL PAIR_FAILED: fails with n2
                   do: keep it out
            n3: 0 checks are well
              SKIPPED PAIR_FAILED: not tried: job j
            """);
    assertThat(run.code).isEqualTo(6);
    assertThat(CliRun.of(api, "doctor", "--pairs", "--folder", "/f").code).isEqualTo(2);
  }

  @Test
  void listShowsNamesThatTheIdsHide() {
    api.answer("GET /v1/jobs", List.of(Views.inChinese("job-k3x9a1"), Views.queued("n-1")));

    assertThat(CliRun.of(api, "list").out)
        .isEqualTo(
            """
            JOB         NAME    PHASE   GANG  ATTEMPT  STEP  REASON
            job-k3x9a1  预训练  QUEUED  2x1   -        -     needs 2 ready nodes, 1 is ready
            n-1         -       QUEUED  2x1   -        -     needs 2 ready nodes, 1 is ready
            """);
  }

  @Test
  void describeLooksLikeThis() {
    api.answer("GET /v1/jobs/q-1", Views.restarted("q-1"));

    CliRun run = CliRun.of(api, "describe", "q-1");

    assertThat(run.out)
        .isEqualTo(
            """
            job          q-1
            name         qwen3-pretrain
            phase        RUNNING
            reason       ALL_STARTED: all 2 nodes started
            gang         2 nodes x 1 workers, ZeRO-2, 1 spare (127.0.0.4)
            attempt      2
            restarts     1 of 10 counted, 0 uncounted
            master       127.0.0.1:29512
            progress     step 35/79 (44%)  loss 2.3112  eval loss 2.5000
            checkpoint   step 30 of 2 workers: /data/out/checkpoint-30
            submitted    2026-11-24T12:00:00Z

            NODE RANK  NODE       ADDRESS
            0          127.0.0.1  127.0.0.1
            1          127.0.0.3  127.0.0.3

            ATTEMPT  STARTED               ENDED      FROM STEP  CAUSE
            1        2026-11-24T12:00:00Z  12:01:00Z  -          NODE_SILENT on 127.0.0.2
            2        2026-11-24T12:01:02Z  -          30         -
            attempt 1    NODE_SILENT on 127.0.0.2: 127.0.0.2 was not heard for 6 s; its last
                         words were of step 31, after which nothing came

            traceback of attempt 1:
              Traceback (most recent call last):
                File "x.py"
               [31mBoom
            """);
    assertThat(run.err).isEqualTo("next: lockstep watch q-1\n");
  }

  @Test
  void describeSaysWhereTheTimeOfARestartWent() {
    JobView job = Views.restarted("q-1");
    JobView timed =
        job.withAttempts(
            List.of(
                job.attempts().get(0),
                job.attempts()
                    .get(1)
                    .taking(
                        List.of(
                            new JobView.PartView("detect", 1.5),
                            new JobView.PartView("stop", 4.25),
                            new JobView.PartView("first step", 0.5)))));
    api.answer("GET /v1/jobs/q-1", timed);

    assertThat(CliRun.of(api, "describe", "q-1").out)
        .contains("\nattempt 2    back after 6.25 s: detect 1.50, stop 4.25, first step 0.50\n");
  }

  @Test
  void describeShowsWhetherTrainingMovesAndWhenItWouldBeTakenForAHang() {
    api.answer(
        "GET /v1/jobs/q-1",
        Views.restarted("q-1")
            .moving(
                Optional.of(
                    new JobView.MotionView(
                        131,
                        "step",
                        Optional.of(130L),
                        "learned: the longest of 34 pauses between steps was 13s; 10 times that",
                        Optional.of("rank 1 on 127.0.0.3, stacks are being taken"),
                        List.of("rank 1 on 127.0.0.3: a step takes it 5s, the median is 2s")))));

    assertThat(CliRun.of(api, "describe", "q-1").out)
        .contains(
            """
            progress     step 35/79 (44%)  loss 2.3112  eval loss 2.5000
            moving       last step 131 s ago; suspected to hang after 130 s (learned: the
                         longest of 34 pauses between steps was 13s; 10 times that)
            suspected    rank 1 on 127.0.0.3, stacks are being taken
            slow         rank 1 on 127.0.0.3: a step takes it 5s, the median is 2s
            """);
  }

  @Test
  void describeShowsHowFarAConversionIs() {
    var status = new ConversionStatus(true, 120, 310, 4_509_715_660L, 12_992_276_070L);
    api.answer(
        "GET /v1/jobs/q-1",
        Views.restarted("q-1")
            .converting(
                Optional.of(
                    new JobView.ConversionView(
                        120, 310, status.bytes(), status.ofBytes(), status.toString()))));

    assertThat(CliRun.of(api, "describe", "q-1").out)
        .contains("\nconverting   put together 120 of 310 parameters, 4.2 of about 12.1 GiB\n");
  }

  @Test
  void nodesLookLikeThis() {
    api.answer(
        "GET /v1/nodes",
        List.of(
            Views.node("127.0.0.1", "READY", true, Optional.of("qwen3-pretrain-k3x9a1")),
            Views.node("127.0.0.2", "QUARANTINED", false, Optional.empty()),
            Views.node("127.0.0.3", "READY", false, Optional.empty())
                .withWarmPool(
                    Optional.of(
                        new NodeView.WarmPoolView(
                            "q-1", "READY", true, Optional.of(650L << 20), Optional.empty()))),
            Views.node("127.0.0.4", "READY", false, Optional.of("q-1"))
                .withWarmPool(
                    Optional.of(
                        new NodeView.WarmPoolView(
                            "q-1", "LOADING", false, Optional.empty(), Optional.empty()))),
            Views.node("127.0.0.5", "READY", false, Optional.empty())
                .withWarmPool(
                    Optional.of(
                        new NodeView.WarmPoolView(
                            "q-1", "FAILED", true, Optional.empty(), Optional.of("no torch"))))));

    CliRun run = CliRun.of(api, "nodes");

    assertThat(run.out)
        .isEqualTo(
            """
            NODE       HEALTH       ROLE         GPUS  RANK  JOB, REASON
            127.0.0.1  READY        coordinator  0     1     qwen3-pretrain-k3x9a1
            127.0.0.2  QUARANTINED  seat         0     -     its reason, which may be long …
            127.0.0.3  READY        seat         0     -     spare of q-1, its warm pool 65…
            127.0.0.4  READY        seat         0     1     q-1, warm pool loading
            127.0.0.5  READY        seat         0     -     spare of q-1, its warm pool fa…
            """);
  }

  @Test
  void eventsLookLikeThis() {
    api.answer(
        "GET /v1/jobs/n-1/events?after=0&limit=500", List.of(Views.event(3, "AttemptFailed")));

    CliRun run = CliRun.of(api, "events", "n-1");

    assertThat(run.out)
        .isEqualTo(
            "2026-11-24T12:00:00.123Z  AttemptFailed     attempt 1  127.0.0.2  not heard for 6 s\n");
  }

  @Test
  void noLineOfATableIsLongerThanEightyColumns() {
    api.answer("GET /v1/jobs", List.of(Views.restarted("q-1"), Views.queued("n-1")));
    api.answer("GET /v1/jobs/q-1", Views.restarted("q-1"));
    api.answer("GET /v1/nodes", List.of(Views.node("gpu-01", "LOST", true, Optional.of("q-1"))));

    for (String[] verb : new String[][] {{"list"}, {"describe", "q-1"}, {"nodes"}, {"--help"}}) {
      assertThat(CliRun.of(api, verb).outLines())
          .allSatisfy(line -> assertThat(Text.width(line)).isLessThanOrEqualTo(80));
    }
  }

  @Test
  void chineseTakesTwoColumnsEach() {
    List<String> lines =
        new TableWriter(30, "A", "B").row("训练", "x").row("ab\u001b[2J", "训练训练训练训练训练训练训练").lines();

    assertThat(lines.get(1)).isEqualTo("训练    x");
    assertThat(lines.get(2)).startsWith("ab [2J  训练").endsWith("…");
    assertThat(Text.width(lines.get(2))).isLessThanOrEqualTo(30);
  }

  // --- json ---

  @Test
  void jsonIsTheRecordsOfTheApi() throws Exception {
    List<JobView> jobs = List.of(Views.restarted("q-1"));
    api.answer("GET /v1/jobs", jobs);
    api.answer("GET /v1/jobs/q-1", jobs.get(0));

    CliRun list = CliRun.of(api, "list", "--output", "json");
    CliRun describe = CliRun.of(api, "--output", "json", "describe", "q-1");

    JsonNode expected = FakeApi.JSON.readTree(FakeApi.JSON.writeValueAsString(jobs.get(0)));
    assertThat(FakeApi.JSON.readTree(list.out)).containsExactly(expected);
    assertThat(FakeApi.JSON.readTree(describe.out)).isEqualTo(expected);
    assertThat(expected.path("attempts").get(1).path("resumedFromStep").asInt()).isEqualTo(30);
    assertThat(describe.err).isEmpty();
  }

  // --- submit ---

  @Test
  void submitPrintsTheIdAloneAndSendsAWholeFile() throws Exception {
    api.answer("POST /v1/jobs", submitted("n-abc123", true));
    write("ds.json", "{\"train_batch_size\": \"auto\", \"zero_optimization\": {\"stage\": 2}}");

    CliRun run = inFolder("submit", write("job.yaml", JOB), "--set", "nodes=2");

    assertThat(run.out).isEqualTo("n-abc123\n");
    assertThat(run.err).isEqualTo("queued: why\nnext: lockstep watch n-abc123\n");
    assertThat(run.code).isZero();
    JsonNode request = FakeApi.JSON.readTree(api.bodies.get(0));
    assertThat(request.path("id").asText()).matches("n-[a-z0-9]{6}");
    JsonNode sent = FakeApi.JSON.readTree(request.path("jobFile").asText());
    assertThat(sent.path("workdir").asText()).isEqualTo(folder.toString());
    assertThat(sent.path("script").asText()).isEqualTo(folder + "/s.py");
    assertThat(sent.path("zero").path("zero_optimization").path("stage").asInt()).isEqualTo(2);
    assertThat(sent.path("nodes").asInt()).isEqualTo(2);
  }

  @Test
  void everyMistakeIsToldWithItsLineAndNothingIsSent() throws Exception {
    String file = write("job.yaml", "name: n\nscrip: s.py\nnodes: two\nzero: gone.json\n");

    CliRun run = inFolder("submit", file, "--set", "spares=x");

    assertThat(run.code).isEqualTo(9);
    assertThat(run.out).isEmpty();
    assertThat(run.err)
        .contains("5 mistakes, nothing was queued")
        .contains("  job.yaml:1:1: script is missing")
        .contains("  job.yaml:2:1: scrip is no key; did you mean script?")
        .contains("  job.yaml:3:8: nodes must be a whole number from 1 to 10000, found: \"two\"")
        .contains("  job.yaml:4:7: zero must be 1, 2, 3 or a DeepSpeed JSON file; there is no file")
        .contains("  job.yaml: spares must be a whole number");
    assertThat(api.requests).isEmpty();
  }

  @Test
  void aMistakeInTheZeroFileIsTold() throws Exception {
    write("ds.json", "{\"zero_optimization\": {\"stage\": 2},\n oops}");

    CliRun run = inFolder("submit", write("job.yaml", JOB));

    assertThat(run.code).isEqualTo(9);
    assertThat(run.err).contains("job.yaml:3:7: zero names").contains("line 2");
  }

  @Test
  void submitReadsStdinAndTakesTheIdAsked() throws Exception {
    api.answer("POST /v1/jobs", submitted("mine", false));

    CliRun run =
        CliRun.builder()
            .env("LOCKSTEP_API", api.url())
            .folder(folder)
            .in("name: n\nscript: /s.py\n")
            .run("submit", "-", "--id", "mine");

    assertThat(run.out).isEqualTo("mine\n");
    assertThat(run.err).startsWith("known already: why");
    assertThat(FakeApi.JSON.readTree(api.bodies.get(0)).path("id").asText()).isEqualTo("mine");
  }

  @Test
  void submitIsRepeatedUnderTheSameIdWhileThereIsNoCoordinator() throws Exception {
    api.refuse("POST /v1/jobs", 503, "NO_QUORUM");
    api.hangUp("POST /v1/jobs");
    api.answer("POST /v1/jobs", submitted("n-1", true));

    CliRun run = inFolder("submit", write("job.yaml", "name: n\nscript: /s.py\n"));

    assertThat(run.code).isZero();
    assertThat(run.err).contains("no coordinator answers").contains("a coordinator answers again");
    assertThat(new HashSet<>(api.bodies)).hasSize(1);
    assertThat(api.bodies).hasSize(3);
  }

  @Test
  void submitAndWatchEndsAsTheJobDoes() throws Exception {
    api.answer("POST /v1/jobs", submitted("n-1", true));
    api.answer("GET /v1/jobs/n-1", Views.running("n-1", 3));
    api.answer("GET /v1/jobs/n-1", Views.ended("n-1", "FAILED", "SCRIPT_FAILED", 3));

    CliRun run = inFolder("submit", "--watch", write("j.yaml", "name: n\nscript: /s.py\n"));

    assertThat(run.code).isEqualTo(3);
    assertThat(run.outLines().get(0)).isEqualTo("n-1");
    assertThat(run.err).contains("next: lockstep describe n-1");
  }

  @Test
  void theServersMistakesAreToldToo() throws Exception {
    api.refuse("POST /v1/jobs", 400, "INVALID_SPEC", new Mistake(0, 0, "nodes", "must be few"));

    CliRun run = inFolder("submit", write("j.yaml", "name: n\nscript: /s.py\n"));

    assertThat(run.code).isEqualTo(9);
    assertThat(run.err).contains("INVALID_SPEC it is").contains("  nodes must be few");
  }

  // --- watch ---

  @Test
  void watchPrintsALineForEachChangeWhenPiped() {
    api.answer("GET /v1/jobs/n-1", Views.queued("n-1"));
    api.answer("GET /v1/jobs/n-1", Views.running("n-1", 3));
    api.answer("GET /v1/jobs/n-1", Views.running("n-1", 3));
    api.refuse("GET /v1/jobs/n-1", 503, "NO_QUORUM");
    api.answer("GET /v1/jobs/n-1", Views.running("n-1", 4));
    api.answer("GET /v1/jobs/n-1", Views.ended("n-1", "SUCCEEDED", "SUCCEEDED", 0));

    CliRun run = CliRun.of(api, "watch", "n-1");

    assertThat(run.outLines())
        .hasSize(4)
        .satisfies(
            lines -> {
              assertThat(lines.get(0)).startsWith("QUEUED").contains("needs 2 ready nodes");
              assertThat(lines.get(1)).contains("step 3/79 (3%)").contains("loss 2.5000");
              assertThat(lines.get(1)).contains("ranks 127.0.0.1,127.0.0.2");
              assertThat(lines.get(2)).contains("step 4/79");
              assertThat(lines.get(3)).startsWith("SUCCEEDED");
            });
    assertThat(run.out).doesNotContain("\u001b");
    assertThat(run.err)
        .isEqualTo(
            """
            no coordinator answers, asking again: NO_QUORUM it is
            a coordinator answers again
            """);
    assertThat(run.code).isZero();
  }

  @Test
  void watchRedrawsInPlaceOnATerminal() {
    api.answer("GET /v1/jobs/n-1", Views.running("n-1", 40));
    api.answer("GET /v1/jobs/n-1", Views.ended("n-1", "CANCELED", "CANCELED", 7));

    CliRun run = CliRun.builder().env("LOCKSTEP_API", api.url()).interactive().run("watch", "n-1");

    assertThat(run.out)
        .contains("[###############---------------] step 40/79 (50%)  loss 2.5000")
        .contains("node rank 1  127.0.0.2")
        .contains("\u001b[5A\u001b[J");
    assertThat(run.code).isEqualTo(7);
  }

  @Test
  void watchAsJsonIsOneLineForEachChange() throws Exception {
    api.answer("GET /v1/jobs/n-1", Views.running("n-1", 40));
    api.answer("GET /v1/jobs/n-1", Views.ended("n-1", "SUCCEEDED", "SUCCEEDED", 0));

    CliRun run = CliRun.of(api, "watch", "n-1", "--output", "json");

    assertThat(run.outLines()).hasSize(2);
    assertThat(FakeApi.JSON.readTree(run.outLines().get(1)).path("phase").asText())
        .isEqualTo("SUCCEEDED");
  }

  @Test
  void watchWithoutAnyCoordinatorEndsAtOnce() throws IOException {
    CliRun run = CliRun.builder().run("--api", nobody(), "watch", "n-1");

    assertThat(run.code).isEqualTo(8);
    assertThat(run.err).contains("nobody answers at http://127.0.0.1:").contains("next: ");
  }

  // --- events ---

  @Test
  void eventsFollowToTheEndOfTheJob() {
    api.answer("GET /v1/jobs/n-1/events?after=0&limit=500", List.of(Views.event(3, "JobQueued")));
    api.answer(
        "GET /v1/jobs/n-1/events?after=3&limit=500", List.of(Views.event(5, "JobSucceeded")));
    api.answer("GET /v1/jobs/n-1/events?after=5&limit=500", List.of());
    api.answer("GET /v1/jobs/n-1", Views.running("n-1", 40));
    api.answer("GET /v1/jobs/n-1", Views.ended("n-1", "SUCCEEDED", "SUCCEEDED", 0));

    CliRun run = CliRun.of(api, "events", "-f", "n-1");

    assertThat(run.outLines()).hasSize(2);
    assertThat(run.outLines().get(1)).contains("JobSucceeded");
    assertThat(run.code).isZero();
  }

  // --- logs ---

  @Test
  void logsOfAllRanksAreWholeLinesAfterTheirPlace() {
    api.answer("GET /v1/jobs/n-1", Views.ended("n-1", "SUCCEEDED", "SUCCEEDED", 0));
    log(0, 0, 0, "one\ntw", false);
    log(0, 0, 6, "o\n", false);
    log(0, 0, 8, "", true);
    log(1, 1, 0, " 10%\r 20%\r 30%\nend", false);
    log(1, 1, 18, "", true);

    CliRun run = CliRun.of(api, "logs", "n-1");

    assertThat(run.outLines()).containsExactly("0/0 | one", "1/1 |  30%", "0/0 | two", "1/1 | end");
    assertThat(run.code).isZero();
  }

  @Test
  void logsOfOneRankOfAPastAttempt() {
    api.answer("GET /v1/jobs/q-1", Views.restarted("q-1"));
    api.answer(
        "GET /v1/jobs/q-1/logs?rank=1&offset=0&attempt=1", Views.log(1, 1, 0, "old\n", false));
    api.answer("GET /v1/jobs/q-1/logs?rank=1&offset=4&attempt=1", Views.log(1, 1, 4, "", true));

    assertThat(CliRun.of(api, "logs", "q-1", "--rank", "1", "--attempt", "1").out)
        .isEqualTo("1/1 | old\n");
  }

  @Test
  void logsFollowToTheEnd() {
    api.answer("GET /v1/jobs/n-1", Views.running("n-1", 40));
    api.answer("GET /v1/jobs/n-1", Views.running("n-1", 40));
    api.answer("GET /v1/jobs/n-1", Views.ended("n-1", "SUCCEEDED", "SUCCEEDED", 0));
    String first = "GET /v1/jobs/n-1/logs?rank=0&offset=0&attempt=1";
    api.refuse(first, 409, "NOT_PLACED");
    api.answer(first, Views.log(0, 0, 0, "a\nb", false));
    log(0, 0, 3, "", false);

    CliRun run = CliRun.of(api, "logs", "-f", "n-1", "--rank", "0");

    assertThat(run.out).isEqualTo("0/0 | a\n0/0 | b\n");
    assertThat(run.err).isEqualTo("rank 0: NOT_PLACED it is\n");
    assertThat(run.code).isZero();
  }

  @Test
  void logsThatNobodyHasAreAnErrorOnlyWhenAllAreGone() {
    api.answer("GET /v1/jobs/n-1", Views.ended("n-1", "SUCCEEDED", "SUCCEEDED", 0));
    log(0, 0, 0, "a\n", true);
    log(0, 0, 2, "", true);
    api.refuse("GET /v1/jobs/n-1/logs?rank=1&offset=0&attempt=1", 409, "NOTHING_TO_DO");

    CliRun all = CliRun.of(api, "logs", "n-1");
    CliRun one = CliRun.of(api, "logs", "n-1", "--rank", "1");

    assertThat(all.out).isEqualTo("0/0 | a\n");
    assertThat(all.err).isEqualTo("rank 1: NOTHING_TO_DO it is\n");
    assertThat(all.code).isZero();
    assertThat(one.code).isEqualTo(9);
  }

  @Test
  void logsBeforeTheFirstAttemptSayWhy() {
    api.answer("GET /v1/jobs/n-1", Views.queued("n-1"));

    assertThat(CliRun.of(api, "logs", "n-1").err).contains("no attempt has begun: needs 2 ready");
  }

  // --- operations ---

  @Test
  void cancelSendsTheGrace() throws Exception {
    api.answer("POST /v1/jobs/n-1/cancel", new MessageResponse("CANCELING", "canceling n-1"));

    CliRun run = CliRun.of(api, "cancel", "n-1", "--grace", "2m");

    assertThat(run.out).isEqualTo("canceling n-1\n");
    assertThat(FakeApi.JSON.readTree(api.bodies.get(0)).path("graceSeconds").asInt())
        .isEqualTo(120);
  }

  @Test
  void seatsLooksLikeThis() {
    api.answer(
        "GET /v1/seats",
        new SeatsView(
            2,
            2,
            2,
            List.of(
                seat("10.0.0.1:25520", "gpu-1", "FOLLOWS", true, ""),
                seat("10.0.0.2:25520", "gpu-2", "FOLLOWS", true, ""),
                seat("10.0.0.7:25520", "gpu-7", "OUT_OF_REACH", false, "has accepted nothing"))));

    CliRun run = CliRun.of(api, "seats");

    assertThat(run.out)
        .isEqualTo(
            """
            SEAT            NODE   STATE         VERSION  DISK      DETAIL
            10.0.0.1:25520  gpu-1  FOLLOWS       41       3f2a9c11  -
            10.0.0.2:25520  gpu-2  FOLLOWS       41       3f2a9c11  -
            10.0.0.7:25520  gpu-7  OUT_OF_REACH  41       3f2a9c11  has accepted nothing
            """);
    assertThat(run.err)
        .contains("set 2: 2 of 3 seats answer, 2 must; the next loss stops the cluster");
  }

  private static SeatsView.SeatView seat(
      String address, String node, String state, boolean inReach, String detail) {
    return new SeatsView.SeatView(
        address, Optional.of(node), state, 41, Optional.of("3f2a9c11-77"), inReach, detail);
  }

  @Test
  void seatsAreChangedByWords() {
    var done = new MessageResponse("SEATS_CHANGED", "done");
    api.answer("POST /v1/seats/gpu-7/add", done);
    api.answer("POST /v1/seats/gpu-7/remove", done);
    api.answer("POST /v1/seats/gpu-1/replace?by=gpu-7", done);

    assertThat(CliRun.of(api, "seats", "add", "gpu-7").out).isEqualTo("done\n");
    assertThat(CliRun.of(api, "seats", "remove", "gpu-7").out).isEqualTo("done\n");
    assertThat(CliRun.of(api, "seats", "replace", "gpu-1", "gpu-7").out).isEqualTo("done\n");
    assertThat(CliRun.of(api, "seats", "replace", "gpu-1").code).isEqualTo(2);
    assertThat(CliRun.of(api, "seats", "ad", "gpu-1").err).contains("replace OLD NEW");
  }

  @Test
  void drainAndResumeSayWhatTheyDid() {
    api.answer("POST /v1/nodes/gpu%20%2F1/drain", new MessageResponse("DRAINING", "draining"));
    api.answer("POST /v1/nodes/gpu-1/resume", new MessageResponse("NODE_READY", "ready"));

    assertThat(CliRun.of(api, "drain", "gpu /1").out).isEqualTo("draining\n");
    CliRun run = CliRun.of(api, "resume", "gpu-1", "--output", "json");
    assertThat(run.out).contains("\"code\" : \"NODE_READY\"");
  }

  @Test
  void aWriteIsNotRepeatedWhenItsFateIsUnknown() {
    api.hangUp("POST /v1/nodes/a/drain");

    try (var other = new FakeApi()) {
      CliRun run = CliRun.builder().run("--api", api.url() + "," + other.url(), "drain", "a");

      assertThat(run.code).isEqualTo(8);
      assertThat(run.err).contains("may have taken effect");
      assertThat(api.requests).hasSize(1);
      assertThat(other.requests).isEmpty();
    }
  }

  @Test
  void anotherSeatIsAskedWhenOneIsAway() throws IOException {
    api.answer("POST /v1/nodes/a/drain", new MessageResponse("DRAINING", "draining"));

    CliRun run = CliRun.builder().run("--api", nobody() + "," + api.url() + "/", "drain", "a");

    assertThat(run.code).isZero();
  }

  @Test
  void aSeatWithoutACoordinatorIsPassedOverForReads() {
    api.refuse("GET /v1/nodes", 503, "NO_QUORUM");
    try (var other = new FakeApi()) {
      other.answer("GET /v1/nodes", List.of());

      assertThat(CliRun.builder().run("--api", api.url() + "," + other.url(), "nodes").code)
          .isZero();
    }
    CliRun alone = CliRun.of(api, "nodes");
    assertThat(alone.code).isEqualTo(8);
    assertThat(alone.err).contains("NO_QUORUM it is").contains("next: ");
  }

  @Test
  void whatASeatLastKnewIsToldAsSuchAndSomebodyWhoKnowsBetterGoesFirst() {
    api.lastKnown("GET /v1/nodes", List.of(), "this is what seat a last knew");

    CliRun alone = CliRun.of(api, "nodes");
    assertThat(alone.code).isZero();
    assertThat(alone.err).isEqualTo("this is what seat a last knew\n");

    try (var other = new FakeApi()) {
      other.answer("GET /v1/nodes", List.of());
      CliRun both = CliRun.builder().run("--api", api.url() + "," + other.url(), "nodes");
      assertThat(both.err).isEmpty();
      assertThat(other.requests).hasSize(1);
    }
  }

  @Test
  void watchTellsOnceThatItSeesWhatASeatLastKnew() {
    api.answer("GET /v1/jobs/n-1", Views.running("n-1", 3));
    api.lastKnown("GET /v1/jobs/n-1", Views.running("n-1", 3), "last known");
    api.lastKnown("GET /v1/jobs/n-1", Views.running("n-1", 3), "last known");
    api.answer("GET /v1/jobs/n-1", Views.ended("n-1", "SUCCEEDED", "SUCCEEDED", 0));

    CliRun run = CliRun.of(api, "watch", "n-1");

    assertThat(run.code).isZero();
    assertThat(run.err).isEqualTo("last known\n");
  }

  @Test
  void versionNeedsNobody() {
    CliRun run = CliRun.builder().run("version");

    assertThat(run.out).matches("lockstep \\d+\\.\\d+\\.\\d+\\S* \\(java .*\\)\n");
    assertThat(run.code).isZero();
  }

  // --- exit codes ---

  @ParameterizedTest
  @CsvSource({
    "404,UNKNOWN_JOB,9",
    "409,CONFLICT,9",
    "400,INVALID_SPEC,9",
    "503,NO_QUORUM,8",
    "500,INTERNAL,1"
  })
  void aProblemHasItsExitCode(int status, String code, int exit) {
    api.refuse("GET /v1/jobs/x", status, code);

    CliRun run = CliRun.of(api, "describe", "x");

    assertThat(run.code).isEqualTo(exit);
    assertThat(run.out).isEmpty();
    assertThat(run.err).contains(code + " it is (" + code + ")").doesNotContain("\tat ");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "frobnicate",
        "list --wat",
        "describe",
        "describe a b",
        "--output xml list",
        "cancel n --grace soon",
        "cancel n --grace 500ms",
        "logs n --rank -1",
        "logs n --rank x",
        "logs n --attempt 0",
        "--api ftp://x list",
        "--api nonsense list",
        "submit nosuch.yaml",
        "submit - --id A/B"
      })
  void wrongUsageIsTwo(String line) {
    String[] args = line.isEmpty() ? new String[0] : line.split(" ", -1);

    CliRun run = CliRun.builder().folder(folder).run(args);

    assertThat(run.code).as(run.err).isEqualTo(2);
    assertThat(run.out).isEmpty();
    assertThat(run.err).startsWith("lockstep: ");
  }

  @Test
  void aServerThatIsNotOursIsNamed() {
    api.raw("GET /v1/jobs", 200, "text/html", "<html>");
    api.raw("GET /v1/nodes", 404, "text/html", "<html>");

    assertThat(CliRun.of(api, "list").err).contains("not as Lockstep does").contains("--api");
    CliRun nodes = CliRun.of(api, "nodes");
    assertThat(nodes.err).contains("HTTP 404");
    assertThat(nodes.code).isEqualTo(9);
  }

  @ParameterizedTest
  @EnumSource
  void everyExitCodeOfTheCoordinatorIsKept(ExitCode code) {
    assertThat(ExitCode.of(Views.ended("n", "FAILED", "INTERNAL", code.number()))).isEqualTo(code);
  }

  @Test
  void theNumbersAreThoseOfTheContract() {
    assertThat(Arrays.stream(ExitCode.values()).map(ExitCode::number))
        .containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
  }

  @ParameterizedTest
  @CsvSource({
    "SUCCEEDED,SUCCEEDED,DONE",
    "CANCELED,CANCELED,CANCELED",
    "FAILED,SCRIPT_FAILED,JOB_FAILED",
    "FAILED,RESTART_BUDGET_SPENT,BUDGET_SPENT",
    "FAILED,NOTHING_TRAINED,NO_PROGRESS",
    "FAILED,NO_QUORUM,INFRASTRUCTURE",
    "FAILED,CHECKPOINTS_EXIST,REFUSED",
    "FAILED,A_REASON_OF_TOMORROW,INTERNAL"
  })
  void withoutACodePhaseAndReasonDecide(String phase, String reason, ExitCode code)
      throws Exception {
    JsonNode tree = FakeApi.JSON.valueToTree(Views.ended("n", phase, reason, 0));
    ((com.fasterxml.jackson.databind.node.ObjectNode) tree).remove("exitCode");

    assertThat(ExitCode.of(FakeApi.JSON.treeToValue(tree, JobView.class))).isEqualTo(code);
  }

  @ParameterizedTest
  @EnumSource
  void everyReasonOfAFailureHasACode(ReasonCode reason) throws Exception {
    JsonNode tree = FakeApi.JSON.valueToTree(Views.ended("n", "FAILED", reason.name(), 0));
    ((com.fasterxml.jackson.databind.node.ObjectNode) tree).remove("exitCode");

    assertThat(ExitCode.of(FakeApi.JSON.treeToValue(tree, JobView.class)))
        .isNotEqualTo(ExitCode.DONE);
  }

  @Test
  void thisMapperReadsWhatTheServersWrites() throws Exception {
    JobView job = Views.restarted("q-1");
    String written = FakeApi.JSON.writeValueAsString(job);

    assertThat(CliJson.mapper().readValue(written, JobView.class)).isEqualTo(job);
    assertThat(CliJson.mapper().writeValueAsString(job)).isEqualTo(written);
  }

  // --- help, suggestions, completion ---

  @Test
  void everyVerbHasAnExampleInItsHelp() {
    for (CommandLine verb : verbs()) {
      CliRun run = CliRun.of(api, verb.getCommandName(), "--help");

      assertThat(run.code).as(verb.getCommandName()).isZero();
      assertThat(run.out).contains("Example").contains("  lockstep ");
      assertThat(run.outLines())
          .allSatisfy(line -> assertThat(Text.width(line)).isLessThanOrEqualTo(80));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "sumbit,lockstep submit",
    "lst,lockstep list",
    "describ x,lockstep describe",
    "list --outptu json,--output"
  })
  void aMistypedWordIsAnsweredWithTheNearest(String line, String meant) {
    CliRun run = CliRun.of(api, line.split(" "));

    assertThat(run.code).isEqualTo(2);
    assertThat(run.err).contains("did you mean: " + meant + "?").contains("next: lockstep");
  }

  @Test
  void namesForAShellAreOneALineAndNothingElse() {
    api.answer("GET /v1/jobs", List.of(Views.queued("n-1"), Views.queued("n-2")));

    CliRun run = CliRun.of(api, "names", "jobs");

    assertThat(run.out).isEqualTo("n-1\nn-2\n");
    assertThat(CliRun.builder().env("LOCKSTEP_API", "http://127.0.0.1:1").run("names", "nodes").err)
        .isEmpty();
    assertThat(CliRun.of(api, "--help").out).doesNotContain("  names ");
  }

  @ParameterizedTest
  @ValueSource(strings = {"bash", "zsh", "fish"})
  void completionKnowsEveryVerbAndAsksForNames(String shell) {
    CliRun run = CliRun.of(api, "completion", shell);

    assertThat(run.code).isZero();
    assertThat(run.out).contains("lockstep names jobs").contains("lockstep names nodes");
    for (CommandLine verb : verbs()) {
      assertThat(run.out).contains(verb.getCommandName());
    }
    assertThat(run.out).doesNotContain("names)");
  }

  @ParameterizedTest
  @CsvSource({
    "'lockstep sub',submit",
    "'lockstep describe n',n-1 n-2",
    "'lockstep --output json describe n-2',n-2",
    "'lockstep --output ',table json",
    "'lockstep drain g',gpu-1",
    "'lockstep submit --dry',--dry-run",
    "'lockstep completion f',fish"
  })
  void bashCompletes(String typed, String completed) throws Exception {
    String script =
        CliRun.of(api, "completion", "bash").out
            + """
            lockstep() { if [ "$2" = jobs ]; then echo n-1; echo n-2; else echo gpu-1; fi; }
            IFS=' ' read -r -a COMP_WORDS <<< "$1"
            [[ $1 == *' ' ]] && COMP_WORDS+=('')
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _lockstep
            echo "${COMPREPLY[*]}"
            """;
    Process bash =
        new ProcessBuilder("bash", "-c", script, "bash", typed).redirectErrorStream(true).start();

    assertThat(
            new String(
                bash.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8))
        .isEqualTo(completed + "\n");
  }

  @Test
  void colorsAreForTerminalsThatWantThem() {
    assertThat(CliRun.builder().interactive().run("--help").out).contains("\u001b[");
    assertThat(CliRun.builder().interactive().env("NO_COLOR", "1").run("--help").out)
        .doesNotContain("\u001b");
    assertThat(CliRun.builder().run("--help").out).doesNotContain("\u001b");
  }

  private static List<CommandLine> verbs() {
    return Main.commandLine(Terminal.ofProcess()).getSubcommands().values().stream()
        .filter(verb -> !verb.getCommandSpec().usageMessage().hidden())
        .toList();
  }

  // --- schema, hold, dry run ---

  @Test
  void theSchemaIsTheOneOfTheDocs() throws Exception {
    CliRun run = CliRun.of(api, "schema");

    assertThat(run.out).isEqualTo(Files.readString(Path.of("../docs/job.schema.json")));
  }

  @Test
  void aHeldJobIsReleased() throws Exception {
    api.answer("POST /v1/jobs?hold=true", submitted("n-1", true));
    api.answer("POST /v1/jobs/n-1/release", new MessageResponse("QUEUED", "n-1 is released"));

    CliRun held = inFolder("submit", write("job.yaml", "name: n\nscript: /s.py\n"), "--hold");
    CliRun released = CliRun.of(api, "release", "n-1");

    assertThat(held.err).contains("next: lockstep release n-1");
    assertThat(released.out).isEqualTo("n-1 is released\n");
    assertThat(released.err).isEqualTo("next: lockstep watch n-1\n");
  }

  @Test
  void aDryRunShowsWhatWouldStart() throws Exception {
    api.answer("POST /v1/jobs?dryRun=true", Views.dryRun(true));

    CliRun run = inFolder("submit", write("job.yaml", "name: n\nscript: /s.py\n"), "--dry-run");

    assertThat(run.out)
        .isEqualTo(
            """
            would start at once: 2 workers

            NODE RANK  NODE   ADDRESS   RANKS
            0          gpu-1  10.0.0.1  0-1

            node rank 0 on gpu-1 runs:
              python -m torch.distributed.run '<port>' 'it'\\''s'

            environment, beyond the daemon's own and torchrun's variables:
              A='b c'

            goes on from: a fresh start
            """);
    assertThat(run.err).isEqualTo("nothing was queued\n");
    assertThat(run.code).isZero();
  }

  @Test
  void aDryRunSaysWhyItWouldWait() throws Exception {
    api.answer("POST /v1/jobs?dryRun=true", Views.dryRun(false));

    CliRun run = inFolder("submit", write("job.yaml", "name: n\nscript: /s.py\n"), "--dry-run");

    assertThat(run.out).contains("would wait: why").contains("gpu-1      held by a");
  }

  @Test
  void describeSaysForEachNodeWhyAJobWaits() {
    api.answer(
        "GET /v1/jobs/n-1",
        Views.queued("n-1")
            .waiting(List.of(new JobView.WaitView("gpu-1", false, "kept for big-1"))));

    assertThat(CliRun.of(api, "describe", "n-1").out)
        .contains("WAITS FOR  BUT IT IS\ngpu-1      kept for big-1\n");
  }

  private void log(int nodeRank, int rank, long offset, String text, boolean ended) {
    api.answer(
        "GET /v1/jobs/n-1/logs?rank=" + rank + "&offset=" + offset + "&attempt=1",
        Views.log(nodeRank, rank, offset, text, ended));
  }

  private CliRun inFolder(String... args) {
    return CliRun.builder().env("LOCKSTEP_API", api.url()).folder(folder).run(args);
  }

  private String write(String name, String text) throws IOException {
    Files.writeString(folder.resolve(name), text);
    return name;
  }

  private static SubmitResponse submitted(String id, boolean created) {
    return new SubmitResponse(id, created, new ReasonView("QUEUED", "why"));
  }

  /** An address at which nobody listens. */
  private static String nobody() throws IOException {
    try (var socket = new ServerSocket(0)) {
      return "http://127.0.0.1:" + socket.getLocalPort();
    }
  }
}
