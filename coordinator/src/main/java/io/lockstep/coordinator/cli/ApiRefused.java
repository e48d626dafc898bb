package io.lockstep.coordinator.cli;

import io.lockstep.protocol.api.Problem;

/** The API answered, and turned the request down. */
public final class ApiRefused extends Exception {
  private static final long serialVersionUID = 1L;

  private final transient Problem problem;

  ApiRefused(Problem problem) {
    super(problem.detail());
    this.problem = problem;
  }

  public Problem problem() {
    return problem;
  }

  /** True when asking again in a moment may do. */
  public boolean isTransient() {
    return problem.status() == 503;
  }
}
