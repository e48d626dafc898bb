package io.lockstep.e2e;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** Looks at /proc: which living processes carry a node's mark. */
final class Processes {
  private static final Path PROC = Path.of("/proc");

  private Processes() {}

  /** Processes of worker groups of this node ({@code address:akkaPort}), shims included. */
  static Set<Long> ofNode(String marker) {
    return marked("LOCKSTEP_GROUP=" + marker + "/");
  }

  /** Living processes whose environment has an entry that begins so. */
  static Set<Long> marked(String entryStart) {
    var found = new TreeSet<Long>();
    for (long pid : pids()) {
      if (isAlive(pid) && environment(pid).stream().anyMatch(e -> e.startsWith(entryStart))) {
        found.add(pid);
      }
    }
    return found;
  }

  /** Exists and is no zombie. */
  static boolean isAlive(long pid) {
    try {
      String stat = Files.readString(PROC.resolve(pid + "/stat"));
      return stat.charAt(stat.lastIndexOf(')') + 2) != 'Z';
    } catch (IOException e) {
      return false;
    }
  }

  /** Kills what carries the mark until nothing does. */
  static void killNode(String marker) {
    for (int round = 0; round < 100; round++) {
      Set<Long> alive = ofNode(marker);
      if (alive.isEmpty()) {
        return;
      }
      alive.forEach(pid -> signal("KILL", pid));
    }
    throw new IllegalStateException("processes of " + marker + " do not end");
  }

  static void signal(String name, long pid) {
    try {
      new ProcessBuilder("kill", "-" + name, Long.toString(pid))
          .redirectErrorStream(true)
          .redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .start()
          .waitFor();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static List<Long> pids() {
    try (var entries = Files.list(PROC)) {
      return entries
          .map(p -> p.getFileName().toString())
          .filter(n -> n.chars().allMatch(Character::isDigit))
          .map(Long::valueOf)
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<String> environment(long pid) {
    try {
      byte[] bytes = Files.readAllBytes(PROC.resolve(pid + "/environ"));
      return List.of(new String(bytes, StandardCharsets.ISO_8859_1).split("\0"));
    } catch (IOException e) {
      return new ArrayList<>();
    }
  }
}
