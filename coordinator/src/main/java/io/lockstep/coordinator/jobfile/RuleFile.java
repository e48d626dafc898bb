package io.lockstep.coordinator.jobfile;

import io.lockstep.coordinator.core.FailureRules.Place;
import io.lockstep.coordinator.jobfile.YamlValue.Mapping;
import io.lockstep.coordinator.jobfile.YamlValue.Sequence;
import io.lockstep.protocol.api.Problem.Mistake;
import io.lockstep.protocol.model.FailureClass;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/** Reads a file of failure rules; every mistake in it is told, with its line. */
public final class RuleFile {
  /** Largest file, in bytes. */
  public static final int MAX_BYTES = 262_144;

  /** Most rules of one file. */
  public static final int MAX_RULES = 200;

  /** Most texts that one rule looks for, and most examples of a kind. */
  static final int MAX_TEXTS = 30;

  /** Longest text or pattern, in characters. */
  static final int MAX_PATTERN_CHARS = 300;

  /** Longest meaning or advice, in characters. */
  static final int MAX_SENTENCE_CHARS = 300;

  /** Longest example, in characters. */
  static final int MAX_EXAMPLE_CHARS = 1_000;

  private static final Set<String> KEYS =
      new LinkedHashSet<>(
          List.of(
              "id",
              "class",
              "in",
              "contains",
              "match",
              "cascade",
              "means",
              "do",
              "fits",
              "fitsNot"));
  private static final Pattern ID = Pattern.compile("[a-z0-9][a-z0-9-]{0,39}");
  private static final List<Place> USUAL_PLACES =
      List.of(Place.MESSAGE, Place.TRACEBACK, Place.OUTPUT);

  private final List<Mistake> mistakes = new ArrayList<>();
  private final Set<String> ids = new HashSet<>();

  private RuleFile() {}

  /**
   * One rule as it is written; it fits a line that has one of {@code contains}, in any case, and in
   * which {@code match} is found; what is not given is not asked.
   *
   * @param line where it begins in the file
   * @param cascade such a failure mostly follows from another node's
   * @param fits lines that it must fit
   * @param fitsNot lines that it must not fit
   */
  public record Rule(
      int line,
      String id,
      FailureClass failureClass,
      List<Place> places,
      List<String> contains,
      Optional<String> match,
      boolean cascade,
      String means,
      String advice,
      List<String> fits,
      List<String> fitsNot) {
    public Rule {
      places = List.copyOf(places);
      contains = List.copyOf(contains);
      fits = List.copyOf(fits);
      fitsNot = List.copyOf(fitsNot);
    }
  }

  /** The rules that are whole, and every mistake. */
  public record Parsed(List<Rule> rules, List<Mistake> mistakes) {
    public Parsed {
      rules = List.copyOf(rules);
      mistakes = List.copyOf(mistakes);
    }
  }

  public static Parsed parse(String text) {
    return new RuleFile().read(text);
  }

  private Parsed read(String text) {
    var rules = new ArrayList<Rule>();
    int bytes = text.getBytes(StandardCharsets.UTF_8).length;
    if (bytes > MAX_BYTES) {
      mistakes.add(
          new Mistake(0, 0, "", "has " + bytes + " bytes; at most " + MAX_BYTES + " are read"));
      return new Parsed(rules, mistakes);
    }
    Optional<YamlValue> value = YamlReader.read(text, mistakes);
    if (value.isPresent() && value.get() instanceof Mapping mapping) {
      var top = new Fields("", mapping, mistakes).onlyKnown(Set.of("rules"));
      top.require("rules", "a list of rules");
      top.value("rules").ifPresent(list -> readAll(top, list, rules));
    } else if (mistakes.isEmpty()) {
      mistakes.add(new Mistake(1, 1, "", "must be a mapping with the key rules"));
    }
    return new Parsed(rules, mistakes);
  }

  private void readAll(Fields top, YamlValue value, List<Rule> rules) {
    if (!(value instanceof Sequence list)) {
      top.wrong(value, "rules", "a list of rules");
      return;
    }
    if (list.items().size() > MAX_RULES) {
      top.mistake(
          list.mark(),
          "rules",
          "must have at most " + MAX_RULES + " rules, found: " + list.items().size());
      return;
    }
    for (int i = 0; i < list.items().size(); i++) {
      String name = "rules[" + i + "]";
      if (list.items().get(i) instanceof Mapping rule) {
        readOne(new Fields(name + ".", rule, mistakes).onlyKnown(KEYS)).ifPresent(rules::add);
      } else {
        top.wrong(list.items().get(i), name, "a mapping with " + String.join(", ", KEYS));
      }
    }
  }

  private Optional<Rule> readOne(Fields fields) {
    int before = mistakes.size();
    fields.require("id", "a word like disk-full");
    fields.require("class", "one of the classes");
    fields.require("means", "a sentence: what happened");
    fields.require("do", "a sentence: what to do about it");
    if (fields.value("contains").isEmpty() && fields.value("match").isEmpty()) {
      fields.require("contains", "a list of texts, or match: a pattern");
    }
    Optional<String> id =
        fields.text(
            "id",
            "a word of a-z, 0-9 and -, at most 40 characters",
            text -> ID.matcher(text).matches());
    id.filter(word -> !ids.add(word))
        .ifPresent(
            word ->
                fields.mistake(
                    fields.mapping().mark(), "id", "\"" + word + "\" is the id of two rules"));
    Optional<FailureClass> failureClass =
        fields.oneOf("class", FailureClass.values(), FailureClass::name);
    Optional<String> match =
        fields.text(
            "match",
            "a pattern of 1 to " + MAX_PATTERN_CHARS + " characters",
            text -> !text.isEmpty() && text.length() <= MAX_PATTERN_CHARS);
    List<String> contains =
        fields.words("contains", MAX_TEXTS, MAX_PATTERN_CHARS).orElse(List.of());
    if (contains.stream().anyMatch(text -> text.strip().length() < 3)) {
      fields.mistake(
          fields.mapping().mark(),
          "contains",
          "a text of fewer than 3 characters would fit nearly everything");
    }
    boolean cascade =
        fields
            .mapped(
                "cascade",
                "true or false",
                text ->
                    text.equals("true") || text.equals("false")
                        ? Optional.of(Boolean.valueOf(text))
                        : Optional.empty())
            .orElse(false);
    Optional<String> means = sentence(fields, "means");
    Optional<String> advice = sentence(fields, "do");
    List<Place> places = places(fields);
    List<String> fits = fields.words("fits", MAX_TEXTS, MAX_EXAMPLE_CHARS).orElse(List.of());
    List<String> fitsNot = fields.words("fitsNot", MAX_TEXTS, MAX_EXAMPLE_CHARS).orElse(List.of());
    if (mistakes.size() > before) {
      return Optional.empty();
    }
    return Optional.of(
        new Rule(
            fields.mapping().mark().line(),
            id.orElseThrow(),
            failureClass.orElseThrow(),
            places,
            contains,
            match,
            cascade,
            means.orElseThrow(),
            advice.orElseThrow(),
            fits,
            fitsNot));
  }

  private static Optional<String> sentence(Fields fields, String key) {
    return fields
        .text(
            key,
            "a sentence of 1 to " + MAX_SENTENCE_CHARS + " characters",
            text -> !text.isBlank() && text.strip().length() <= MAX_SENTENCE_CHARS)
        .map(text -> text.strip().replaceAll("\\s+", " "));
  }

  private static List<Place> places(Fields fields) {
    Optional<List<String>> words = fields.words("in", Place.values().length, MAX_PATTERN_CHARS);
    if (words.isEmpty()) {
      return USUAL_PLACES;
    }
    var places = new ArrayList<Place>();
    for (Place place : Place.values()) {
      if (words.get().contains(place.name().toLowerCase(Locale.ROOT))) {
        places.add(place);
      }
    }
    if (places.isEmpty() || places.size() < Set.copyOf(words.get()).size()) {
      fields
          .value("in")
          .ifPresent(
              value ->
                  fields.mistake(
                      value.mark(),
                      "in",
                      "must be a list of host, message, traceback, output, exit, found: "
                          + words.get()));
    }
    return places;
  }
}
