package io.lockstep.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.lockstep.e2e.Calls.Call;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * One word changed, {@code torchrun} to {@code lockstep run}, and the script's result is the same.
 */
@DisabledIfSystemProperty(named = "slow.tests", matches = "false")
final class SameAsTorchrunE2eTest {
  private static final Path DIR = Installation.freshFolder("same");
  private static final String MARK = "SAME_AS_TORCHRUN";
  private static final Pattern ABORTED = Pattern.compile("SIGABRT|ended by signal 6");
  private static final int TRIALS = 4;

  private final Calls calls = new Calls(DIR);

  @AfterEach
  void nothingIsLeftBehind() throws InterruptedException {
    calls.endAll("127.0.0.1");
    await("no process of either")
        .atMost(Duration.ofSeconds(10))
        .untilAsserted(() -> assertThat(Processes.marked(MARK + "=")).isEmpty());
  }

  /** The two, called alike, at once. */
  private record Pair(Call torchrun, Call lockstep) {}

  private Pair both(String script, String... args) throws IOException {
    String torchrun = Path.of(Installation.PYTHON).resolveSibling("torchrun").toString();
    String lockstep = Installation.HOME.resolve("bin/lockstep").toString();
    return new Pair(
        call("torchrun", List.of(torchrun), script, args),
        call("lockstep", List.of(lockstep, "run"), script, args));
  }

  /**
   * The two, anew where gloo aborted a worker that had done its work: torch does so now and then as
   * a process group is destroyed (2 of 25 runs of plain torchrun on two busy cores).
   */
  private Pair bothWithoutAbort(String script, String... args) throws Exception {
    for (int trial = 1; ; trial++) {
      Pair pair = both(script, args);
      pair.torchrun().exit();
      pair.lockstep().exit();
      boolean aborted = ABORTED.matcher(pair.torchrun().talk() + pair.lockstep().talk()).find();
      if (!aborted || trial == TRIALS) {
        return pair;
      }
    }
  }

  private Call call(String who, List<String> program, String script, String... args)
      throws IOException {
    var command = new ArrayList<>(program);
    command.addAll(List.of("--standalone", "--nproc-per-node", "2", "--shutdown-timeout", "3"));
    command.add(Installation.EXAMPLES.resolve(script).toString());
    for (String arg : args) {
      command.add(arg.replace("OUT", DIR.resolve(who + "-" + script).toString()));
    }
    // DeepSpeed compiles an op: once for both, where lockstep run keeps it
    Path ops = Path.of(System.getProperty("user.home"), ".cache/lockstep/torch_extensions");
    return calls.start(command, Map.of(MARK, who, "TORCH_EXTENSIONS_DIR", ops.toString()));
  }

  @ParameterizedTest
  @CsvSource({
    "ddp.py, --out, model.pt",
    "hf_trainer.py, --output_dir, checkpoint-4/trainer_state.json",
    "deepspeed_alone.py, --out, latest"
  })
  void whatTrainsTrainsToTheSameResult(String script, String outArg, String file) throws Exception {
    Pair pair = bothWithoutAbort(script, outArg, "OUT");

    assertThat(pair.torchrun().exit()).as(pair.torchrun().talk()).isZero();
    assertThat(pair.lockstep().exit()).as(pair.lockstep().talk()).isZero();
    assertThat(results(pair.lockstep()))
        .hasSize(1)
        .isEqualTo(results(pair.torchrun()))
        .first(org.assertj.core.api.InstanceOfAssertFactories.STRING)
        .contains("\"world\": 2");
    assertThat(files("lockstep", script)).contains(file).isEqualTo(files("torchrun", script));
    assertThat(DIR.resolve("lockstep-" + script + "/result.json"))
        .hasSameTextualContentAs(DIR.resolve("torchrun-" + script + "/result.json"));
  }

  @Test
  void whatFailsFailsWithItsOwnWords() throws Exception {
    Pair pair = both("fails.py");

    assertThat(pair.torchrun().exit()).isEqualTo(1);
    assertThat(pair.lockstep().exit()).isEqualTo(3); // so that 1 stays Lockstep's own trouble
    for (Call call : List.of(pair.torchrun(), pair.lockstep())) {
      // lockstep run tries once more: only the same words twice in a row are the script's own fault
      assertThat(results(call)).containsOnly("result so far: none");
      assertThat(call.talk()).contains("ValueError: the learning rate is negative, as asked");
    }
  }

  @Test
  void whatHangsOnTermIsKilledAfterTheGrace() throws Exception {
    Pair pair = both("hangs_on_term.py");
    for (Call call : List.of(pair.torchrun(), pair.lockstep())) {
      call.awaitOutput("rank 0 works");
    }
    for (Call call : List.of(pair.torchrun(), pair.lockstep())) {
      call.signal("TERM");
    }

    assertThat(pair.torchrun().exit()).isNotZero();
    assertThat(pair.lockstep().exit()).as(pair.lockstep().talk()).isEqualTo(7);
    for (Call call : List.of(pair.torchrun(), pair.lockstep())) {
      assertThat(call.output()).contains("rank 0 does not care for TERM");
    }
  }

  private static List<String> results(Call call) throws IOException {
    return call.output().lines().filter(line -> line.startsWith("result")).toList();
  }

  private static List<String> files(String who, String script) throws IOException {
    Path out = DIR.resolve(who + "-" + script);
    try (Stream<Path> walk = Files.walk(out)) {
      return walk.filter(Files::isRegularFile)
          .map(path -> out.relativize(path).toString())
          .filter(name -> !name.equals(".lockstep-owner.json"))
          .sorted()
          .toList();
    }
  }
}
