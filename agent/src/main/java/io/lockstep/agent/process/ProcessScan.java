package io.lockstep.agent.process;

import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.JobId;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** Finds and ends this daemon's group processes by the mark that they carry, never by pid alone. */
public final class ProcessScan {
  private static final Path PROC = Path.of("/proc");
  private static final String MARK = "LOCKSTEP_GROUP=";
  private static final long SCAN_INTERVAL_MILLIS = 10;
  private static final int EMPTY_SCANS_NEEDED = 2;

  private final String prefix;
  private final long self = ProcessHandle.current().pid();
  private final Object ourUser = ourUser();

  /**
   * A scan for one daemon.
   *
   * @param markerPrefix as in {@link NodeFacts}; only processes with it are ever looked at
   */
  public ProcessScan(String markerPrefix) {
    this.prefix = markerPrefix + "/";
  }

  /** A living process of a group; a descendant without a mark has its ancestor's fence. */
  public record Found(long pid, long startTime, Fence fence, String command) {
    @Override
    public String toString() {
      return "pid " + pid + " (" + command + " of " + fence + ")";
    }
  }

  /** Living processes of groups that pass; zombies count as gone. */
  public List<Found> living(Predicate<Fence> wanted) {
    Map<Long, Stat> all = allProcesses();
    var children = new HashMap<Long, List<Stat>>();
    all.values().forEach(s -> children.computeIfAbsent(s.parent(), p -> new ArrayList<>()).add(s));
    var found = new ArrayList<Found>();
    var seen = new HashSet<Long>();
    for (Stat stat : all.values()) {
      fenceOf(stat)
          .filter(wanted)
          .ifPresent(fence -> addWithDescendants(stat, fence, children, seen, found));
    }
    return found;
  }

  /**
   * Kills the processes of groups that pass until none is left or the limit is reached; blocks.
   *
   * @return who is still there
   */
  public List<Found> end(Predicate<Fence> wanted, Duration limit) throws InterruptedException {
    long deadline = System.nanoTime() + limit.toNanos();
    int emptyScans = 0;
    while (true) {
      List<Found> left = living(wanted);
      emptyScans = left.isEmpty() ? emptyScans + 1 : 0;
      if (emptyScans >= EMPTY_SCANS_NEEDED || (!left.isEmpty() && System.nanoTime() > deadline)) {
        return left;
      }
      // What was forked while an empty scan went by is there for the next one, which need not wait.
      if (!left.isEmpty()) {
        left.forEach(ProcessScan::kill);
        Thread.sleep(SCAN_INTERVAL_MILLIS);
      }
    }
  }

  /** True when exactly this process lives: same pid and same start time. */
  public static boolean isAlive(long pid, long startTime) {
    return stat(pid).filter(s -> s.startTime() == startTime && !s.isGone()).isPresent();
  }

  /** When a process began, in the kernel's ticks: with the pid it names no other. */
  static long startTime(long pid) throws IOException {
    return stat(pid)
        .map(Stat::startTime)
        .orElseThrow(() -> new IOException("cannot read /proc/" + pid + "/stat; mount /proc"));
  }

  /** True when a process with this pid and command lives. */
  static boolean isAlive(long pid, String command) {
    return stat(pid).filter(s -> s.command().equals(command) && !s.isGone()).isPresent();
  }

  /** Names this boot of the host. */
  public static String bootId() throws IOException {
    return Files.readString(PROC.resolve("sys/kernel/random/boot_id")).strip();
  }

  private static void kill(Found found) {
    if (isAlive(found.pid(), found.startTime())) {
      ProcessHandle.of(found.pid()).ifPresent(ProcessHandle::destroyForcibly);
    }
  }

  private void addWithDescendants(
      Stat root, Fence fence, Map<Long, List<Stat>> children, Set<Long> seen, List<Found> to) {
    var pending = new ArrayDeque<Stat>();
    pending.add(root);
    while (!pending.isEmpty()) {
      Stat next = pending.remove();
      if (next.pid() == self || !seen.add(next.pid())) {
        continue;
      }
      if (!next.isGone()) {
        to.add(new Found(next.pid(), next.startTime(), fence, next.command()));
      }
      pending.addAll(children.getOrDefault(next.pid(), List.of()));
    }
  }

  private Optional<Fence> fenceOf(Stat stat) {
    if (stat.isGone() || stat.pid() == self || !isOurs(stat.pid())) {
      return Optional.empty();
    }
    byte[] environment;
    try {
      environment = Files.readAllBytes(PROC.resolve(stat.pid() + "/environ"));
    } catch (IOException e) {
      return Optional.empty(); // gone, or not ours to read
    }
    for (String entry : new String(environment, StandardCharsets.UTF_8).split("\0", -1)) {
      if (entry.startsWith(MARK)) {
        return parse(entry.substring(MARK.length()));
      }
    }
    return Optional.empty();
  }

  private Optional<Fence> parse(String marker) {
    if (!marker.startsWith(prefix)) {
      return Optional.empty();
    }
    String[] parts = marker.substring(prefix.length()).split("/", -1);
    if (parts.length != 3) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          new Fence(
              Long.parseLong(parts[0]),
              new JobId(parts[1]),
              new Attempt(Integer.parseInt(parts[2]))));
    } catch (IllegalArgumentException e) {
      return Optional.empty(); // somebody else's idea of a mark
    }
  }

  // A process stuck in the kernel can hang whoever reads its environment: look at no stranger's.
  private boolean isOurs(long pid) {
    try {
      return Files.getAttribute(PROC.resolve(Long.toString(pid)), "unix:uid").equals(ourUser);
    } catch (IOException e) {
      return false;
    }
  }

  private static Object ourUser() {
    try {
      return Files.getAttribute(PROC.resolve("self"), "unix:uid");
    } catch (IOException e) {
      throw new java.io.UncheckedIOException("cannot look at /proc/self; mount /proc", e);
    }
  }

  private record Stat(
      long pid, long parent, long startTime, char state, int threads, String command) {
    /** A zombie is gone, unless only its first thread has ended. */
    boolean isGone() {
      return (state == 'Z' || state == 'X') && threads <= 1;
    }
  }

  private static Map<Long, Stat> allProcesses() {
    var found = new HashMap<Long, Stat>();
    try (Stream<Path> list = Files.list(PROC)) {
      list.map(path -> String.valueOf(path.getFileName()))
          .filter(name -> Character.isDigit(name.charAt(0)))
          .forEach(name -> stat(Long.parseLong(name)).ifPresent(s -> found.put(s.pid(), s)));
    } catch (IOException e) {
      throw new java.io.UncheckedIOException("cannot list /proc; mount it", e);
    }
    return found;
  }

  private static Optional<Stat> stat(long pid) {
    String text;
    try {
      text =
          new String(Files.readAllBytes(PROC.resolve(pid + "/stat")), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return Optional.empty();
    }
    // The command stands in parentheses and may contain anything, also parentheses and spaces.
    int opening = text.indexOf('(');
    int closing = text.lastIndexOf(')');
    if (opening < 0 || closing + 2 >= text.length()) {
      return Optional.empty();
    }
    String[] fields = text.substring(closing + 2).split(" ", -1);
    if (fields.length < 20) {
      return Optional.empty();
    }
    return Optional.of(
        new Stat(
            pid,
            Long.parseLong(fields[1]),
            Long.parseLong(fields[19]),
            fields[0].charAt(0),
            Integer.parseInt(fields[17]),
            text.substring(opening + 1, closing)));
  }
}
