package io.lockstep.coordinator.failure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.coordinator.core.FailureRules.Fit;
import io.lockstep.coordinator.core.FailureRules.Place;
import io.lockstep.coordinator.core.FailureRules.Signs;
import io.lockstep.coordinator.jobfile.RuleFile;
import io.lockstep.protocol.model.FailureClass;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** The shipped rules by their own examples, and an operator's file before them. */
final class RuleSetTest {
  private static final RuleSet SHIPPED = RuleSet.shipped();

  @TempDir Path folder = Path.of("unset");

  @TestFactory
  Stream<DynamicTest> eachExampleOfAShippedRuleIsFoundByThatRuleAndNoOtherBefore() {
    return SHIPPED.rules().stream()
        .flatMap(
            rule ->
                rule.fits().stream()
                    .map(
                        line ->
                            DynamicTest.dynamicTest(
                                rule.id() + ": " + line,
                                () -> {
                                  Fit fit = SHIPPED.look(only(rule.places().get(0), line)).get();
                                  assertThat(fit.rule()).isEqualTo(rule.id());
                                  assertThat(fit.failureClass()).isEqualTo(rule.failureClass());
                                })));
  }

  @TestFactory
  Stream<DynamicTest> noCounterexampleOfAShippedRuleIsFoundByIt() {
    return SHIPPED.rules().stream()
        .flatMap(
            rule ->
                rule.fitsNot().stream()
                    .map(
                        line ->
                            DynamicTest.dynamicTest(
                                rule.id() + " not: " + line,
                                () ->
                                    assertThat(
                                            SHIPPED
                                                .look(only(rule.places().get(0), line))
                                                .map(Fit::rule))
                                        .isNotEqualTo(Optional.of(rule.id())))));
  }

  @Test
  void everyShippedRuleHasExamplesOfBothKindsAndTheClassesThatLinesCanTellAreThere() {
    assertThat(SHIPPED.rules())
        .allSatisfy(
            rule -> {
              assertThat(rule.fits()).as(rule.id()).isNotEmpty();
              assertThat(rule.fitsNot()).as(rule.id()).isNotEmpty();
            });
    assertThat(SHIPPED.rules().stream().map(RuleFile.Rule::failureClass))
        .containsAll(EnumSet.allOf(FailureClass.class));
  }

  @Test
  void theKernelKnowsBetterThanTheMessageAndTheMessageBetterThanTheOutput() {
    var all =
        new Signs(
            List.of("kernel: Out of memory: Killed process 7 (python)"),
            List.of("OSError: [Errno 28] No space left on device"),
            List.of(),
            List.of("CUDA out of memory"),
            List.of("signal 9"));
    assertThat(classOf(all)).isEqualTo(FailureClass.OUT_OF_MEMORY_HOST);
    assertThat(classOf(new Signs(List.of(), all.message(), List.of(), all.output(), List.of())))
        .isEqualTo(FailureClass.STORAGE);
    assertThat(classOf(new Signs(List.of(), List.of("?"), List.of(), all.output(), List.of())))
        .isEqualTo(FailureClass.OUT_OF_MEMORY_GPU);
    assertThat(SHIPPED.look(only(Place.OUTPUT, "all is well"))).isEmpty();
  }

  @Test
  void anOperatorsRuleComesBeforeTheShippedOnes() throws Exception {
    RuleSet both =
        RuleSet.with(
            file(
                """
                rules:
                  - id: our-share
                    class: STORAGE
                    contains: ["/mnt/lake"]
                    match: '^(?:FileNotFoundError|OSError)'
                    means: The lake is not mounted.
                    do: mount /mnt/lake
                    fits: ["FileNotFoundError: [Errno 2] No such file: '/mnt/lake/x'"]
                    fitsNot: ["KeyError: '/mnt/lake'"]
                """));

    Fit fit = both.look(only(Place.MESSAGE, "FileNotFoundError: '/MNT/LAKE/y'")).get();

    assertThat(fit.rule()).isEqualTo("our-share");
    assertThat(fit.failureClass()).isEqualTo(FailureClass.STORAGE);
    assertThat(both.size()).isEqualTo(SHIPPED.size() + 1);
    assertThat(classOf(both, "FileNotFoundError: '/data/y'")).isEqualTo(FailureClass.USER_CODE);
  }

  @Test
  void theExampleOfTheDocsIsAFileThatWorks() throws Exception {
    String docs = Files.readString(Path.of("../docs/failures.md"));
    int begin = docs.indexOf("```yaml\n") + "```yaml\n".length();
    RuleSet rules = RuleSet.with(file(docs.substring(begin, docs.indexOf("```", begin))));

    assertThat(rules.look(only(Place.MESSAGE, "OSError: '/mnt/lake'")).orElseThrow().rule())
        .isEqualTo("lake-not-mounted");
    assertThat(docs)
        .contains(EnumSet.allOf(FailureClass.class).stream().map(c -> "`" + c + "`").toList());
  }

  @Test
  void everyMistakeOfAFileIsToldWithItsLine() throws IOException {
    Path file =
        file(
            """
            rules:
              - id: Disk Full
                class: STORAGES
                contain: ["x"]
                means: it is full
              - id: a
                class: STORAGE
                match: '(a)\\1'
                means: m
                do: d
              - id: b
                class: STORAGE
                contains: ["no space"]
                in: [kernel]
                means: m
                do: d
              - id: c
                class: STORAGE
                contains: ["no space"]
                means: m
                do: d
                fits: ["space"]
                fitsNot: ["no space left"]
            """);

    assertThatThrownBy(() -> RuleSet.with(file))
        .isInstanceOf(RuleSet.Unusable.class)
        .satisfies(
            e ->
                assertThat(String.join("\n", ((RuleSet.Unusable) e).problems()))
                    .contains(
                        ":2: rules[0].id must be a word of a-z",
                        ":3: rules[0].class must be USER_CODE, OUT_OF_MEMORY_GPU",
                        "found: \"STORAGES\"",
                        ":4: rules[0].contain is no key; did you mean contains?",
                        "rules[0].do is missing",
                        ":6: rule a: match is no RE2 pattern",
                        ":14: rules[2].in must be a list of host, message",
                        "rule c: does not fit its own example: space",
                        "rule c: fits what it must not fit: no space left"));
  }

  @Test
  void aFileThatIsNotThereOrTooLargeIsRefused() throws IOException {
    assertThatThrownBy(() -> RuleSet.with(folder.resolve("none.yaml")))
        .hasMessageContaining("cannot be read");
    Path large = file("#".repeat(RuleFile.MAX_BYTES + 1));
    assertThatThrownBy(() -> RuleSet.with(large)).hasMessageContaining("at most 262144 are read");
    Path repeated = file(rule("match: '(?:[a-z]{1,90}x){1,90}'"));
    assertThatThrownBy(() -> RuleSet.with(repeated)).hasMessageContaining("match is");
    Path all = file(rule("match: 'x*'"));
    assertThatThrownBy(() -> RuleSet.with(all)).hasMessageContaining("fits an empty line");
  }

  /** A pattern that would keep java.util.regex busy for years; the number of steps is RE2's. */
  @Test
  void aPatternThatWouldBacktrackForeverAnswersAndWhatIsLookedAtIsBounded() throws Exception {
    RuleSet rules = RuleSet.with(file(rule("match: '^(a+)+$'")));
    String evil = "a".repeat(RuleSet.MAX_LINE_CHARS - 10) + "!" + "b".repeat(100_000);

    Optional<Fit> fit =
        rules.look(
            new Signs(
                List.of(),
                Collections.nCopies(10_000, evil),
                List.of(),
                Collections.nCopies(10_000, evil),
                List.of()));

    assertThat(fit).isEmpty();
  }

  @Test
  void onlyTheNewestLinesCount() {
    var lines = new java.util.ArrayList<>(Collections.nCopies(RuleSet.MAX_LINES, "step"));
    lines.add(0, "CUDA out of memory");

    assertThat(SHIPPED.look(new Signs(List.of(), List.of(), List.of(), lines, List.of())))
        .isEmpty();
  }

  private static String rule(String match) {
    return "rules:\n  - id: one\n    class: STORAGE\n    " + match + "\n    means: m\n    do: d\n";
  }

  private Path file(String text) throws IOException {
    return Files.writeString(folder.resolve("rules.yaml"), text);
  }

  private static FailureClass classOf(Signs signs) {
    return SHIPPED.look(signs).orElseThrow().failureClass();
  }

  private static FailureClass classOf(RuleSet rules, String message) {
    return rules.look(only(Place.MESSAGE, message)).orElseThrow().failureClass();
  }

  private static Signs only(Place place, String line) {
    return new Signs(
        at(place, Place.HOST, line),
        at(place, Place.MESSAGE, line),
        at(place, Place.TRACEBACK, line),
        at(place, Place.OUTPUT, line),
        at(place, Place.EXIT, line));
  }

  private static List<String> at(Place place, Place wanted, String line) {
    return place == wanted ? List.of(line) : List.of();
  }
}
