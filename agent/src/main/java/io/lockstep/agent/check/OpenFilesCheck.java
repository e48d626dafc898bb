package io.lockstep.agent.check;

import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.ReasonCode;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Optional;

/** Workers may open enough files: they inherit the daemon's limit. */
final class OpenFilesCheck implements Check {
  /** What most distributions give a shell; DataLoader workers and NCCL need hundreds each. */
  static final long LEAST = 4_096;

  @Override
  public ReasonCode code() {
    return ReasonCode.OPEN_FILES;
  }

  @Override
  public Finding look(Subject subject) {
    Optional<Long> limit;
    try {
      limit = softLimit(Files.readString(subject.host().root().resolve("proc/self/limits")));
    } catch (IOException e) {
      return skipped("the limits cannot be read: %s", e);
    }
    return limit
        .map(
            most ->
                most < LEAST
                    ? warn(
                        "raise it where lockstepd is started: ulimit -n 65536, or LimitNOFILE=",
                        "%d open files at most, wanted %d",
                        most,
                        LEAST)
                    : ok("%s at most", most == Long.MAX_VALUE ? "any number" : most.toString()))
        .orElseGet(() -> skipped("the limit is not told"));
  }

  static Optional<Long> softLimit(String limits) {
    return limits
        .lines()
        .filter(l -> l.startsWith("Max open files"))
        .map(l -> l.substring("Max open files".length()).strip().split("\\s+", -1)[0])
        .map(word -> word.equals("unlimited") ? Long.MAX_VALUE : Long.parseLong(word))
        .findFirst();
  }
}
