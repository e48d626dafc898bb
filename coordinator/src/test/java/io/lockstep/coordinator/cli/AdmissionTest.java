package io.lockstep.coordinator.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.api.JobView.ReasonView;
import io.lockstep.protocol.api.NodeView;
import io.lockstep.protocol.api.SubmitResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What cannot fit is not queued. */
class AdmissionTest {
  private static final Path EXAMPLES = Path.of("../deploy/examples").toAbsolutePath().normalize();
  private static final String QUEUE = "POST /v1/jobs";

  private final FakeApi api = new FakeApi();

  @AfterEach
  void close() {
    api.close();
  }

  @Test
  void whatCannotFitIsRefused() throws Exception {
    cluster("NVIDIA H100 80GB HBM3", 81_559L << 20, 1);

    CliRun run = submit();

    assertThat(run.code).isEqualTo(9);
    assertThat(run.out).isEmpty();
    assertThat(run.err)
        .contains("it cannot fit: a worker needs 132 GB to")
        .contains("NVIDIA H100 80GB HBM3 has 85.5 GB; nothing was queued")
        .contains("--force");
    assertThat(api.requests).noneMatch(QUEUE::equals);
  }

  @Test
  void forceQueuesItAllTheSame() throws Exception {
    cluster("NVIDIA H100 80GB HBM3", 81_559L << 20, 1);

    CliRun run = submit("--force");

    assertThat(run.code).isZero();
    assertThat(run.out).isEqualTo("n-1\n");
    assertThat(run.err).contains("it cannot fit").contains("queued anyway");
  }

  @Test
  void whatMayNotFitIsQueuedWithAWarning() throws Exception {
    cluster("NVIDIA H200", 143_771L << 20, 1);

    CliRun run = submit();

    assertThat(run.code).isZero();
    assertThat(run.out).isEqualTo("n-1\n");
    assertThat(run.err).contains("it may not fit").contains("queued anyway");
  }

  @Test
  void theBestNodesCountSinceTheGangMayGetThem() throws Exception {
    api.answer(QUEUE, new SubmitResponse("n-1", true, new ReasonView("QUEUED", "why")));
    api.answer(
        "GET /v1/nodes",
        List.of(node("small", "NVIDIA L4", 24L << 30), node("large", "NVIDIA B300", 288L << 30)));

    CliRun run = submit();

    assertThat(run.err).isEqualTo("queued: why\nnext: lockstep watch n-1\n");
  }

  @Test
  void adaptersAreNotJudged() throws Exception {
    cluster("NVIDIA L4", 24L << 30, 1);

    assertThat(submit("--set", "args=[--use_peft, 'True']").code).isZero();
  }

  @Test
  void anotherScriptIsJudgedByTheLeastThatItCanNeed() throws Exception {
    cluster("NVIDIA H200", 143_771L << 20, 4);

    // 65.5 GB of weights and 3.8 of state on each of 256 workers, whatever the script's defaults
    // are
    assertThat(submit("--set", "script=train.py", "--set", "nodes=32").code).isZero();
  }

  @Test
  void withoutGpusNothingIsSaid() throws Exception {
    api.answer(QUEUE, new SubmitResponse("n-1", true, new ReasonView("QUEUED", "why")));
    api.answer("GET /v1/nodes", List.of(Views.node("a", "READY", true, Optional.empty())));

    assertThat(submit().err).isEqualTo("queued: why\nnext: lockstep watch n-1\n");
  }

  private CliRun submit(String... more) {
    var args = new ArrayList<>(List.of("submit", "qwen3-32b.yaml"));
    args.addAll(List.of(more));
    return CliRun.builder()
        .env("LOCKSTEP_API", api.url())
        .folder(EXAMPLES)
        .run(args.toArray(String[]::new));
  }

  private void cluster(String card, long bytes, int nodes) throws Exception {
    var fleet = new ArrayList<NodeView>();
    for (int i = 0; i < nodes; i++) {
      fleet.add(node("n" + i, card, bytes));
    }
    api.answer("GET /v1/nodes", fleet);
    api.answer(QUEUE, new SubmitResponse("n-1", true, new ReasonView("QUEUED", "why")));
  }

  private static NodeView node(String name, String card, long bytes) {
    return Views.gpuNode(name, card, bytes, 8);
  }
}
