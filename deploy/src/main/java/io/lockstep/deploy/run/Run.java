package io.lockstep.deploy.run;

import io.lockstep.coordinator.cli.ApiRefused;
import io.lockstep.coordinator.cli.CliJson;
import io.lockstep.coordinator.cli.ExitCode;
import io.lockstep.coordinator.cli.NoCoordinator;
import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;

/** The main of {@code lockstep run}. */
public final class Run {
  /** Where the launcher says that the distribution lies. */
  private static final String HOME_PROPERTY = "lockstep.home";

  private final PrintStream out;
  private final PrintStream err;
  private final Talk talk;
  private final Map<String, String> env;

  private Run(PrintStream out, PrintStream err, Map<String, String> env) {
    this.out = out;
    this.err = err;
    this.talk = new Talk(err);
    this.env = env;
  }

  public static void main(String[] args) {
    PrintStream out = utf8(FileDescriptor.out);
    PrintStream err = utf8(FileDescriptor.err);
    int code = new Run(out, err, System.getenv()).run(RunParser.withoutVerb(args)).number();
    out.flush();
    err.flush();
    // not exit: handlers of signals keep no JVM, but threads of libraries may
    Runtime.getRuntime().halt(code);
  }

  private ExitCode run(String... args) {
    try {
      RunOptions options = RunParser.parse(env, args);
      if (options.help) {
        out.print(RunParser.help());
        return ExitCode.DONE;
      }
      return run(RunReader.read(options, env, Path.of("").toAbsolutePath()));
    } catch (RunRefused e) {
      talk.say(e.text());
      return e.code();
    } catch (IOException e) {
      talk.say("the run's folder: " + e.getMessage() + "; name another with --log-dir");
      return ExitCode.INFRASTRUCTURE;
    }
  }

  private ExitCode run(RunRequest request) throws IOException {
    Signals signals = Signals.install();
    RunFolder folder = RunFolder.create(request, env);
    // logback reads it, so nothing may log before this
    System.setProperty("lockstep.log.dir", folder.path().toString());
    if (request.isFirst()) {
      request.notes().forEach(talk::say);
    }
    StaleLocks.remove(CallerEnvironment.extensions(env), Instant.now());
    if (!Addresses.isLoopback(request.host())) {
      talk.say(
          "hosts talk without encryption and login here (insecure: true); use it only in a network"
              + " whose every user you trust");
    }
    Path shim = Path.of(System.getProperty(HOME_PROPERTY, ".")).resolve("python/lockstep_shim");
    // with JSON, stdout is for the result alone
    PrintStream shown = request.json() ? err : out;
    var host = new Host(request, env, folder, shim, signals, shown, talk);
    ExitCode code = outcome(host);
    if (request.json()) {
      host.result().ifPresent(job -> out.println(CliJson.pretty(job)));
    }
    settle(request, folder, code);
    return code;
  }

  private ExitCode outcome(Host host) {
    try {
      return host.request().isFirst() ? new FirstHost(host).run() : new OtherHost(host).run();
    } catch (RunRefused e) {
      talk.say(e.text());
      return e.code();
    } catch (ApiRefused e) {
      talk.say(e.problem().detail() + " (" + e.problem().code() + ")");
      return ExitCode.of(e.problem());
    } catch (NoCoordinator e) {
      talk.say(String.valueOf(e.getMessage()));
      return ExitCode.NO_COORDINATOR;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return ExitCode.INTERNAL;
    }
  }

  /** What went well needs no folder; what did not is looked into. */
  private void settle(RunRequest request, RunFolder folder, ExitCode code) throws IOException {
    boolean isFine = code == ExitCode.DONE || code == ExitCode.CANCELED;
    if (folder.isEmpty() || (isFine && !request.keep() && !folder.isAsked())) {
      folder.delete();
    } else {
      talk.say("logs and every rank's output are in " + folder.path());
    }
  }

  private static PrintStream utf8(FileDescriptor descriptor) {
    return new PrintStream(
        new BufferedOutputStream(new FileOutputStream(descriptor)), false, StandardCharsets.UTF_8);
  }
}
