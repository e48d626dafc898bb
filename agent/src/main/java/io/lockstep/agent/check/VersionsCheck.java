package io.lockstep.agent.check;

import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.ReasonCode;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** The interpreter has torch; its versions are compared with those of the other nodes. */
final class VersionsCheck implements Check {
  private final VersionProbe probe;

  VersionsCheck(VersionProbe probe) {
    this.probe = probe;
  }

  @Override
  public ReasonCode code() {
    return ReasonCode.VERSIONS;
  }

  @Override
  public Finding look(Subject subject) {
    Optional<InterpreterFacts> facts = probe.of(subject.python(), subject.env());
    if (facts.isEmpty()) {
      return skipped("%s does not say what it has", subject.python());
    }
    Map<String, String> versions = facts.get().versions();
    String all =
        versions.entrySet().stream()
            .map(e -> e.getKey() + " " + e.getValue())
            .collect(Collectors.joining(", "));
    return versions.containsKey("torch")
        ? ok("%s", all)
        : warn(
            "install torch there, or name another interpreter (python: in the job, LOCKSTEP_PYTHON"
                + " for the daemon)",
            "%s has no torch: %s",
            subject.python(),
            all);
  }
}
