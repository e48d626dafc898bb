package io.lockstep.coordinator.rest;

import io.lockstep.coordinator.actor.PairRounds;
import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.Finding.Severity;
import io.lockstep.protocol.model.NodeReadings;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Compares what the nodes said with one another; pure. */
final class DoctorVerdict {
  /** Logs of nodes further apart are hard to put in order, and certificates begin to fail. */
  static final Duration MAX_SKEW = Duration.ofSeconds(1);

  private DoctorVerdict() {}

  /**
   * One node's answer.
   *
   * @param ahead of the clock of the node that asked
   * @param uncertain by so much
   */
  record Patient(String node, NodeReadings readings, Duration ahead, Duration uncertain) {}

  /** What is other on this node than on most. */
  static List<Finding> of(Patient patient, List<Patient> all) {
    var found = new ArrayList<Finding>();
    found.add(versions(patient, all));
    found.add(hardware(patient, all));
    found.add(clock(patient, all));
    return found;
  }

  private static Finding versions(Patient patient, List<Patient> all) {
    var others = new ArrayList<String>();
    for (Map.Entry<String, String> own : patient.readings().versions().entrySet()) {
      String common =
          most(
              all.stream()
                  .map(p -> p.readings().versions().getOrDefault(own.getKey(), ""))
                  .filter(v -> !v.isEmpty())
                  .toList());
      if (!common.equals(own.getValue())) {
        others.add(own.getKey() + " " + own.getValue() + ", elsewhere " + common);
      }
    }
    return others.isEmpty()
        ? finding(ReasonCode.DIFFERENT_VERSIONS, Severity.OK, "as on the other nodes", "")
        : finding(
            ReasonCode.DIFFERENT_VERSIONS,
            Severity.FAIL,
            String.join("; ", others),
            "install one version on all nodes");
  }

  private static Finding hardware(Patient patient, List<Patient> all) {
    String common = most(all.stream().map(p -> p.readings().gpus().toString()).toList());
    String own = patient.readings().gpus().toString();
    return own.equals(common)
        ? finding(ReasonCode.DIFFERENT_HARDWARE, Severity.OK, "as on the other nodes", "")
        : finding(
            ReasonCode.DIFFERENT_HARDWARE,
            Severity.WARN,
            "GPUs " + own + ", elsewhere " + common,
            "a gang is of one kind: this node is refused beside the others");
  }

  private static Finding clock(Patient patient, List<Patient> all) {
    List<Duration> sorted = all.stream().map(Patient::ahead).sorted().toList();
    Duration off = patient.ahead().minus(sorted.get((sorted.size() - 1) / 2)).abs();
    String text = off.toMillis() + " ms from the median, ± " + patient.uncertain().toMillis();
    return off.minus(patient.uncertain()).compareTo(MAX_SKEW) <= 0
        ? finding(ReasonCode.CLOCK_SKEW, Severity.OK, text, "")
        : finding(ReasonCode.CLOCK_SKEW, Severity.WARN, text, "start chrony or ntpd on the node");
  }

  /** The first by name of those that most have. */
  private static String most(List<String> values) {
    Map<String, Long> counts =
        values.stream().collect(Collectors.groupingBy(v -> v, TreeMap::new, Collectors.counting()));
    String best = "";
    long votes = 0;
    for (Map.Entry<String, Long> each : counts.entrySet()) {
      if (each.getValue() > votes) {
        best = each.getKey();
        votes = each.getValue();
      }
    }
    return best;
  }

  /** That does not answer, or is not heard of. */
  static Finding silent(String why) {
    return finding(ReasonCode.NODE_SILENT, Severity.FAIL, why, PairRounds.LOOK_AT_DAEMON);
  }

  static Finding finding(ReasonCode code, Severity severity, String found, String todo) {
    return new Finding(code, severity, found, todo);
  }
}
