package io.lockstep.agent.check;

import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.ReasonCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** /dev/shm has room: NCCL, DataLoader workers and DeepSpeed talk through it. */
final class SharedMemoryCheck implements Check {
  /** Docker's default is 64 MiB, with which DataLoader workers die of SIGBUS. */
  static final long LEAST_BYTES = 1L << 30;

  /** Below that nothing works. */
  static final long NEEDED_BYTES = 32L << 20;

  @Override
  public ReasonCode code() {
    return ReasonCode.SHARED_MEMORY;
  }

  @Override
  public Finding look(Subject subject) {
    Path shm = subject.host().root().resolve("dev/shm");
    try {
      return finding(Files.getFileStore(shm).getUsableSpace());
    } catch (IOException e) {
      return warn("mount a tmpfs there", "%s cannot be looked at: %s", shm, e);
    }
  }

  Finding finding(long free) {
    String todo =
        "delete what was left in /dev/shm, or make it larger (mount -o remount,size=…; docker run"
            + " --shm-size)";
    if (free < NEEDED_BYTES) {
      return fail(todo, "%d MiB are free in /dev/shm, wanted 1 GiB", free >> 20);
    }
    return free < LEAST_BYTES
        ? warn(todo, "%d MiB are free in /dev/shm, wanted 1 GiB", free >> 20)
        : ok("%d MiB free", free >> 20);
  }
}
