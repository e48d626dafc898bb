package io.lockstep.agent.host;

import io.lockstep.agent.check.CheckRunner;
import io.lockstep.agent.check.Checks;
import io.lockstep.agent.check.GpuMemoryHelper;
import io.lockstep.agent.check.GpuProbe;
import io.lockstep.agent.check.GpuReading;
import io.lockstep.agent.check.GpuState;
import io.lockstep.agent.check.HostFacts;
import io.lockstep.agent.check.InterpreterFacts;
import io.lockstep.agent.check.NvidiaDevices;
import io.lockstep.agent.check.Subject;
import io.lockstep.agent.check.VersionProbe;
import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.GpuInfo;
import io.lockstep.protocol.model.NodeReadings;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps what the slow probes say of this host, which the background asks anew, so that no start
 * waits for them.
 */
final class HostHealth implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(HostHealth.class);

  /** How long a start waits for an interpreter that was never asked before. */
  private static final Duration PATIENCE = Duration.ofMillis(1_500);

  private final AgentSettings settings;
  private final HostInventory inventory;
  private final Map<String, String> env;
  private final GpuProbe gpus;
  private final VersionProbe versions;
  private final GpuMemoryHelper memory;
  private final Checks checks;
  private final CheckRunner runner = new CheckRunner();
  private final Thread background;
  private volatile Optional<Reason> trouble = Optional.empty();

  /**
   * What the background does begins with {@link #start}.
   *
   * @param gpus which has looked once
   */
  HostHealth(
      AgentSettings settings, HostInventory inventory, Map<String, String> env, GpuProbe gpus) {
    this.settings = settings;
    this.inventory = inventory;
    this.env = env;
    this.gpus = gpus;
    this.versions = new VersionProbe(settings.shim());
    this.memory = new GpuMemoryHelper(settings.python(), settings.shim(), env);
    this.checks = new Checks(versions, memory);
    this.background = new Thread(this::lookAgainAndAgain, "agent-health");
    background.setDaemon(true);
    judge(gpus.last());
  }

  static GpuProbe probe() {
    return new GpuProbe(new NvidiaDevices(Path.of("/")), System.getenv());
  }

  void start() {
    background.start();
  }

  /** Why nothing should be placed here; empty on a host that is well. */
  Optional<Reason> trouble() {
    return trouble;
  }

  Checks checks() {
    return checks;
  }

  CheckRunner runner() {
    return runner;
  }

  /** The last reading; does not block. */
  GpuReading lastGpus() {
    return gpus.last();
  }

  /** A new reading; blocks, up to {@link GpuProbe#LIMIT}. */
  GpuReading lookAtGpus() throws InterruptedException {
    GpuReading read = gpus.look();
    judge(read);
    return read;
  }

  HostFacts facts() {
    return new HostFacts(
        settings.node(),
        settings.address(),
        settings.markerPrefix(),
        settings.dataDir(),
        settings.python(),
        inventory.interfaceName(),
        inventory.node().gpus().stream().map(GpuInfo::index).toList(),
        env,
        settings.shim(),
        settings.masterPortLow(),
        Path.of("/"));
  }

  /** What the workers' interpreter has, as soon as it is known. */
  Future<Optional<InterpreterFacts>> interpreter(Subject subject) {
    return runner.submit(() -> versions.of(subject.python(), subject.env()));
  }

  /** What is compared with the other nodes. */
  static NodeReadings readings(
      Subject subject,
      Future<Optional<InterpreterFacts>> interpreter,
      Optional<String> folderId,
      List<Finding> findings) {
    var known = new TreeMap<String, String>();
    soon(interpreter).ifPresent(facts -> known.putAll(facts.versions()));
    if (!subject.gpus().driver().isEmpty()) {
      known.put("driver", subject.gpus().driver());
    }
    return new NodeReadings(
        known,
        subject.used().stream().map(GpuState::name).distinct().sorted().toList(),
        folderId,
        findings.stream().filter(Finding::isWarning).limit(NodeReadings.MAX_WARNINGS).toList());
  }

  private static Optional<InterpreterFacts> soon(Future<Optional<InterpreterFacts>> asked) {
    try {
      return asked.get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      return Optional.empty(); // it goes on, and the next start has it
    } catch (ExecutionException e) {
      LOG.warn("the interpreter's versions are not known: {}", String.valueOf(e.getCause()));
      return Optional.empty();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    }
  }

  private void lookAgainAndAgain() {
    try {
      while (true) {
        keepReady();
        Thread.sleep(GpuProbe.INTERVAL.toMillis());
        lookAtGpus();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // closed
    }
  }

  /** What a start would else have to start a process for. */
  void keepReady() {
    if (inventory.hasGpus()) {
      memory.keep();
    }
    versions.of(settings.python(), env);
  }

  /** Only what is wrong with all of the host: a job may use other GPUs than the one that is ill. */
  private void judge(GpuReading read) {
    var subject = new Subject(facts(), Optional.empty(), read, Optional.empty(), Optional.empty());
    Optional<Reason> now =
        checks.ofTheWholeHost().stream()
            .map(check -> check.look(subject))
            .filter(Finding::isFail)
            .findFirst()
            .map(f -> new Reason(f.code(), settings.node() + ": " + f.sentence()));
    if (now.isPresent() != trouble.isPresent()) {
      LOG.warn(
          "node={} {}",
          settings.node(),
          now.map(Reason::toString).orElse(ReasonCode.NODE_READY + ": the GPUs answer again"));
    }
    trouble = now;
  }

  @Override
  public void close() {
    background.interrupt();
    memory.close();
    runner.close();
  }
}
