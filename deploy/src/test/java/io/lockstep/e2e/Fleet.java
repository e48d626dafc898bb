package io.lockstep.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.awaitility.core.ConditionTimeoutException;

/** Daemons of one cluster on this machine: separate processes, addresses and data folders. */
final class Fleet implements AutoCloseable {
  /** On two cores that others slow down, 16 steps of four workers took 5 min 40 s. */
  static final Duration LIMIT = Duration.ofMinutes(10);

  private static final Duration READY_LIMIT = Duration.ofSeconds(90);
  private static final int LOG_LINES = 25;
  private static final Duration POLL = Duration.ofMillis(100);
  private static final int STOP_SECONDS = 40;
  private static final int CLI_SECONDS = 90;
  private static final int AKKA = 25_520;
  private static final int HTTP = 7_733;
  private static final int NETS_OF_A_FORK = 30;
  private static final AtomicInteger NETS = new AtomicInteger();
  private static final ObjectMapper JSON = JsonMapper.builder().build();

  private final Path dir;
  private final List<String> addresses;
  private final List<String> seats;
  private final Optional<Path> java;
  private final Path temp;
  private final boolean ownDisks;
  private final Map<String, String> env = new TreeMap<>();
  private final Map<String, Process> running = new LinkedHashMap<>();
  private final HttpClient client =
      HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(2)).build();

  private Fleet(Path dir, int daemons, int seats, Optional<Path> java, boolean ownDisks) {
    this.dir = dir;
    this.java = java;
    this.temp = dir.resolve("tmp");
    this.ownDisks = ownDisks;
    // a network of its own for each fleet of each JVM, so that ports and marks never meet
    String net =
        "127.%d.%d."
            .formatted(
                100 + Installation.FORK * NETS_OF_A_FORK + NETS.incrementAndGet() % NETS_OF_A_FORK,
                ProcessHandle.current().pid() % 250);
    this.addresses = new ArrayList<>();
    for (int i = 1; i <= daemons; i++) {
      addresses.add(net + i);
    }
    this.seats = addresses.subList(0, seats);
    env.put("LOCKSTEP_WARM", "false"); // two cores: only where a test asks for it
    env.put("LOCKSTEP_QUARANTINE_LOSSES", "0"); // tests kill the same node again and again
  }

  /** Starts so many daemons, three of them seats, and waits until all are READY. */
  static Fleet of(Path dir, int daemons) {
    return started(new Fleet(dir, daemons, 3, Optional.empty(), false), daemons);
  }

  /** The same where jobs have warm pools. */
  static Fleet warm(Path dir, int daemons) {
    var fleet = new Fleet(dir, daemons, 3, Optional.empty(), false);
    fleet.env.put("LOCKSTEP_WARM", "true");
    return started(fleet, daemons);
  }

  /** The same on another Java. */
  static Fleet on(Path dir, int daemons, Path java) {
    return started(new Fleet(dir, daemons, 3, Optional.of(java), false), daemons);
  }

  /** The same where a lost node is given up after so long. */
  static Fleet impatient(Path dir, int daemons, Duration silentAfter) {
    var fleet = new Fleet(dir, daemons, 3, Optional.empty(), false);
    fleet.env.put("LOCKSTEP_NODE_SILENT_AFTER", silentAfter.toSeconds() + "s");
    return started(fleet, daemons);
  }

  /** The same where one loss is enough for a quarantine of a second, on this interpreter. */
  static Fleet quarantining(Path dir, int daemons, Path python) {
    var fleet = new Fleet(dir, daemons, 3, Optional.empty(), false);
    fleet.env.put("LOCKSTEP_NODE_SILENT_AFTER", "4s");
    fleet.env.put("LOCKSTEP_QUARANTINE_LOSSES", "1");
    fleet.env.put("LOCKSTEP_QUARANTINE_LENGTH", "1s");
    fleet.env.put("LOCKSTEP_PYTHON", python.toString());
    return started(fleet, daemons);
  }

  /**
   * The same where {@code dir/local} is another folder on each node, {@code dir/disk-<index>}; a
   * folder {@code readonly} in it is, if it is there now. Needs {@link OwnDisk#problem} empty.
   */
  static Fleet withOwnDisks(Path dir, int daemons) {
    return started(new Fleet(dir, daemons, 3, Optional.empty(), true), daemons);
  }

  private static Fleet started(Fleet fleet, int daemons) {
    fleet.addresses.forEach(fleet::start);
    fleet.awaitReady(daemons);
    return fleet;
  }

  List<String> addresses() {
    return List.copyOf(addresses);
  }

  String address(int index) {
    return addresses.get(index);
  }

  void start(String address) {
    Path data = dir.resolve(address);
    try {
      Files.createDirectories(data);
      Files.createDirectories(temp);
      var command = new ArrayList<String>();
      if (ownDisks) {
        Path disk = dir.resolve("disk-" + addresses.indexOf(address));
        command.addAll(OwnDisk.command(disk, dir.resolve("local")));
      }
      command.addAll(
          List.of(
              Installation.HOME.resolve("bin/lockstepd").toString(),
              "--host",
              address,
              "--seats",
              String.join(",", seats),
              "--data-dir",
              data.toString()));
      var builder = new ProcessBuilder(command);
      withoutLocale(builder);
      builder.environment().put("LOCKSTEP_PYTHON", Installation.PYTHON);
      builder.environment().putAll(env);
      // where we can see whether anything is left
      builder.environment().put("TMPDIR", temp.toString());
      builder.environment().put("LOCKSTEP_JAVA_OPTS", "-Djava.io.tmpdir=" + temp);
      java.ifPresent(home -> builder.environment().put("JAVA_HOME", home.toString()));
      // what DeepSpeed compiles is compiled once for all nodes of this machine
      builder.environment().put("TORCH_EXTENSIONS_DIR", dir.resolve("torch_extensions").toString());
      builder
          .redirectErrorStream(true)
          .redirectOutput(ProcessBuilder.Redirect.appendTo(data.resolve("out.log").toFile()));
      running.put(address, builder.start());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** As systemd and ssh start programs on a bare host. */
  private static void withoutLocale(ProcessBuilder builder) {
    builder.environment().keySet().removeAll(Set.of("LANG", "LC_ALL", "LC_CTYPE"));
  }

  /** Where this fleet's programs put temporary files. */
  Path temp() {
    return temp;
  }

  Path dataDir(String address) {
    return dir.resolve(address);
  }

  void startMissing() {
    addresses.stream().filter(a -> !running.containsKey(a)).toList().forEach(this::start);
  }

  /** Waits until this daemon itself reaches the coordinator. */
  void awaitAnswer(String address) {
    withLogs(
        () ->
            await("%s answers; logs in %s".formatted(address, dir))
                .atMost(READY_LIMIT)
                .pollInterval(POLL)
                .until(() -> getFrom(address, "/v1/nodes").isPresent()));
  }

  /** Where the machine of the test is gone afterwards, the end of the logs is what is left. */
  private void withLogs(Runnable waiting) {
    try {
      waiting.run();
    } catch (ConditionTimeoutException e) {
      var text = new StringBuilder(e.getMessage());
      for (String address : addresses) {
        Process daemon = running.get(address);
        text.append("\n--- %s, %s\n".formatted(address, daemon)).append(endOfLog(address));
      }
      throw new AssertionError(text.toString(), e);
    }
  }

  private String endOfLog(String address) {
    try {
      List<String> lines = Files.readAllLines(dataDir(address).resolve("out.log"));
      return String.join("\n", lines.subList(Math.max(0, lines.size() - LOG_LINES), lines.size()));
    } catch (IOException e) {
      return e.toString();
    }
  }

  void awaitReady(int count) {
    awaitReady(count, node -> {});
  }

  private void awaitReady(int count, Consumer<JsonNode> each) {
    withLogs(
        () ->
            await("%d nodes READY; logs in %s".formatted(count, dir))
                .atMost(READY_LIMIT)
                .pollInterval(POLL)
                .until(
                    () -> {
                      JsonNode nodes = get("/v1/nodes").orElse(JSON.createArrayNode());
                      nodes.forEach(each);
                      return ready(nodes) == count;
                    }));
  }

  private void putBackIfDrained(JsonNode node) {
    if (node.path("health").asText().startsWith("DRAIN")) {
      cli("resume", node.path("address").asText());
    }
  }

  private static int ready(JsonNode nodes) {
    int ready = 0;
    for (JsonNode node : nodes) {
      ready += node.path("health").asText().equals("READY") ? 1 : 0;
    }
    return ready;
  }

  /**
   * Starts what is missing, ends what a test that failed left running, and waits until all are
   * READY and no process of a job is left.
   */
  void awaitWholeAndIdle() {
    startMissing();
    jobs().stream()
        .filter(job -> !isTerminal(job))
        .forEach(job -> cli("cancel", job.path("id").asText(), "--grace", "1s"));
    awaitReady(addresses.size(), this::putBackIfDrained);
    await("no process of a job is left")
        .atMost(Duration.ofSeconds(30))
        .untilAsserted(() -> assertThat(allProcesses()).isEmpty());
  }

  static String nodeOfRank(JsonNode job, int nodeRank) {
    return job.path("rankTable").get(nodeRank).path("node").asText();
  }

  // faults

  /** Kills a daemon alone; its worker group goes on. */
  void killDaemon(String address) {
    Process daemon = running.remove(address);
    assertThat(daemon).as("daemon on %s", address).isNotNull();
    daemon.destroyForcibly();
    try {
      daemon.waitFor();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Stops a daemon where it is; what runs under it goes on. */
  void freeze(String address) {
    Processes.signal("STOP", pidOf(address));
  }

  void thaw(String address) {
    Processes.signal("CONT", pidOf(address));
  }

  /** Asks a daemon to leave, as an upgrade does; its worker group goes on. */
  void stopDaemon(String address) {
    Process daemon = running.remove(address);
    assertThat(daemon).as("daemon on %s", address).isNotNull();
    daemon.destroy();
    try {
      assertThat(daemon.waitFor(STOP_SECONDS, TimeUnit.SECONDS)).as("left in time").isTrue();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** What the death of a host does: daemon, shim, torchrun and workers at once. */
  void killHost(String address) {
    killDaemon(address);
    Processes.killNode(marker(address));
  }

  /** The one process of a job on this node whose command line has this in it. */
  long processOf(String job, String address, String program) {
    return Processes.ofNode(marker(address)).stream()
        .filter(pid -> Processes.mark(pid).contains("/" + job + "/"))
        .filter(pid -> Processes.commandLine(pid).contains(program))
        .findFirst()
        .orElseThrow(() -> new IllegalStateException("no %s of %s".formatted(program, job)));
  }

  /** Every job there is, shortened. */
  List<JsonNode> jobs() {
    var jobs = new ArrayList<JsonNode>();
    get("/v1/jobs").orElse(JSON.createArrayNode()).forEach(jobs::add);
    return jobs;
  }

  static String marker(String address) {
    return address + ":" + AKKA;
  }

  Set<Long> processesOf(String address) {
    return Processes.ofNode(marker(address));
  }

  Set<Long> allProcesses() {
    var all = new TreeSet<Long>();
    addresses.forEach(a -> all.addAll(processesOf(a)));
    return all;
  }

  // front doors

  /** What a run of the command said. */
  record Said(int exit, String out, String err) {}

  Said cli(String... args) {
    var command = new ArrayList<String>();
    command.add(Installation.HOME.resolve("bin/lockstep").toString());
    command.addAll(List.of(args));
    return run(command, CLI_SECONDS);
  }

  /** The same for what takes minutes. */
  Said slowCli(String... args) {
    var command = new ArrayList<String>();
    command.add(Installation.HOME.resolve("bin/lockstep").toString());
    command.addAll(List.of(args));
    return run(command, (int) LIMIT.toSeconds());
  }

  /** Runs {@code lockstepd recover} on the data dir of a host. */
  Said recover(String address, String... args) {
    var command = new ArrayList<String>();
    command.addAll(
        List.of(
            Installation.HOME.resolve("bin/lockstepd").toString(),
            "recover",
            "--host",
            address,
            "--seats",
            String.join(",", seats),
            "--data-dir",
            dataDir(address).toString()));
    command.addAll(List.of(args));
    return run(command, CLI_SECONDS);
  }

  private Said run(List<String> command, int seconds) {
    try {
      Path out = Files.createTempFile(dir, "cli", ".out");
      Path err = Files.createTempFile(dir, "cli", ".err");
      var builder = new ProcessBuilder(command);
      withoutLocale(builder);
      builder.environment().put("LOCKSTEP_API", apis());
      Process process = builder.redirectOutput(out.toFile()).redirectError(err.toFile()).start();
      assertThat(process.waitFor(seconds, TimeUnit.SECONDS)).as("%s ends", command).isTrue();
      return new Said(process.exitValue(), Files.readString(out), Files.readString(err));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  String apis() {
    return String.join(",", addresses.stream().map(a -> "http://" + a + ":" + HTTP).toList());
  }

  /** Submits a job file; the id. */
  String submit(Path jobFile, String... settings) {
    var args = new ArrayList<>(List.of("submit", jobFile.toString()));
    for (String setting : settings) {
      args.addAll(List.of("--set", setting));
    }
    Said said = cli(args.toArray(String[]::new));
    assertThat(said.exit()).as(said.err()).isZero();
    return said.out().strip();
  }

  JsonNode describe(String job) {
    Said said = cli("describe", job, "--output", "json");
    assertThat(said.exit()).as(said.err()).isZero();
    try {
      return JSON.readTree(said.out());
    } catch (IOException e) {
      throw new UncheckedIOException(said.out(), e);
    }
  }

  /** The job by the API of whichever daemon answers. */
  JsonNode job(String id) {
    return get("/v1/jobs/" + id).orElse(JSON.createObjectNode());
  }

  JsonNode node(String address) {
    for (JsonNode node : get("/v1/nodes").orElse(JSON.createArrayNode())) {
      if (node.path("node").asText().equals(address)) {
        return node;
      }
    }
    return JSON.createObjectNode();
  }

  /** Address of the daemon that coordinates. */
  String coordinator() {
    for (JsonNode node : get("/v1/nodes").orElseThrow()) {
      if (node.path("coordinator").asBoolean()) {
        return node.path("address").asText();
      }
    }
    throw new IllegalStateException("no coordinator");
  }

  /** Who coordinates, as daemons other than this one say; empty while they know nobody else. */
  Optional<String> coordinatorBut(String address) {
    for (String other : running.keySet()) {
      if (other.equals(address)) {
        continue;
      }
      for (JsonNode node : getFrom(other, "/v1/nodes").orElse(JSON.createArrayNode())) {
        if (node.path("coordinator").asBoolean()
            && !node.path("address").asText().equals(address)) {
          return Optional.of(node.path("address").asText());
        }
      }
    }
    return Optional.empty();
  }

  boolean isReady(String address) {
    return node(address).path("health").asText().equals("READY");
  }

  long pidOf(String address) {
    Process daemon = running.get(address);
    assertThat(daemon).as("daemon on %s", address).isNotNull();
    return daemon.pid();
  }

  /** What the daemon has written to its output so far. */
  String log(String address) throws IOException {
    return Files.readString(dir.resolve(address).resolve("out.log"));
  }

  JsonNode awaitJob(String id, String what, Predicate<JsonNode> condition) {
    var last = new JsonNode[] {JSON.createObjectNode()};
    await("%s: %s; logs in %s".formatted(id, what, dir))
        .atMost(LIMIT)
        .pollInterval(POLL)
        .conditionEvaluationListener(
            new org.awaitility.core.ConditionEvaluationListener<>() {
              @Override
              public void conditionEvaluated(
                  org.awaitility.core.EvaluatedCondition<Object> evaluated) {}

              @Override
              public void onTimeout(org.awaitility.core.TimeoutEvent event) {
                System.err.println("last seen: " + last[0].toPrettyString());
              }
            })
        .until(
            () -> {
              last[0] = job(id);
              return condition.test(last[0]);
            });
    return last[0];
  }

  JsonNode awaitPhase(String id, String phase) {
    JsonNode job =
        awaitJob(
            id, "phase " + phase, j -> j.path("phase").asText().equals(phase) || isTerminal(j));
    assertThat(job.path("phase").asText()).as(job.toPrettyString()).isEqualTo(phase);
    return job;
  }

  static boolean isTerminal(JsonNode job) {
    return Set.of("SUCCEEDED", "FAILED", "CANCELED").contains(job.path("phase").asText());
  }

  /** Waits until an attempt trains: its step is at least this. */
  JsonNode awaitStep(String id, int attempt, int step) {
    return awaitJob(
        id,
        "attempt %d at step %d".formatted(attempt, step),
        j ->
            j.path("attempt").asInt() == attempt
                && j.path("phase").asText().equals("RUNNING")
                && j.path("progress").path("step").asInt(-1) >= step);
  }

  private Optional<JsonNode> get(String path) {
    return running.keySet().stream().flatMap(a -> getFrom(a, path).stream()).findFirst();
  }

  private Optional<JsonNode> getFrom(String address, String path) {
    try {
      HttpResponse<String> answer =
          client.send(
              HttpRequest.newBuilder(URI.create("http://" + address + ":" + HTTP + path))
                  .timeout(Duration.ofSeconds(5))
                  .build(),
              HttpResponse.BodyHandlers.ofString());
      // what a seat last knew is no answer of the coordinator's
      boolean known = answer.headers().firstValue("Lockstep-Last-Known").isPresent();
      return answer.statusCode() == 200 && !known
          ? Optional.of(JSON.readTree(answer.body()))
          : Optional.empty();
    } catch (IOException e) {
      return Optional.empty(); // another daemon may know
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Stops everything and proves it gone. */
  @Override
  public void close() {
    running.values().forEach(Process::destroy);
    try {
      for (Process daemon : running.values()) {
        if (!daemon.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
          daemon.destroyForcibly();
        }
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    addresses.forEach(a -> Processes.killNode(marker(a)));
  }
}
