package io.lockstep.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real daemon on a host whose nvidia-smi takes as long as it may. */
final class StartOrderTest {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final String HOST = "127.0.0.1";

  /** A24: first up. A seat that waited for its GPUs would let every lease of its cluster end. */
  @Test
  void leasesAreGrantedWhileTheHostIsStillLookedAt(@TempDir Path dir) throws Exception {
    Path asked = dir.resolve("asked");
    Path tool = Files.createDirectory(dir.resolve("bin")).resolve("nvidia-smi");
    Files.writeString(tool, "#!/bin/sh\necho $$ >'%s'\nexec sleep 600\n".formatted(asked));
    Files.setPosixFilePermissions(tool, PosixFilePermissions.fromString("rwxr-xr-x"));
    List<Integer> ports = freePorts(4);

    Process daemon = start(ports, dir);
    try {
      await(() -> Files.exists(asked) && !Files.readString(asked).isBlank());
      await(() -> isOpen(ports.get(3)));
      long pid = Long.parseLong(Files.readString(asked).strip());
      assertThat(ProcessHandle.of(pid)).as("nvidia-smi is still asked").isPresent();
    } finally {
      daemon.descendants().forEach(ProcessHandle::destroyForcibly);
      daemon.destroyForcibly().waitFor();
    }
  }

  private static List<Integer> freePorts(int count) throws IOException {
    var held = new ArrayList<ServerSocket>();
    try {
      for (int i = 0; i < count; i++) {
        held.add(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
      }
      return held.stream().map(ServerSocket::getLocalPort).toList();
    } finally {
      for (ServerSocket socket : held) {
        socket.close();
      }
    }
  }

  private Process start(List<Integer> ports, Path dir) throws IOException {
    Path shim = Files.createDirectories(dir.resolve("shim"));
    Files.createFile(shim.resolve("__main__.py"));
    var builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-cp",
            System.getProperty("java.class.path"),
            Lockstepd.class.getName(),
            "--host",
            HOST,
            "--data-dir",
            dir.resolve("data").toString());
    builder
        .environment()
        .merge("PATH", dir.resolve("bin").toString(), (old, own) -> own + ":" + old);
    builder.environment().put("LOCKSTEP_SHIM", shim.toString());
    builder.environment().put("LOCKSTEP_PORTS_AKKA", String.valueOf(ports.get(0)));
    builder.environment().put("LOCKSTEP_PORTS_MANAGEMENT", String.valueOf(ports.get(1)));
    builder.environment().put("LOCKSTEP_PORTS_HTTP", String.valueOf(ports.get(2)));
    builder.environment().put("LOCKSTEP_PORTS_LEASE", String.valueOf(ports.get(3)));
    return builder
        .redirectErrorStream(true)
        .redirectOutput(dir.resolve("out.log").toFile())
        .start();
  }

  private static boolean isOpen(int port) {
    try (var socket = new Socket()) {
      socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private static void await(Callable<Boolean> holds) throws Exception {
    long begun = System.nanoTime();
    while (!holds.call()) {
      assertThat(System.nanoTime() - begun).isLessThan(LIMIT.toNanos());
      Thread.sleep(10);
    }
  }
}
