package io.lockstep.agent.check;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What the kernel says of NVIDIA devices, without the driver's help.
 *
 * @param root {@code /}, or a folder that stands in for it
 */
public record NvidiaDevices(Path root) {
  private static final String NVIDIA = "0x10de";
  private static final String DISPLAY_CLASS = "0x03";
  private static final Pattern NODE = Pattern.compile("nvidia\\d+");

  /** Why there should be a working driver; empty on a host without an NVIDIA device for us. */
  public Optional<String> why() {
    int nodes = nodes();
    if (nodes > 0) {
      return Optional.of("/dev has " + nodes + " NVIDIA device" + (nodes > 1 ? "s" : ""));
    }
    // A container sees the PCI devices and the loaded module of its host, without being given them.
    if (Files.exists(root.resolve("proc/driver/nvidia/version"))) {
      return Optional.empty();
    }
    List<String> pci = onPci();
    return pci.isEmpty()
        ? Optional.empty()
        : Optional.of("PCI has the NVIDIA device " + pci.get(0) + ", and no driver is loaded");
  }

  /** How many device nodes there are. */
  int nodes() {
    return names(root.resolve("dev")).stream()
        .filter(n -> NODE.matcher(n).matches())
        .toList()
        .size();
  }

  private List<String> onPci() {
    Path all = root.resolve("sys/bus/pci/devices");
    return names(all).stream()
        .filter(name -> read(all.resolve(name).resolve("vendor")).equals(NVIDIA))
        .filter(name -> read(all.resolve(name).resolve("class")).startsWith(DISPLAY_CLASS))
        .filter(name -> !isGivenAway(all.resolve(name)))
        .sorted()
        .toList();
  }

  /** To a virtual machine. */
  private static boolean isGivenAway(Path device) {
    try {
      return device.resolve("driver").toRealPath().endsWith("vfio-pci");
    } catch (IOException e) {
      return false; // no driver has it
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file).strip();
    } catch (IOException e) {
      return "";
    }
  }

  private static List<String> names(Path folder) {
    try (Stream<Path> found = Files.list(folder)) {
      return found.map(p -> p.getFileName().toString()).toList();
    } catch (IOException e) {
      return List.of();
    }
  }
}
