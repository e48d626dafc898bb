package io.lockstep.agent.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Reads from /proc how much memory processes take, each shared page divided by who shares it. */
public final class ProcessMemory {
  private static final Path PROC = Path.of("/proc");
  private static final Pattern PSS = Pattern.compile("^Pss:\\s+(\\d+) kB$", Pattern.MULTILINE);

  private ProcessMemory() {}

  /**
   * Of this process and all below it; empty when it is gone or another user's. Blocks: the kernel
   * walks their page tables, some milliseconds for each GB.
   */
  public static Optional<Long> ofTree(long pid) {
    Optional<ProcessHandle> root = ProcessHandle.of(pid);
    if (root.isEmpty()) {
      return Optional.empty();
    }
    try (Stream<ProcessHandle> below = root.get().descendants()) {
      return of(pid).map(own -> own + below.mapToLong(p -> of(p.pid()).orElse(0L)).sum());
    }
  }

  private static Optional<Long> of(long pid) {
    try {
      return parse(Files.readString(PROC.resolve(Long.toString(pid)).resolve("smaps_rollup")));
    } catch (IOException e) {
      return Optional.empty(); // gone meanwhile
    }
  }

  /** Bytes, from the text of smaps_rollup. */
  static Optional<Long> parse(String rollup) {
    Matcher found = PSS.matcher(rollup);
    return found.find() ? Optional.of(Long.parseLong(found.group(1)) << 10) : Optional.empty();
  }
}
