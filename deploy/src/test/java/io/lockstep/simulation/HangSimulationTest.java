package io.lockstep.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.simulation.Simulation.Result;
import org.junit.jupiter.api.Test;

/** Gangs that hang, under all other faults: each is found, and none that moves is accused. */
final class HangSimulationTest {
  private static final int SEEDS = Integer.getInteger("hang.seeds", 60);

  @Test
  void noScheduleBreaksAnInvariantAndEveryJobSettles() {
    Long one = Long.getLong("hang.seed");
    long from = one == null ? 0 : one;
    long to = one == null ? SEEDS : one + 1;
    Result all = Result.NONE;
    for (long seed = from; seed < to; seed++) {
      all =
          all.plus(
              Seeds.run(Simulation::ofHangs, seed, one != null, "HangSimulationTest", "hang.seed"));
    }
    System.out.printf(
        "hangs: %d seeds, %d attempts, %d hangs found%n", to - from, all.attempts(), all.hangs());
    if (one == null) {
      assertThat(all.hangs()).isGreaterThan(SEEDS / 6);
    }
  }
}
