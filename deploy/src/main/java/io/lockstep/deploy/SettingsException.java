package io.lockstep.deploy;

import java.util.List;

/** Settings with mistakes: all of them, each with what would be right. */
final class SettingsException extends Exception {
  private static final long serialVersionUID = 1;

  private final transient List<String> problems;

  SettingsException(List<String> problems) {
    super(String.join("; ", problems));
    this.problems = List.copyOf(problems);
  }

  List<String> problems() {
    return problems;
  }
}
