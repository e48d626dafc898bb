package io.lockstep.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.lockstep.e2e.Calls.Call;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;

/** How the hosts of a {@code lockstep run} find each other, and how they part. */
@DisabledIfSystemProperty(named = "slow.tests", matches = "false")
final class RunHostsE2eTest {
  private static final Path DIR = Installation.freshFolder("run-hosts");
  private static final String FIRST = "127.78.0.1";
  private static final String SECOND = "127.78.0.2";
  private static final String THIRD = "127.78.0.3";

  private final Calls calls = new Calls(DIR);

  @AfterEach
  void nothingIsLeftBehind() throws InterruptedException {
    calls.endAll(FIRST, SECOND, THIRD);
  }

  @Test
  void theSecondControlCKillsWhatDoesNotCareForTheFirst() throws Exception {
    Call call =
        calls.run(
            FIRST,
            "--standalone",
            "--shutdown-timeout",
            "600",
            Installation.EXAMPLES.resolve("hangs_on_term.py").toString());
    call.awaitOutput("rank 0 works");

    call.signal("INT");
    call.awaitOutput("does not care for TERM");
    call.signal("INT");

    assertThat(call.exit()).as(call.talk()).isEqualTo(7);
    assertThat(call.talk()).contains("killing at once");
    Calls.awaitNoneOf(FIRST);
  }

  @Test
  void withJsonStdoutIsTheEndedJobAlone() throws Exception {
    Call call =
        calls.start(
            List.of(
                Installation.HOME.resolve("bin/lockstep").toString(),
                "--output",
                "json",
                "run",
                "--standalone",
                "--no-python",
                "echo",
                "hello"),
            Map.of());

    assertThat(call.exit()).as(call.talk()).isZero();
    assertThat(new ObjectMapper().readTree(call.output()).path("phase").asText())
        .isEqualTo("SUCCEEDED");
    assertThat(call.talk()).contains("hello");
  }

  @Test
  void hostsOfAHostfileTrainAndAreNotLeftBehindWhenNodeRankZeroIsKilled() throws Exception {
    Path hosts = DIR.resolve("hostfile");
    Files.writeString(hosts, FIRST + " slots=1\n" + SECOND + " slots=1\n");
    Call first = hostfile(FIRST, hosts);
    Call second = hostfile(SECOND, hosts);
    first.awaitOutput("step=5 loss=");
    assertThat(second.talk()).contains(SECOND + " is in, for node rank 1");

    first.signal("KILL");

    Calls.awaitNoneOf(FIRST); // though nobody is there any more to end them
    assertThat(second.exit()).as(second.talk()).isEqualTo(8);
    assertThat(second.talk()).contains("its command is gone, so this host leaves");
    Calls.awaitNoneOf(SECOND);
  }

  private Call hostfile(String host, Path hosts) throws IOException {
    return calls.run(
        host,
        "--hostfile",
        hosts.toString(),
        "--master-port",
        "29710",
        Installation.EXAMPLES.resolve("bare_train.py").toString(),
        "--cpu",
        "--steps",
        "9999");
  }

  @Test
  void withC10dTheSameLineOnEachHostGivesOutTheRanks() throws Exception {
    Path said = DIR.resolve("c10d");
    Call first = c10d(FIRST, said);
    Call second = c10d(SECOND, said);

    assertThat(first.exit()).as(first.talk()).isZero();
    assertThat(second.exit()).as(second.talk()).isZero();
    assertThat(Files.readAllLines(said))
        .containsExactlyInAnyOrder("0 of 2 on " + FIRST, "1 of 2 on " + SECOND);
    assertThat(second.talk()).contains(SECOND + " is in; ranks are given when all hosts are there");
  }

  private Call c10d(String host, Path said) throws IOException {
    return calls.start(
        List.of(
            Installation.HOME.resolve("bin/lockstep").toString(),
            "run",
            "--nnodes=2",
            "--nproc_per_node=1",
            "--rdzv_id=456",
            "--rdzv_backend=c10d",
            "--rdzv_endpoint=" + FIRST + ":29711",
            "--no-python",
            "sh",
            "-c",
            "echo $RANK of $WORLD_SIZE on $LOCKSTEP_NODE >> " + said),
        Map.of("LOCKSTEP_HOST", host));
  }

  @Test
  void ofTwoHostsThatAskForOneRankOneIsRefusedAndTheJobGoesOn() throws Exception {
    Call first = ranked(FIRST, "0", "29712");
    Call second = ranked(SECOND, "1", "29712");
    Call third = ranked(THIRD, "1", "29712");

    assertThat(first.exit()).as(first.talk()).isZero();
    assertThat(List.of(second.exit(), third.exit())).containsExactlyInAnyOrder(0, 9);
    Call refused = second.exit() == 9 ? second : third;
    assertThat(refused.talk()).contains("node rank 1 is taken by 127.78.0.");
  }

  @Test
  void aRankThatNobodyTakesEndsTheWaitAndIsNamed() throws Exception {
    Call call = ranked(FIRST, "0", "29713", "--rdzv-conf", "timeout=5");

    assertThat(call.exit()).as(call.talk()).isEqualTo(6);
    assertThat(call.talk()).contains("still missing: ").contains("node rank 1;");
  }

  private Call ranked(String host, String rank, String port, String... more) throws IOException {
    var args =
        new ArrayList<>(List.of("--nnodes", "2", "--node-rank", rank, "--master-addr", FIRST));
    args.addAll(List.of("--master-port", port));
    args.addAll(List.of(more));
    args.addAll(List.of("--no-python", "sleep", "5"));
    return calls.run(host, args.toArray(String[]::new));
  }

  @Test
  void whatCannotBeIsSaidBeforeAnythingStarts() throws Exception {
    Call unknown =
        calls.run(
            FIRST, "--nnodes", "2", "--master-addr", "no.such.host.invalid", "--no-python", "true");
    Call outside = dropIn("2");
    Call word = dropIn("two");

    assertThat(unknown.exit()).isEqualTo(2);
    assertThat(unknown.talk()).contains("no.such.host.invalid").contains("give an IP address");
    assertThat(outside.exit()).isEqualTo(2);
    assertThat(outside.talk()).contains("--node-rank is 0 to 1 with --nnodes 2, found: 2");
    assertThat(word.exit()).isEqualTo(2);
    assertThat(word.talk()).contains("NODE_RANK is a number from 0, found: two");
  }

  private Call dropIn(String rank) throws IOException {
    return calls.start(
        List.of(
            Installation.HOME.resolve("bin/torchrun_multi_node_multi_gpu.sh").toString(),
            "2",
            "2",
            "1",
            FIRST,
            "29714"),
        Map.of(
            "NODE_RANK",
            rank,
            "LOCKSTEP_HOST",
            SECOND,
            "MODEL_PATH",
            DIR.toString(),
            "TRAIN_FILE_DIR",
            DIR.toString(),
            "VALID_FILE_DIR",
            DIR.toString(),
            "OUTPUT_DIR",
            DIR.resolve("pretrained").toString()));
  }
}
