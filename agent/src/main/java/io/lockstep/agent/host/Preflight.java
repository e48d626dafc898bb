package io.lockstep.agent.host;

import io.lockstep.agent.core.GroupInput;
import io.lockstep.agent.core.Readiness;
import io.lockstep.agent.process.GroupFolder;
import io.lockstep.protocol.model.CheckpointInventory;
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
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Checks that this node can take part in an attempt, all at once, and writes the files it needs.
 */
final class Preflight {
  private static final long MAX_SCRIPT_BYTES = 16L << 20;

  private final AgentSettings settings;
  private final HostInventory host;
  private final Map<String, String> daemonEnv;
  private final CheckpointScan checkpoints;

  Preflight(
      AgentSettings settings,
      HostInventory host,
      Map<String, String> daemonEnv,
      CheckpointScan checkpoints) {
    this.settings = settings;
    this.host = host;
    this.daemonEnv = daemonEnv;
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
    clearStaleLocks(job);
    byte[] script = script(job, problems);
    checkPython(job, problems);
    checkPaths(job.paths(), problems);
    checkDevices(launch, problems);
    Optional<String> zeroSha256 = writeZero(launch, script, folder, problems);
    CheckpointInventory inventory = inventory(launch, problems);
    return new Readiness(
        masterPort(launch, problems), zeroSha256, Hashes.sha256(script), inventory);
  }

  // A user's own folder may be shared with a host that is building right now.
  private void clearStaleLocks(JobSpec job) throws IOException {
    if (!job.env().containsKey("TORCH_EXTENSIONS_DIR")
        && !daemonEnv.containsKey("TORCH_EXTENSIONS_DIR")) {
      TorchExtensions.removeStaleLocks(settings.dataDir().resolve("torch_extensions"));
    }
  }

  private static byte[] script(JobSpec job, List<Reason> problems) {
    Path workdir = Path.of(job.workdir());
    if (!Files.isDirectory(workdir)) {
      problems.add(
          Reason.of(ReasonCode.WORKDIR_MISSING, "the working folder %s is not there", workdir));
    }
    if (job.entry() == JobSpec.Entry.MODULE) {
      return new byte[0]; // Python alone knows where it is
    }
    Path script = workdir.resolve(job.script());
    try (var in = Files.newInputStream(script)) {
      return in.readNBytes((int) MAX_SCRIPT_BYTES);
    } catch (IOException e) {
      problems.add(
          Reason.of(ReasonCode.SCRIPT_MISSING, "the script %s cannot be read: %s", script, e));
      return new byte[0];
    }
  }

  private void checkPython(JobSpec job, List<Reason> problems) {
    String python = job.python().orElse(settings.python());
    boolean found =
        python.contains("/")
            ? Files.isExecutable(Path.of(job.workdir()).resolve(python))
            : onPath(job, python);
    if (!found) {
      problems.add(
          Reason.of(
              ReasonCode.PYTHON_MISSING,
              "the interpreter %s is not there or cannot be executed; set python in the job, or"
                  + " LOCKSTEP_PYTHON for the daemon",
              python));
    }
  }

  private boolean onPath(JobSpec job, String program) {
    String path = job.env().getOrDefault("PATH", daemonEnv.getOrDefault("PATH", ""));
    for (String folder : path.split(":", -1)) {
      if (!folder.isEmpty() && Files.isExecutable(Path.of(folder, program))) {
        return true;
      }
    }
    return false;
  }

  private static void checkPaths(JobSpec.Paths paths, List<Reason> problems) {
    checkPath("paths.model", paths.model(), problems);
    checkPath("paths.tokenizer", paths.tokenizer(), problems);
    checkPath("paths.trainFiles", paths.trainFiles(), problems);
    checkPath("paths.validFiles", paths.validFiles(), problems);
  }

  private static void checkPath(String field, Optional<String> path, List<Reason> problems) {
    path.filter(p -> !Files.exists(Path.of(p)))
        .ifPresent(
            p -> problems.add(Reason.of(ReasonCode.PATH_MISSING, "%s: %s is not there", field, p)));
  }

  private void checkDevices(LaunchSpec launch, List<Reason> problems) {
    List<Integer> asked = launch.job().devices();
    int procs = launch.rankTable().procsPerNode();
    int found = host.node().gpus().size();
    if (host.gpuProblem().isPresent()) {
      problems.add(Reason.of(ReasonCode.NOT_ENOUGH_DEVICES, "%s", host.gpuProblem().get()));
    } else if (!asked.isEmpty() && !indices().containsAll(asked)) {
      problems.add(
          Reason.of(
              ReasonCode.NOT_ENOUGH_DEVICES, "devices %s wanted, found %s", asked, indices()));
    } else if (!asked.isEmpty() && asked.size() < procs) {
      problems.add(
          Reason.of(ReasonCode.NOT_ENOUGH_DEVICES, "%d workers on the devices %s", procs, asked));
    } else if (found > 0
        && asked.isEmpty()
        && procs > found
        && !launch.job().env().containsKey("CUDA_VISIBLE_DEVICES")) {
      problems.add(
          Reason.of(ReasonCode.NOT_ENOUGH_DEVICES, "%d workers wanted, %d GPUs", procs, found));
    }
  }

  private List<Integer> indices() {
    return host.node().gpus().stream().map(gpu -> gpu.index()).toList();
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
