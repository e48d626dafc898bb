package io.lockstep.coordinator.jobfile;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.lockstep.coordinator.jobfile.YamlValue.Kind;
import io.lockstep.coordinator.jobfile.YamlValue.Mapping;
import io.lockstep.coordinator.jobfile.YamlValue.Mark;
import io.lockstep.coordinator.jobfile.YamlValue.Scalar;
import io.lockstep.coordinator.jobfile.YamlValue.Sequence;
import io.lockstep.protocol.api.Problem.Mistake;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** A job file as its values with their places, and the edits made to it; not yet understood. */
public final class JobDocument {
  /** Largest job file. */
  public static final int MAX_BYTES = 1_048_576;

  /** Most {@code --set} edits of one submission. */
  public static final int MAX_EDITS = 200;

  private static final Pattern JSON_NUMBER =
      Pattern.compile("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?");

  private final Mapping root;
  private final List<Mistake> mistakes;

  private JobDocument(Mapping root, List<Mistake> mistakes) {
    this.root = root;
    this.mistakes = List.copyOf(mistakes);
  }

  /** Reads YAML or JSON; what is wrong with it is among {@link #mistakes}. */
  public static JobDocument read(String text) {
    var mistakes = new ArrayList<Mistake>();
    var empty = new Mapping(Mark.NONE, List.of());
    if (text.length() > MAX_BYTES || text.getBytes(StandardCharsets.UTF_8).length > MAX_BYTES) {
      mistakes.add(new Mistake(0, 0, "", "the job file is larger than " + MAX_BYTES + " bytes"));
      return new JobDocument(empty, mistakes);
    }
    Optional<YamlValue> value = YamlReader.read(text, mistakes);
    if (value.isPresent() && value.get() instanceof Mapping mapping) {
      return new JobDocument(mapping, mistakes);
    }
    if (mistakes.isEmpty()) {
      Mark mark = value.map(YamlValue::mark).orElse(Mark.NONE);
      String found = value.map(YamlValue::describe).orElse("nothing");
      mistakes.add(
          new Mistake(
              mark.line(),
              mark.column(),
              "",
              "a job file must be a mapping (name: …, script: …), found: " + found));
    }
    return new JobDocument(empty, mistakes);
  }

  /** A document that a program makes: texts, numbers, truth values, lists and maps of them. */
  public static JobDocument of(Map<String, ?> values) {
    return new JobDocument((Mapping) ofObject(values, Mark.NONE), List.of());
  }

  /** What was found wrong so far, in the order found. */
  public List<Mistake> mistakes() {
    return mistakes;
  }

  /**
   * The document after {@code key=value}: a dotted key, a YAML value. An empty value takes the key
   * out.
   */
  public JobDocument edited(String edit) {
    int equals = edit.indexOf('=');
    if (equals < 1) {
      return refused(edit, "must be key=value, as in nodes=4");
    }
    String path = edit.substring(0, equals).strip();
    var found = new ArrayList<Mistake>();
    Optional<YamlValue> value = YamlReader.read(edit.substring(equals + 1), found);
    if (!found.isEmpty()) {
      return refused(path, "cannot be set: " + found.get(0).message());
    }
    var keys = List.of(path.split("\\.", -1));
    if (keys.stream().anyMatch(String::isBlank)) {
      return refused(path, "must be a dotted key, as in restart.max=3");
    }
    try {
      return new JobDocument(set(root, keys, 0, value.map(JobDocument::unmarked)), mistakes);
    } catch (NotAMapping e) {
      return refused(path, "cannot be set: " + e.getMessage());
    }
  }

  /** The word at a dotted key; empty when there is none or it is no word. */
  public Optional<String> text(String path) {
    return at(path)
        .filter(Scalar.class::isInstance)
        .map(Scalar.class::cast)
        .filter(scalar -> scalar.kind() != Kind.NULL)
        .map(Scalar::text);
  }

  /** True when the key is there, whatever its value. */
  public boolean has(String path) {
    return at(path).isPresent();
  }

  /** The document with a word in place of what was at the key; its place in the text stays. */
  public JobDocument with(String path, String text) {
    return replaced(path, new Scalar(markAt(path), Kind.TEXT, text));
  }

  /** The document with a JSON object in place of what was at the key. */
  public JobDocument withObject(String path, Map<String, Object> object) {
    return replaced(path, ofObject(object, markAt(path)));
  }

  /** The document with one more mistake, at the place of the key. */
  public JobDocument refused(String path, String message) {
    var more = new ArrayList<>(mistakes);
    Mark mark = markAt(path);
    more.add(new Mistake(mark.line(), mark.column(), path, message));
    return new JobDocument(root, more);
  }

  /** The document as one JSON text, which reads as the same document. */
  public String json() {
    var text = new StringWriter();
    try (JsonGenerator out = new JsonFactory().createGenerator(text)) {
      write(root, out, false);
    } catch (IOException e) {
      throw new UncheckedIOException("writing to memory", e);
    }
    return text.toString();
  }

  Mapping root() {
    return root;
  }

  /** A DeepSpeed value as JSON knows it; what JSON cannot say is reported. */
  static @Nullable Object jsonValue(YamlValue value, String path, List<Mistake> mistakes) {
    if (value instanceof Mapping mapping) {
      Map<String, @Nullable Object> object = new LinkedHashMap<>();
      for (Mapping.Entry entry : mapping.entries()) {
        String key = entry.key().text();
        object.put(key, jsonValue(entry.value(), path + "." + key, mistakes));
      }
      return object;
    }
    if (value instanceof Sequence sequence) {
      List<@Nullable Object> items = new ArrayList<>();
      sequence.items().forEach(item -> items.add(jsonValue(item, path, mistakes)));
      return items;
    }
    return jsonScalar((Scalar) value, path, mistakes);
  }

  private static @Nullable Object jsonScalar(Scalar scalar, String path, List<Mistake> mistakes) {
    return switch (scalar.kind()) {
      case NULL -> null;
      case TEXT -> scalar.text();
      case BOOLEAN -> isTrue(scalar.text());
      case NUMBER -> {
        if (JSON_NUMBER.matcher(scalar.text()).matches() && scalar.text().length() < 100) {
          yield jsonNumber(scalar.text());
        }
        mistakes.add(
            new Mistake(
                scalar.mark().line(),
                scalar.mark().column(),
                path,
                "must be a number as JSON writes it, found: " + scalar.describe()));
        yield scalar.text();
      }
    };
  }

  private static Object jsonNumber(String text) {
    if (text.matches("-?[0-9]{1,18}")) {
      return Long.valueOf(text);
    }
    try {
      return new BigDecimal(text);
    } catch (NumberFormatException e) { // an exponent beyond an int
      return text;
    }
  }

  private static boolean isTrue(String text) {
    return text.equalsIgnoreCase("true")
        || text.equalsIgnoreCase("yes")
        || text.equalsIgnoreCase("on");
  }

  private Optional<YamlValue> at(String path) {
    Optional<YamlValue> value = Optional.of(root);
    for (String key : path.split("\\.", -1)) {
      value =
          value
              .filter(Mapping.class::isInstance)
              .map(Mapping.class::cast)
              .flatMap(mapping -> mapping.get(key));
    }
    return value;
  }

  private Mark markAt(String path) {
    return at(path).map(YamlValue::mark).orElse(Mark.NONE);
  }

  private JobDocument replaced(String path, YamlValue value) {
    try {
      var keys = List.of(path.split("\\.", -1));
      return new JobDocument(set(root, keys, 0, Optional.of(value)), mistakes);
    } catch (NotAMapping e) {
      return refused(path, "cannot be set: " + e.getMessage());
    }
  }

  private static Mapping set(
      Mapping mapping, List<String> keys, int depth, Optional<YamlValue> value) throws NotAMapping {
    String key = keys.get(depth);
    if (depth == keys.size() - 1) {
      return value.isPresent() ? mapping.with(key, value.get()) : mapping.without(key);
    }
    YamlValue inner = mapping.get(key).orElse(new Mapping(Mark.NONE, List.of()));
    if (!(inner instanceof Mapping innerMapping)) {
      throw new NotAMapping(
          String.join(".", keys.subList(0, depth + 1)) + " is " + inner.describe());
    }
    if (depth >= YamlReader.MAX_DEPTH) {
      throw new NotAMapping("it is nested too deep");
    }
    return mapping.with(key, set(innerMapping, keys, depth + 1, value));
  }

  /** An edit has no place in the file. */
  private static YamlValue unmarked(YamlValue value) {
    if (value instanceof Mapping mapping) {
      return new Mapping(
          Mark.NONE,
          mapping.entries().stream()
              .map(
                  entry ->
                      new Mapping.Entry(
                          new Scalar(Mark.NONE, entry.key().kind(), entry.key().text()),
                          unmarked(entry.value())))
              .toList());
    }
    if (value instanceof Sequence sequence) {
      return new Sequence(Mark.NONE, sequence.items().stream().map(JobDocument::unmarked).toList());
    }
    var scalar = (Scalar) value;
    return new Scalar(Mark.NONE, scalar.kind(), scalar.text());
  }

  private static YamlValue ofObject(@Nullable Object object, Mark mark) {
    if (object instanceof Map<?, ?> map) {
      return new Mapping(
          mark,
          map.entrySet().stream()
              .map(
                  entry ->
                      new Mapping.Entry(
                          new Scalar(mark, Kind.TEXT, String.valueOf(entry.getKey())),
                          ofObject(entry.getValue(), mark)))
              .toList());
    }
    if (object instanceof List<?> list) {
      return new Sequence(mark, list.stream().map(item -> ofObject(item, mark)).toList());
    }
    if (object == null) {
      return new Scalar(mark, Kind.NULL, "");
    }
    Kind kind =
        object instanceof Boolean
            ? Kind.BOOLEAN
            : object instanceof Number ? Kind.NUMBER : Kind.TEXT;
    return new Scalar(mark, kind, object.toString());
  }

  private static void write(YamlValue value, JsonGenerator out, boolean zero) throws IOException {
    if (value instanceof Mapping mapping) {
      out.writeStartObject();
      for (Mapping.Entry entry : mapping.entries()) {
        out.writeFieldName(entry.key().text());
        write(entry.value(), out, zero || entry.key().text().equals("zero"));
      }
      out.writeEndObject();
    } else if (value instanceof Sequence sequence) {
      out.writeStartArray();
      for (YamlValue item : sequence.items()) {
        write(item, out, zero);
      }
      out.writeEndArray();
    } else {
      write((Scalar) value, out, zero);
    }
  }

  private static void write(Scalar scalar, JsonGenerator out, boolean zero) throws IOException {
    switch (scalar.kind()) {
      case NULL -> out.writeNull();
      case TEXT -> out.writeString(scalar.text());
      case BOOLEAN -> {
        if (zero || scalar.text().equals("true") || scalar.text().equals("false")) {
          out.writeBoolean(isTrue(scalar.text()));
        } else {
          out.writeString(scalar.text()); // "off" stays the word it is
        }
      }
      case NUMBER -> {
        if (JSON_NUMBER.matcher(scalar.text()).matches()) {
          out.writeNumber(scalar.text());
        } else {
          out.writeString(scalar.text());
        }
      }
    }
  }

  /** A dotted key leads through something that holds no keys. */
  private static final class NotAMapping extends Exception {
    private static final long serialVersionUID = 1L;

    NotAMapping(String message) {
      super(message);
    }
  }
}
