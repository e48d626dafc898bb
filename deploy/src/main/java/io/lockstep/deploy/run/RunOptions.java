package io.lockstep.deploy.run;

import io.lockstep.coordinator.cli.Session;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The command line of {@code lockstep run}, as it was written; not yet understood. */
@Command(
    name = "lockstep run",
    sortOptions = false,
    customSynopsis = "lockstep run [OPTIONS] SCRIPT [ARGS...]",
    description = {
      "Run a torchrun + DeepSpeed job in the foreground, restarted in lockstep when it fails.",
      "Call it as torchrun is called, on every host with its node rank."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  lockstep run --standalone --nproc-per-node 4 train.py --epochs 3",
      "  lockstep run --zero 2 --nnodes 2 --node-rank 0 --master-addr 10.0.0.1 train.py",
      "",
      "Exit codes are lockstep's: 0 done, 2 usage, 3 the script failed, 4 restart budget spent,",
      "6 infrastructure, 7 canceled, 8 node rank 0 not reachable, 9 refused."
    })
final class RunOptions {
  @Option(
      names = "--nnodes",
      paramLabel = "N",
      defaultValue = "1",
      description = "Hosts of the job (default: 1).")
  String nodes = "1";

  @Option(
      names = "--nproc-per-node",
      paramLabel = "G",
      defaultValue = "1",
      description = "Workers on each host: a number, gpu, cpu or auto (default: 1).")
  String procs = "1";

  @Option(
      names = "--node-rank",
      paramLabel = "R",
      description = "This host's rank (default: 0 on the host of --master-addr, else a spare).")
  Optional<Integer> nodeRank = Optional.empty();

  @Option(
      names = "--master-addr",
      paramLabel = "ADDR",
      description = "Address of the host with node rank 0 (default: 127.0.0.1).")
  Optional<String> masterAddress = Optional.empty();

  @Option(
      names = "--master-port",
      paramLabel = "PORT",
      description = "First port of the job; others follow from it (default: 29500).")
  Optional<Integer> masterPort = Optional.empty();

  @Option(names = "--standalone", description = "One host, on ports that are free.")
  boolean standalone;

  @Option(
      names = {"-m", "--module"},
      description = "SCRIPT is a Python module, as in python -m.")
  boolean module;

  @Option(names = "--no-python", description = "SCRIPT is a program, not Python's.")
  boolean noPython;

  @Option(
      names = "--max-restarts",
      paramLabel = "N",
      defaultValue = "10",
      description = "Restarts of the whole gang within an hour (default: 10).")
  int maxRestarts = 10;

  @Option(
      names = "--rdzv-backend",
      paramLabel = "B",
      description = "static, or c10d: ranks are given out as hosts come.")
  Optional<String> rdzvBackend = Optional.empty();

  @Option(
      names = "--rdzv-endpoint",
      paramLabel = "ADDR[:PORT]",
      description = "The same as --master-addr and --master-port.")
  Optional<String> rdzvEndpoint = Optional.empty();

  @Option(names = "--rdzv-id", paramLabel = "ID", description = "The same as --name.")
  Optional<String> rdzvId = Optional.empty();

  @Option(
      names = "--rdzv-conf",
      paramLabel = "K=V,...",
      description = "timeout=SECONDS: how long hosts wait for each other (default: 900).")
  Optional<String> rdzvConf = Optional.empty();

  @Option(names = "--local-addr", paramLabel = "ADDR", description = "The same as --host.")
  Optional<String> localAddress = Optional.empty();

  @Option(
      names = "--log-dir",
      paramLabel = "DIR",
      description = "Where the run's folder goes, to be kept.")
  Optional<String> logDir = Optional.empty();

  @Option(
      names = "--shutdown-timeout",
      paramLabel = "SECONDS",
      defaultValue = "30",
      description = "Time to save between TERM and KILL when canceled (default: 30).")
  int graceSeconds = 30;

  @Option(
      names = "--zero",
      paramLabel = "1|2|3|FILE",
      description = "DeepSpeed configuration, passed on as --deepspeed FILE.")
  Optional<String> zero = Optional.empty();

  @Option(
      names = "--spares",
      paramLabel = "N",
      defaultValue = "0",
      description = "Hosts kept ready beyond the gang (default: 0).")
  int spares;

  @Option(
      names = "--name",
      paramLabel = "NAME",
      description = "The job's name (default: the script's).")
  Optional<String> name = Optional.empty();

  @Option(
      names = "--env",
      paramLabel = "NAME[=VALUE]",
      description = "Give every host's workers this variable of node rank 0's.")
  List<String> env = new ArrayList<>();

  @Option(
      names = "--host",
      paramLabel = "ADDR",
      description = "This host's address (env LOCKSTEP_HOST; default: the route to master).")
  Optional<String> host = Optional.empty();

  @Option(
      names = "--hostfile",
      paramLabel = "FILE",
      description = "DeepSpeed's hostfile: says hosts, slots, master and this host's rank.")
  Optional<String> hostfile = Optional.empty();

  @Option(
      names = "--checkpoint-dir",
      paramLabel = "DIR",
      description = "Where the script saves (default: its own --output_dir).")
  Optional<String> checkpointDir = Optional.empty();

  @Option(
      names = "--resume-arg",
      paramLabel = "ARG",
      description = "The script's argument for a checkpoint (default: --resume_from_checkpoint).")
  Optional<String> resumeArg = Optional.empty();

  @Option(
      names = "--checkpoint-format",
      paramLabel = "FORMAT",
      description = "hf-deepspeed, hf, deepspeed or none.")
  Optional<String> checkpointFormat = Optional.empty();

  @Option(
      names = "--on-existing",
      paramLabel = "WHAT",
      description = "With old checkpoints: auto, resume, refuse, or overwrite (moves aside).")
  Optional<String> onExisting = Optional.empty();

  @Option(
      names = "--gpu-memory-held",
      paramLabel = "SIZE",
      description = "Memory of each GPU that others may hold, as in 4GiB (default: 1GiB).")
  Optional<String> gpuMemoryHeld = Optional.empty();

  @Option(names = "--keep", description = "Keep the run's folder also when all went well.")
  boolean keep;

  @Option(
      names = "--output",
      paramLabel = "table|json",
      description = "json: stdout is the job as JSON at its end, rank 0 prints on stderr.")
  Session.OutputForm output = Session.OutputForm.table;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help and exit.")
  boolean help;

  @ArgGroup(validate = false, heading = "%ntorchrun's, taken and without effect here:%n")
  Ignored ignored = new Ignored();

  @Parameters(paramLabel = "SCRIPT ARGS", hidden = true)
  List<String> command = new ArrayList<>();

  /** Flags of torchrun that change nothing here, so that launch notes need no change. */
  static final class Ignored {
    @Option(
        names = "--monitor-interval",
        paramLabel = "S",
        description = "Failures are seen at once, without polling.")
    Optional<String> monitorInterval = Optional.empty();

    @Option(
        names = "--start-method",
        paramLabel = "M",
        description = "Is for Python entry points only, in torchrun too.")
    Optional<String> startMethod = Optional.empty();

    @Option(
        names = {"-r", "--redirects"},
        paramLabel = "R",
        description = "Every rank's output is kept in the run's folder.")
    Optional<String> redirects = Optional.empty();

    @Option(
        names = {"-t", "--tee"},
        paramLabel = "T",
        description = "Rank 0's output is shown, every rank's is kept.")
    Optional<String> tee = Optional.empty();
  }
}
