package io.lockstep.deploy.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.coordinator.cli.Session;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every flag of torchrun is taken as there, or refused with what to use instead. */
final class RunParserTest {
  private static RunOptions parse(String... args) throws RunRefused {
    return RunParser.parse(Map.of(), args);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--nnodes 2",
        "--nproc-per-node 4",
        "--nproc_per_node=4",
        "--node-rank 1",
        "--node_rank=1",
        "--master-addr a",
        "--master_addr a",
        "--master-port 29501",
        "--rdzv-backend c10d",
        "--rdzv_backend=c10d",
        "--rdzv-endpoint a:1",
        "--rdzv-id job",
        "--rdzv-conf timeout=9",
        "--standalone",
        "--max-restarts 3",
        "--monitor-interval 5",
        "--start-method spawn",
        "-m",
        "--module",
        "--no-python",
        "--no_python",
        "--log-dir logs",
        "-r 3",
        "--redirects 3",
        "-t 3",
        "--tee 3",
        "--local-addr a",
        "--shutdown-timeout 9"
      })
  void torchrunsFlagIsTakenInEachSpelling(String flag) throws RunRefused {
    String[] args = (flag + " train.py --nnodes 7").split(" ", -1);

    assertThat(parse(args).command).containsExactly("train.py", "--nnodes", "7");
  }

  @Test
  void optionsOfAllVerbsMayComeBeforeTheVerb() throws RunRefused {
    String[] words = RunParser.withoutVerb("--output", "json", "run", "--standalone", "run", "x");

    assertThat(words).containsExactly("--output", "json", "--standalone", "run", "x");
    assertThat(parse(words).output).isEqualTo(Session.OutputForm.json);
    assertThat(parse(words).command).containsExactly("run", "x");
    assertThat(RunParser.withoutVerb("run", "-m", "x")).containsExactly("-m", "x");
  }

  static Stream<String> refused() {
    return RefusedFlags.all().keySet().stream().sorted();
  }

  @ParameterizedTest
  @MethodSource("refused")
  void torchrunsFlagThatMakesNoSenseHereIsRefusedWithWhatToUseInstead(String flag) {
    for (String spelled :
        List.of(flag, flag + "=1", flag.substring(0, 2) + flag.substring(2).replace('-', '_'))) {
      assertThatThrownBy(() -> parse(spelled, "train.py"))
          .isInstanceOf(RunRefused.class)
          .hasMessageContaining(flag)
          .hasMessageContaining(RefusedFlags.all().get(flag));
    }
  }

  @Test
  void everyFlagOfTorchrunIsKnown() {
    // torchrun --help of torch 2.13 and 2.14, by its long names
    List<String> flags =
        List.of(
            ("nnodes nproc-per-node rdzv-backend rdzv-endpoint rdzv-id rdzv-conf standalone"
                    + " max-restarts monitor-interval start-method event-log-handler role module"
                    + " no-python run-path log-dir redirects tee local-ranks-filter"
                    + " duplicate-stdout-filters duplicate-stderr-filters node-rank master-addr"
                    + " master-port local-addr logs-specs numa-binding signals-to-handle"
                    + " shutdown-timeout virtual-local-rank log-line-prefix-template"
                    + " print-completion")
                .split(" ", -1));

    assertThat(flags)
        .allSatisfy(
            flag ->
                assertThat(
                        RefusedFlags.all().containsKey("--" + flag)
                            || RunParser.option("--" + flag).isPresent())
                    .as(flag)
                    .isTrue());
  }

  @Test
  void whatFollowsTheScriptIsTheScripts() throws RunRefused {
    RunOptions options = parse("--nproc_per_node", "2", "t.py", "--node_rank", "9", "--role", "-h");

    assertThat(options.procs).isEqualTo("2");
    assertThat(options.nodeRank).isEmpty();
    assertThat(options.command).containsExactly("t.py", "--node_rank", "9", "--role", "-h");
  }

  @Test
  void variablesOfTorchrunCountWhereNoFlagIsGiven() throws RunRefused {
    Map<String, String> env = Map.of("PET_NNODES", "3", "PET_NODE_RANK", "1");

    assertThat(RunParser.parse(env, "t.py").nodes).isEqualTo("3");
    assertThat(RunParser.parse(env, "t.py").nodeRank).isEqualTo(Optional.of(1));
    assertThat(RunParser.parse(env, "--nnodes", "2", "t.py").nodes).isEqualTo("2");
  }

  @Test
  void torchrunsOwnVariableSaysHowLongWorkersMayTakeToEnd() throws RunRefused {
    Map<String, String> env = Map.of("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", "120");

    assertThat(RunParser.parse(env, "t.py").graceSeconds).isEqualTo(120);
    assertThat(RunParser.parse(env, "--shutdown-timeout", "7", "t.py").graceSeconds).isEqualTo(7);
    assertThat(parse("t.py").graceSeconds).isEqualTo(30);
  }

  @Test
  void anUnknownFlagIsNamed() {
    assertThatThrownBy(() -> parse("--nodes", "2", "t.py"))
        .isInstanceOf(RunRefused.class)
        .hasMessageContaining("--nodes")
        .hasMessageContaining("--help");
  }
}
