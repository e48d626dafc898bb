package io.lockstep.agent.check;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** docs/doctor.md has each check, and says where it runs. */
class ChecksAreDocumentedTest {
  /** What is looked at by others than the classes of this package: pairs, folders, comparisons. */
  private static final Set<String> ELSEWHERE =
      Set.of(
          "NO_FREE_PORT",
          "CHECKPOINT_DIR_UNWRITABLE",
          "FOLDER_NOT_SHARED",
          "DIFFERENT_VERSIONS",
          "DIFFERENT_HARDWARE",
          "CLOCK_SKEW",
          "CHECK_HANGS");

  /** Below the table in one sentence: they are of the job, not of the node. */
  private static final Set<String> OF_THE_JOB =
      Set.of("WORKDIR_MISSING", "PYTHON_MISSING", "PATH_MISSING", "NOT_ENOUGH_DEVICES");

  private static final Path NOWHERE = Path.of("nowhere");

  private final Checks checks =
      new Checks(new VersionProbe(NOWHERE), new GpuMemoryHelper("python3", NOWHERE, Map.of()));
  private final String text = Files.readString(Path.of("../docs/doctor.md"));

  ChecksAreDocumentedTest() throws Exception {}

  @Test
  void theTableHasTheChecksThatThereAre() {
    var wanted = new TreeSet<>(ELSEWHERE);
    wanted.addAll(codes(checks.quick()));
    wanted.addAll(codes(checks.doctor()));
    wanted.removeAll(OF_THE_JOB);

    assertThat(rows().stream().map(r -> r.get(0)).toList())
        .doesNotHaveDuplicates()
        .containsExactlyInAnyOrderElementsOf(wanted);
    assertThat(text).contains(OF_THE_JOB);
  }

  @Test
  void quickAndLongAreMarkedAsTheyRun() {
    for (List<String> row : rows()) {
      String code = row.get(0);
      if (!ELSEWHERE.contains(code) && !code.equals("PEER_UNREACHABLE")) {
        assertThat(!row.get(3).isEmpty()).as("quick " + code).isEqualTo(isIn(checks.quick(), code));
        boolean looks = isIn(checks.doctor(), code) && !code.equals("GPU_MEMORY_HELD");
        assertThat(!row.get(4).isEmpty()).as("long " + code).isEqualTo(looks);
      }
    }
  }

  private static boolean isIn(List<Check> checks, String code) {
    return codes(checks).contains(code);
  }

  private static Set<String> codes(List<Check> checks) {
    return checks.stream().map(c -> c.code().name()).collect(Collectors.toCollection(TreeSet::new));
  }

  private List<List<String>> rows() {
    return text.lines()
        .filter(line -> line.matches("\\| [A-Z][A-Z_0-9]+ \\|.*"))
        .map(line -> List.of(line.split("\\|", -1)).stream().map(String::strip).toList())
        .map(cells -> cells.subList(1, 6))
        .toList();
  }
}
