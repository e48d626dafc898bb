package io.lockstep.deploy.run;

import io.lockstep.coordinator.cli.ExitCode;
import io.lockstep.coordinator.cli.Session;
import io.lockstep.coordinator.jobfile.JobDocument;
import io.lockstep.coordinator.jobfile.JobFile;
import io.lockstep.coordinator.jobfile.ZeroJson;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.ReasonedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Understands the options: who this host is, what the job is; or says what is wrong with them. */
final class RunReader {
  private static final int DEFAULT_MASTER_PORT = 29_500;
  private static final int HIGHEST_MASTER_PORT = 65_000;
  private static final int MAX_PROCS = 1_024;
  private static final String LOOPBACK = "127.0.0.1";
  private static final Duration DEFAULT_JOIN_LIMIT = Duration.ofMinutes(15);
  private static final Pattern RANGE = Pattern.compile("([0-9]{1,5}):([0-9]{1,5})");
  private static final Pattern NUMBER = Pattern.compile("[0-9]{1,5}");
  private static final Pattern TIMEOUT =
      Pattern.compile("(?:timeout|join_timeout|last_call_timeout|read_timeout)=([0-9]{1,6})");
  private static final Pattern DEEPSPEED = Pattern.compile("--deepspeed(_config)?(=.*)?");
  private static final List<String> OUTPUT_FLAGS = List.of("--output_dir", "--output-dir");

  private final RunOptions options;
  private final Map<String, String> env;
  private final Path folder;
  private final List<String> notes = new ArrayList<>();

  private RunReader(RunOptions options, Map<String, String> env, Path folder) {
    this.options = options;
    this.env = env;
    this.folder = folder;
  }

  /**
   * Reads them.
   *
   * @param env the caller's environment
   * @param folder the caller's working folder
   */
  static RunRequest read(RunOptions options, Map<String, String> env, Path folder)
      throws RunRefused {
    return new RunReader(options, env, folder).request();
  }

  private RunRequest request() throws RunRefused {
    JobSpec.Entry entry = entry();
    String script = script(entry);
    List<String> args = options.command.subList(1, options.command.size());
    Optional<Hostfile> hostfile = hostfile();
    int nodes = hostfile.isPresent() ? hostfile.get().hosts().size() : nodes();
    int procs = hostfile.isPresent() ? hostfile.get().slots() : procs();
    range("--spares", options.spares, 0, 10_000);
    range("--max-restarts", options.maxRestarts, 0, 1_000_000);
    range("--shutdown-timeout", options.graceSeconds, 0, 1_800);
    boolean isAlone = nodes == 1 && options.spares == 0 && options.nodeRank.orElse(0) == 0;
    if (options.standalone && !isAlone) {
      throw RunRefused.usage(
          "--standalone is one host alone: take it out, or --nnodes, --node-rank and --spares");
    }
    ranks(nodes);
    Endpoint master = master(hostfile, isAlone);
    String host = host(hostfile, master);
    Optional<Integer> rank = rank(hostfile, nodes, host, master);
    RunPorts ports = ports(isAlone, host, master);
    String name = name(script);
    return new RunRequest(
        name,
        entry,
        script,
        nodes,
        rank,
        options.rdzvBackend.filter("c10d"::equals).isPresent(),
        procs,
        host,
        master.address(),
        master.port(),
        ports,
        python(),
        joinLimit(),
        Duration.ofSeconds(options.graceSeconds),
        options.logDir.map(dir -> folder.resolve(dir).normalize()),
        options.keep,
        options.output == Session.OutputForm.json,
        job(name, entry, script, args, nodes, procs),
        notes);
  }

  // the job

  private JobSpec.Entry entry() throws RunRefused {
    if (options.command.isEmpty()) {
      throw RunRefused.usage("SCRIPT is missing; as in: lockstep run --nproc-per-node 2 train.py");
    }
    if (options.module && options.noPython) {
      throw RunRefused.usage("--module and --no-python exclude each other; keep one of them");
    }
    return options.module
        ? JobSpec.Entry.MODULE
        : options.noPython ? JobSpec.Entry.PROGRAM : JobSpec.Entry.FILE;
  }

  private String script(JobSpec.Entry entry) throws RunRefused {
    String named = options.command.get(0);
    return switch (entry) {
      case MODULE -> named;
      case PROGRAM ->
          CallerEnvironment.onPath(
                  named.contains("/") ? folder.resolve(named).toString() : named, env)
              .orElseThrow(
                  () -> refused("'" + named + "' is no program that can be run from here"));
      case FILE -> {
        Path path = folder.resolve(named).toAbsolutePath().normalize();
        if (!Files.isReadable(path) || Files.isDirectory(path)) {
          throw refused("there is no script " + path + " that can be read");
        }
        yield path.toString();
      }
    };
  }

  private static RunRefused refused(String message) {
    return new RunRefused(ExitCode.REFUSED, message);
  }

  private String name(String script) {
    String file = String.valueOf(Path.of(script).getFileName()).replaceFirst("\\.py$", "");
    return options
        .name
        .or(() -> options.rdzvId.filter(id -> !id.equals("none")))
        .orElse(file.isBlank() ? "run" : file);
  }

  private Map<String, Object> job(
      String name, JobSpec.Entry entry, String script, List<String> args, int nodes, int procs)
      throws RunRefused {
    var job = new LinkedHashMap<String, Object>();
    job.put("name", name);
    job.put("script", script);
    job.put("entry", entry.name().toLowerCase(Locale.ROOT));
    job.put("args", List.copyOf(args));
    job.put("workdir", folder.toAbsolutePath().normalize().toString());
    job.put("nodes", nodes);
    job.put("procsPerNode", procs == 0 ? "auto" : procs);
    job.put("spares", options.spares);
    job.put("restart", Map.of("max", options.maxRestarts));
    zero().ifPresent(zero -> job.put("zero", zero));
    Map<String, Object> forwarded = forwarded();
    if (!forwarded.isEmpty()) {
      job.put("env", forwarded);
    }
    Map<String, Object> checkpoint = checkpoint(args);
    if (!checkpoint.isEmpty()) {
      job.put("checkpoint", checkpoint);
    }
    options.gpuMemoryHeld.ifPresent(size -> job.put("preflight", Map.of("gpuMemoryHeld", size)));
    JobFile.Parsed parsed = JobFile.parse(JobDocument.of(job), JobFile.Defaults.STANDARD);
    if (parsed.spec().isEmpty()) {
      throw refused(
          parsed.mistakes().stream()
              .map(mistake -> mistake.field() + " " + mistake.message())
              .collect(Collectors.joining("; ")));
    }
    return job;
  }

  private Optional<Object> zero() throws RunRefused {
    if (options.zero.isEmpty()) {
      return Optional.empty();
    }
    String zero = options.zero.get();
    if (zero.matches("[123]")) {
      return Optional.of(Integer.valueOf(zero));
    }
    Path file = folder.resolve(zero);
    try {
      return Optional.of(ZeroJson.read(Files.readString(file)));
    } catch (IOException e) {
      throw RunRefused.usage("--zero is 1, 2, 3 or a DeepSpeed JSON file, found: " + zero);
    } catch (ReasonedException e) {
      throw refused("--zero: " + file + " is " + e.reason().message());
    }
  }

  private Map<String, Object> forwarded() throws RunRefused {
    var forwarded = new LinkedHashMap<String, Object>();
    for (String text : options.env) {
      String[] parts = text.split("=", 2);
      Optional<String> value =
          parts.length == 2 ? Optional.of(parts[1]) : Optional.ofNullable(env.get(parts[0]));
      forwarded.put(
          parts[0],
          value.orElseThrow(
              () -> RunRefused.usage("--env " + text + ": it is not set here; use NAME=VALUE")));
    }
    return forwarded;
  }

  private Map<String, Object> checkpoint(List<String> args) {
    var checkpoint = new LinkedHashMap<String, Object>();
    Optional<String> dir = options.checkpointDir.or(() -> outputDir(args));
    if (dir.isEmpty()) {
      return checkpoint;
    }
    Path path = folder.resolve(dir.get()).toAbsolutePath().normalize();
    boolean hasDeepSpeed =
        options.zero.isPresent() || args.stream().anyMatch(arg -> DEEPSPEED.matcher(arg).matches());
    String format = options.checkpointFormat.orElse(hasDeepSpeed ? "hf-deepspeed" : "hf");
    checkpoint.put("dir", path.toString());
    checkpoint.put("format", format);
    if (options.onExisting.isEmpty() && !format.equals("none")) {
      notes.add(
          "checkpoints (%s) are looked for in %s, and gone on from; --on-existing overwrite moves"
                  .formatted(format, path)
              + " old ones aside");
    }
    options.resumeArg.ifPresent(arg -> checkpoint.put("resumeArg", arg));
    options.onExisting.ifPresent(what -> checkpoint.put("onExisting", what));
    return checkpoint;
  }

  /** Where the script itself is told to save. */
  private static Optional<String> outputDir(List<String> args) {
    for (int i = 0; i < args.size(); i++) {
      for (String flag : OUTPUT_FLAGS) {
        if (args.get(i).startsWith(flag + "=")) {
          return Optional.of(args.get(i).substring(flag.length() + 1));
        }
        if (args.get(i).equals(flag) && i + 1 < args.size()) {
          return Optional.of(args.get(i + 1));
        }
      }
    }
    return Optional.empty();
  }

  // hosts and workers

  private Optional<Hostfile> hostfile() throws RunRefused {
    if (options.hostfile.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(Hostfile.read(folder.resolve(options.hostfile.get())));
  }

  private int nodes() throws RunRefused {
    Matcher range = RANGE.matcher(options.nodes);
    if (range.matches()) {
      int least = Integer.parseInt(range.group(1));
      int most = Integer.parseInt(range.group(2));
      if (least != most) {
        throw RunRefused.usage(
            "--nnodes %s: a gang has one size, so that checkpoints fit; say --nnodes %d --spares %d"
                .formatted(options.nodes, least, Math.max(0, most - least)));
      }
      return range("--nnodes", least, 1, 10_000);
    }
    if (!NUMBER.matcher(options.nodes).matches()) {
      throw RunRefused.usage("--nnodes is a number, found: " + options.nodes);
    }
    return range("--nnodes", Integer.parseInt(options.nodes), 1, 10_000);
  }

  private int procs() throws RunRefused {
    boolean hasGpu = Files.exists(Path.of("/dev/nvidia0"));
    int cpus = Runtime.getRuntime().availableProcessors();
    return switch (options.procs) {
      case "auto" -> hasGpu ? 0 : cpus;
      case "cpu" -> cpus;
      case "gpu" -> {
        if (!hasGpu) {
          throw refused("--nproc-per-node gpu: no NVIDIA device is here; say cpu, or a number");
        }
        yield 0;
      }
      case "xpu" ->
          throw refused(
              "--nproc-per-node xpu: only NVIDIA's GPUs are counted here; say how many workers, as"
                  + " a number");
      default -> {
        if (!NUMBER.matcher(options.procs).matches()) {
          throw RunRefused.usage(
              "--nproc-per-node is a number, gpu, cpu or auto, found: " + options.procs);
        }
        yield range("--nproc-per-node", Integer.parseInt(options.procs), 1, MAX_PROCS);
      }
    };
  }

  private void ranks(int nodes) throws RunRefused {
    if (options.nodeRank.isPresent()
        && (options.nodeRank.get() < 0 || options.nodeRank.get() >= nodes)) {
      throw RunRefused.usage(
          "--node-rank is 0 to %d with --nnodes %d, found: %d; a host without a rank is a spare"
              .formatted(nodes - 1, nodes, options.nodeRank.get()));
    }
  }

  /** Where the hosts meet. */
  private record Endpoint(String address, int port, boolean isPortGiven) {}

  private Endpoint master(Optional<Hostfile> hostfile, boolean isAlone) throws RunRefused {
    Optional<String> backend = options.rdzvBackend;
    if (backend.filter(b -> !b.equals("static") && !b.equals("c10d")).isPresent()) {
      throw RunRefused.usage(
          "--rdzv-backend "
              + backend.get()
              + ": hosts meet at node rank 0, no etcd is needed; use --master-addr of that host");
    }
    String named = LOOPBACK;
    Optional<Integer> port = options.masterPort;
    if (options.rdzvEndpoint.isPresent()) {
      Matcher form = Pattern.compile("(.*?)(?::([0-9]{1,5}))?").matcher(options.rdzvEndpoint.get());
      if (form.matches()) {
        named = form.group(1);
        String after = form.group(2);
        port = port.or(() -> Optional.ofNullable(after).map(Integer::valueOf));
      }
    }
    named = options.masterAddress.orElse(hostfile.map(file -> file.hosts().get(0)).orElse(named));
    if (isAlone && options.host.isPresent() && options.masterAddress.isEmpty()) {
      named = options.host.get();
    }
    if (port.isPresent()) {
      range("--master-port", port.get(), 1, HIGHEST_MASTER_PORT);
    }
    return new Endpoint(
        Addresses.resolve("--master-addr", named),
        port.orElse(DEFAULT_MASTER_PORT),
        port.isPresent());
  }

  private String host(Optional<Hostfile> hostfile, Endpoint master) throws RunRefused {
    Optional<String> said =
        options
            .host
            .or(() -> options.localAddress)
            .or(() -> Optional.ofNullable(env.get("LOCKSTEP_HOST")).filter(h -> !h.isBlank()));
    if (said.isPresent()) {
      String host = Addresses.resolve("--host", said.get());
      if (!Addresses.isOwn(host)) {
        throw RunRefused.usage("--host: " + said.get() + " is no address of this host");
      }
      return host;
    }
    if (hostfile.isPresent()) {
      for (String name : hostfile.get().hosts()) {
        String address = Addresses.resolve("--hostfile", name);
        if (Addresses.isOwn(address)) {
          return address;
        }
      }
    }
    if (options.nodeRank.filter(rank -> rank == 0).isPresent()) {
      return master.address();
    }
    return Addresses.towards(master.address(), master.port());
  }

  private Optional<Integer> rank(
      Optional<Hostfile> hostfile, int nodes, String host, Endpoint master) throws RunRefused {
    boolean isMaster = host.equals(master.address());
    Optional<Integer> rank = options.nodeRank;
    if (rank.isEmpty() && hostfile.isPresent()) {
      List<String> hosts = hostfile.get().hosts();
      for (int i = 0; i < hosts.size() && rank.isEmpty(); i++) {
        if (Addresses.resolve("--hostfile", hosts.get(i)).equals(host)) {
          rank = Optional.of(i);
        }
      }
    }
    if (rank.isEmpty() && isMaster) {
      rank = Optional.of(0);
    }
    if (rank.filter(r -> r == 0).isPresent() && !isMaster) {
      throw refused(
          "node rank 0 is the host of --master-addr, which is %s; this host is %s: give it another"
                  .formatted(master.address(), host)
              + " rank, or give its address as --master-addr everywhere");
    }
    if (rank.filter(r -> r == 0).isPresent() && !Addresses.isOwn(host)) {
      throw refused(
          "node rank 0 is the host of --master-addr, and %s is no address of this host"
              .formatted(host));
    }
    if (rank.filter(r -> r > 0).isPresent() && isMaster) {
      throw refused(
          "node rank %d would have the address of node rank 0, %s; two hosts on one machine need"
                  .formatted(rank.get(), host)
              + " --host (env LOCKSTEP_HOST), for example 127.0.0.2");
    }
    if (nodes > 1 && isMaster && Addresses.isLoopback(host)) {
      String named = options.masterAddress.orElse(host);
      if (!named.equals("localhost") && !named.startsWith("127.") && !named.equals("::1")) {
        throw refused(
            "--master-addr %s is %s on this host, which no other host reaches; give its IP address"
                .formatted(named, host));
      }
    }
    return rank;
  }

  private RunPorts ports(boolean isAlone, String host, Endpoint master) throws RunRefused {
    if (isAlone && !master.isPortGiven()) {
      try {
        return RunPorts.free(host);
      } catch (IOException e) {
        throw refused("no free ports on " + host + ": " + e.getMessage());
      }
    }
    RunPorts ports = RunPorts.derivedFrom(master.port());
    Optional<Integer> taken = ports.taken(host);
    if (taken.isPresent()) {
      throw refused(
          "port %d of %s is taken: another lockstep run with --master-port %d is there already, as"
                  .formatted(taken.get(), host, master.port())
              + (host.equals(master.address()) ? " node rank 0" : " a host of this job")
              + "; end it, or choose another --master-port on all hosts");
    }
    return ports;
  }

  private String python() throws RunRefused {
    return CallerEnvironment.python(env)
        .orElseThrow(
            () ->
                refused(
                    "there is no python on PATH; activate the environment that has torch, or set"
                        + " LOCKSTEP_PYTHON"));
  }

  private Duration joinLimit() throws RunRefused {
    if (options.rdzvConf.isEmpty() || options.rdzvConf.get().isBlank()) {
      return DEFAULT_JOIN_LIMIT;
    }
    Duration limit = DEFAULT_JOIN_LIMIT;
    for (String part : options.rdzvConf.get().split(",", -1)) {
      Matcher timeout = TIMEOUT.matcher(part.strip());
      if (timeout.matches()) {
        limit = Duration.ofSeconds(Long.parseLong(timeout.group(1)));
      } else if (!part.strip().startsWith("is_host=") && !part.strip().startsWith("rank=")) {
        throw RunRefused.usage("--rdzv-conf takes timeout=SECONDS here, found: " + part);
      }
    }
    return limit;
  }

  private static int range(String flag, int number, int least, int most) throws RunRefused {
    if (number < least || number > most) {
      throw RunRefused.usage("%s is %d to %d, found: %d".formatted(flag, least, most, number));
    }
    return number;
  }
}
