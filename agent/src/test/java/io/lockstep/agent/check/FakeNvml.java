package io.lockstep.agent.check;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;

/**
 * A library that stands in for NVIDIA's, and an interpreter that counts how often it is started.
 */
public record FakeNvml(Path folder) {
  /** Built into this folder. */
  public static FakeNvml in(Path folder) throws IOException, InterruptedException {
    Path library = folder.resolve("libnvidia-ml.so.1");
    int code =
        new ProcessBuilder(
                "cc",
                "-shared",
                "-fPIC",
                "-w",
                "-DFOLDER=\"" + folder + "\"",
                "-o",
                library.toString(),
                Path.of("src/test/resources/fake/nvml.c").toAbsolutePath().toString())
            .inheritIO()
            .start()
            .waitFor();
    if (code != 0) {
      throw new IOException("cc: " + code);
    }
    return new FakeNvml(folder);
  }

  /** With which that library is found. */
  public Map<String, String> env() {
    return Map.of("PATH", System.getenv("PATH"), "LD_LIBRARY_PATH", folder.toString());
  }

  public void uses(int mib) throws IOException {
    Files.writeString(folder.resolve("used"), Integer.toString(mib));
  }

  public void hangs(boolean now) throws IOException {
    if (now) {
      Files.writeString(folder.resolve("hang"), "");
    } else {
      Files.deleteIfExists(folder.resolve("hang"));
    }
  }

  /** This interpreter, whose starts are counted. */
  public String counting(String python) throws IOException {
    Path program = folder.resolve("python");
    Files.writeString(
        program,
        "#!/bin/sh\necho \"$*\" >> '"
            + folder.resolve("starts")
            + "'\nexec "
            + python
            + " \"$@\"\n");
    Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
    return program.toString();
  }

  /** The arguments of each start so far. */
  public List<String> starts() throws IOException {
    Path starts = folder.resolve("starts");
    return Files.exists(starts) ? Files.readAllLines(starts) : List.of();
  }
}
