package io.lockstep.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.simulation.Simulation.Result;
import org.junit.jupiter.api.Test;

final class SimulationTest {
  private static final int SEEDS = Integer.getInteger("simulation.seeds", 600);

  @Test
  void noScheduleBreaksAnInvariantAndEveryJobSettles() {
    Long one = Long.getLong("machines.seed");
    long from = one == null ? Long.getLong("machines.from", 0) : one;
    long to = one == null ? from + SEEDS : one + 1;
    long steps = 0;
    long virtualSeconds = 0;
    int jobs = 0;
    int attempts = 0;
    int faults = 0;
    long start = System.nanoTime();
    for (long seed = from; seed < to; seed++) {
      Result result = run(seed, one != null);
      steps += result.steps();
      virtualSeconds += result.seconds();
      jobs += result.jobs();
      attempts += result.attempts();
      faults += result.faults();
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    System.out.printf(
        "machines together: %d seeds, %d steps, %d virtual hours, %d faults, %d jobs, %d attempts,"
            + " %.1f s, %.1f seeds/s%n",
        to - from,
        steps,
        virtualSeconds / 3_600,
        faults,
        jobs,
        attempts,
        seconds,
        (to - from) / seconds);
    if (one == null) {
      assertThat(jobs).isGreaterThan(SEEDS);
      assertThat(attempts).isGreaterThan(jobs);
    }
  }

  private static Result run(long seed, boolean tracing) {
    var simulation =
        Simulation.random(
            seed, Mutation.NONE, tracing ? Trace.Detail.EVERYTHING : Trace.Detail.NOTHING);
    try {
      return simulation.runRandom();
    } catch (RuntimeException e) {
      throw new AssertionError(
          "seed "
              + seed
              + ": "
              + e.getMessage()
              + "\nreplay it with a trace: mvn -q -pl deploy -am test -Dtest=SimulationTest"
              + " -Dsurefire.failIfNoSpecifiedTests=false -Dmachines.seed="
              + seed,
          e);
    } finally {
      if (tracing) {
        System.out.print(simulation.trace.text());
      }
    }
  }
}
