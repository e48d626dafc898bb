package io.lockstep.agent.process;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lockstep.agent.core.GroupInput;
import io.lockstep.protocol.message.WireJson;
import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.GroupActivity;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.Progress;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import io.lockstep.protocol.model.StandbyOrder;
import io.lockstep.protocol.model.StartLengths;
import io.lockstep.protocol.model.WarmStatus;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Starts, finds and ends this daemon's groups. Everything happens in order on one thread: what ends
 * a group is never overtaken by what starts it. Lives outside the actor system.
 */
public final class ProcessGroups implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ProcessGroups.class);
  private static final ObjectMapper JSON = WireJson.json();

  private static final Duration LAUNCH_LIMIT = Duration.ofSeconds(15);
  private static final Duration RECONNECT_AFTER = Duration.ofMillis(300);
  private static final Duration SHIM_KILL_LIMIT = Duration.ofSeconds(6);
  private static final Duration LATE_SHIM_LIMIT = Duration.ofSeconds(1);
  private static final Duration SCAN_KILL_LIMIT = Duration.ofSeconds(12);
  private static final Duration LEFTOVER_LIMIT = Duration.ofSeconds(2);
  private static final Duration WARM_INTERVAL = Duration.ofSeconds(1);

  /** As the shim says it: imported once for torchrun and all workers, since no pool was there. */
  private static final String LOADED_NOW = "loaded now";

  private static final int MAX_REMEMBERED = 64;
  private static final long LOG_SEGMENT_BYTES = 8L << 20;
  private static final long LOG_MAX_BYTES = 64L << 20;

  private final Path dataDir;
  private final Path shim;
  private final String python;
  private final ShimSockets sockets;
  private final ProcessScan scan;
  private volatile List<String> leaseSeats;
  private final String bootId;
  private final boolean endWithDaemon;
  private final Consumer<GroupInput> out;
  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(ProcessGroups::daemonThread);

  private final Map<Fence, ProcessGroup> living = new ConcurrentHashMap<>();
  private final Set<Fence> endingNow = ConcurrentHashMap.newKeySet();
  private final Set<Fence> pending = ConcurrentHashMap.newKeySet();
  // Touched by the one thread only.
  private final Map<Fence, ExitReport> ended = bounded();
  private final Map<Fence, Boolean> forbidden = bounded();
  private final WarmPool warm;
  private long floor;

  /**
   * Looks at nothing yet.
   *
   * @param shim folder of the shim's package
   * @param python interpreter that runs the shim
   * @param endWithDaemon shims end their groups when this process is gone
   * @param leaseSeats where groups renew their leases; none: they run without
   * @param keepsWarm whether jobs may have a warm pool here
   * @param out what happens to groups; called on several threads, must not block
   */
  public ProcessGroups(
      Path dataDir,
      Path shim,
      String python,
      String markerPrefix,
      boolean endWithDaemon,
      List<String> leaseSeats,
      boolean keepsWarm,
      Consumer<GroupInput> out)
      throws IOException {
    this.leaseSeats = List.copyOf(leaseSeats);
    this.dataDir = dataDir;
    this.shim = shim;
    this.python = python;
    this.sockets = ShimSockets.under(dataDir);
    this.scan = new ProcessScan(markerPrefix);
    this.bootId = ProcessScan.bootId();
    this.endWithDaemon = endWithDaemon;
    this.out = out;
    this.warm = new WarmPool(python, shim, keepsWarm);
    var unused =
        thread.scheduleWithFixedDelay(
            () -> runQuietly(this::lookAtWarmPool),
            WARM_INTERVAL.toMillis(),
            WARM_INTERVAL.toMillis(),
            TimeUnit.MILLISECONDS);
  }

  /** What the group's output says of its progress. */
  public Optional<Progress> progress(Fence fence) {
    return Optional.ofNullable(living.get(fence)).flatMap(ProcessGroup::progress);
  }

  /** What the group's workers did lately. */
  public Optional<GroupActivity> activity(Fence fence) {
    return Optional.ofNullable(living.get(fence)).flatMap(ProcessGroup::activity);
  }

  /** How long the group's start took. */
  public Optional<StartLengths> startLengths(Fence fence) {
    return Optional.ofNullable(living.get(fence)).flatMap(ProcessGroup::startLengths);
  }

  /** Asks for the stacks of the group's workers; what was found comes with its activity. */
  public void takeStacks(Fence fence) {
    perform(
        () -> {
          ProcessGroup group = living.get(fence);
          try {
            if (group != null) {
              group.takeStacks();
            }
          } catch (IOException e) {
            LOG.warn("group={} could not ask the shim for stacks: {}", fence, e.toString());
          }
        });
  }

  /** Warm, loaded now or cold, and why, for people; empty for a group without a warm pool. */
  public Optional<String> startOf(Fence fence) {
    ProcessGroup group = living.get(fence);
    if (group == null) {
      return Optional.empty();
    }
    Optional<String> start = group.start();
    if (start.filter(how -> !how.equals(LOADED_NOW)).isPresent()) {
      return start;
    }
    return warm.whyNone(fence).map(why -> start.orElse("cold") + ": " + why).or(() -> start);
  }

  /** This node is a spare of a job: keeps a warm pool for a launch like this one. */
  public void standBy(StandbyOrder order, LaunchSpec like, TorchrunCommand command, String why) {
    perform(() -> warm.standBy(order, why, () -> standbyFolder(like, command), System.nanoTime()));
  }

  /** The attempt that runs here is past its first steps, as its job's coordinator says. */
  public void startIsOver(Fence fence) {
    perform(() -> warm.startIsOver(fence));
  }

  /** This node is no spare. */
  public void standDown(String why) {
    perform(() -> warm.standDown(why));
  }

  /** The warm pool that is kept here. */
  public Optional<WarmStatus> warmPool(Optional<Long> memoryBytes) {
    return warm.status(memoryBytes);
  }

  /** The standby's process; its pool is below it. */
  public Optional<Long> warmPoolPid() {
    return warm.pid();
  }

  /** Living processes of this daemon's groups. */
  public List<ProcessScan.Found> living() {
    return scan.living(fence -> true);
  }

  /** A launch will follow, or {@link #forget}: until then a search for this group says nothing. */
  public void expect(Fence fence) {
    pending.add(fence);
  }

  public void forget(Fence fence) {
    pending.remove(fence);
  }

  /** Forks, once: a second time it only says how the first went. */
  public void launch(LaunchSpec launch, TorchrunCommand command) {
    perform(
        () -> {
          try {
            launchNow(launch, command);
          } finally {
            pending.remove(launch.fence());
          }
        });
  }

  /** Finds a group that an earlier shell started, or says how it ended. */
  public void find(LaunchSpec launch) {
    perform(() -> findNow(launch));
  }

  /** Passes the wish on to the shim. What was not launched yet never will be. */
  public void stop(Fence fence, Duration grace, Optional<Duration> saveWithin) {
    perform(() -> stopNow(fence, grace, saveWithin));
  }

  /** Ends a group without waiting for its shim, and says how it ended. */
  public void kill(Fence fence) {
    if (endingNow.add(fence)) {
      perform(
          () -> {
            try {
              forbidden.put(fence, true);
              end(fence, LATE_SHIM_LIMIT, LEFTOVER_LIMIT);
            } finally {
              endingNow.remove(fence);
            }
          });
    }
  }

  /** Ends all groups of this daemon; what is older than this plan will not be launched any more. */
  public void clear(long plan, Collection<Fence> known) {
    perform(() -> clearNow(plan, known));
  }

  /** Ends and forgets what is of another founding: its plan numbers mean nothing in this one. */
  public void belongTo(String founding) {
    perform(() -> belongNow(founding));
  }

  /** Lets go of all groups, which run on. */
  @Override
  public void close() {
    thread.shutdownNow();
    try {
      if (!thread.awaitTermination(LAUNCH_LIMIT.toSeconds(), TimeUnit.SECONDS)) {
        LOG.warn("a process operation did not end in time");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    living.values().forEach(ProcessGroup::close);
    warm.close();
  }

  // --- on the one thread ------------------------------------------------------------------------

  private void launchNow(LaunchSpec launch, TorchrunCommand command) throws InterruptedException {
    Fence fence = launch.fence();
    if (living.containsKey(fence) || ended.containsKey(fence)) {
      findNow(launch);
      return;
    }
    if (forbidden.containsKey(fence) || fence.plan() < floor) {
      exited(
          fence,
          ExitReport.neverStarted(
              Reason.of(ReasonCode.FINISHING, "ended before it was forked"), Instant.now()));
      return;
    }
    GroupFolder folder = GroupFolder.of(dataDir, fence);
    // An agent can lose its disk, but not what the fence left in /proc (A12).
    if (Files.exists(folder.started()) || !scan.living(fence::equals).isEmpty()) {
      launchFailed(fence, "it was started before; a fence is forked at most once");
      return;
    }
    try {
      start(launch, command, folder);
    } catch (IOException e) {
      launchFailed(fence, e.getMessage() == null ? e.toString() : e.getMessage());
    }
  }

  private void start(LaunchSpec launch, TorchrunCommand command, GroupFolder folder)
      throws IOException, InterruptedException {
    Path socket = sockets.of(command.marker());
    Files.createDirectories(folder.path());
    PrivateFile.write(folder.spec(), JSON.writeValueAsBytes(spec(launch, command, folder, socket)));
    Optional<JsonNode> adopted = warm.adopt(launch, folder.spec());
    JsonNode answer = adopted.isPresent() ? adopted.get() : startCold(command, folder);
    LOG.info(
        "group={} shim pid={} {}",
        launch.fence(),
        answer.path("pid").asLong(),
        adopted.isPresent() ? "was a standby" : "is new");
    warm.runs(launch, folder, adopted.isPresent());
    follow(
        new ProcessGroup(
            launch.fence(), folder, socket, launch.rankTable().procsPerNode(), new FromGroup()));
  }

  private JsonNode startCold(TorchrunCommand command, GroupFolder folder)
      throws IOException, InterruptedException {
    // The shim keeps the launcher's environment as its own: the mark is how we find it.
    var env = new LinkedHashMap<>(System.getenv());
    env.put("LOCKSTEP_GROUP", command.marker());
    BoundedCommand.Result result =
        BoundedCommand.run(
            List.of(python, "-I", shim.toString(), folder.spec().toString()), env, LAUNCH_LIMIT);
    JsonNode answer = JSON.readTree(result.stdout());
    if (!result.isSuccess() || !answer.path("pid").isIntegralNumber()) {
      throw new IOException(
          result.timedOut()
              ? "the shim did not start within " + LAUNCH_LIMIT.toSeconds() + " s"
              : answer.path("error").asText(lastLine(result)));
    }
    return answer;
  }

  /** No folder of a group: what lies in one of those was given to a shim, or will be. */
  private GroupFolder standbyFolder(LaunchSpec like, TorchrunCommand command) throws IOException {
    var folder = new GroupFolder(dataDir.resolve("standby"));
    Files.createDirectories(folder.path());
    Files.deleteIfExists(folder.warmLog());
    PrivateFile.write(
        folder.spec(),
        JSON.writeValueAsBytes(spec(like, command, folder, sockets.of(command.marker()))));
    return folder;
  }

  private void lookAtWarmPool() {
    warm.look(living.values(), System.nanoTime());
  }

  private Map<String, Object> spec(
      LaunchSpec launch, TorchrunCommand command, GroupFolder folder, Path socket)
      throws IOException {
    int procs = launch.rankTable().procsPerNode();
    var spec = new LinkedHashMap<String, Object>();
    spec.put("version", 1);
    spec.put("marker", command.marker());
    spec.put("argv", command.argv());
    spec.put("env", command.env());
    spec.put("cwd", command.cwd());
    spec.put("localWorldSize", procs);
    spec.put("firstRank", launch.nodeRank() * procs);
    spec.put("groupDir", folder.path().toString());
    spec.put("socket", socket.toString());
    spec.put("python", command.python());
    spec.put("logs", Map.of("segmentBytes", LOG_SEGMENT_BYTES, "maxBytes", LOG_MAX_BYTES));
    spec.put("progressRank", 0);
    launch.job().progressRules().step().ifPresent(rule -> spec.put("stepPattern", rule));
    warm.wanted(launch.job(), DeepSpeedOp.of(launch.zeroJson(), command.accelerator()))
        .ifPresent(wanted -> spec.put("warm", wanted));
    if (!leaseSeats.isEmpty()) {
      spec.put("lease", lease(launch));
    }
    if (endWithDaemon) {
      long self = ProcessHandle.current().pid();
      spec.put("owner", Map.of("pid", self, "startTime", ProcessScan.startTime(self)));
    }
    return spec;
  }

  /** From now on groups look here for the seats; those that run follow the seats themselves. */
  public void renewAt(List<String> seats) {
    leaseSeats = List.copyOf(seats);
  }

  /** What the shim asks the seats for (A14). */
  private Map<String, Object> lease(LaunchSpec launch) throws IOException {
    var lease = new LinkedHashMap<String, Object>();
    lease.put("seats", leaseSeats);
    lease.put("founding", GroupFolder.founding(dataDir).orElse(""));
    lease.put("plan", launch.fence().plan());
    lease.put("job", launch.fence().job().value());
    lease.put("attempt", launch.fence().attempt().number());
    lease.put("node", launch.node().value());
    lease.put("lengthMillis", launch.job().deadlines().lease().toMillis());
    return lease;
  }

  private static String lastLine(BoundedCommand.Result result) {
    String said = (result.stdout() + result.stderr()).strip();
    return "the shim's launcher ended with "
        + result.exitCode()
        + ": "
        + said.substring(said.lastIndexOf('\n') + 1);
  }

  private void launchFailed(Fence fence, String why) throws InterruptedException {
    List<ProcessScan.Found> left = scan.end(fence::equals, SCAN_KILL_LIMIT);
    exited(
        fence,
        plain(
            ExitReport.Outcome.FAILED,
            left.isEmpty(),
            Reason.of(ReasonCode.LAUNCH_FAILED, "%s could not be launched: %s", fence, why)));
  }

  private void findNow(LaunchSpec launch) throws InterruptedException {
    Fence fence = launch.fence();
    ProcessGroup known = living.get(fence);
    if (known != null) {
      if (known.allSeen()) {
        out.accept(new GroupInput.WorkersSeen(fence, known.workers()));
      }
      return;
    }
    ExitReport over = ended.get(fence);
    if (over != null) {
      out.accept(new GroupInput.GroupExited(fence, over));
      return;
    }
    if (pending.contains(fence)) {
      return; // it answers when its launch is through
    }
    GroupFolder folder = GroupFolder.of(dataDir, fence);
    Optional<GroupHandleFile> handle = GroupHandleFile.read(folder);
    boolean hasReport = ShimReport.read(folder).isPresent();
    if (!hasReport && handle.filter(h -> h.isAlive(bootId)).isPresent()) {
      LOG.info("group={} found again, shim pid={}", fence, handle.get().pid());
      follow(
          new ProcessGroup(
              fence,
              folder,
              handle.get().socket(),
              launch.rankTable().procsPerNode(),
              new FromGroup()));
      warm.runs(launch, folder, false);
      return;
    }
    exited(fence, proveEnd(fence, folder, Optional.empty(), SCAN_KILL_LIMIT));
  }

  private void stopNow(Fence fence, Duration grace, Optional<Duration> saveWithin) {
    forbidden.put(fence, true);
    ProcessGroup group = living.get(fence);
    if (group == null) {
      return;
    }
    try {
      group.stop(grace, saveWithin);
    } catch (IOException e) {
      // The stop ladder kills past a shim that does not answer.
      LOG.warn("group={} could not ask the shim to stop: {}", fence, e.toString());
    }
  }

  private void clearNow(long plan, Collection<Fence> known) throws InterruptedException {
    floor = Math.max(floor, plan);
    var ours = new LinkedHashSet<>(living.keySet());
    ours.addAll(known);
    ours.forEach(this::askToKill);
    // What no shim of ours knows, while those kill; what a shim has seen to end needs no second
    // look.
    var left = new ArrayList<>(scan.end(fence -> !ours.contains(fence), SCAN_KILL_LIMIT));
    for (Fence fence : ours) {
      if (!end(fence, SHIM_KILL_LIMIT, SCAN_KILL_LIMIT).treeGone()) {
        left.addAll(scan.living(fence::equals));
      }
    }
    out.accept(
        new GroupInput.NodeCleared(plan, left.stream().map(ProcessScan.Found::toString).toList()));
  }

  private void askToKill(Fence fence) {
    ProcessGroup group = living.get(fence);
    if (group != null) {
      try {
        group.stop(Duration.ZERO, Optional.empty());
      } catch (IOException e) {
        LOG.debug("group={} cannot ask its shim yet: {}", fence, e.toString());
      }
    }
  }

  private void belongNow(String founding) throws InterruptedException {
    try {
      if (GroupFolder.isOfAnother(dataDir, founding)) {
        for (ProcessGroup group : List.copyOf(living.values())) {
          end(group.fence(), SHIM_KILL_LIMIT, SCAN_KILL_LIMIT);
        }
        List<ProcessScan.Found> left = scan.end(fence -> true, SCAN_KILL_LIMIT);
        LOG.warn("the cluster was founded anew as {}; ended what ran, left: {}", founding, left);
        ended.clear();
        forbidden.clear();
        floor = 0;
        warm.standDown("the cluster was founded anew");
      }
      GroupFolder.belongTo(dataDir, founding);
    } catch (IOException e) {
      LOG.error("the folders of founding {} cannot be told from others: {}", founding, e);
    }
  }

  /** Ends a group, first by its shim, which knows best how it ends, then past it. */
  private ExitReport end(Fence fence, Duration shimLimit, Duration scanLimit)
      throws InterruptedException {
    ProcessGroup group = living.get(fence);
    if (group == null) {
      ExitReport over = ended.get(fence);
      if (over != null && over.treeGone()) {
        out.accept(new GroupInput.GroupExited(fence, over));
        return over;
      }
      group = reconnect(fence);
    }
    Optional<JsonNode> told = Optional.empty();
    GroupFolder folder = GroupFolder.of(dataDir, fence);
    if (group != null) {
      try {
        group.stop(Duration.ZERO, Optional.empty());
        group.awaitReport(shimLimit);
      } catch (IOException e) {
        LOG.info("group={} its shim cannot be asked to kill: {}", fence, e.toString());
      }
      told = group.report();
    }
    ExitReport report = proveEnd(fence, folder, told, scanLimit);
    exited(fence, report);
    return report;
  }

  private @Nullable ProcessGroup reconnect(Fence fence) {
    GroupFolder folder = GroupFolder.of(dataDir, fence);
    Optional<GroupHandleFile> handle = GroupHandleFile.read(folder).filter(h -> h.isAlive(bootId));
    if (handle.isEmpty()) {
      return null;
    }
    var group =
        new ProcessGroup(fence, folder, handle.get().socket(), Integer.MAX_VALUE, new FromGroup());
    try {
      group.connect();
      return group;
    } catch (IOException e) {
      LOG.info("group={} its shim does not answer: {}", fence, e.toString());
      return null;
    }
  }

  private void follow(ProcessGroup group) throws InterruptedException {
    living.put(group.fence(), group);
    try {
      group.connect();
    } catch (IOException e) {
      LOG.warn("group={} cannot reach its shim: {}", group.fence(), e.toString());
      settle(group);
    }
  }

  /** The shim reported, or went silent: reads which, and ends what a dead shim left. */
  private void settle(ProcessGroup group) throws InterruptedException {
    if (living.get(group.fence()) != group) {
      return; // settled before
    }
    if (group.report().isEmpty()
        && ShimReport.read(group.folder()).isEmpty()
        && GroupHandleFile.read(group.folder()).filter(h -> h.isAlive(bootId)).isPresent()) {
      // It lives, so its group may well train on: never end it for a lost connection.
      later(() -> reconnect(group));
      return;
    }
    exited(group.fence(), proveEnd(group.fence(), group.folder(), group.report(), SCAN_KILL_LIMIT));
  }

  private void reconnect(ProcessGroup group) throws InterruptedException {
    if (living.get(group.fence()) != group) {
      return;
    }
    try {
      group.connect();
    } catch (IOException e) {
      LOG.debug("group={} still cannot reach its shim: {}", group.fence(), e.toString());
      settle(group);
    }
  }

  /** Says how it ended and whether that is proof, having ended what was left. */
  private ExitReport proveEnd(
      Fence fence, GroupFolder folder, Optional<JsonNode> told, Duration limit)
      throws InterruptedException {
    Optional<JsonNode> report = told.or(() -> ShimReport.read(folder));
    boolean sameBoot =
        GroupHandleFile.read(folder).map(h -> h.bootId().equals(bootId)).orElse(true);
    if (report.isPresent() && (report.get().path("treeGone").asBoolean() || !sameBoot)) {
      return ShimReport.toExit(report.get(), true);
    }
    boolean left =
        sameBoot
            && (!scan.end(fence::equals, limit).isEmpty()
                || !ShimReport.leftovers(report.orElse(JSON.nullNode())).isEmpty());
    Optional<JsonNode> last = report.or(() -> ShimReport.read(folder));
    if (last.isPresent()) {
      return ShimReport.toExit(last.get(), !left);
    }
    if (!Files.exists(folder.started()) && !left) {
      return plain(
          ExitReport.Outcome.SHIM_LOST,
          true,
          Reason.of(ReasonCode.UNEXPECTED_EXIT, "%s ended before it was forked", fence));
    }
    return plain(
        ExitReport.Outcome.SHIM_LOST,
        !left,
        sameBoot
            ? Reason.of(
                ReasonCode.UNEXPECTED_EXIT,
                "%s: its shim is gone without a report; what it left was ended",
                fence)
            : Reason.of(ReasonCode.UNEXPECTED_EXIT, "%s: the host was rebooted", fence));
  }

  private void exited(Fence fence, ExitReport report) {
    ProcessGroup group = living.remove(fence);
    if (group != null) {
      group.close();
      sockets.remove(group.socket());
    }
    if (report.treeGone()) {
      tidy(fence);
    }
    ended.put(fence, report);
    warm.ended(fence.job(), report.outcome() == ExitReport.Outcome.SUCCEEDED);
    out.accept(new GroupInput.GroupExited(fence, report));
  }

  /** A shim that was killed takes away neither its socket nor the FIFOs. */
  private void tidy(Fence fence) {
    GroupFolder folder = GroupFolder.of(dataDir, fence);
    GroupHandleFile.read(folder).ifPresent(handle -> sockets.remove(handle.socket()));
    folder.removeFifos();
  }

  private static ExitReport plain(ExitReport.Outcome outcome, boolean treeGone, Reason reason) {
    return new ExitReport(
        outcome,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        treeGone,
        false,
        Optional.of(reason),
        List.of(),
        Instant.now());
  }

  private final class FromGroup implements ProcessGroup.Listener {
    @Override
    public void onWorkers(ProcessGroup group) {
      LOG.info(
          "group={} all workers seen: {}",
          group.fence(),
          group.workers().stream()
              .map(w -> "rank " + w.rank() + " pid " + w.pid())
              .collect(Collectors.joining(", ")));
      out.accept(new GroupInput.WorkersSeen(group.fence(), group.workers()));
    }

    @Override
    public void onSilence(ProcessGroup group) {
      perform(() -> settle(group));
    }
  }

  private interface Operation {
    void run() throws InterruptedException;
  }

  private void perform(Operation operation) {
    try {
      thread.execute(() -> runQuietly(operation));
    } catch (RejectedExecutionException e) {
      LOG.debug("closed: a process operation was dropped");
    }
  }

  private void later(Operation operation) {
    var unused =
        thread.schedule(
            () -> runQuietly(operation), RECONNECT_AFTER.toMillis(), TimeUnit.MILLISECONDS);
  }

  // A bug in one operation must not end the thread that all others need.
  private static void runQuietly(Operation operation) {
    try {
      operation.run();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      LOG.error("a process operation failed", e);
    }
  }

  private static Thread daemonThread(Runnable work) {
    var thread = new Thread(work, "agent-process");
    thread.setDaemon(true);
    return thread;
  }

  private static <V> Map<Fence, V> bounded() {
    return new LinkedHashMap<>() {
      private static final long serialVersionUID = 1L;

      @Override
      protected boolean removeEldestEntry(Map.Entry<Fence, V> eldest) {
        return size() > MAX_REMEMBERED;
      }
    };
  }
}
