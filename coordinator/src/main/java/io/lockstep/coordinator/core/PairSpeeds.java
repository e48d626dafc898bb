package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.PairReading;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What is slow among the groups and nodes of a pair check: far above the median; pure.
 *
 * @param secondsPerByte of the group in the middle; empty with too few groups
 * @param matmuls seconds of each node's best
 * @param devices what each multiplied on
 * @param medians of the matmuls, by device
 */
record PairSpeeds(
    Optional<Double> secondsPerByte,
    Map<NodeId, Double> matmuls,
    Map<NodeId, String> devices,
    Map<String, Double> medians) {
  /** Times the median. */
  static final double SLOW = 2.0;

  /** A median of fewer says nothing. */
  private static final int LEAST = 2;

  static PairSpeeds of(List<PairGroup> met) {
    var matmuls = new HashMap<NodeId, Double>();
    var devices = new HashMap<NodeId, String>();
    for (PairGroup group : met) {
      for (NodeId node : group.nodes()) {
        group
            .reading(node)
            .ifPresent(
                r -> {
                  matmuls.merge(node, seconds(r), Math::min);
                  devices.putIfAbsent(node, r.device());
                });
      }
    }
    return new PairSpeeds(
        median(met.stream().flatMap(g -> secondsPerByte(g).stream()).toList()),
        Map.copyOf(matmuls),
        Map.copyOf(devices),
        medians(matmuls, devices));
  }

  private static Map<String, Double> medians(
      Map<NodeId, Double> matmuls, Map<NodeId, String> devices) {
    var byDevice = new HashMap<String, List<Double>>();
    devices.forEach(
        (node, device) -> {
          double own = matmuls.getOrDefault(node, 0.0);
          byDevice.computeIfAbsent(device, d -> new ArrayList<>()).add(own);
        });
    var medians = new HashMap<String, Double>();
    byDevice.forEach((device, all) -> median(all).ifPresent(m -> medians.put(device, m)));
    return Map.copyOf(medians);
  }

  boolean isSlow(PairGroup group) {
    return secondsPerByte.isPresent()
        && secondsPerByte(group).filter(s -> s > SLOW * secondsPerByte.get()).isPresent();
  }

  /** Of the group in the middle; empty with too few groups. */
  Optional<Double> medianBytesPerSecond() {
    return secondsPerByte.map(s -> 1 / s);
  }

  private static Optional<Double> secondsPerByte(PairGroup group) {
    return group.bytesPerSecond().map(b -> 1 / b);
  }

  /** Seconds of its best matmul; empty where it measured none. */
  Optional<Double> matmul(NodeId node) {
    return Optional.ofNullable(matmuls.get(node));
  }

  /** Of the nodes with the same device; empty with too few of them. */
  Optional<Double> medianMatmul(NodeId node) {
    return Optional.ofNullable(devices.get(node)).flatMap(d -> Optional.ofNullable(medians.get(d)));
  }

  private static double seconds(PairReading reading) {
    return reading.matmul().toNanos() / 1e9;
  }

  /** The lower one of two, so that of two the slow one is told. */
  private static Optional<Double> median(List<Double> values) {
    List<Double> sorted = values.stream().sorted().toList();
    return sorted.size() < LEAST
        ? Optional.empty()
        : Optional.of(sorted.get((sorted.size() - 1) / 2));
  }
}
