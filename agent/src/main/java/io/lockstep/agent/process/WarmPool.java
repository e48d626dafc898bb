package io.lockstep.agent.process;

import com.fasterxml.jackson.databind.JsonNode;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.StandbyOrder;
import io.lockstep.protocol.model.WarmStatus;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps at most one standby, its one pool: for the next attempt of the job that trains here, or of
 * the job that this node is a spare of. Used by the one thread that starts and ends groups.
 */
final class WarmPool implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(WarmPool.class);

  /** A standby must not compete with the start of the attempt before it. */
  private static final long FIRST_STEPS = 2;

  /**
   * Of a job whose steps nobody has read yet, here or at its rank 0: most such scripts say none.
   */
  static final Duration WITHOUT_PROGRESS = Duration.ofSeconds(15);

  /** The same after a warm start, which has no imports to wait for. */
  static final Duration WITHOUT_PROGRESS_WARM = Duration.ofSeconds(3);

  /**
   * Of a job whose steps were read before: a model and a checkpoint may take minutes to load. No
   * longer, as a script may count its steps anew, and then none is told.
   */
  static final Duration STEPS_AWAITED = Duration.ofMinutes(2);

  /** Covers backoff, planning and preparation of the next attempt. */
  static final Duration KEPT_WITHOUT_GROUP = Duration.ofSeconds(90);

  /** Of the time for a start, what a start that loads first leaves for the rest of it. */
  private static final Duration AFTER_LOADING = Duration.ofSeconds(30);

  private static final Duration SHORTEST_LOAD = Duration.ofSeconds(1);

  /** The shim gives up one import, and one build of ops, long before. */
  private static final Duration LONGEST_LOAD = Duration.ofHours(1);

  private final String python;
  private final Path shim;
  private final boolean enabled;
  private volatile Optional<Kept> kept = Optional.empty();
  private volatile Optional<Spare> spare = Optional.empty();
  private volatile Optional<Without> without = Optional.empty();
  private Optional<Trains> trains = Optional.empty();

  /** The last job whose steps were told while it ran here. */
  private Optional<JobId> tellsSteps = Optional.empty();

  /**
   * The attempt that runs here, where its shim's spec is, since when all its workers are there, and
   * whether it is known to be past its first steps.
   */
  private record Trains(
      Fence fence,
      GroupFolder folder,
      boolean warm,
      Optional<Long> seenNanos,
      boolean stepped,
      boolean tried) {
    JobId job() {
      return fence.job();
    }

    Trains withTried() {
      return new Trains(fence, folder, warm, seenNanos, stepped, true);
    }

    Trains withStepped() {
      return new Trains(fence, folder, warm, seenNanos, true, tried);
    }

    Trains seen(boolean all, long nowNanos) {
      return all && seenNanos.isEmpty()
          ? new Trains(fence, folder, warm, Optional.of(nowNanos), stepped, tried)
          : this;
    }
  }

  /** As the coordinator ordered it; why it has no pool, where it could not have one. */
  private record Spare(StandbyOrder order, Optional<String> problem) {
    JobId job() {
      return order.fence().job();
    }

    Spare failed(String why) {
      return new Spare(order, Optional.of(why));
    }
  }

  /** Writes what the standby of a spare is given. */
  interface SpecFile {
    GroupFolder write() throws IOException;
  }

  private record Without(Fence fence, String why) {}

  private record Kept(JobId job, Standby standby, long usedNanos) {}

  WarmPool(String python, Path shim, boolean enabled) {
    this.enabled = enabled;
    this.python = python;
    this.shim = shim;
  }

  /**
   * What the shim is told. Where workers start cold, torchrun is all that is preloaded (ADR 0019).
   * Where they do not, a start that has no pool loads one first (ADR 0020).
   *
   * @param ops what its workers load, built before the pool is ready
   */
  static Map<String, Object> spec(JobSpec job, Set<DeepSpeedOp> ops) {
    var warm = new LinkedHashMap<String, Object>();
    warm.put("script", job.script());
    if (!job.workersMayBeWarm()) {
      warm.put("workers", "cold");
      return warm;
    }
    if (!job.warm().equals("auto")) {
      warm.put("modules", Arrays.asList(job.warm().split(",", -1)));
    }
    if (!ops.isEmpty()) {
      warm.put("ops", ops.stream().map(DeepSpeedOp::builder).toList());
    }
    warm.put("loadSeconds", loadLimit(job.deadlines().start()).toSeconds());
    return warm;
  }

  /** After that a start that loads goes on as a cold one, which needs some of its time too. */
  private static Duration loadLimit(Duration asked) {
    Duration start = asked.isZero() ? JobSpec.Deadlines.DEFAULT.start() : asked;
    return Stream.of(start.dividedBy(2), start.minus(AFTER_LOADING), SHORTEST_LOAD)
        .max(Comparator.naturalOrder())
        .filter(limit -> limit.compareTo(LONGEST_LOAD) < 0)
        .orElse(LONGEST_LOAD);
  }

  /** The same, where this host keeps warm pools at all. */
  Optional<Map<String, Object>> wanted(JobSpec job, Set<DeepSpeedOp> ops) {
    return enabled ? Optional.of(spec(job, ops)) : Optional.empty();
  }

  /** This node is a spare: what it keeps already for that job is as good as a new one. */
  void standBy(StandbyOrder order, String why, SpecFile file, long nowNanos) {
    Optional<Spare> before = spare;
    boolean same = before.filter(s -> s.order().wantsTheSameAs(order)).isPresent();
    boolean sameAttempt = before.filter(s -> s.order().fence().equals(order.fence())).isPresent();
    JobId job = order.fence().job();
    if (kept.filter(k -> !k.job().equals(job)).isPresent()) {
      drop("this node is a spare of " + job);
    } else if (before.isPresent() && !same) {
      drop("what it is for has changed");
    }
    if (same && sameAttempt) {
      return; // said again: one that failed is tried again for the next attempt
    }
    spare = Optional.of(new Spare(order, Optional.empty()));
    if (!enabled) {
      noPool("this daemon keeps no warm pools");
    } else if (kept.isEmpty()) {
      start(order, why, file, nowNanos);
    }
  }

  private void start(StandbyOrder order, String why, SpecFile file, long nowNanos) {
    try {
      start(order.fence().job(), file.write(), nowNanos);
      LOG.info("job={} makes a warm pool on its spare: {}", order.fence().job(), why);
    } catch (IOException e) {
      noPool("it cannot be started: " + e.getMessage());
    }
  }

  private void noPool(String why) {
    spare.ifPresent(s -> LOG.warn("job={} no warm pool on its spare: {}", s.job(), why));
    spare = spare.map(s -> s.failed(why));
  }

  /** This node is no spare, and nothing runs on it. */
  void standDown(String why) {
    spare = Optional.empty();
    drop(why);
  }

  /** What is kept here, for people and for the coordinator; any thread. */
  Optional<WarmStatus> status(Optional<Long> memoryBytes) {
    Optional<Spare> ordered = spare;
    Optional<Kept> now = kept;
    if (ordered.isEmpty() && now.isEmpty()) {
      return Optional.empty();
    }
    WarmStatus.Phase phase =
        now.map(k -> WarmStatus.Phase.valueOf(k.standby().state().name()))
            .orElse(WarmStatus.Phase.FAILED);
    return Optional.of(
        new WarmStatus(
            now.map(Kept::job).orElseGet(() -> ordered.orElseThrow().job()),
            ordered.map(s -> s.order().fence()),
            phase,
            now.flatMap(k -> memoryBytes),
            ordered.flatMap(Spare::problem).filter(p -> phase == WarmStatus.Phase.FAILED)));
  }

  /** The process whose memory, with that of those below it, the pool takes; any thread. */
  Optional<Long> pid() {
    return kept.map(k -> k.standby().pid());
  }

  /**
   * An attempt runs here from now on; a standby of another job is ended.
   *
   * @param adopted whether its shim was one
   */
  void runs(LaunchSpec launch, GroupFolder folder, boolean adopted) {
    JobId job = launch.fence().job();
    boolean wasReady = adopted && whyNone(launch.fence()).isEmpty();
    boolean warmStart = wasReady && launch.job().workersMayBeWarm();
    spare = Optional.empty();
    if (kept.filter(k -> !k.job().equals(job)).isPresent()) {
      drop("another job runs here");
    }
    trains =
        enabled
            ? Optional.of(
                new Trains(launch.fence(), folder, warmStart, Optional.empty(), false, false))
            : Optional.empty();
  }

  /** It is past its first steps, as its own output says or its coordinator. */
  void startIsOver(Fence fence) {
    if (trains.filter(t -> t.fence().equals(fence)).isPresent()) {
      trains = trains.map(Trains::withStepped);
      tellsSteps = Optional.of(fence.job());
    }
  }

  /** It ended; after a success nothing follows. */
  void ended(JobId job, boolean succeeded) {
    if (trains.filter(t -> t.job().equals(job)).isPresent()) {
      trains = Optional.empty();
    }
    if (succeeded && kept.filter(k -> k.job().equals(job)).isPresent()) {
      drop("its job has succeeded");
    }
  }

  /** Starts what is due and ends what nobody came for. */
  void look(Collection<ProcessGroup> living, long nowNanos) {
    Optional<JobId> wanted = trains.map(Trains::job).or(() -> spare.map(Spare::job));
    boolean isUsed = kept.isPresent() && wanted.equals(kept.map(Kept::job));
    if (isUsed) {
      kept = kept.map(k -> new Kept(k.job(), k.standby(), nowNanos));
    } else if (kept.filter(k -> isOver(nowNanos - k.usedNanos())).isPresent()) {
      drop("no attempt of its job came for " + KEPT_WITHOUT_GROUP.toSeconds() + " s");
    }
    kept.filter(k -> k.standby().state() == Standby.State.FAILED)
        .ifPresent(
            k -> {
              drop("it failed");
              noPool("it failed; see standby/warm.log in the data directory of this host");
            });
    Optional<ProcessGroup> group =
        trains.flatMap(t -> living.stream().filter(g -> g.folder().equals(t.folder())).findFirst());
    trains = trains.map(t -> t.seen(group.filter(ProcessGroup::allSeen).isPresent(), nowNanos));
    group
        .filter(g -> g.progress().filter(p -> p.step() >= FIRST_STEPS).isPresent())
        .ifPresent(g -> startIsOver(g.fence()));
    if (kept.isEmpty() && group.isPresent()) {
      trains.filter(t -> !t.tried() && isDue(t, nowNanos)).ifPresent(t -> start(t, nowNanos));
    }
  }

  private boolean isDue(Trains now, long nowNanos) {
    return isDue(
        now.seenNanos().map(since -> Duration.ofNanos(nowNanos - since)),
        now.stepped(),
        tellsSteps.equals(Optional.of(now.job())),
        now.warm());
  }

  /**
   * Whether an attempt is past its first steps, or may be as far as can be known.
   *
   * @param sinceAllAreThere empty: not all of its workers are
   * @param tellsSteps whether the job's steps were told in this attempt or one before
   */
  static boolean isDue(
      Optional<Duration> sinceAllAreThere, boolean stepped, boolean tellsSteps, boolean warmStart) {
    Duration unsaid = warmStart ? WITHOUT_PROGRESS_WARM : WITHOUT_PROGRESS;
    Duration limit = tellsSteps ? STEPS_AWAITED : unsaid;
    return sinceAllAreThere.filter(since -> stepped || since.compareTo(limit) >= 0).isPresent();
  }

  /** Makes the standby the shim of this attempt; empty means that a new shim is started. */
  Optional<JsonNode> adopt(LaunchSpec launch, Path spec) throws InterruptedException {
    if (!enabled) {
      return Optional.empty();
    }
    Optional<Kept> ours = kept.filter(k -> k.job().equals(launch.fence().job()));
    if (ours.isEmpty() && spare.isEmpty() && !launch.job().workersMayBeWarm()) {
      return Optional.empty(); // as it asks for: nothing to be said
    }
    if (ours.isEmpty()) {
      return startsWithout(
          launch.fence(), spare.flatMap(Spare::problem).orElse("no warm pool of its job is here"));
    }
    Standby.Adoption adoption = ours.get().standby().adopt(spec);
    if (!adoption.stays()) {
      kept = Optional.empty();
    }
    if (adoption.shim().isEmpty()) {
      return startsWithout(launch.fence(), adoption.whyNot());
    }
    if (!adoption.whyNot().isEmpty()) {
      LOG.info("group={} awaits its warm pool: {}", launch.fence(), adoption.whyNot());
      without = Optional.of(new Without(launch.fence(), adoption.whyNot()));
    }
    return adoption.shim();
  }

  /** Why this start, the last one, had no pool, or none yet, although its job has; any thread. */
  Optional<String> whyNone(Fence fence) {
    return without.filter(c -> c.fence().equals(fence)).map(Without::why);
  }

  private Optional<JsonNode> startsWithout(Fence fence, String why) {
    LOG.info("group={} starts without a warm pool: {}", fence, why);
    without = Optional.of(new Without(fence, why));
    return Optional.empty();
  }

  @Override
  public void close() {
    drop("the agent ends");
  }

  private void start(Trains now, long nowNanos) {
    trains = Optional.of(now.withTried());
    try {
      start(now.job(), now.folder(), nowNanos);
      LOG.info("job={} makes a warm pool for its next attempt", now.job());
    } catch (IOException e) {
      LOG.warn("job={} no warm pool: {}", now.job(), e.toString());
    }
  }

  private void start(JobId job, GroupFolder folder, long nowNanos) throws IOException {
    kept =
        Optional.of(
            new Kept(
                job,
                Standby.start(job.value(), python, shim, folder.spec(), folder.warmLog()),
                nowNanos));
  }

  private void drop(String why) {
    kept.ifPresent(
        k -> {
          LOG.info("job={} its warm pool is ended: {}", k.job(), why);
          k.standby().close();
        });
    kept = Optional.empty();
  }

  private static boolean isOver(long nanos) {
    return nanos > KEPT_WITHOUT_GROUP.toNanos();
  }
}
