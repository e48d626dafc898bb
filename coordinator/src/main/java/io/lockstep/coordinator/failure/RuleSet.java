package io.lockstep.coordinator.failure;

import com.google.re2j.Pattern;
import com.google.re2j.PatternSyntaxException;
import io.lockstep.coordinator.core.FailureRules;
import io.lockstep.coordinator.jobfile.RuleFile;
import io.lockstep.protocol.api.Problem.Mistake;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;

/**
 * Rules in their order, the operator's before the shipped ones. Immutable.
 *
 * <p>What one look costs is bounded: {@link #MAX_LINES} lines for each place, {@link
 * #MAX_LINE_CHARS} characters of each, two files of {@link RuleFile#MAX_RULES} rules, and patterns
 * whose time grows with the line alone (RE2: no backtracking, and so no back references).
 */
public final class RuleSet implements FailureRules {
  /** Lines looked at in one place, the newest. */
  static final int MAX_LINES = 20;

  /** Characters looked at in one line, the first. */
  static final int MAX_LINE_CHARS = 500;

  /** Largest program that a pattern may be compiled to, in RE2's instructions. */
  static final int MAX_PROGRAM = 2_000;

  private static final String SHIPPED = "failure-rules.yaml";

  private final List<Compiled> rules;

  private RuleSet(List<Compiled> rules) {
    this.rules = List.copyOf(rules);
  }

  private record Compiled(RuleFile.Rule rule, List<String> contains, Optional<Pattern> match) {
    boolean fits(Line line) {
      return (contains.isEmpty() || contains.stream().anyMatch(line.small()::contains))
          && (match.isEmpty() || match.get().matcher(line.text()).find());
    }
  }

  /** A line, once as it is and once in small letters. */
  private record Line(String text, String small) {
    static Line of(String whole) {
      String text = whole.length() <= MAX_LINE_CHARS ? whole : whole.substring(0, MAX_LINE_CHARS);
      return new Line(text, text.toLowerCase(Locale.ROOT));
    }
  }

  /** A file of rules that cannot be used. */
  public static final class Unusable extends Exception {
    private static final long serialVersionUID = 1L;
    private final transient List<String> problems;

    Unusable(List<String> problems) {
      super(String.join("; ", problems));
      this.problems = List.copyOf(problems);
    }

    /** Every mistake, with its line. */
    public List<String> problems() {
      return problems;
    }
  }

  /** The rules of this release alone. */
  public static RuleSet shipped() {
    return Shipped.RULES;
  }

  /** Read once, when first asked for. */
  private static final class Shipped {
    static final RuleSet RULES = read();

    private static RuleSet read() {
      try {
        return new RuleSet(compile(SHIPPED, shippedText()));
      } catch (Unusable e) {
        throw new IllegalStateException("the shipped failure rules are wrong", e);
      }
    }
  }

  /**
   * The operator's rules, and after them the shipped ones; blocks.
   *
   * @throws Unusable with every mistake in the file
   */
  public static RuleSet with(Path file) throws Unusable {
    var all = new ArrayList<>(compile(file.toString(), text(file)));
    all.addAll(shipped().rules);
    return new RuleSet(all);
  }

  private static String text(Path file) throws Unusable {
    try {
      long size = Files.size(file);
      if (size > RuleFile.MAX_BYTES) {
        throw new Unusable(
            List.of(
                "%s: has %d bytes; at most %d are read".formatted(file, size, RuleFile.MAX_BYTES)));
      }
      return Files.readString(file, StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new Unusable(
          List.of(file + ": cannot be read (" + e + "); name a file, or take the setting out"));
    }
  }

  static String shippedText() {
    try (InputStream in =
        Objects.requireNonNull(RuleSet.class.getResourceAsStream(SHIPPED), SHIPPED)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + SHIPPED, e);
    }
  }

  private static List<Compiled> compile(String name, String text) throws Unusable {
    RuleFile.Parsed parsed = RuleFile.parse(text);
    var problems = new ArrayList<String>();
    for (Mistake mistake : parsed.mistakes()) {
      problems.add(
          "%s:%d: %s%s"
              .formatted(
                  name,
                  mistake.line(),
                  mistake.field().isEmpty() ? "" : mistake.field() + " ",
                  mistake.message()));
    }
    var compiled = new ArrayList<Compiled>();
    for (RuleFile.Rule rule : parsed.rules()) {
      compile(name, rule, problems).ifPresent(compiled::add);
    }
    if (!problems.isEmpty()) {
      throw new Unusable(problems);
    }
    return compiled;
  }

  private static Optional<Compiled> compile(
      String name, RuleFile.Rule rule, List<String> problems) {
    String where = "%s:%d: rule %s: ".formatted(name, rule.line(), rule.id());
    Optional<Pattern> match;
    try {
      match = rule.match().map(Pattern::compile);
    } catch (PatternSyntaxException e) {
      problems.add(
          where
              + "match is no RE2 pattern (%s); there are no look-arounds and no back references"
                  .formatted(e.getMessage()));
      return Optional.empty();
    }
    if (match.filter(p -> p.programSize() > MAX_PROGRAM).isPresent()) {
      problems.add(where + "match is too large; write smaller repetitions than {" + "n}");
      return Optional.empty();
    }
    if (match.filter(p -> p.matcher("").find()).isPresent() && rule.contains().isEmpty()) {
      problems.add(where + "match fits an empty line, and so every line");
      return Optional.empty();
    }
    var compiled =
        new Compiled(
            rule,
            rule.contains().stream().map(text -> text.toLowerCase(Locale.ROOT)).toList(),
            match);
    rule.fits().stream()
        .filter(line -> !compiled.fits(Line.of(line)))
        .forEach(line -> problems.add(where + "does not fit its own example: " + line));
    rule.fitsNot().stream()
        .filter(line -> compiled.fits(Line.of(line)))
        .forEach(line -> problems.add(where + "fits what it must not fit: " + line));
    return Optional.of(compiled);
  }

  @Override
  public Optional<Fit> look(Signs signs) {
    for (Place place : Place.values()) {
      List<String> lines = signs.at(place);
      List<Line> newest =
          lines.subList(Math.max(0, lines.size() - MAX_LINES), lines.size()).stream()
              .map(Line::of)
              .toList();
      for (Compiled one : rules) {
        if (one.rule().places().contains(place)) {
          Optional<Line> line = newest.stream().filter(one::fits).reduce((older, newer) -> newer);
          if (line.isPresent()) {
            return Optional.of(fit(one.rule(), place, line.get().text()));
          }
        }
      }
    }
    return Optional.empty();
  }

  private static Fit fit(RuleFile.Rule rule, Place place, String line) {
    return new Fit(
        rule.id(),
        place,
        rule.failureClass(),
        rule.cascade(),
        line.strip(),
        rule.means(),
        rule.advice());
  }

  /** How many rules there are. */
  public int size() {
    return rules.size();
  }

  List<RuleFile.Rule> rules() {
    return rules.stream().map(Compiled::rule).toList();
  }
}
