package io.lockstep.coordinator.jobfile;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A YAML value that knows where it stands in the text. */
sealed interface YamlValue {
  Mark mark();

  /** As an error text names it. */
  String describe();

  /** Line and column, both from 1; 0 when the value was not in the text. */
  record Mark(int line, int column) {
    static final Mark NONE = new Mark(0, 0);
  }

  /** What YAML takes a bare word for. */
  enum Kind {
    TEXT,
    NUMBER,
    BOOLEAN,
    NULL
  }

  /**
   * One word.
   *
   * @param text as written, quotes and escapes undone
   */
  record Scalar(Mark mark, Kind kind, String text) implements YamlValue {
    private static final int SHOWN = 60;

    static Scalar text(String text) {
      return new Scalar(Mark.NONE, Kind.TEXT, text);
    }

    @Override
    public String describe() {
      if (kind == Kind.NULL) {
        return "nothing";
      }
      String shown = text.length() <= SHOWN ? text : text.substring(0, SHOWN) + "…";
      return kind == Kind.TEXT ? "\"" + shown.replaceAll("\\p{Cntrl}", "?") + "\"" : shown;
    }
  }

  /** A list. */
  record Sequence(Mark mark, List<YamlValue> items) implements YamlValue {
    public Sequence {
      items = List.copyOf(items);
    }

    @Override
    public String describe() {
      return "a list";
    }
  }

  /** Keys with values, in the order written; no key twice. */
  record Mapping(Mark mark, List<Entry> entries) implements YamlValue {
    record Entry(Scalar key, YamlValue value) {}

    public Mapping {
      entries = List.copyOf(entries);
    }

    @Override
    public String describe() {
      return "a mapping";
    }

    Optional<YamlValue> get(String key) {
      return entries.stream()
          .filter(entry -> entry.key().text().equals(key))
          .map(Entry::value)
          .findFirst();
    }

    /** The same mapping with one value set; a known key keeps its place. */
    Mapping with(String key, YamlValue value) {
      var changed = new ArrayList<Entry>();
      boolean found = false;
      for (Entry entry : entries) {
        boolean same = entry.key().text().equals(key);
        changed.add(same ? new Entry(entry.key(), value) : entry);
        found |= same;
      }
      if (!found) {
        changed.add(new Entry(Scalar.text(key), value));
      }
      return new Mapping(mark, changed);
    }

    /** The same mapping with one key taken out. */
    Mapping without(String key) {
      return new Mapping(
          mark, entries.stream().filter(entry -> !entry.key().text().equals(key)).toList());
    }
  }
}
