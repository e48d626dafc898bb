package io.lockstep.agent.check;

import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.ReasonCode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** The working folder is there. */
final class WorkdirCheck implements Check {
  @Override
  public ReasonCode code() {
    return ReasonCode.WORKDIR_MISSING;
  }

  @Override
  public Finding look(Subject subject) {
    Optional<Path> workdir = subject.job().map(JobSpec::workdir).map(Path::of);
    if (workdir.isEmpty()) {
      return skipped("no job");
    }
    return Files.isDirectory(workdir.get())
        ? ok("%s", workdir.get())
        : fail(
            "copy or mount it there, or change workdir: in the job",
            "the working folder %s is not there",
            workdir.get());
  }
}
