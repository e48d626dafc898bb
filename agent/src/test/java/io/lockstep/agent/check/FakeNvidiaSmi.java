package io.lockstep.agent.check;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Map;

/** A program that says what an H200's nvidia-smi said, healthy or changed, in a folder for PATH. */
public record FakeNvidiaSmi(Path folder) {
  /** As recorded; driver 580. */
  public static String healthy() throws IOException {
    try (var in = FakeNvidiaSmi.class.getResourceAsStream("h200-driver-580.xml")) {
      return new String(
          java.util.Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  /** The same with this many GPUs. */
  public static String healthy(int gpus) throws IOException {
    String one = healthy();
    int from = one.indexOf("\t<gpu id");
    int to = one.indexOf("</gpu>") + "</gpu>".length();
    return (one.substring(0, from) + one.substring(from, to).repeat(gpus) + one.substring(to))
        .replace(">1</attached_gpus>", ">" + gpus + "</attached_gpus>");
  }

  public FakeNvidiaSmi says(String text) throws IOException {
    Files.writeString(folder.resolve("said"), text);
    return does("exec cat '" + folder.resolve("said") + "'");
  }

  public FakeNvidiaSmi does(String script) throws IOException {
    Path tool = folder.resolve("nvidia-smi");
    Files.writeString(tool, "#!/bin/sh\n" + script + "\n");
    Files.setPosixFilePermissions(tool, PosixFilePermissions.fromString("rwxr-xr-x"));
    return this;
  }

  /** On a host that has a device, or not. */
  public GpuProbe probe(boolean device) throws IOException {
    Path root = folder.resolve("root");
    Files.createDirectories(root.resolve("dev"));
    if (device) {
      Files.writeString(root.resolve("dev/nvidia0"), "");
    }
    return new GpuProbe(
        new NvidiaDevices(root), Map.of("PATH", folder + ":/usr/bin:/bin"), Duration.ofMillis(500));
  }
}
