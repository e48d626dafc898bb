package io.lockstep.deploy;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The daemon's main. */
@Command(
    name = "lockstepd",
    mixinStandardHelpOptions = true,
    versionProvider = Lockstepd.Versions.class,
    subcommands = RecoverCommand.class,
    description = "The Lockstep daemon: one on each host.",
    footer = {
      "",
      "Every setting may also be given as an environment variable: ports.http is"
          + " LOCKSTEP_PORTS_HTTP.",
      "Exit codes: 0 stopped or checked, 1 cannot run, 2 wrong settings."
    })
public final class Lockstepd implements Callable<Integer> {
  static final int CANNOT_RUN = 1;
  static final int WRONG_SETTINGS = 2;
  private static final int STOP_LIMIT_SECONDS = 40;

  @Mixin private final Where where = new Where();

  @Option(
      names = "--check",
      description = "Check the settings, print the effective ones, and exit.")
  private boolean check;

  private final PrintStream out = System.out;
  private final PrintStream err = System.err;

  /** For picocli. */
  static final class Versions implements CommandLine.IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {"lockstepd " + Version.current()};
    }
  }

  public static void main(String[] args) {
    StartAhead.begin();
    System.exit(new CommandLine(new Lockstepd()).execute(args));
  }

  @Override
  public Integer call() throws Exception {
    DaemonSettings settings;
    try {
      settings = where.settings();
    } catch (SettingsException e) {
      e.problems().forEach(problem -> err.println("lockstepd: " + problem));
      return WRONG_SETTINGS;
    }
    if (check) {
      out.println(settings.describe());
      return 0;
    }
    return run(settings);
  }

  private int run(DaemonSettings settings) throws InterruptedException {
    try {
      Files.createDirectories(settings.dataDir());
    } catch (IOException e) {
      err.println("lockstepd: data-dir: cannot make " + settings.dataDir() + ": " + e);
      return CANNOT_RUN;
    }
    // logback.xml reads it, so nothing may log before this
    System.setProperty("lockstep.log.dir", settings.dataDir().toString());
    var ended = new CountDownLatch(1);
    // closed from the last to the first: the door for leases is first up and last down (A24)
    try (OwnSeat seat = OwnSeat.open(settings);
        OwnAgent agent = OwnAgent.open(settings.agent(), System.getenv())) {
      var runtime = new ClusterRuntime(settings, agent, seat);
      Runtime.getRuntime()
          .addShutdownHook(new Thread(() -> stop(runtime, ended), "lockstepd-stop"));
      runtime.run();
      return 0;
    } catch (IOException e) {
      err.println("lockstepd: " + e.getMessage());
      return CANNOT_RUN;
    } finally {
      ended.countDown();
    }
  }

  /** The JVM ends when its hooks do: this one waits until everything is closed. */
  private static void stop(ClusterRuntime runtime, CountDownLatch ended) {
    runtime.stop();
    try {
      if (!ended.await(STOP_LIMIT_SECONDS, TimeUnit.SECONDS)) {
        System.err.println("lockstepd: did not stop within " + STOP_LIMIT_SECONDS + " s");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
