package io.lockstep.protocol.api;

import java.util.List;

/**
 * How the nodes are, each check of each.
 *
 * @param healthy no check failed
 */
public record DoctorView(boolean healthy, List<PatientView> nodes) {
  /** One node. */
  public record PatientView(String node, List<FindingView> findings) {}

  /**
   * What one check found.
   *
   * @param severity OK, SKIPPED, WARN or FAIL
   * @param todo empty where there is nothing to do
   */
  public record FindingView(String code, String severity, String found, String todo) {}
}
