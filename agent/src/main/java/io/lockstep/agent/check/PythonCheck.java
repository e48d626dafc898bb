package io.lockstep.agent.check;

import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.ReasonCode;
import java.nio.file.Files;
import java.nio.file.Path;

/** The workers' interpreter can be executed. */
final class PythonCheck implements Check {
  @Override
  public ReasonCode code() {
    return ReasonCode.PYTHON_MISSING;
  }

  @Override
  public Finding look(Subject subject) {
    String python = subject.python();
    Path workdir = Path.of(subject.job().map(JobSpec::workdir).orElse("/"));
    boolean found =
        python.contains("/") ? Files.isExecutable(workdir.resolve(python)) : subject.onPath(python);
    return found
        ? ok("%s", python)
        : fail(
            "set python in the job, or LOCKSTEP_PYTHON for the daemon",
            "the interpreter %s is not there or cannot be executed",
            python);
  }
}
