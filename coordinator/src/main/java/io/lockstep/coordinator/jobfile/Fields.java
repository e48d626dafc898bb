package io.lockstep.coordinator.jobfile;

import io.lockstep.coordinator.jobfile.YamlValue.Kind;
import io.lockstep.coordinator.jobfile.YamlValue.Mapping;
import io.lockstep.coordinator.jobfile.YamlValue.Mark;
import io.lockstep.coordinator.jobfile.YamlValue.Scalar;
import io.lockstep.coordinator.jobfile.YamlValue.Sequence;
import io.lockstep.protocol.api.Problem.Mistake;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/** Reads the values of one mapping of a job file; each mistake is noted and reading goes on. */
final class Fields {
  /** Longest word anywhere in a job file but in args and env. */
  static final int MAX_TEXT_CHARS = 4_096;

  private static final Pattern WHOLE_NUMBER = Pattern.compile("-?(0|[1-9][0-9]{0,9})");

  private final String prefix;
  private final Mapping mapping;
  private final List<Mistake> mistakes;

  Fields(String prefix, Mapping mapping, List<Mistake> mistakes) {
    this.prefix = prefix;
    this.mapping = mapping;
    this.mistakes = mistakes;
  }

  /** Notes every key that is none of {@code known}. */
  Fields onlyKnown(Set<String> known) {
    for (Mapping.Entry entry : mapping.entries()) {
      String key = entry.key().text();
      if (!known.contains(key)) {
        String all = String.join(", ", known);
        mistake(
            entry.key().mark(),
            key,
            "is no key" + NearestName.hint(key, known) + " (keys: " + all + ")");
      }
    }
    return this;
  }

  /** The mapping under a key; an empty one when there is none. */
  Fields inner(String key, Set<String> known) {
    Optional<YamlValue> value = mapping.get(key);
    if (value.isPresent() && !(value.get() instanceof Mapping)) {
      wrong(value.get(), key, "a mapping with " + String.join(", ", known));
    }
    Mapping inner =
        value
            .filter(Mapping.class::isInstance)
            .map(Mapping.class::cast)
            .orElse(new Mapping(Mark.NONE, List.of()));
    return new Fields(prefix + key + ".", inner, mistakes).onlyKnown(known);
  }

  Optional<YamlValue> value(String key) {
    return mapping.get(key);
  }

  Mapping mapping() {
    return mapping;
  }

  /** Notes a key that must be there and is not. */
  void require(String key, String allowed) {
    if (mapping.get(key).isEmpty()) {
      mistake(mapping.mark(), key, "is missing; give " + allowed);
    }
  }

  /** A word for which {@code legal} holds. */
  Optional<String> text(String key, String allowed, Predicate<String> legal) {
    return mapped(key, allowed, text -> Optional.of(text).filter(legal));
  }

  /** A word that {@code read} understands. */
  <T> Optional<T> mapped(String key, String allowed, Function<String, Optional<T>> read) {
    Optional<YamlValue> value = mapping.get(key);
    if (value.isEmpty()) {
      return Optional.empty();
    }
    Optional<T> found = word(value.get(), MAX_TEXT_CHARS).flatMap(read);
    if (found.isEmpty()) {
      wrong(value.get(), key, allowed);
    }
    return found;
  }

  /** A whole number within bounds. */
  OptionalInt number(String key, int min, int max) {
    Optional<Integer> found =
        mapped(
            key, "a whole number from " + min + " to " + max, text -> wholeNumber(text, min, max));
    return found.map(OptionalInt::of).orElseGet(OptionalInt::empty);
  }

  Duration duration(String key, Duration ifMissing, Duration min, Duration max) {
    String allowed =
        Durations.ALLOWED.replace(", or 0", min.isZero() ? ", or 0" : "")
            + (min.isZero() ? "" : ", at least " + Durations.text(min))
            + (max.equals(Durations.MAX) ? "" : ", at most " + Durations.text(max));
    return mapped(
            key,
            allowed,
            text ->
                Durations.parse(text).filter(d -> d.compareTo(min) >= 0 && d.compareTo(max) <= 0))
        .orElse(ifMissing);
  }

  /** One of the texts of an enum's constants. */
  <E extends Enum<E>> Optional<E> oneOf(String key, E[] all, Function<E, String> text) {
    List<String> names = Arrays.stream(all).map(text).toList();
    return mapped(
        key,
        String.join(", ", names.subList(0, names.size() - 1))
            + " or "
            + names.get(names.size() - 1),
        found -> Arrays.stream(all).filter(e -> text.apply(e).equals(found)).findFirst());
  }

  /** A list of words; a single word is not taken for a list. */
  Optional<List<String>> words(String key, int maxItems, int maxChars) {
    Optional<YamlValue> value = mapping.get(key);
    if (value.isEmpty()) {
      return Optional.empty();
    }
    if (!(value.get() instanceof Sequence sequence)) {
      wrong(value.get(), key, "a list, as in [--seed, \"42\"]");
      return Optional.empty();
    }
    if (sequence.items().size() > maxItems) {
      mistake(
          sequence.mark(),
          key,
          "must have at most " + maxItems + " items, found: " + sequence.items().size());
      return Optional.empty();
    }
    var words = new ArrayList<String>();
    for (YamlValue item : sequence.items()) {
      Optional<String> word = word(item, maxChars);
      if (word.isEmpty()) {
        wrong(
            item, key + "[" + words.size() + "]", "a word of at most " + maxChars + " characters");
      }
      words.add(word.orElse(""));
    }
    return Optional.of(words);
  }

  /** The word as written, whatever YAML takes it for; empty when it is none, too long, or NUL. */
  static Optional<String> word(YamlValue value, int maxChars) {
    return Optional.of(value)
        .filter(Scalar.class::isInstance)
        .map(Scalar.class::cast)
        .filter(scalar -> scalar.kind() != Kind.NULL)
        .map(Scalar::text)
        .filter(text -> text.length() <= maxChars && text.indexOf('\0') < 0);
  }

  static Optional<Integer> wholeNumber(String text, int min, int max) {
    if (!WHOLE_NUMBER.matcher(text).matches()) {
      return Optional.empty();
    }
    long number = Long.parseLong(text);
    return number < min || number > max ? Optional.empty() : Optional.of((int) number);
  }

  void wrong(YamlValue value, String key, String allowed) {
    mistake(value.mark(), key, "must be " + allowed + ", found: " + value.describe());
  }

  void mistake(Mark mark, String key, String message) {
    mistakes.add(new Mistake(mark.line(), mark.column(), prefix + key, message));
  }
}
