package io.lockstep.protocol.api;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Optional;

/**
 * What came of a pair check.
 *
 * @param healthy no check failed
 * @param groups in the order in which they were tried
 * @param nodes what that says of each node
 */
public record PairsView(
    boolean healthy, List<GroupView> groups, List<DoctorView.PatientView> nodes) {
  public PairsView {
    groups = List.copyOf(groups);
    nodes = List.copyOf(nodes);
  }

  /**
   * Nodes that met.
   *
   * @param result PASSED, FAILED, or SKIPPED where one of them was not tried
   * @param gatherSeconds one all-gather of all of them
   * @param bytesPerSecond that came to each of them
   * @param problem why it did not pass
   */
  public record GroupView(
      int round,
      List<String> nodes,
      String result,
      @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<Double> gatherSeconds,
      @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<Double> bytesPerSecond,
      @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<String> problem) {
    public GroupView {
      nodes = List.copyOf(nodes);
    }
  }
}
