package io.lockstep.coordinator.jobfile;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.coordinator.jobfile.JobFile.Defaults;
import io.lockstep.coordinator.jobfile.JobFile.Parsed;
import io.lockstep.protocol.model.JobId;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** Whatever the text, reading it ends with a job or with mistakes, never with an exception. */
class JobFileFuzzTest {
  @Property(tries = 500)
  void arbitraryTextNeverThrows(@ForAll String text) {
    isJobOrMistakes(JobFile.parse(text, Defaults.STANDARD));
  }

  @Property(tries = 1500)
  void mutatedFilesNeverThrow(@ForAll("mutated") String text) {
    Parsed parsed = JobFile.parse(text, Defaults.STANDARD);

    isJobOrMistakes(parsed);
    if (parsed.spec().isPresent()) {
      assertThat(JobFile.parse(JobDocument.read(text).json(), Defaults.STANDARD)).isEqualTo(parsed);
    }
  }

  @Property(tries = 500)
  void arbitraryEditsNeverThrow(@ForAll("edits") String edit) {
    isJobOrMistakes(JobFile.parse(JobFileTest.WHOLE, Defaults.STANDARD, List.of(edit)));
  }

  @Property(tries = 500)
  void everyNameHasALegalId(@ForAll String name) {
    assertThat(new JobId(JobFile.idFor(name, "abcdef")).value()).endsWith("-abcdef");
  }

  @Provide
  Arbitrary<String> mutated() {
    String whole = JobFileTest.WHOLE;
    Arbitrary<String> piece =
        Arbitraries.oneOf(
            Arbitraries.of(
                "",
                ":",
                "-",
                "[",
                "]",
                "{",
                "}",
                "\n",
                "&a ",
                "*a",
                "? ",
                "!!x ",
                "'",
                "\"",
                "|",
                "\t",
                "0",
                "zero: {a: [1, {b: ~}]}",
                "\\uD800",
                "\u0000",
                "\ud83d",
                "<<: ",
                "#",
                "%",
                "---\n",
                "1e999999999",
                "-0",
                "~"),
            Arbitraries.strings().ofMaxLength(8));
    Arbitrary<Integer> place = Arbitraries.integers().between(0, whole.length());
    return Combinators.combine(place, Arbitraries.integers().between(0, 40), piece, place, piece)
        .as(
            (at, length, in, second, more) -> {
              String once =
                  whole.substring(0, at)
                      + in
                      + whole.substring(Math.min(whole.length(), at + length));
              int next = Math.min(second, once.length());
              return once.substring(0, next) + more + once.substring(next);
            });
  }

  @Provide
  Arbitrary<String> edits() {
    Arbitrary<String> key =
        Arbitraries.oneOf(
            Arbitraries.of("nodes", "zero", "zero.a.b", "env.X", "paths", "restart.max", "args"),
            Arbitraries.strings().ofMaxLength(10));
    return Combinators.combine(key, Arbitraries.strings().ofMaxLength(20))
        .as((name, value) -> name + "=" + value);
  }

  private static void isJobOrMistakes(Parsed parsed) {
    assertThat(parsed.spec().isPresent()).isEqualTo(parsed.mistakes().isEmpty());
  }
}
