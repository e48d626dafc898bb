package io.lockstep.simulation;

import io.lockstep.coordinator.core.ClusterInput;
import io.lockstep.coordinator.core.Decision;
import io.lockstep.coordinator.core.Job;
import io.lockstep.protocol.model.CheckpointFormat;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.OnExisting;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/** People: they submit, cancel, drain and resume, and ask again when nobody answers. */
final class Operators {
  /** A hang is one after so long; a cut that lasts as long ends the gang by itself. */
  static final JobSpec.Deadlines IMPATIENT =
      new JobSpec.Deadlines(
          Duration.ofSeconds(60),
          Duration.ofSeconds(120),
          Duration.ZERO,
          Duration.ofSeconds(15),
          Duration.ofSeconds(6));

  private static final long ASK_AGAIN_MILLIS = 5_000;

  private final Simulation sim;
  private final Map<JobId, JobSpec> wanted = new HashMap<>();
  private final List<JobId> jobs = new ArrayList<>();
  private int named;
  private boolean atRest;

  Operators(Simulation sim) {
    this.sim = sim;
  }

  List<JobId> jobs() {
    return jobs;
  }

  void rest() {
    atRest = true;
  }

  void work() {
    if (atRest) {
      return;
    }
    sim.schedule.after(sim.schedule.between(2_000, 25_000), this::work);
    SimHost host = sim.hosts().get(sim.schedule.below(sim.hosts().size()));
    switch (sim.schedule.below(8)) {
      case 0, 1, 2 -> submitAny();
      case 3 -> {
        if (!jobs.isEmpty()) {
          cancel(
              jobs.get(sim.schedule.below(jobs.size())),
              Duration.ofSeconds(sim.schedule.oneIn(2) ? 0 : sim.schedule.between(1, 40)));
        }
      }
      case 4 -> drain(host);
      default -> resume(host);
    }
  }

  void submitAny() {
    named++;
    int nodes = 1 + sim.schedule.below(sim.hosts().size() - 1);
    int spares = sim.schedule.below(2);
    var restart =
        new JobSpec.Restart(
            sim.schedule.oneIn(4) ? sim.schedule.below(3) : 10,
            Duration.ofSeconds(sim.schedule.oneIn(2) ? 3_600 : 60),
            Duration.ofSeconds(sim.schedule.below(3)),
            Duration.ofSeconds(8));
    submit(
        new JobId("job-" + named),
        spec(
            "job-" + named,
            nodes,
            spares,
            sim.schedule.below(3),
            restart,
            sim.hangs() ? IMPATIENT : JobSpec.Deadlines.DEFAULT),
        sim.schedule.between(5, 60));
  }

  static JobSpec spec(String name, int nodes, int spares, int priority, JobSpec.Restart restart) {
    return spec(name, nodes, spares, priority, restart, JobSpec.Deadlines.DEFAULT);
  }

  private static JobSpec spec(
      String name,
      int nodes,
      int spares,
      int priority,
      JobSpec.Restart restart,
      JobSpec.Deadlines deadlines) {
    return new JobSpec(
        name,
        "train.py",
        List.of(),
        "/data",
        nodes,
        1,
        List.of(),
        spares,
        priority,
        Optional.empty(),
        JobSpec.Paths.NONE,
        Map.of(),
        new JobSpec.Checkpoint(
            Optional.of("/checkpoints/" + name),
            true,
            Optional.empty(),
            CheckpointFormat.HF,
            OnExisting.AUTO),
        restart,
        deadlines,
        "auto",
        Optional.empty());
  }

  void submit(JobId id, JobSpec spec, int work) {
    jobs.add(id);
    wanted.put(id, spec);
    sim.work(id, work);
    askUntilAnswered(id);
  }

  private void askUntilAnswered(JobId id) {
    JobSpec spec = wanted.get(id);
    if (spec == null) {
      return;
    }
    sim.schedule.after(ASK_AGAIN_MILLIS, () -> askUntilAnswered(id));
    ask(
        new ClusterInput.Submit(id, spec),
        decision -> {
          Broken.unless(!decision.refused(), "Operators", "%s", decision.reason());
          wanted.remove(id);
          sim.invariants.acknowledged.submitted(id);
        });
  }

  void cancel(JobId id, Duration grace) {
    ask(
        new ClusterInput.Cancel(id, grace),
        decision -> {
          // Without an event the job ends by itself already, or is being canceled.
          if (!decision.events().isEmpty()) {
            sim.invariants.acknowledged.canceled(id);
          }
        });
  }

  void drain(SimHost host) {
    int wish = sim.invariants.acknowledged.wishes(host.id);
    ask(
        new ClusterInput.Drain(host.id),
        decision -> {
          if (!decision.events().isEmpty()) {
            sim.invariants.acknowledged.drained(host.id, wish, true);
          }
        });
  }

  void resume(SimHost host) {
    int wish = sim.invariants.acknowledged.wishes(host.id);
    ask(
        new ClusterInput.Resume(host.id),
        decision -> {
          if (!decision.events().isEmpty()) {
            sim.invariants.acknowledged.drained(host.id, wish, false);
          }
        });
  }

  private void ask(ClusterInput input, Consumer<Decision> answer) {
    sim.trace.exchange("user -> coordinator  %s", text(input));
    sim.singleton.any().ifPresent(c -> c.ask(input, answer));
  }

  private static String text(ClusterInput input) {
    return input instanceof ClusterInput.Submit submit
        ? "Submit %s nodes %d spares %d"
            .formatted(submit.job(), submit.spec().nodes(), submit.spec().spares())
        : input.toString();
  }

  /** True when every job is known and over. */
  boolean areServed() {
    return wanted.isEmpty()
        && jobs.stream()
            .allMatch(
                id ->
                    sim.history
                        .state()
                        .job(id)
                        .map(Job::phase)
                        .filter(p -> p.isTerminal())
                        .isPresent());
  }
}
