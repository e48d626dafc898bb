package io.lockstep.agent.process;

import io.lockstep.agent.core.StartOrder;
import io.lockstep.protocol.model.CheckpointFormat;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.UniversalCheckpoint;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Writes torchrun's command line and environment for one node's part of one attempt; pure. */
public record TorchrunCommand(
    List<String> argv, Map<String, String> env, String cwd, String python, String marker) {
  /** torchrun's own default when the job sets no start deadline. */
  private static final Duration DEFAULT_RENDEZVOUS_TIMEOUT = Duration.ofMinutes(15);

  private static final Set<String> STALE =
      Set.of(
          "RANK",
          "LOCAL_RANK",
          "WORLD_SIZE",
          "LOCAL_WORLD_SIZE",
          "GROUP_RANK",
          "GROUP_WORLD_SIZE",
          "ROLE_RANK",
          "ROLE_NAME",
          "ROLE_WORLD_SIZE",
          "MASTER_ADDR",
          "MASTER_PORT",
          "NODE_RANK",
          "PYTHON_EXEC");

  /** What the worker script runs in Python's place: the program itself. */
  private static final String PLAIN_EXEC = "env";

  private static final List<String> STALE_PREFIXES = List.of("PET_", "TORCHELASTIC_", "LOCKSTEP_");

  public TorchrunCommand {
    argv = List.copyOf(argv);
    env = java.util.Collections.unmodifiableMap(new TreeMap<>(env));
  }

  /**
   * The command for this node.
   *
   * @param daemonEnv the daemon's own environment, which workers inherit less what is stale
   */
  public static TorchrunCommand of(
      NodeFacts node, LaunchSpec launch, StartOrder order, Map<String, String> daemonEnv) {
    JobSpec job = launch.job();
    String python = job.python().orElse(node.python());
    GroupFolder folder = GroupFolder.of(node.dataDir(), launch.fence());
    return new TorchrunCommand(
        argv(node, launch, order, python, folder),
        environment(node, launch, order, daemonEnv, folder),
        job.workdir(),
        job.entry() == JobSpec.Entry.PROGRAM ? PLAIN_EXEC : python,
        node.marker(launch.fence()));
  }

  /** What DeepSpeed computes on in this command's workers. */
  DeepSpeedOp.Accelerator accelerator() {
    return DeepSpeedOp.Accelerator.of(env, true); // a node without GPUs says so in env
  }

  private static List<String> argv(
      NodeFacts node, LaunchSpec launch, StartOrder order, String python, GroupFolder folder) {
    JobSpec job = launch.job();
    var argv =
        new ArrayList<>(
            List.of(
                python,
                "-m",
                "torch.distributed.run",
                "--nnodes",
                Integer.toString(launch.rankTable().nnodes()),
                "--node-rank",
                Integer.toString(launch.nodeRank()),
                // A number: "auto" would touch the accelerator inside torchrun.
                "--nproc-per-node",
                Integer.toString(launch.rankTable().procsPerNode()),
                "--rdzv-backend",
                "static",
                "--master-addr",
                launch.rankTable().master().address(),
                "--master-port",
                Integer.toString(order.masterPort()),
                "--local-addr",
                node.address(),
                "--max-restarts",
                "0",
                // Holds the attempt: a stale store else hands old ranks to new nodes.
                "--rdzv-id",
                launch.fence().job() + "-" + launch.fence().attempt() + "-" + launch.fence().plan(),
                "--rdzv-conf",
                "timeout=" + rendezvousTimeout(job).toSeconds(),
                "--log-dir",
                folder.torch().toString()));
    argv.addAll(entry(job, folder));
    argv.addAll(job.args());
    if (launch.zeroJson().isPresent() && job.zero().isPresent()) {
      argv.add(job.zero().get().argument());
      argv.add(folder.zero().toString());
    }
    if (order.resume().isPresent() && job.checkpoint().resumeArg().isPresent()) {
      argv.add(job.checkpoint().resumeArg().get());
      argv.add(resumePath(job, order));
    }
    return argv;
  }

  private static List<String> entry(JobSpec job, GroupFolder folder) {
    return switch (job.entry()) {
      case FILE -> List.of(job.script());
      case MODULE -> List.of("-m", job.script());
      // by the worker script, which gives each rank its own output
      case PROGRAM -> List.of("--no-python", folder.worker().toString(), job.script());
    };
  }

  private static Duration rendezvousTimeout(JobSpec job) {
    Duration start = job.deadlines().start();
    return start.isZero() ? DEFAULT_RENDEZVOUS_TIMEOUT : start;
  }

  private static Map<String, String> environment(
      NodeFacts node,
      LaunchSpec launch,
      StartOrder order,
      Map<String, String> daemonEnv,
      GroupFolder folder) {
    JobSpec job = launch.job();
    var env = new TreeMap<>(ofNode(node, daemonEnv));
    putPaths(env, job.paths());
    env.putAll(job.env());
    putDevices(env, node, launch);
    env.putIfAbsent("TORCH_EXTENSIONS_DIR", node.dataDir().resolve("torch_extensions").toString());
    env.putIfAbsent("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", "5");
    env.putIfAbsent("PYTHONUNBUFFERED", "1");
    env.put("NODE_RANK", Integer.toString(launch.nodeRank()));
    env.put("TORCHELASTIC_ERROR_FILE", folder.torchrunError().toString());
    env.put("LOCKSTEP_JOB", launch.fence().job().value());
    env.put("LOCKSTEP_ATTEMPT", launch.fence().attempt().toString());
    env.put("LOCKSTEP_NODE", node.node().value());
    env.put("LOCKSTEP_RESUME_FROM", order.resume().isPresent() ? resumePath(job, order) : "");
    // Not on PYTHONPATH: a script sees what it would see without Lockstep, until it asks for it.
    env.put("LOCKSTEP_HELPER_PATH", node.helperPath().toString());
    env.put("LOCKSTEP_HELPER_DIR", folder.helper().toString());
    env.put("LOCKSTEP_RESTART_CAUSE", launch.restartCause());
    env.put("LOCKSTEP_GROUP", node.marker(launch.fence()));
    return env;
  }

  /** What every job's workers have on this node. */
  public static Map<String, String> ofNode(NodeFacts node, Map<String, String> daemonEnv) {
    var env = new TreeMap<String, String>();
    daemonEnv.forEach(
        (name, value) -> {
          if (!isStale(name)) {
            env.put(name, value);
          }
        });
    // Not NCCL's: that would move it from the data network to the one of the node's address.
    node.interfaceName().ifPresent(name -> env.putIfAbsent("GLOO_SOCKET_IFNAME", name));
    return env;
  }

  /** DeepSpeed alone is given the very folder; HF finds the converted one beside the shards. */
  private static String resumePath(JobSpec job, StartOrder order) {
    CompleteCheckpoint from = order.resume().orElseThrow();
    return from.universal() && job.checkpoint().format() == CheckpointFormat.DEEPSPEED
        ? UniversalCheckpoint.folder(from.path(), CheckpointFormat.DEEPSPEED, from.step())
        : from.path();
  }

  private static boolean isStale(String name) {
    return STALE.contains(name) || STALE_PREFIXES.stream().anyMatch(name::startsWith);
  }

  private static void putPaths(Map<String, String> env, JobSpec.Paths paths) {
    put(env, "MODEL_PATH", paths.model());
    put(env, "TOKENIZER_PATH", paths.tokenizer());
    put(env, "TRAIN_FILE_DIR", paths.trainFiles());
    put(env, "VALID_FILE_DIR", paths.validFiles());
    put(env, "OUTPUT_DIR", paths.output());
    put(env, "CACHE_DIR", paths.cache());
  }

  private static void put(Map<String, String> env, String name, Optional<String> value) {
    value.ifPresent(text -> env.put(name, text));
  }

  private static void putDevices(Map<String, String> env, NodeFacts node, LaunchSpec launch) {
    JobSpec job = launch.job();
    if (!node.hasGpus()) {
      env.putIfAbsent("DS_ACCELERATOR", "cpu");
      return;
    }
    // nvidia-smi's order; CUDA's own default is "fastest first".
    env.put("CUDA_DEVICE_ORDER", "PCI_BUS_ID");
    if (!job.env().containsKey("CUDA_VISIBLE_DEVICES")) {
      env.put("CUDA_VISIBLE_DEVICES", devices(launch));
    }
  }

  private static String devices(LaunchSpec launch) {
    List<Integer> asked = launch.job().devices();
    return (asked.isEmpty()
            ? IntStream.range(0, launch.rankTable().procsPerNode()).boxed()
            : asked.stream())
        .map(String::valueOf)
        .collect(Collectors.joining(","));
  }
}
