package io.lockstep.protocol.model;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What the user asked for, every default filled in and every path absolute.
 *
 * @param procsPerNode workers per node; 0 means auto: as many as GPUs were found, 1 without any
 * @param devices GPUs to use on each node, in order; empty means the first {@code procsPerNode}
 * @param spares ready nodes kept for this job beyond its gang
 * @param priority higher is placed first; 0 unless set
 * @param python interpreter for the workers; empty means the node's default
 * @param entry what {@code script} names
 * @param pins nodes by node rank, for the first placement; empty means any
 * @param progress how steps are read and when their absence is a hang; empty means the usual rules
 * @param preflight what the checks before an attempt let pass; empty means the usual limits
 */
public record JobSpec(
    String name,
    String script,
    List<String> args,
    String workdir,
    int nodes,
    int procsPerNode,
    List<Integer> devices,
    int spares,
    int priority,
    Optional<Zero> zero,
    Paths paths,
    Map<String, String> env,
    Checkpoint checkpoint,
    Restart restart,
    Deadlines deadlines,
    String warm,
    Optional<String> python,
    Entry entry,
    List<NodeId> pins,
    Optional<ProgressRules> progress,
    Optional<Preflight> preflight) {

  /** True unless its workers are never to be forked from a preloaded process, or cannot be. */
  public boolean workersMayBeWarm() {
    return !warm.equals("off") && entry == Entry.FILE;
  }

  /** What a worker runs. */
  public enum Entry {
    /** A Python file. */
    FILE,
    /** A Python module, as {@code python -m} finds it. */
    MODULE,
    /** Any program. */
    PROGRAM
  }

  /**
   * The ZeRO configuration handed to every node as content.
   *
   * @param stage 1, 2 or 3: the shipped file of that stage; 0 when {@code json} is the user's own
   * @param json DeepSpeed configuration; empty until the coordinator has filled in the shipped one
   * @param argument name of the script's argument that takes the file
   */
  public record Zero(int stage, Optional<String> json, String argument) {
    public Zero {
      Checks.require(stage >= 0 && stage <= 3, "zero stage", stage, "0 to 3");
      Checks.require(stage > 0 || json.isPresent(), "zero", stage, "a stage or a configuration");
    }
  }

  /** The six paths of the hand-run script; exported as MODEL_PATH and so on where given. */
  public record Paths(
      Optional<String> model,
      Optional<String> tokenizer,
      Optional<String> trainFiles,
      Optional<String> validFiles,
      Optional<String> output,
      Optional<String> cache) {
    public static final Paths NONE =
        new Paths(
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty());
  }

  /**
   * Where checkpoints lie and how to go on from one.
   *
   * @param dir folder that holds the checkpoints; empty means none are looked for
   * @param named true when the user named the folder, false when it followed from paths.output
   * @param resumeArg script argument that takes the path of the checkpoint; empty means only
   *     LOCKSTEP_RESUME_FROM is set
   * @param keep complete checkpoints older than the newest that rotation cannot take away; 0: none
   * @param onResize what to do with one that another number of ranks wrote; empty means refuse it
   * @param onStop how long a planned stop waits for a checkpoint that a script with the helper is
   *     asked for; zero asks for none, empty means {@link #ON_STOP}
   * @param convert how long a conversion may take; empty means {@link #CONVERT}
   */
  public record Checkpoint(
      Optional<String> dir,
      boolean named,
      Optional<String> resumeArg,
      CheckpointFormat format,
      OnExisting onExisting,
      int keep,
      Optional<OnResize> onResize,
      Optional<Duration> onStop,
      Optional<Duration> convert) {
    /** Long enough for an eval that is under way and a save of hundreds of GB. */
    public static final Duration ON_STOP = Duration.ofMinutes(10);

    /** Of a checkpoint of hundreds of GB, read and written once by a few processes. */
    public static final Duration CONVERT = Duration.ofHours(2);

    /** Most older checkpoints kept: each costs the disk a whole one. */
    public static final int MAX_KEEP = 16;

    public Checkpoint {
      Checks.require(keep >= 0 && keep <= MAX_KEEP, "checkpoint.keep", keep, "0 to " + MAX_KEEP);
    }

    /** With the defaults for the rest. */
    public Checkpoint(
        Optional<String> dir,
        boolean named,
        Optional<String> resumeArg,
        CheckpointFormat format,
        OnExisting onExisting) {
      this(
          dir,
          named,
          resumeArg,
          format,
          onExisting,
          0,
          Optional.empty(),
          Optional.empty(),
          Optional.empty());
    }
  }

  /** Restart budget: {@code max} counted restarts within {@code window}, with backoff. */
  public record Restart(int max, Duration window, Duration backoffInitial, Duration backoffMax) {
    public static final Restart DEFAULT =
        new Restart(10, Duration.ofHours(1), Duration.ZERO, Duration.ofSeconds(30));

    public Restart {
      Checks.require(max >= 0, "restart.max", max, "0 or more");
      Checks.require(!window.isNegative() && !window.isZero(), "restart.window", window, "> 0");
    }
  }

  /**
   * Deadlines of one attempt; zero means none.
   *
   * @param place how long the job may wait for its nodes; empty means without end
   */
  public record Deadlines(
      Duration prepare,
      Duration start,
      Duration firstStep,
      Duration noProgress,
      Duration lease,
      Optional<Duration> place) {
    public static final Deadlines DEFAULT =
        new Deadlines(
            Duration.ofSeconds(60),
            Duration.ofSeconds(120),
            Duration.ZERO,
            Duration.ofMinutes(15),
            Duration.ofSeconds(6));

    /** Without an end to the wait for nodes. */
    public Deadlines(
        Duration prepare, Duration start, Duration firstStep, Duration noProgress, Duration lease) {
      this(prepare, start, firstStep, noProgress, lease, Optional.empty());
    }
  }

  /**
   * How training is seen to move, and how long it may stand still.
   *
   * @param step regular expression for a line that names a step: group 1 is the step, group 2, if
   *     there is one, the total; empty means the built-in rules
   * @param factor a pause of so many times the longest one seen is suspicious
   * @param floor no pause shorter than this ever is
   */
  public record ProgressRules(Optional<String> step, int factor, Duration floor) {
    /** NVRx multiplies by 5; a storage hiccup must not look like a hang. */
    public static final int FACTOR = 10;

    public static final Duration FLOOR = Duration.ofMinutes(2);
    public static final ProgressRules DEFAULT = new ProgressRules(Optional.empty(), FACTOR, FLOOR);

    public ProgressRules {
      Checks.require(factor >= 2, "progress.factor", factor, "2 or more");
      Checks.require(!floor.isNegative(), "progress.floor", floor, "0 or more");
    }
  }

  /**
   * What the checks before an attempt let pass.
   *
   * @param gpuMemoryHeldMib so much of each GPU may be in use by others, MiB
   */
  public record Preflight(int gpuMemoryHeldMib) {
    /** Monitoring, or a screen. */
    public static final int GPU_MEMORY_HELD_MIB = 1_024;

    /** No GPU has more. */
    public static final int MAX_MIB = 1 << 20;

    public static final Preflight DEFAULT = new Preflight(GPU_MEMORY_HELD_MIB);

    public Preflight {
      Checks.require(
          gpuMemoryHeldMib >= 0 && gpuMemoryHeldMib <= MAX_MIB,
          "preflight.gpuMemoryHeld",
          gpuMemoryHeldMib,
          "0 to " + MAX_MIB + " MiB");
    }
  }

  public JobSpec {
    // a state stored before there was this
    preflight = Objects.requireNonNullElse(preflight, Optional.empty());
    progress = Objects.requireNonNullElse(progress, Optional.empty());
    args = List.copyOf(args);
    devices = List.copyOf(devices);
    env = java.util.Collections.unmodifiableMap(new TreeMap<>(env));
    Checks.require(!name.isBlank(), "name", name, "a word");
    Checks.require(nodes >= 1, "nodes", nodes, "1 or more");
    Checks.require(procsPerNode >= 0, "procsPerNode", procsPerNode, "auto or 1 or more");
    Checks.require(spares >= 0, "spares", spares, "0 or more");
    // a state stored before there were these
    entry = Objects.requireNonNullElse(entry, Entry.FILE);
    pins = List.copyOf(Objects.requireNonNullElse(pins, List.of()));
    Checks.require(pins.isEmpty() || pins.size() == nodes, "pins", pins, "one for each node");
  }

  /** A Python file on any nodes. */
  public JobSpec(
      String name,
      String script,
      List<String> args,
      String workdir,
      int nodes,
      int procsPerNode,
      List<Integer> devices,
      int spares,
      int priority,
      Optional<Zero> zero,
      Paths paths,
      Map<String, String> env,
      Checkpoint checkpoint,
      Restart restart,
      Deadlines deadlines,
      String warm,
      Optional<String> python) {
    this(
        name,
        script,
        args,
        workdir,
        nodes,
        procsPerNode,
        devices,
        spares,
        priority,
        zero,
        paths,
        env,
        checkpoint,
        restart,
        deadlines,
        warm,
        python,
        Entry.FILE,
        List.of());
  }

  /** With the usual rules of progress. */
  public JobSpec(
      String name,
      String script,
      List<String> args,
      String workdir,
      int nodes,
      int procsPerNode,
      List<Integer> devices,
      int spares,
      int priority,
      Optional<Zero> zero,
      Paths paths,
      Map<String, String> env,
      Checkpoint checkpoint,
      Restart restart,
      Deadlines deadlines,
      String warm,
      Optional<String> python,
      Entry entry,
      List<NodeId> pins) {
    this(
        name,
        script,
        args,
        workdir,
        nodes,
        procsPerNode,
        devices,
        spares,
        priority,
        zero,
        paths,
        env,
        checkpoint,
        restart,
        deadlines,
        warm,
        python,
        entry,
        pins,
        Optional.empty(),
        Optional.empty());
  }

  /** The same job with its ZeRO configuration as content. */
  public JobSpec withZero(Zero changed) {
    return new JobSpec(
        name,
        script,
        args,
        workdir,
        nodes,
        procsPerNode,
        devices,
        spares,
        priority,
        Optional.of(changed),
        paths,
        env,
        checkpoint,
        restart,
        deadlines,
        warm,
        python,
        entry,
        pins,
        progress,
        preflight);
  }

  /** Its rules of progress, said or not. */
  public ProgressRules progressRules() {
    return progress.orElse(ProgressRules.DEFAULT);
  }

  /** What its preflight lets pass, said or not. */
  public Preflight preflightLimits() {
    return preflight.orElse(Preflight.DEFAULT);
  }
}
