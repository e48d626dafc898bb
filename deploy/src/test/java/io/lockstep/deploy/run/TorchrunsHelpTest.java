package io.lockstep.deploy.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the installed torchrun says of itself is all known here: a new flag fails this. */
@Tag("slow") // needs torch
class TorchrunsHelpTest {
  private static final int LIMIT_MINUTES = 30; // the first call on a machine installs torch
  private static final String HELP = help();

  /** As in {@code " -t TEE, --tee TEE Tee std streams …"}: names, and their value if any. */
  private static final Pattern OPTION = Pattern.compile("(?m)^  (-\\S.*?)(?:  .*)?$");

  private static final Pattern NAME =
      Pattern.compile("(?:^|, )(--?[a-z][a-z_-]*)( [A-Z_]+| \\{[^}]*})?");

  private static String help() {
    try {
      String python = said(List.of("bin/prepare-python")).strip();
      return said(List.of(python, "-m", "torch.distributed.run", "--help"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static String said(List<String> command) throws IOException, InterruptedException {
    var builder =
        new ProcessBuilder(command)
            .directory(Path.of("").toAbsolutePath().toFile())
            .redirectError(ProcessBuilder.Redirect.INHERIT);
    builder.environment().put("COLUMNS", "200");
    Process process = builder.start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(LIMIT_MINUTES, TimeUnit.MINUTES)).isTrue();
    assertThat(process.exitValue()).as("%s", command).isZero();
    return said;
  }

  /** By name, whether it takes a value. */
  private static Map<String, Boolean> flags() {
    var flags = new TreeMap<String, Boolean>();
    Matcher option = OPTION.matcher(HELP);
    while (option.find()) {
      Matcher name = NAME.matcher(option.group(1));
      while (name.find()) {
        flags.put(name.group(1), name.group(2) != null);
      }
    }
    return flags;
  }

  static Stream<String> names() {
    return flags().keySet().stream();
  }

  @Test
  void theHelpIsUnderstood() {
    assertThat(flags())
        .hasSizeGreaterThan(40)
        .containsEntry("--nnodes", true)
        .containsEntry("--start_method", true)
        .containsEntry("-m", false)
        .containsEntry("--virtual-local-rank", false);
  }

  @ParameterizedTest
  @MethodSource("names")
  void eachFlagIsTakenAsThereOrRefusedWithWhatToUseInstead(String flag) throws RunRefused {
    boolean hasValue = flags().getOrDefault(flag, false);
    String[] words = hasValue ? new String[] {flag, "1", "t.py"} : new String[] {flag, "t.py"};
    String hyphened = flag.startsWith("--") ? flag.replace('_', '-') : flag;

    if (RefusedFlags.all().containsKey(hyphened)) {
      assertThatThrownBy(() -> RunParser.parse(Map.of(), words))
          .isInstanceOf(RunRefused.class)
          .hasMessageContaining(hyphened + ": ");
    } else {
      assertThat(RunParser.option(hyphened))
          .as(
              "torchrun's flag %s is not known to lockstep run: take it in RunOptions, or refuse it"
                  + " in RefusedFlags with what to use instead; and docs/run.md",
              flag)
          .isPresent();
      assertThat(RunParser.parse(Map.of(), words).command).containsExactly("t.py");
    }
  }

  @Test
  void eachWordForTheNumberOfWorkersIsTakenOrRefusedByName() {
    Matcher words = Pattern.compile("supported values: \\[([^]]*)]").matcher(HELP);
    assertThat(words.find()).isTrue();

    assertThat(Arrays.asList(words.group(1).split(",\\s*", -1)))
        .as("torchrun's words for --nproc-per-node, as RunReader.procs() knows them")
        .containsExactlyInAnyOrder("auto", "cpu", "gpu", "xpu", "int");
  }
}
