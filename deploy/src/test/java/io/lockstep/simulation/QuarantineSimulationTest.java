package io.lockstep.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.simulation.Simulation.Result;
import org.junit.jupiter.api.Test;

/**
 * Nodes that are quarantined as soon as they are lost, and meet others before they are placed; in
 * every other cluster one of them fails with whomever it meets.
 */
final class QuarantineSimulationTest {
  private static final int SEEDS = Integer.getInteger("quarantine.seeds", 40);

  @Test
  void withoutTheCheckItIsNoticed() {
    Seeds.mustNotice(Simulation::ofFlapping, Mutation.QUARANTINE_ENDS_BY_TIME_ALONE, SEEDS);
  }

  @Test
  void noScheduleBreaksAnInvariantAndEveryJobSettles() {
    Long one = Long.getLong("quarantine.seed");
    long from = one == null ? 0 : one;
    long to = one == null ? SEEDS : one + 1;
    Result all = Result.NONE;
    for (long seed = from; seed < to; seed++) {
      all =
          all.plus(
              Seeds.run(
                  Simulation::ofFlapping,
                  seed,
                  one != null,
                  "QuarantineSimulationTest",
                  "quarantine.seed"));
    }
    System.out.printf(
        "quarantine: %d seeds, %d attempts, %d nodes met others and came back, %d failed%n",
        to - from, all.attempts(), all.provenNodes(), all.keptNodes());
    if (one == null) {
      assertThat(all.provenNodes()).isGreaterThan(SEEDS / 6);
      assertThat(all.keptNodes()).isGreaterThan(SEEDS / 6);
    }
  }
}
