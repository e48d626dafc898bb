package io.lockstep.agent.host;

import io.lockstep.agent.check.Check;
import io.lockstep.agent.check.CheckRunner;
import io.lockstep.agent.check.Subject;
import io.lockstep.agent.core.GroupInput;
import io.lockstep.agent.core.Readiness;
import io.lockstep.agent.process.GroupFolder;
import io.lockstep.protocol.model.CheckpointInventory;
import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * Runs the quick checks before an attempt, all at once, and beside them finds what the coordinator
 * compares, and writes the files that the attempt needs.
 */
final class Preflight {
  private static final long MAX_SCRIPT_BYTES = 16L << 20;

  /** What no other node would have either is told first: the first code decides. */
  private static final Set<ReasonCode> OF_THE_JOB =
      Set.of(ReasonCode.PYTHON_MISSING, ReasonCode.PATH_MISSING, ReasonCode.NOT_ENOUGH_DEVICES);

  private final AgentSettings settings;
  private final HostHealth health;
  private final CheckpointScan checkpoints;

  Preflight(AgentSettings settings, HostHealth health, CheckpointScan checkpoints) {
    this.settings = settings;
    this.health = health;
    this.checkpoints = checkpoints;
  }

  /** Blocks; safe to repeat. */
  GroupInput run(LaunchSpec launch) {
    var problems = new ArrayList<Reason>();
    Optional<Readiness> ready = Optional.empty();
    try {
      ready = Optional.of(check(launch, problems));
    } catch (IOException e) {
      problems.add(
          Reason.of(ReasonCode.DISK_FULL, "cannot write under %s: %s", settings.dataDir(), e));
    }
    return problems.isEmpty()
        ? new GroupInput.PreflightPassed(launch.fence(), ready.orElseThrow())
        : new GroupInput.PreflightFailed(launch.fence(), together(launch, problems));
  }

  private Readiness check(LaunchSpec launch, List<Reason> problems) throws IOException {
    JobSpec job = launch.job();
    GroupFolder folder = GroupFolder.of(settings.dataDir(), launch.fence());
    Files.createDirectories(folder.path());
    GroupFolder.deleteOld(settings.dataDir(), launch.fence());
    Subject subject = Subject.of(health.facts(), launch, health.lastGpus());
    List<Check> quick = health.checks().quick();
    var interpreter = health.interpreter(subject);
    CheckRunner.Looking looking = health.runner().start(quick, subject);
    var ours = new ArrayList<Reason>();
    byte[] script = script(job, ours);
    Optional<String> zeroSha256 = writeZero(launch, script, folder, ours);
    CheckpointInventory inventory = inventory(launch, ours);
    Optional<String> folderId = folderId(launch, ours);
    Optional<Integer> port = masterPort(launch, ours);
    List<Finding> findings = looking.findings();
    problems.addAll(failed(findings, code -> code == ReasonCode.WORKDIR_MISSING));
    problems.addAll(ours);
    problems.addAll(failed(findings, OF_THE_JOB::contains));
    problems.addAll(failed(findings, code -> problems.stream().noneMatch(p -> p.code() == code)));
    return new Readiness(
        port,
        zeroSha256,
        Hashes.sha256(script),
        inventory,
        Optional.of(HostHealth.readings(subject, interpreter, folderId, findings)));
  }

  private static List<Reason> failed(List<Finding> findings, Predicate<ReasonCode> wanted) {
    return findings.stream()
        .filter(Finding::isFail)
        .filter(f -> wanted.test(f.code()))
        .map(f -> new Reason(f.code(), f.sentence()))
        .toList();
  }

  private static byte[] script(JobSpec job, List<Reason> problems) {
    if (job.entry() == JobSpec.Entry.MODULE) {
      return new byte[0]; // Python alone knows where it is
    }
    Path script = Path.of(job.workdir()).resolve(job.script());
    try (var in = Files.newInputStream(script)) {
      return in.readNBytes((int) MAX_SCRIPT_BYTES);
    } catch (IOException e) {
      problems.add(
          Reason.of(ReasonCode.SCRIPT_MISSING, "the script %s cannot be read: %s", script, e));
      return new byte[0];
    }
  }

  private static Optional<String> writeZero(
      LaunchSpec launch, byte[] script, GroupFolder folder, List<Reason> problems)
      throws IOException {
    if (launch.zeroJson().isEmpty()) {
      return Optional.empty();
    }
    String json = launch.zeroJson().get();
    // what a module or a program imports cannot be seen in one file
    Optional<String> text =
        Optional.of(new String(script, StandardCharsets.UTF_8))
            .filter(t -> launch.job().entry() == JobSpec.Entry.FILE);
    ZeroFile.problem(json, text, launch.job().script()).ifPresent(problems::add);
    return Optional.of(ZeroFile.write(folder.zero(), json));
  }

  private CheckpointInventory inventory(LaunchSpec launch, List<Reason> problems) {
    JobSpec.Checkpoint checkpoint = launch.job().checkpoint();
    if (checkpoint.dir().isEmpty()) {
      return CheckpointInventory.EMPTY;
    }
    Path folder = Path.of(checkpoint.dir().get());
    try {
      Files.createDirectories(folder);
      Files.delete(Files.createTempFile(folder, ".lockstep-probe-", ""));
      if (checkpoint.keep() > 0) {
        KeptCheckpoints.problemOf(folder)
            .ifPresent(
                why -> problems.add(Reason.of(ReasonCode.CHECKPOINT_DIR_UNWRITABLE, "%s", why)));
      }
      return checkpoints.inventory(folder, checkpoint.format(), OwnRanks.of(launch));
    } catch (IOException e) {
      problems.add(
          Reason.of(
              ReasonCode.CHECKPOINT_DIR_UNWRITABLE, "the checkpoint folder %s: %s", folder, e));
      return CheckpointInventory.EMPTY;
    }
  }

  /** Not for a node alone, which has nobody to compare with, nor where it cannot be written. */
  private static Optional<String> folderId(LaunchSpec launch, List<Reason> problems) {
    JobSpec job = launch.job();
    if (launch.rankTable().nnodes() == 1
        || job.checkpoint().dir().isEmpty()
        || problems.stream().anyMatch(p -> p.code() == ReasonCode.CHECKPOINT_DIR_UNWRITABLE)) {
      return Optional.empty();
    }
    Path folder = Path.of(job.checkpoint().dir().get());
    try {
      return FolderMark.of(folder);
    } catch (IOException e) {
      problems.add(
          Reason.of(
              ReasonCode.CHECKPOINT_DIR_UNWRITABLE, "the checkpoint folder %s: %s", folder, e));
      return Optional.empty();
    }
  }

  private Optional<Integer> masterPort(LaunchSpec launch, List<Reason> problems)
      throws IOException {
    if (launch.nodeRank() != 0) {
      return Optional.empty();
    }
    Optional<Integer> port =
        MasterPort.choose(
            settings.address(),
            settings.masterPortLow(),
            settings.masterPortHigh(),
            launch.fence().plan(),
            settings.markerPrefix());
    if (port.isEmpty()) {
      problems.add(
          Reason.of(
              ReasonCode.NO_FREE_PORT,
              "no port from %d to %d can be bound on %s",
              settings.masterPortLow(),
              settings.masterPortHigh(),
              settings.address()));
    }
    return port;
  }

  private static Reason together(LaunchSpec launch, List<Reason> problems) {
    return new Reason(
        problems.get(0).code(),
        launch.node()
            + ": "
            + problems.stream().map(Reason::message).collect(Collectors.joining("; ")));
  }
}
