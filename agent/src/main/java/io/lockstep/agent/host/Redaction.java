package io.lockstep.agent.host;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/** Takes what looks like a secret out of an environment and a command line, by names. */
final class Redaction {
  static final String LEFT_OUT = "(left out)";

  /** Names whose values never leave the node; docs/failures.md lists them. */
  private static final Pattern SECRET =
      Pattern.compile(
          "(key|token|secret|passw|passphrase|credential|auth|cookie|private|signature|dsn|webhook"
              + "|connection_?str|conn_?str|(^|[_-])(pass|pat|sas)($|[_-])|[_-]pwd$)");

  /** Of an address, who logs in there. */
  private static final Pattern LOGIN = Pattern.compile("(?<=://)[^/\\s]+(?=@)");

  private static final Pattern SCHEME =
      Pattern.compile("\\b(bearer|basic)\\s+[^\\s\"',;]+", Pattern.CASE_INSENSITIVE);

  /** Of an address, or of a connection string. */
  private static final Pattern QUERY =
      Pattern.compile(
          "(?<=[?&;])([\\w-]*(?:sig|signature|token|key))=[^&;\\s]+", Pattern.CASE_INSENSITIVE);

  private Redaction() {}

  static Map<String, String> environment(Map<String, String> env) {
    var clean = new TreeMap<String, String>();
    env.forEach((name, value) -> clean.put(name, isSecret(name) ? LEFT_OUT : text(value)));
    return clean;
  }

  /** Also the word after {@code --hub_token}, and what stands behind {@code --hub_token=}. */
  static List<String> arguments(List<String> words) {
    var clean = new ArrayList<String>();
    boolean isValue = false;
    for (String word : words) {
      int equals = word.indexOf('=');
      String name = equals < 0 ? word : word.substring(0, equals);
      boolean isFlag = word.startsWith("-");
      boolean isSecretName = isSecret(name) && (isFlag || equals > 0);
      if (isValue && !word.startsWith("--")) { // a value may begin with one dash
        clean.add(LEFT_OUT);
      } else if (isSecretName && equals > 0) {
        clean.add(name + "=" + LEFT_OUT);
      } else {
        clean.add(text(word));
      }
      isValue = isSecretName && equals < 0;
    }
    return clean;
  }

  private static boolean isSecret(String name) {
    // a tokenizer only sounds so
    return SECRET.matcher(name.toLowerCase(Locale.ROOT).replace("tokenizer", "")).find();
  }

  private static String text(String value) {
    String start = value.stripLeading();
    if ((start.startsWith("{") || start.startsWith("[")) && isSecret(value)) {
      return LEFT_OUT;
    }
    String clean = LOGIN.matcher(value).replaceAll(LEFT_OUT);
    clean = SCHEME.matcher(clean).replaceAll("$1 " + LEFT_OUT);
    return QUERY.matcher(clean).replaceAll("$1=" + LEFT_OUT);
  }
}
