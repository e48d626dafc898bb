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
  private static final String MARK = "LOCKSTEP_GROUP=";
  private static final String LISTENS = "0A";

  private Processes() {}

  /** Processes of worker groups of this node ({@code address:akkaPort}), shims included. */
  static Set<Long> ofNode(String marker) {
    return marked(MARK + marker + "/");
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

  /** The mark of the group that a process belongs to; empty when it is of none. */
  static String mark(long pid) {
    return environment(pid).stream()
        .filter(e -> e.startsWith(MARK))
        .findFirst()
        .map(e -> e.substring(MARK.length()))
        .orElse("");
  }

  static String commandLine(long pid) {
    try {
      return Files.readString(PROC.resolve(pid + "/cmdline"), StandardCharsets.ISO_8859_1)
          .replace('\0', ' ');
    } catch (IOException e) {
      return "";
    }
  }

  /** Living processes with this in their command line. */
  static Set<Long> running(String text) {
    var found = new TreeSet<Long>();
    for (long pid : pids()) {
      if (isAlive(pid) && commandLine(pid).contains(text)) {
        found.add(pid);
      }
    }
    return found;
  }

  /** Processes that listen on this port, whatever the address. */
  static Set<Long> listeners(int port) {
    Set<String> sockets = new TreeSet<>();
    for (String table : List.of("net/tcp", "net/tcp6")) {
      for (String line : lines(PROC.resolve(table))) {
        String[] fields = line.strip().split("\\s+", -1);
        if (fields.length > 9
            && fields[1].endsWith(":%04X".formatted(port))
            && fields[3].equals(LISTENS)) {
          sockets.add("socket:[" + fields[9] + "]");
        }
      }
    }
    var found = new TreeSet<Long>();
    for (long pid : sockets.isEmpty() ? List.<Long>of() : pids()) {
      if (descriptors(pid).stream().anyMatch(sockets::contains)) {
        found.add(pid);
      }
    }
    return found;
  }

  private static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (IOException e) {
      return List.of(); // no IPv6 here
    }
  }

  private static List<String> descriptors(long pid) {
    var found = new ArrayList<String>();
    try (var all = Files.newDirectoryStream(PROC.resolve(pid + "/fd"))) {
      for (Path one : all) {
        found.add(Files.readSymbolicLink(one).toString());
      }
    } catch (IOException | java.nio.file.DirectoryIteratorException e) {
      return found; // it has ended, or is not ours
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
