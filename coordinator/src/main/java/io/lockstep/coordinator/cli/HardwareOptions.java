package io.lockstep.coordinator.cli;

import io.lockstep.coordinator.plan.Card;
import io.lockstep.coordinator.plan.Hardware;
import io.lockstep.coordinator.plan.Unplannable;
import io.lockstep.protocol.api.NodeView;
import io.lockstep.protocol.api.NodeView.GpuView;
import io.lockstep.protocol.model.JobSpec;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import picocli.CommandLine.Option;

/** Where a job would run: as the options say, then the job file, then the cluster that answers. */
final class HardwareOptions {
  @Option(
      names = "--nodes",
      paramLabel = "N",
      description = "Nodes, instead of the job file's number.")
  private Optional<Integer> nodes = Optional.empty();

  @Option(
      names = "--gpus-per-node",
      paramLabel = "N",
      description = "Workers on each node, instead of the job file's number.")
  private Optional<Integer> gpusPerNode = Optional.empty();

  @Option(
      names = "--gpu",
      paramLabel = "CARD",
      description = "A card such as H100-80GB, or its memory: 80e9, 80GB, 81559MiB.")
  private Optional<String> gpu = Optional.empty();

  @Option(
      names = "--host-memory",
      paramLabel = "SIZE",
      description = "Memory of each host, as --gpu; wanted where something is offloaded.")
  private Optional<String> hostMemory = Optional.empty();

  /** The cluster is asked only for what neither the options nor the job file say. */
  Hardware find(JobSpec job, Session session) throws Unplannable, UsageMistake {
    int wanted = count("--nodes", nodes).orElse(job.nodes());
    Optional<Integer> workers =
        count("--gpus-per-node", gpusPerNode)
            .or(() -> Optional.of(job.procsPerNode()).filter(procs -> procs > 0));
    OptionalLong host =
        hostMemory.isEmpty()
            ? OptionalLong.empty()
            : OptionalLong.of(Card.size(hostMemory.get(), "a size of memory"));
    if (gpu.isPresent()) {
      Card card = Card.parse(gpu.get());
      return hardware(wanted, workers, Optional.of(card), host, "the command line");
    }
    Optional<Hardware> found = ofCluster(session, wanted, workers, host);
    return found.isPresent()
        ? found.get()
        : hardware(wanted, workers, Optional.empty(), host, "the job file");
  }

  /** The best cards that the cluster has for a job; empty where it has none, or does not answer. */
  static Optional<Hardware> ofCluster(JobSpec job, Session session) {
    Optional<Integer> workers = Optional.of(job.procsPerNode()).filter(procs -> procs > 0);
    return ofCluster(session, job.nodes(), workers, OptionalLong.empty());
  }

  private static Optional<Hardware> ofCluster(
      Session session, int nodes, Optional<Integer> workers, OptionalLong host) {
    List<GpuView> gpus = smallest(session, nodes);
    return gpus.stream()
        .min(Comparator.comparingLong(GpuView::memoryBytes))
        .map(least -> Card.reported(least.name(), least.memoryBytes()))
        .map(
            card ->
                new Hardware(
                    nodes, workers.orElse(gpus.size()), Optional.of(card), host, "the cluster"));
  }

  private static Hardware hardware(
      int nodes, Optional<Integer> workers, Optional<Card> card, OptionalLong host, String source)
      throws Unplannable {
    if (workers.isEmpty()) {
      throw new Unplannable(
          "procsPerNode is auto, and no cluster with GPUs answers; say --gpus-per-node");
    }
    return new Hardware(nodes, workers.get(), card, host, source);
  }

  /** The GPUs of the node that has least, among as many as the job takes; empty without any. */
  private static List<GpuView> smallest(Session session, int nodes) {
    try {
      return session.api().nodes().stream()
          .map(NodeView::gpus)
          .filter(gpus -> !gpus.isEmpty())
          .sorted(Comparator.comparingLong(HardwareOptions::memory).reversed())
          .limit(nodes)
          .reduce((larger, smaller) -> smaller)
          .orElse(List.of());
    } catch (ApiRefused | NoCoordinator e) {
      return List.of(); // a plan needs no cluster
    }
  }

  private static long memory(List<GpuView> gpus) {
    return gpus.stream().mapToLong(GpuView::memoryBytes).min().orElse(0) * gpus.size();
  }

  private static Optional<Integer> count(String option, Optional<Integer> value)
      throws UsageMistake {
    if (value.isPresent() && (value.get() < 1 || value.get() > 10_000)) {
      throw new UsageMistake(option + " must be 1 to 10000, found: " + value.get());
    }
    return value;
  }
}
