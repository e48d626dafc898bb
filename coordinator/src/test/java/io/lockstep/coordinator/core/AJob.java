package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.CheckpointFormat;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.OnExisting;
import io.lockstep.protocol.model.OnResize;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A job file in a line: what a test does not say is as in the defaults. */
final class AJob {
  private final int nodes;
  private int procs = 1;
  private int spares;
  private int priority;
  private String warm = "auto";
  private Optional<String> python = Optional.empty();
  private Optional<Duration> place = Optional.empty();
  private Optional<JobSpec.Zero> zero = Optional.empty();
  private List<Integer> devices = List.of();
  private JobSpec.Restart restart = JobSpec.Restart.DEFAULT;
  private Optional<String> dir = Optional.of("/ckpt");
  private List<NodeId> pins = List.of();
  private boolean named = true;
  private CheckpointFormat format = CheckpointFormat.HF_DEEPSPEED;
  private OnExisting onExisting = OnExisting.AUTO;
  private List<String> args = List.of();
  private Duration firstStep = Duration.ZERO;
  private Duration noProgress = Duration.ofMinutes(15);
  private Optional<JobSpec.ProgressRules> progress = Optional.empty();

  private Optional<OnResize> onResize = Optional.empty();
  private Optional<Duration> onStop = Optional.empty();

  private AJob(int nodes) {
    this.nodes = nodes;
  }

  static AJob of(int nodes) {
    return new AJob(nodes);
  }

  AJob procs(int each) {
    procs = each;
    return this;
  }

  AJob args(String... words) {
    args = List.of(words);
    return this;
  }

  AJob firstStepWithin(Duration limit) {
    firstStep = limit;
    return this;
  }

  AJob noProgress(Duration limit) {
    noProgress = limit;
    return this;
  }

  AJob progress(int factor, Duration floor) {
    progress = Optional.of(new JobSpec.ProgressRules(Optional.empty(), factor, floor));
    return this;
  }

  AJob autoProcs() {
    return procs(0);
  }

  AJob devices(Integer... indexes) {
    devices = List.of(indexes);
    return procs(0);
  }

  AJob zero(int stage, Optional<String> json) {
    zero = Optional.of(new JobSpec.Zero(stage, json, "--deepspeed"));
    return this;
  }

  AJob spares(int wanted) {
    spares = wanted;
    return this;
  }

  AJob pinned(String... names) {
    pins = ACluster.nodes(names);
    return this;
  }

  AJob python(String file) {
    python = Optional.of(file);
    return this;
  }

  AJob priority(int height) {
    priority = height;
    return this;
  }

  AJob placedWithin(Duration limit) {
    place = Optional.of(limit);
    return this;
  }

  AJob warm(String wish) {
    warm = wish;
    return this;
  }

  AJob budget(int max) {
    return restart(max, Duration.ofHours(1), Duration.ZERO, Duration.ZERO);
  }

  AJob restart(int max, Duration window, Duration initial, Duration most) {
    restart = new JobSpec.Restart(max, window, initial, most);
    return this;
  }

  AJob onExisting(OnExisting wish) {
    onExisting = wish;
    return this;
  }

  AJob folderFollowsOutput() {
    named = false;
    return this;
  }

  AJob withoutCheckpoints() {
    dir = Optional.empty();
    format = CheckpointFormat.NONE;
    return this;
  }

  AJob format(CheckpointFormat wanted) {
    format = wanted;
    return this;
  }

  AJob onStop(Duration limit) {
    onStop = Optional.of(limit);
    return this;
  }

  AJob onResize(OnResize wish) {
    onResize = Optional.of(wish);
    return this;
  }

  JobSpec spec() {
    return new JobSpec(
        "llama",
        "/data/train.py",
        args,
        "/data",
        nodes,
        procs,
        devices,
        spares,
        priority,
        zero,
        JobSpec.Paths.NONE,
        Map.of(),
        new JobSpec.Checkpoint(
            dir,
            named,
            Optional.of("--resume"),
            format,
            onExisting,
            0,
            onResize,
            onStop,
            Optional.empty()),
        restart,
        new JobSpec.Deadlines(
            Duration.ofSeconds(60),
            Duration.ofSeconds(120),
            firstStep,
            noProgress,
            Duration.ofSeconds(6),
            place),
        warm,
        python,
        JobSpec.Entry.FILE,
        pins,
        progress,
        Optional.empty());
  }
}
