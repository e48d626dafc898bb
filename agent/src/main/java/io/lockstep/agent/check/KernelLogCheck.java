package io.lockstep.agent.check;

import io.lockstep.agent.process.BoundedCommand;
import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.ReasonCode;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The kernel's log has no Xid that speaks of broken hardware. A warning only: the log keeps what
 * was repaired since.
 */
final class KernelLogCheck implements Check {
  private static final Duration LIMIT = Duration.ofSeconds(3);
  private static final int MAX_SHOWN = 3;
  private static final Pattern XID = Pattern.compile("NVRM: Xid \\([^)]*\\): (\\d+)");
  // https://docs.nvidia.com/deploy/xid-errors: those that a script cannot cause
  private static final Set<Integer> HARDWARE =
      Set.of(46, 48, 62, 63, 64, 74, 79, 92, 94, 95, 109, 119, 120, 140);

  @Override
  public ReasonCode code() {
    return ReasonCode.KERNEL_XID;
  }

  @Override
  public Finding look(Subject subject) {
    try {
      BoundedCommand.Result said =
          BoundedCommand.run(List.of("dmesg"), Map.of("PATH", path(subject)), LIMIT);
      return said.isSuccess()
          ? finding(said.stdout())
          : skipped("the kernel's log cannot be read: %s", GpuXml.shown(said.stderr()));
    } catch (IOException e) {
      return skipped("the kernel's log cannot be read: %s", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return skipped("interrupted");
    }
  }

  Finding finding(String log) {
    List<String> bad = log.lines().filter(KernelLogCheck::isHardware).toList();
    return bad.isEmpty()
        ? ok("no Xid of broken hardware since boot")
        : warn(
            "look it up at docs.nvidia.com/deploy/xid-errors; the other checks say how the GPU is"
                + " now",
            "%d since boot, the last: %s",
            bad.size(),
            String.join(" | ", bad.subList(Math.max(0, bad.size() - MAX_SHOWN), bad.size())));
  }

  private static boolean isHardware(String line) {
    Matcher found = XID.matcher(line);
    return found.find() && HARDWARE.contains(Integer.parseInt(found.group(1)));
  }

  private static String path(Subject subject) {
    return subject.host().env().getOrDefault("PATH", "/usr/bin:/bin");
  }
}
