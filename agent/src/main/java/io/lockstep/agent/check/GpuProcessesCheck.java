package io.lockstep.agent.check;

import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.ReasonCode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** Nobody else computes on these GPUs, such as a run that was left behind. */
final class GpuProcessesCheck extends GpuCheck {
  GpuProcessesCheck() {
    super(ReasonCode.GPU_PROCESSES);
  }

  @Override
  Finding look(Subject subject, List<GpuState> gpus) {
    List<GpuState> shared =
        gpus.stream()
            .filter(g -> g.processes().stream().anyMatch(p -> isOther(subject, p)))
            .toList();
    return shared.isEmpty()
        ? ok("nobody else computes")
        : warn(
            "end them if they are left over; else the job may not get the memory it needs",
            "processes of others: %s",
            each(
                shared,
                g ->
                    g.processes().stream()
                        .filter(p -> isOther(subject, p))
                        .map(p -> "pid " + p.pid() + " " + p.name() + " holds " + p.memory())
                        .collect(Collectors.joining(", "))));
  }

  /** The reading may be older than the end of what it names. */
  private static boolean isOther(Subject subject, GpuState.GpuProcess process) {
    Path proc = subject.host().root().resolve("proc").resolve(Long.toString(process.pid()));
    return Files.isDirectory(proc) && !isOurs(proc, subject.host().markerPrefix());
  }

  private static boolean isOurs(Path proc, String prefix) {
    try {
      String env = Files.readString(proc.resolve("environ"), StandardCharsets.ISO_8859_1);
      return env.contains("LOCKSTEP_GROUP=" + prefix + "/");
    } catch (IOException e) {
      return false; // another user's
    }
  }
}
