package io.lockstep.deploy.run;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** DeepSpeed's hostfile: {@code host slots=n} on each line; a host's place is its node rank. */
record Hostfile(List<String> hosts, int slots) {
  private static final Pattern LINE = Pattern.compile("(\\S+)\\s+slots=([1-9][0-9]{0,3})");

  static Hostfile read(Path file) throws RunRefused {
    List<String> lines;
    try {
      lines = Files.readAllLines(file);
    } catch (IOException e) {
      throw RunRefused.usage("--hostfile: " + file + " cannot be read: " + e.getMessage());
    }
    return parse(lines, file.toString());
  }

  static Hostfile parse(List<String> lines, String file) throws RunRefused {
    var hosts = new ArrayList<String>();
    int slots = 0;
    for (String line : lines) {
      String text = line.replaceFirst("#.*", "").strip();
      if (text.isEmpty()) {
        continue;
      }
      Matcher matcher = LINE.matcher(text);
      if (!matcher.matches()) {
        throw RunRefused.usage(
            "--hostfile: each line of " + file + " is 'host slots=N', found: " + text);
      }
      int here = Integer.parseInt(matcher.group(2));
      if (slots != 0 && here != slots) {
        throw RunRefused.usage(
            "--hostfile: all hosts of "
                + file
                + " need the same slots, found: "
                + slots
                + " and "
                + here);
      }
      slots = here;
      if (hosts.contains(matcher.group(1))) {
        throw RunRefused.usage("--hostfile: " + file + " names " + matcher.group(1) + " twice");
      }
      hosts.add(matcher.group(1));
    }
    if (hosts.isEmpty()) {
      throw RunRefused.usage("--hostfile: " + file + " names no host");
    }
    return new Hostfile(List.copyOf(hosts), slots);
  }
}
