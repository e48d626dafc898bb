package io.lockstep.protocol.api;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * A job as people and programs see it (contract: {@code describe --output json}).
 *
 * @param motion whether training moves; empty unless it runs
 * @param conversion how far the conversion of its checkpoint is; empty unless a node is at it
 * @param waits each node and why the job is not placed on it; empty unless it waits for nodes
 * @param lastKnown present when no coordinator answered; see {@link LastKnownView}
 */
public record JobView(
    String id,
    String name,
    String phase,
    ReasonView reason,
    int attempt,
    RestartsView restarts,
    int nodes,
    int procsPerNode,
    Optional<Integer> zeroStage,
    List<RankView> rankTable,
    Optional<String> masterAddress,
    Optional<Integer> masterPort,
    Optional<CheckpointView> lastCheckpoint,
    Optional<ProgressView> progress,
    List<AttemptView> attempts,
    Optional<Integer> exitCode,
    int spares,
    Instant submittedAt,
    Optional<Instant> endedAt,
    List<String> spareNodes,
    List<WaitView> waits,
    @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<LastKnownView> lastKnown,
    Optional<MotionView> motion,
    @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<ConversionView> conversion) {
  public JobView {
    conversion = Objects.requireNonNullElse(conversion, Optional.empty());
    motion = Objects.requireNonNullElse(motion, Optional.empty());
    waits = List.copyOf(Objects.requireNonNullElse(waits, List.of())); // an older server's
    rankTable = List.copyOf(rankTable);
    attempts = List.copyOf(attempts);
    spareNodes = List.copyOf(spareNodes);
  }

  private static final Set<String> TERMINAL = Set.of("SUCCEEDED", "FAILED", "CANCELED");

  /** True when its phase is final. Static, so that it is no field of the JSON. */
  public static boolean isTerminal(JobView job) {
    return TERMINAL.contains(job.phase);
  }

  /** A job that waits for no nodes. */
  public JobView(
      String id,
      String name,
      String phase,
      ReasonView reason,
      int attempt,
      RestartsView restarts,
      int nodes,
      int procsPerNode,
      Optional<Integer> zeroStage,
      List<RankView> rankTable,
      Optional<String> masterAddress,
      Optional<Integer> masterPort,
      Optional<CheckpointView> lastCheckpoint,
      Optional<ProgressView> progress,
      List<AttemptView> attempts,
      Optional<Integer> exitCode,
      int spares,
      Instant submittedAt,
      Optional<Instant> endedAt,
      List<String> spareNodes) {
    this(
        id,
        name,
        phase,
        reason,
        attempt,
        restarts,
        nodes,
        procsPerNode,
        zeroStage,
        rankTable,
        masterAddress,
        masterPort,
        lastCheckpoint,
        progress,
        attempts,
        exitCode,
        spares,
        submittedAt,
        endedAt,
        spareNodes,
        List.of(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  /** The same job with its attempts told in another way. */
  public JobView withAttempts(List<AttemptView> told) {
    return with(told, waits, motion, conversion);
  }

  /** The same job with what it waits for. */
  public JobView waiting(List<WaitView> waitsOfNodes) {
    return with(attempts, waitsOfNodes, motion, conversion);
  }

  /** The same job with whether it moves. */
  public JobView moving(Optional<MotionView> how) {
    return with(attempts, waits, how, conversion);
  }

  /** The same job with how far its checkpoint is converted. */
  public JobView converting(Optional<ConversionView> status) {
    return with(attempts, waits, motion, status);
  }

  private JobView with(
      List<AttemptView> itsAttempts,
      List<WaitView> itsWaits,
      Optional<MotionView> itsMotion,
      Optional<ConversionView> itsConversion) {
    return new JobView(
        id,
        name,
        phase,
        reason,
        attempt,
        restarts,
        nodes,
        procsPerNode,
        zeroStage,
        rankTable,
        masterAddress,
        masterPort,
        lastCheckpoint,
        progress,
        itsAttempts,
        exitCode,
        spares,
        submittedAt,
        endedAt,
        spareNodes,
        itsWaits,
        lastKnown,
        itsMotion,
        itsConversion);
  }

  /**
   * How far the conversion of a checkpoint is.
   *
   * @param parameters put together so far
   * @param ofParameters 0 until it is known
   * @param ofBytes about
   * @param text the same for people
   */
  public record ConversionView(
      long parameters, long ofParameters, long bytes, long ofBytes, String text) {}

  /**
   * Whether training moves.
   *
   * @param ageSeconds since the last sign that counts
   * @param sign which sign that is: {@code step}, or {@code CPU or I/O} where no step can be
   * @param deadlineSeconds the age from which it is suspected to hang; empty: never
   * @param deadlineFrom where that comes from
   * @param suspicion what is thought of it, while it is suspected
   * @param stragglers ranks that are slower than the others, a sentence each
   */
  public record MotionView(
      long ageSeconds,
      String sign,
      Optional<Long> deadlineSeconds,
      String deadlineFrom,
      Optional<String> suspicion,
      List<String> stragglers) {
    public MotionView {
      stragglers = List.copyOf(stragglers);
    }
  }

  /** One node of the fleet as a waiting job sees it. */
  public record WaitView(String node, boolean free, String why) {}

  /** A reason: code for programs, message for people. */
  public record ReasonView(String code, String message) {}

  /** Restarts so far; {@code budget} is what the window allows. */
  public record RestartsView(int counted, int uncounted, int budget) {}

  /** One row of the rank table. */
  public record RankView(int nodeRank, String node, String address) {}

  /** A complete checkpoint. */
  public record CheckpointView(String path, long step, int worldSize) {}

  /** How far training is; totalSteps 0 when the output does not say. */
  public record ProgressView(
      long step, long totalSteps, Optional<Double> loss, Optional<Double> evalLoss) {}

  /**
   * Why an attempt ended.
   *
   * @param diagnosis what kind of failure it was; empty when an older release judged it
   */
  public record CauseView(
      String code,
      Optional<String> node,
      Optional<Integer> rank,
      String message,
      Optional<DiagnosisView> diagnosis) {
    /** One that nobody judged. */
    public CauseView(String code, Optional<String> node, Optional<Integer> rank, String message) {
      this(code, node, rank, message, Optional.empty());
    }
  }

  /**
   * What kind of failure it was, as it was judged when it happened.
   *
   * @param failureClass USER_CODE, OUT_OF_MEMORY_GPU, OUT_OF_MEMORY_HOST, HARDWARE, NETWORK,
   *     STORAGE, CONFIGURATION, PREEMPTED, HANG or UNKNOWN
   * @param rule id of the rule that fitted; empty where the class follows from how it ended
   * @param sign the line that it fitted
   * @param at when it failed, by the coordinator's clock
   * @param step the last step seen before
   */
  public record DiagnosisView(
      String failureClass,
      String rule,
      String sign,
      String meaning,
      String advice,
      Optional<Instant> at,
      Optional<Long> step) {}

  /**
   * What followed from a cause.
   *
   * @param nodes how many other nodes' groups failed too
   * @param first the first few of them
   */
  public record AftermathView(int nodes, List<FollowedView> first) {
    public AftermathView {
      first = List.copyOf(first);
    }
  }

  /**
   * One group that failed after the root.
   *
   * @param same it said the same as the root
   */
  public record FollowedView(
      String node, Optional<Integer> rank, Optional<Instant> at, String message, boolean same) {}

  /**
   * One part of an attempt's timeline: detect, decide, stop, prepare, start, fork, rendezvous or
   * first step.
   */
  public record PartView(String part, double seconds) {}

  /**
   * One attempt, over or not.
   *
   * @param timeline where the time went until its first step; only what was measured, only where
   *     one job is asked for
   */
  public record AttemptView(
      int attempt,
      Instant startedAt,
      Optional<Instant> runningAt,
      Optional<Instant> endedAt,
      Optional<CauseView> cause,
      Optional<Long> resumedFromStep,
      Optional<Instant> firstStepAt,
      List<RankView> rankTable,
      Optional<String> traceback,
      Optional<AftermathView> aftermath,
      @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<List<PartView>> timeline) {
    public AttemptView {
      rankTable = List.copyOf(rankTable);
      timeline = timeline.map(List::copyOf);
    }

    /** The same with where its time went. */
    public AttemptView taking(List<PartView> parts) {
      return new AttemptView(
          attempt,
          startedAt,
          runningAt,
          endedAt,
          cause,
          resumedFromStep,
          firstStepAt,
          rankTable,
          traceback,
          aftermath,
          Optional.of(parts));
    }

    /** One from which nothing followed. */
    public AttemptView(
        int attempt,
        Instant startedAt,
        Optional<Instant> runningAt,
        Optional<Instant> endedAt,
        Optional<CauseView> cause,
        Optional<Long> resumedFromStep,
        Optional<Instant> firstStepAt,
        List<RankView> rankTable,
        Optional<String> traceback) {
      this(
          attempt,
          startedAt,
          runningAt,
          endedAt,
          cause,
          resumedFromStep,
          firstStepAt,
          rankTable,
          traceback,
          Optional.empty(),
          Optional.empty());
    }
  }
}
