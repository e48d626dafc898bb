package io.lockstep.coordinator.plan;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** A script's arguments as HF's parser reads them: {@code --name value}, {@code --name=value}. */
public final class TrainingFlags {
  private final Map<String, String> values;

  private TrainingFlags(Map<String, String> values) {
    this.values = values;
  }

  /** The last of flags that are given twice counts; one without a value is "True". */
  public static TrainingFlags of(List<String> args) {
    var values = new LinkedHashMap<String, String>();
    for (int i = 0; i < args.size(); i++) {
      String word = args.get(i);
      if (!word.startsWith("--")) {
        continue;
      }
      int equals = word.indexOf('=');
      String name = word.substring(2, equals < 0 ? word.length() : equals).replace('-', '_');
      if (equals >= 0) {
        values.put(name, word.substring(equals + 1));
      } else if (i + 1 < args.size() && !args.get(i + 1).startsWith("--")) {
        values.put(name, args.get(++i));
      } else {
        values.put(name, "True");
      }
    }
    return new TrainingFlags(values);
  }

  /** The same with these flags where the script was not given them. */
  public TrainingFlags or(Map<String, String> defaults) {
    var all = new LinkedHashMap<>(defaults);
    all.putAll(values);
    return new TrainingFlags(all);
  }

  /** Names, in the order in which they were given. */
  public List<String> names() {
    return List.copyOf(values.keySet());
  }

  Optional<String> text(String name) {
    return Optional.ofNullable(values.get(name));
  }

  boolean isOn(String name) {
    String value = values.getOrDefault(name, "false").toLowerCase(Locale.ROOT);
    return List.of("true", "1", "yes", "y", "t").contains(value);
  }

  boolean isOff(String name) {
    String value = values.getOrDefault(name, "true").toLowerCase(Locale.ROOT);
    return List.of("false", "0", "no", "n", "f", "none").contains(value);
  }

  /** The number; refused when the flag has something else. */
  Optional<Double> number(String name) throws Unplannable {
    Optional<String> text = text(name);
    if (text.isEmpty()) {
      return Optional.empty();
    }
    try {
      double number = Double.parseDouble(text.get());
      if (Double.isFinite(number)) {
        return Optional.of(number);
      }
    } catch (NumberFormatException e) {
      // told below
    }
    throw new Unplannable("args: --" + name + " must be a number, found: " + text.get());
  }

  int count(String name, int otherwise) throws Unplannable {
    double number = number(name).orElse((double) otherwise);
    if (number < 1 || number > 1_000_000_000 || number != Math.rint(number)) {
      throw new Unplannable(
          "args: --" + name + " must be a whole number above 0, found: " + text(name).orElse(""));
    }
    return (int) number;
  }
}
