package io.lockstep.agent.host;

import io.lockstep.agent.check.GpuProbe;
import io.lockstep.agent.core.AgentState;
import io.lockstep.agent.core.GroupAction;
import io.lockstep.agent.core.GroupInput;
import io.lockstep.agent.core.StartOrder;
import io.lockstep.agent.core.WorkerGroup;
import io.lockstep.agent.process.DaemonThreads;
import io.lockstep.agent.process.GroupFolder;
import io.lockstep.agent.process.NodeFacts;
import io.lockstep.agent.process.ProcessGroups;
import io.lockstep.agent.process.ProcessMemory;
import io.lockstep.agent.process.ProcessScan;
import io.lockstep.agent.process.TorchrunCommand;
import io.lockstep.protocol.message.AgentQuery;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.ConversionStatus;
import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.GroupActivity;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.NodeInventory;
import io.lockstep.protocol.model.Progress;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import io.lockstep.protocol.model.StandbyOrder;
import io.lockstep.protocol.model.StartLengths;
import io.lockstep.protocol.model.WarmStatus;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The agent's hands: its memory, its files, its groups. One per daemon process; it outlives the
 * actor system, which may be ended and made anew.
 */
public final class AgentHost implements AgentHands, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(AgentHost.class);
  private static final int FILE_THREADS = 4;
  private static final int MAX_WAITING_FILE_WORK = 1_000;
  private static final Duration CHECKPOINT_INTERVAL = Duration.ofSeconds(2);

  /** How often the warm pool's memory is looked at. */
  private static final Duration MEMORY_INTERVAL = Duration.ofSeconds(10);

  private final AgentSettings settings;
  private final AgentStore store;
  private final HostInventory inventory;
  private final Map<String, String> daemonEnv;
  private final ProcessScan scan;
  private final CheckpointScan checkpoints = new CheckpointScan();
  private final KeptCheckpoints kept = new KeptCheckpoints(checkpoints);
  private final ConversionWatch conversion = new ConversionWatch();
  private final AtomicBoolean watching = new AtomicBoolean();
  private final CheckpointConverter converter;
  private final AtomicReference<@Nullable Fence> converting = new AtomicReference<>();
  private final HostHealth health;
  private final HostDoctor doctor;
  private final HostPairs pairs;
  private final Preflight preflight;
  private final StartChecks startChecks;
  private final LogFiles logs;
  private final GroupFiles groupFiles;
  private final ProcessGroups groups;
  private final ExecutorService disk =
      Executors.newSingleThreadExecutor(work -> DaemonThreads.of(work, "agent-disk"));
  private final ThreadPoolExecutor files =
      DaemonThreads.pool("agent-files", FILE_THREADS, MAX_WAITING_FILE_WORK);
  private final AtomicReference<@Nullable Consumer<GroupInput>> listener = new AtomicReference<>();
  private final AtomicBoolean looking = new AtomicBoolean();
  private final AtomicBoolean weighing = new AtomicBoolean();
  private volatile Weighed weighed =
      new Weighed(Optional.empty(), Optional.empty(), Long.MIN_VALUE);
  private volatile Seen seen = new Seen(Optional.empty(), Optional.empty(), Long.MIN_VALUE);

  /** The newest complete checkpoint of a group, and when it was looked for (nanoTime). */
  private record Seen(
      Optional<Fence> fence, Optional<CompleteCheckpoint> checkpoint, long atNanos) {}

  /** What the warm pool with this standby took, and when it was looked at (nanoTime). */
  private record Weighed(Optional<Long> pid, Optional<Long> bytes, long atNanos) {}

  /** Reads the memory and looks at the host; blocks, up to 10 s where nvidia-smi is slow. */
  public static AgentHost open(AgentSettings settings) throws IOException, InterruptedException {
    return open(settings, System.getenv());
  }

  /**
   * The same for a process whose own environment is not its workers'.
   *
   * @param workerEnv what workers inherit, less what is stale
   */
  public static AgentHost open(AgentSettings settings, Map<String, String> workerEnv)
      throws IOException, InterruptedException {
    if (!Files.isDirectory(settings.shim())) {
      throw new IOException("the shim's folder " + settings.shim() + " is not there");
    }
    AgentStore store = AgentStore.open(settings.dataDir());
    try {
      GpuProbe gpus = HostHealth.probe();
      HostInventory inventory = HostInventory.look(settings, gpus.look());
      return new AgentHost(settings, store, inventory, gpus, workerEnv);
    } catch (IOException | InterruptedException e) {
      store.close();
      throw e;
    }
  }

  private AgentHost(
      AgentSettings settings,
      AgentStore store,
      HostInventory inventory,
      GpuProbe gpus,
      Map<String, String> workerEnv)
      throws IOException {
    this.settings = settings;
    this.daemonEnv = Map.copyOf(workerEnv);
    this.scan = new ProcessScan(settings.markerPrefix());
    this.converter = new CheckpointConverter(scan, conversion);
    this.store = store;
    this.inventory = inventory;
    this.health = new HostHealth(settings, inventory, daemonEnv, gpus);
    this.preflight = new Preflight(settings, health, checkpoints);
    this.doctor = new HostDoctor(settings, health);
    this.pairs = new HostPairs(settings, facts(), daemonEnv, scan);
    this.startChecks = new StartChecks(settings.dataDir(), checkpoints);
    this.logs = new LogFiles(settings.dataDir());
    this.groupFiles = new GroupFiles(settings.dataDir());
    this.groups =
        new ProcessGroups(
            settings.dataDir(),
            settings.shim(),
            settings.python(),
            settings.markerPrefix(),
            settings.isForeground(),
            settings.leaseSeats(),
            settings.keepsWarm(),
            this::tell);
    inventory.gpuProblem().ifPresent(problem -> LOG.warn("node={} {}", settings.node(), problem));
    health.start();
  }

  @Override
  public Optional<Reason> trouble() {
    return health.trouble();
  }

  @Override
  public CompletionStage<AgentQuery.Examined> examine(AgentQuery.Examine ask) {
    return doctor.examine(ask);
  }

  @Override
  public CompletionStage<AgentQuery.Met> meet(AgentQuery.Meet ask) {
    return doctor.meet(ask);
  }

  @Override
  public CompletionStage<AgentQuery.OfferedPort> offerPort() {
    return pairs.offerPort();
  }

  @Override
  public CompletionStage<AgentQuery.Paired> pair(AgentQuery.Pair ask, Optional<Fence> group) {
    return pairs.pair(ask, group);
  }

  /** From now on new groups look here for the seats that renew their leases. */
  public void renewAt(List<String> seats) {
    groups.renewAt(seats);
  }

  @Override
  public NodeInventory inventory() {
    return inventory.node();
  }

  @Override
  public AgentState stored() {
    return store.stored();
  }

  @Override
  public CompletionStage<AgentState> store(AgentState state) {
    var done = new CompletableFuture<AgentState>();
    try {
      disk.execute(
          () -> {
            try {
              store.save(state);
              done.complete(state);
            } catch (IOException | RuntimeException e) {
              done.completeExceptionally(e);
            }
          });
    } catch (RejectedExecutionException e) {
      done.completeExceptionally(e);
    }
    return done;
  }

  @Override
  public void attach(Consumer<GroupInput> to) {
    listener.set(to);
  }

  @Override
  public void detach(Consumer<GroupInput> from) {
    listener.compareAndSet(from, null);
  }

  @Override
  public void perform(GroupAction action) {
    if (action instanceof GroupAction.BelongTo belong) {
      groups.belongTo(belong.founding());
    } else if (action instanceof GroupAction.ClearNode clear) {
      pairs.giveWay();
      groups.clear(clear.plan(), clear.known());
    } else if (action instanceof GroupAction.RunPreflight run) {
      pairs.giveWay();
      preflight(run.launch());
    } else if (action instanceof GroupAction.Convert convert) {
      convert(convert.launch(), convert.checkpoint());
    } else if (action instanceof GroupAction.Launch launch) {
      launch(launch.launch(), launch.order());
    } else if (action instanceof GroupAction.FindGroup find) {
      groups.find(find.launch());
    } else if (action instanceof GroupAction.StopGroup stop) {
      groups.stop(stop.fence(), stop.grace(), stop.saveWithin());
    } else if (action instanceof GroupAction.TakeStacks take) {
      groups.takeStacks(take.fence());
    } else if (action instanceof GroupAction.StandBy standBy) {
      standBy
          .order()
          .ifPresentOrElse(
              order -> standBy(order, standBy.why()), () -> groups.standDown(standBy.why()));
    } else if (action instanceof GroupAction.StartIsOver over) {
      groups.startIsOver(over.fence());
    } else if (action instanceof GroupAction.KillGroup kill) {
      groups.kill(kill.fence());
    } else {
      throw new IllegalArgumentException("not for the host: " + action);
    }
  }

  @Override
  public Optional<Progress> progress(Fence fence) {
    return groups.progress(fence);
  }

  @Override
  public Optional<GroupActivity> activity(Fence fence) {
    return groups.activity(fence);
  }

  @Override
  public Optional<StartLengths> startLengths(Fence fence) {
    return groups.startLengths(fence);
  }

  @Override
  public Optional<ConversionStatus> conversion(Fence fence) {
    if (conversion.isDue() && watching.compareAndSet(false, true)) {
      onFiles(conversion::look, watching);
    }
    return conversion.last(fence);
  }

  @Override
  public Optional<String> startOf(Fence fence) {
    return groups.startOf(fence);
  }

  @Override
  public Optional<WarmStatus> warmPool() {
    Optional<Long> pid = groups.warmPoolPid();
    boolean samePool = weighed.pid().equals(pid);
    boolean isOld = System.nanoTime() - weighed.atNanos() > MEMORY_INTERVAL.toNanos();
    if (pid.isPresent() && (!samePool || isOld) && weighing.compareAndSet(false, true)) {
      onFiles(
          () -> weighed = new Weighed(pid, ProcessMemory.ofTree(pid.get()), System.nanoTime()),
          weighing);
    }
    return groups.warmPool(samePool ? weighed.bytes() : Optional.empty());
  }

  @Override
  public Optional<CompleteCheckpoint> lastCheckpoint(WorkerGroup group) {
    JobSpec.Checkpoint wanted = group.launch().job().checkpoint();
    if (group.launch().nodeRank() != 0 || wanted.dir().isEmpty()) {
      return Optional.empty();
    }
    boolean sameGroup = seen.fence().equals(Optional.of(group.fence()));
    boolean isOld = System.nanoTime() - seen.atNanos() > CHECKPOINT_INTERVAL.toNanos();
    if ((!sameGroup || isOld) && looking.compareAndSet(false, true)) {
      onFiles(() -> look(group, Path.of(wanted.dir().get()), wanted), looking);
    }
    return sameGroup ? seen.checkpoint() : Optional.empty();
  }

  @Override
  public CompletionStage<AgentQuery.LogChunk> readLog(AgentQuery.ReadLog ask) {
    var done = new CompletableFuture<AgentQuery.LogChunk>();
    boolean taken =
        onFiles(
            () -> {
              LogFiles.Piece piece =
                  ask.file()
                      .map(
                          file ->
                              groupFiles.read(
                                  ask.job(), ask.attempt(), ask.rank(), file, ask.maxBytes()))
                      .orElseGet(
                          () ->
                              logs.read(
                                  ask.job(),
                                  ask.attempt(),
                                  ask.rank(),
                                  ask.offset(),
                                  ask.maxBytes()));
              done.complete(
                  new AgentQuery.LogChunk(
                      piece.offset(), piece.data(), piece.ended(), piece.problem()));
            },
            null);
    if (!taken) {
      done.complete(
          new AgentQuery.LogChunk(
              Math.max(0, ask.offset()),
              new byte[0],
              false,
              Optional.of(settings.node() + " is busy; ask again")));
    }
    return done;
  }

  /** True while processes of this host's groups live. */
  public boolean hasGroups() {
    return !scan.living(fence -> true).isEmpty();
  }

  /** Ends every group of this host without asking; blocks; names what is left at the limit. */
  public List<String> endGroups(Duration limit) throws InterruptedException {
    return scan.end(fence -> true, limit).stream().map(ProcessScan.Found::toString).toList();
  }

  /** Lets go of everything; groups run on under their shims. */
  @Override
  public void close() throws IOException {
    listener.set(null);
    doctor.close();
    pairs.close();
    health.close();
    files.shutdownNow();
    disk.shutdown();
    groups.close();
    try {
      if (!disk.awaitTermination(10, TimeUnit.SECONDS)) {
        LOG.warn("the agent's memory was still being written at close");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    store.close();
  }

  private void preflight(LaunchSpec launch) {
    boolean taken =
        onFiles(
            () -> {
              try {
                tell(preflight.run(launch));
              } catch (RuntimeException e) {
                LOG.error("group={} preflight failed", launch.fence(), e);
                tell(new GroupInput.PreflightFailed(launch.fence(), internal(e)));
              }
            },
            null);
    if (!taken) {
      tell(
          new GroupInput.PreflightFailed(
              launch.fence(),
              Reason.of(
                  ReasonCode.OVERLOADED,
                  "%s: too much work waits for its file systems; look for one that hangs",
                  settings.node())));
    }
  }

  /** On a thread of its own: it may take hours. The order is repeated meanwhile. */
  private void convert(LaunchSpec launch, CompleteCheckpoint checkpoint) {
    if (!converting.compareAndSet(null, launch.fence())) {
      return; // at it, or an earlier one is just being ended
    }
    DaemonThreads.of(() -> convertNow(launch, checkpoint), "agent-convert").start();
  }

  private void convertNow(LaunchSpec launch, CompleteCheckpoint checkpoint) {
    Fence fence = launch.fence();
    try {
      TorchrunCommand like =
          TorchrunCommand.of(
              facts(), launch, new StartOrder(0, Optional.empty(), false), daemonEnv);
      Optional<Reason> problem =
          converter.convert(
              launch,
              checkpoint,
              like,
              GroupFolder.of(settings.dataDir(), fence),
              () -> store.stored().current().filter(g -> g.fence().equals(fence)).isPresent());
      if (problem.isPresent()) {
        tell(new GroupInput.NotConverted(fence, problem.get()));
        return;
      }
      JobSpec.Checkpoint wanted = launch.job().checkpoint();
      Path folder = Path.of(wanted.dir().orElseThrow());
      tell(
          new GroupInput.Converted(
              fence, checkpoints.inventory(folder, wanted.format(), OwnRanks.of(launch))));
    } catch (IOException | RuntimeException e) {
      LOG.error("group={} the conversion failed", fence, e);
      tell(
          new GroupInput.NotConverted(
              fence, Reason.of(ReasonCode.CONVERSION_FAILED, "%s: %s", settings.node(), e)));
    } finally {
      converting.set(null);
    }
  }

  private void launch(LaunchSpec launch, StartOrder order) {
    groups.expect(launch.fence());
    boolean taken =
        onFiles(
            () -> {
              Optional<ExitReport> refused;
              try {
                refused = startChecks.run(launch, order);
              } catch (RuntimeException e) {
                LOG.error("group={} the checks before the fork failed", launch.fence(), e);
                refused = Optional.of(notLaunched(internal(e)));
              }
              refused.ifPresentOrElse(
                  report -> doNotLaunch(launch.fence(), report),
                  () ->
                      groups.launch(launch, TorchrunCommand.of(facts(), launch, order, daemonEnv)));
            },
            null);
    if (!taken) {
      doNotLaunch(
          launch.fence(),
          notLaunched(
              Reason.of(ReasonCode.OVERLOADED, "%s: too much file work waits", settings.node())));
    }
  }

  private void doNotLaunch(Fence fence, ExitReport report) {
    groups.forget(fence);
    tell(new GroupInput.GroupExited(fence, report));
  }

  private void standBy(StandbyOrder order, String why) {
    LaunchSpec like = Spares.launchLike(settings.node(), settings.address(), order);
    groups.standBy(
        order,
        like,
        TorchrunCommand.of(facts(), like, new StartOrder(0, Optional.empty(), false), daemonEnv),
        why);
  }

  private NodeFacts facts() {
    return new NodeFacts(
        settings.node(),
        settings.address(),
        settings.markerPrefix(),
        settings.python(),
        settings.dataDir(),
        inventory.hasGpus(),
        inventory.interfaceName(),
        settings.shim().toAbsolutePath().resolve("..").normalize());
  }

  private void look(WorkerGroup group, Path folder, JobSpec.Checkpoint wanted) {
    Fence fence = group.fence();
    Optional<CompleteCheckpoint> found = Optional.empty();
    try {
      found = checkpoints.newest(folder, wanted.format(), OwnRanks.of(group.launch()));
      if (found.isPresent()) {
        kept.keep(folder, found.get(), wanted);
      }
    } catch (IOException | UncheckedIOException e) {
      LOG.debug(
          "group={} cannot look for checkpoints, or keep one, in {}: {}",
          fence,
          folder,
          e.toString());
    }
    seen = new Seen(Optional.of(fence), found, System.nanoTime());
  }

  /** False when too much waits already; {@code busy}, where given, is cleared in any case. */
  private boolean onFiles(Runnable work, @Nullable AtomicBoolean busy) {
    try {
      files.execute(
          () -> {
            try {
              work.run();
            } finally {
              if (busy != null) {
                busy.set(false);
              }
            }
          });
      return true;
    } catch (RejectedExecutionException e) {
      if (busy != null) {
        busy.set(false);
      }
      return false;
    }
  }

  private void tell(GroupInput input) {
    Consumer<GroupInput> to = listener.get();
    if (to == null) {
      LOG.debug("nobody listens, the next one will look for itself: {}", input);
      return;
    }
    to.accept(input);
  }

  private static Reason internal(RuntimeException e) {
    return Reason.of(ReasonCode.INTERNAL, "a bug in Lockstep: %s; see the daemon's log", e);
  }

  private static ExitReport notLaunched(Reason reason) {
    return new ExitReport(
        ExitReport.Outcome.FAILED,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        true,
        false,
        Optional.of(reason),
        List.of(),
        Instant.now());
  }
}
