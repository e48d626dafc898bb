package io.lockstep.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Commands in the foreground that a test has started: what they say, how they end. */
final class Calls {
  private static final long LIMIT_SECONDS = 120;

  /** One command under way. */
  record Call(Process process, Path out, Path err) {
    int exit() throws InterruptedException, IOException {
      assertThat(process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)).as(talk()).isTrue();
      return process.exitValue();
    }

    String output() throws IOException {
      return Files.readString(out);
    }

    String talk() throws IOException {
      return Files.readString(err);
    }

    void awaitOutput(String text) {
      await(text).atMost(Duration.ofMinutes(1)).until(() -> output().contains(text));
    }

    void awaitTalk(String text) {
      await(text).atMost(Duration.ofMinutes(1)).until(() -> talk().contains(text));
    }

    void signal(String name) {
      Processes.signal(name, process.pid());
    }
  }

  private final Path dir;
  private final List<Call> calls = new ArrayList<>();

  Calls(Path dir) {
    this.dir = dir;
  }

  /** {@code lockstep run} on a host of its own. */
  Call run(String host, String... args) throws IOException {
    var command =
        new ArrayList<>(List.of(Installation.HOME.resolve("bin/lockstep").toString(), "run"));
    command.addAll(List.of("--host", host));
    command.addAll(List.of(args));
    return start(command, Map.of());
  }

  /** Any command, in the environment of somebody who has a Python with torch on PATH. */
  Call start(List<String> command, Map<String, String> env) throws IOException {
    Path out = Files.createTempFile(dir, "run", ".out");
    Path err = Files.createTempFile(dir, "run", ".err");
    var builder =
        new ProcessBuilder(command)
            .directory(dir.toFile())
            .redirectOutput(out.toFile())
            .redirectError(err.toFile());
    builder.environment().put("MINE", "of the caller");
    builder.environment().putAll(env);
    Path bin = Path.of(Installation.PYTHON).toAbsolutePath().resolveSibling("");
    builder.environment().merge("PATH", bin.toString(), (path, own) -> own + ":" + path);
    var call = new Call(builder.start(), out, err);
    calls.add(call);
    return call;
  }

  /** Ends what still runs; fails when a worker group of these hosts is left after that. */
  void endAll(String... hosts) throws InterruptedException {
    for (Call call : calls) {
      call.process().destroy();
      if (!call.process().waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
        call.process().destroyForcibly();
      }
    }
    for (String host : hosts) {
      awaitNoneOf(host);
    }
  }

  /** Until no process of a worker group of this host lives. */
  static void awaitNoneOf(String host) {
    await("no process of a run on " + host + " is left")
        .atMost(Duration.ofSeconds(30))
        .untilAsserted(
            () -> assertThat(Processes.marked("LOCKSTEP_GROUP=" + host + ":")).isEmpty());
  }
}
