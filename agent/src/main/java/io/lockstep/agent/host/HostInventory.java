package io.lockstep.agent.host;

import io.lockstep.agent.process.BoundedCommand;
import io.lockstep.agent.process.ProcessScan;
import io.lockstep.protocol.model.GpuInfo;
import io.lockstep.protocol.model.NodeInventory;
import java.io.IOException;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What this host has, looked at once when the daemon starts.
 *
 * @param gpuProblem why the GPUs that are there cannot be used; empty when there is no problem
 * @param interfaceName network interface that holds the node's address
 */
record HostInventory(
    NodeInventory node, Optional<String> gpuProblem, Optional<String> interfaceName) {
  private static final Duration QUERY_LIMIT = Duration.ofSeconds(10);
  private static final List<String> QUERY =
      List.of(
          "nvidia-smi",
          "--query-gpu=index,uuid,name,memory.total",
          "--format=csv,noheader,nounits");

  static HostInventory look(AgentSettings settings) throws IOException, InterruptedException {
    Gpus gpus = hasDevice() || hasTool() ? query() : new Gpus(List.of(), Optional.empty());
    return new HostInventory(
        new NodeInventory(
            settings.address(),
            hostname(settings),
            ProcessScan.bootId(),
            Runtime.getRuntime().availableProcessors(),
            memoryBytes(),
            gpus.found(),
            settings.python(),
            settings.version(),
            settings.nodeRankHint()),
        gpus.problem(),
        interfaceOf(settings.address()));
  }

  /** True when workers of this host run on GPUs, or should. */
  boolean hasGpus() {
    return !node.gpus().isEmpty() || gpuProblem.isPresent();
  }

  record Gpus(List<GpuInfo> found, Optional<String> problem) {}

  /** Reads nvidia-smi's lines: index, uuid, name, MiB. */
  static Gpus parse(String csv) {
    var found = new ArrayList<GpuInfo>();
    for (String line : csv.lines().filter(l -> !l.isBlank()).toList()) {
      String[] cells = line.split(",", -1);
      if (cells.length != 4) {
        return new Gpus(List.of(), Optional.of("nvidia-smi said: " + line));
      }
      try {
        found.add(
            new GpuInfo(
                Integer.parseInt(cells[0].strip()),
                cells[1].strip(),
                cells[2].strip(),
                Long.parseLong(cells[3].strip()) << 20));
      } catch (NumberFormatException e) {
        return new Gpus(List.of(), Optional.of("nvidia-smi said: " + line));
      }
    }
    return new Gpus(found, Optional.empty());
  }

  private static Gpus query() throws IOException, InterruptedException {
    BoundedCommand.Result result;
    try {
      result = BoundedCommand.run(QUERY, System.getenv(), QUERY_LIMIT);
    } catch (IOException e) {
      return broken("nvidia-smi cannot be run: " + e.getMessage());
    }
    if (result.isSuccess()) {
      return parse(result.stdout());
    }
    if (!hasDevice()) {
      return new Gpus(List.of(), Optional.empty()); // the tool alone: a host without a GPU
    }
    return broken(
        result.timedOut()
            ? "nvidia-smi did not answer within " + QUERY_LIMIT.toSeconds() + " s"
            : "nvidia-smi failed: " + (result.stdout() + result.stderr()).strip());
  }

  private static Gpus broken(String why) {
    return new Gpus(
        List.of(), Optional.of("there is an NVIDIA device without a working driver: " + why));
  }

  private static boolean hasDevice() {
    return Files.exists(Path.of("/dev/nvidia0"));
  }

  private static boolean hasTool() {
    for (String folder : System.getenv().getOrDefault("PATH", "").split(":", -1)) {
      if (!folder.isEmpty() && Files.isExecutable(Path.of(folder, "nvidia-smi"))) {
        return true;
      }
    }
    return false;
  }

  private static String hostname(AgentSettings settings) {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return settings.address(); // a host that cannot resolve its own name
    }
  }

  private static long memoryBytes() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/meminfo"))) {
      if (line.startsWith("MemTotal:")) {
        return Long.parseLong(line.replaceAll("\\D", "")) << 10;
      }
    }
    return 0;
  }

  /** Loopback's whole network counts as held by lo, also 127.0.0.2, which no interface lists. */
  private static Optional<String> interfaceOf(String address) throws IOException {
    InetAddress wanted = InetAddress.getAllByName(address)[0];
    NetworkInterface holder = NetworkInterface.getByInetAddress(wanted);
    if (holder == null && wanted.isLoopbackAddress()) {
      holder = NetworkInterface.getByInetAddress(InetAddress.getLoopbackAddress());
    }
    return Optional.ofNullable(holder).map(NetworkInterface::getName);
  }
}
