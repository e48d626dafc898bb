package io.lockstep.agent.host;

import io.lockstep.agent.check.GpuReading;
import io.lockstep.agent.process.ProcessScan;
import io.lockstep.protocol.model.GpuInfo;
import io.lockstep.protocol.model.NodeInventory;
import java.io.IOException;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What this host has, looked at once when the daemon starts.
 *
 * @param gpuProblem why the GPUs that are there cannot be used; empty when there is no problem
 * @param interfaceName network interface that holds the node's address
 */
record HostInventory(
    NodeInventory node, Optional<String> gpuProblem, Optional<String> interfaceName) {
  static HostInventory look(AgentSettings settings, GpuReading gpus) throws IOException {
    return new HostInventory(
        new NodeInventory(
            settings.address(),
            hostname(settings),
            ProcessScan.bootId(),
            Runtime.getRuntime().availableProcessors(),
            memoryBytes(),
            gpus.gpus().stream()
                .map(g -> new GpuInfo(g.index(), g.uuid(), g.name(), g.memoryBytes()))
                .toList(),
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
