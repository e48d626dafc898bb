package io.lockstep.coordinator.cli;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** One run of the command in a test: what it printed where, and how it ended. */
final class CliRun {
  final String out;
  final String err;
  final int code;

  private CliRun(String out, String err, int code) {
    this.out = out;
    this.err = err;
    this.code = code;
  }

  List<String> outLines() {
    return out.lines().toList();
  }

  static CliRun of(FakeApi api, String... args) {
    return new Builder().env("LOCKSTEP_API", api.url()).run(args);
  }

  static Builder builder() {
    return new Builder();
  }

  static final class Builder {
    private final Map<String, String> env = new HashMap<>();
    private Path folder = Path.of("").toAbsolutePath();
    private boolean interactive;
    private String in = "";

    Builder env(String name, String value) {
      env.put(name, value);
      return this;
    }

    Builder folder(Path value) {
      folder = value;
      return this;
    }

    Builder interactive() {
      interactive = true;
      return this;
    }

    Builder in(String value) {
      in = value;
      return this;
    }

    /** A terminal that nobody looks at. */
    Terminal terminal() {
      var nowhere =
          new PrintStream(java.io.OutputStream.nullOutputStream(), true, StandardCharsets.UTF_8);
      return new Terminal(
          java.io.InputStream.nullInputStream(),
          nowhere,
          nowhere,
          env,
          folder,
          false,
          duration -> {});
    }

    CliRun run(String... args) {
      var out = new ByteArrayOutputStream();
      var err = new ByteArrayOutputStream();
      var terminal =
          new Terminal(
              new ByteArrayInputStream(in.getBytes(StandardCharsets.UTF_8)),
              new PrintStream(out, true, StandardCharsets.UTF_8),
              new PrintStream(err, true, StandardCharsets.UTF_8),
              env,
              folder,
              interactive,
              duration -> Thread.sleep(1));
      int code = Main.run(terminal, args);
      return new CliRun(
          out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8), code);
    }
  }
}
