package io.lockstep.coordinator.cli;

import io.lockstep.protocol.api.Problem;

/** The API answered, and turned the request down. */
final class ApiRefused extends Exception {
  private static final long serialVersionUID = 1L;

  private final transient Problem problem;

  ApiRefused(Problem problem) {
    super(problem.detail());
    this.problem = problem;
  }

  Problem problem() {
    return problem;
  }

  /** True when asking again in a moment may do. */
  boolean isTransient() {
    return problem.status() == 503;
  }
}
