package io.lockstep.simulation;

import io.lockstep.protocol.model.ExitReport;
import java.util.Optional;

/** What lies in one group's folder in the data directory. */
final class GroupFiles {
  private Optional<String> bootId = Optional.empty();
  private Optional<ExitReport> report = Optional.empty();

  void shimStarted(String boot) {
    bootId = Optional.of(boot);
  }

  boolean isStarted() {
    return bootId.isPresent();
  }

  boolean isOfBoot(String boot) {
    return bootId.map(boot::equals).orElse(true);
  }

  void report(ExitReport said) {
    report = Optional.of(said);
  }

  Optional<ExitReport> report() {
    return report;
  }
}
