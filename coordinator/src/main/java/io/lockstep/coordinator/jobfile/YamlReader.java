package io.lockstep.coordinator.jobfile;

import io.lockstep.coordinator.jobfile.YamlValue.Kind;
import io.lockstep.coordinator.jobfile.YamlValue.Mapping;
import io.lockstep.coordinator.jobfile.YamlValue.Mark;
import io.lockstep.coordinator.jobfile.YamlValue.Scalar;
import io.lockstep.coordinator.jobfile.YamlValue.Sequence;
import io.lockstep.protocol.api.Problem.Mistake;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.DumperOptions;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;
import org.yaml.snakeyaml.representer.Representer;

/** Turns YAML text into values with their places; bounds what aliases may expand to. */
final class YamlReader {
  /** Most values in one text, aliases expanded. */
  static final int MAX_VALUES = 50_000;

  /** Deepest nesting. */
  static final int MAX_DEPTH = 40;

  private static final Set<Tag> PLAIN_TAGS =
      Set.of(Tag.STR, Tag.INT, Tag.FLOAT, Tag.BOOL, Tag.NULL, Tag.TIMESTAMP, Tag.SEQ, Tag.MAP);

  private static final Pattern ESCAPED_SLASH = Pattern.compile("(?<!\\\\)((?:\\\\\\\\)*+)\\\\/");

  private final List<Mistake> mistakes;
  private int values;

  private YamlReader(List<Mistake> mistakes) {
    this.mistakes = mistakes;
  }

  /** The value; empty when the text is empty or unreadable, which is then among the mistakes. */
  static Optional<YamlValue> read(String text, List<Mistake> mistakes) {
    try {
      @Nullable Node node = compose(text);
      return node == null ? Optional.empty() : Optional.of(new YamlReader(mistakes).value(node, 0));
    } catch (TooMuch e) {
      mistakes.add(new Mistake(0, 0, "", e.getMessage()));
    } catch (MarkedYAMLException e) {
      Mark mark = mark(e.getProblemMark());
      mistakes.add(new Mistake(mark.line(), mark.column(), "", "not YAML: " + oneLine(e)));
    } catch (YAMLException | IllegalArgumentException e) {
      mistakes.add(new Mistake(0, 0, "", "not YAML: " + e.getMessage()));
    }
    return Optional.empty();
  }

  private static @Nullable Node compose(String text) {
    var options = new LoaderOptions();
    options.setNestingDepthLimit(MAX_DEPTH);
    options.setMaxAliasesForCollections(MAX_VALUES);
    options.setCodePointLimit(Integer.MAX_VALUE); // the file's size is checked before
    var dump = new DumperOptions();
    var yaml = new Yaml(new SafeConstructor(options), new Representer(dump), dump, options);
    try {
      return yaml.compose(new StringReader(text));
    } catch (YAMLException e) {
      if (text.stripLeading().startsWith("{")) {
        return yaml.compose(new StringReader(jsonAsYaml(text)));
      }
      throw e;
    }
  }

  // JSON may be indented with tabs and may escape a slash, YAML may not. A JSON string cannot hold
  // a
  // bare tab, so none of it is lost.
  private static String jsonAsYaml(String text) {
    return ESCAPED_SLASH.matcher(text.replace('\t', ' ')).replaceAll("$1/");
  }

  private YamlValue value(Node node, int depth) {
    if (++values > MAX_VALUES) {
      throw new TooMuch("more than " + MAX_VALUES + " values once aliases are followed");
    }
    if (depth > MAX_DEPTH) {
      throw new TooMuch("nested deeper than " + MAX_DEPTH + ", or an alias that holds itself");
    }
    Mark mark = mark(node.getStartMark());
    if (!PLAIN_TAGS.contains(node.getTag())) {
      mistake(mark, "", "the tag " + node.getTag() + " is not allowed; write the plain value");
    }
    if (node instanceof MappingNode mapping) {
      return mapping(mapping, mark, depth);
    }
    if (node instanceof SequenceNode sequence) {
      var items = new ArrayList<YamlValue>();
      sequence.getValue().forEach(item -> items.add(value(item, depth + 1)));
      return new Sequence(mark, items);
    }
    return scalar((ScalarNode) node, mark);
  }

  private Mapping mapping(MappingNode node, Mark mark, int depth) {
    Map<String, Mapping.Entry> entries = new LinkedHashMap<>();
    for (NodeTuple tuple : node.getValue()) {
      Mark at = mark(tuple.getKeyNode().getStartMark());
      if (!(tuple.getKeyNode() instanceof ScalarNode keyNode)) {
        mistake(at, "", "a key must be a word, found a list or a mapping");
        continue;
      }
      Scalar key = scalar(keyNode, at);
      if (keyNode.getTag().equals(Tag.MERGE)) {
        mistake(at, key.text(), "merge keys are not allowed; write the keys out");
        continue;
      }
      var entry = new Mapping.Entry(key, value(tuple.getValueNode(), depth + 1));
      Mapping.@Nullable Entry first = entries.putIfAbsent(key.text(), entry);
      if (first != null) {
        mistake(
            at,
            key.text(),
            "given twice, first in line " + first.key().mark().line() + "; keep one of them");
      }
    }
    return new Mapping(mark, List.copyOf(entries.values()));
  }

  private static Scalar scalar(ScalarNode node, Mark mark) {
    Tag tag = node.getTag();
    if (tag.equals(Tag.NULL)) {
      return new Scalar(mark, Kind.NULL, "");
    }
    if (tag.equals(Tag.BOOL)) {
      return new Scalar(mark, Kind.BOOLEAN, node.getValue());
    }
    boolean number = tag.equals(Tag.INT) || tag.equals(Tag.FLOAT);
    return new Scalar(mark, number ? Kind.NUMBER : Kind.TEXT, node.getValue());
  }

  private void mistake(Mark mark, String field, String message) {
    mistakes.add(new Mistake(mark.line(), mark.column(), field, message));
  }

  private static Mark mark(org.yaml.snakeyaml.error.@Nullable Mark mark) {
    return mark == null ? Mark.NONE : new Mark(mark.getLine() + 1, mark.getColumn() + 1);
  }

  private static String oneLine(MarkedYAMLException e) {
    @Nullable String context = e.getContext();
    @Nullable String problem = e.getProblem();
    String text = (context == null ? "" : context + ", ") + (problem == null ? "" : problem);
    return text.replaceAll("\\s+", " ").strip();
  }

  /** A text that asks for more memory than a job file may. */
  private static final class TooMuch extends RuntimeException {
    private static final long serialVersionUID = 1L;

    TooMuch(String message) {
      super(message);
    }

    @Override
    public String getMessage() {
      return String.valueOf(super.getMessage());
    }
  }
}
