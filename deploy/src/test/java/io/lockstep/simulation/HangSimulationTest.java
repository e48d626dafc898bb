package io.lockstep.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Gangs that hang, under all other faults: each is found, and none that moves is accused. */
final class HangSimulationTest {
  private static final int SEEDS = Integer.getInteger("hang.seeds", 60);

  @Test
  void noScheduleBreaksAnInvariantAndEveryJobSettles() {
    Seeds.All all = Seeds.runAll(Simulation::ofHangs, SEEDS, "HangSimulationTest", "hang.seed");
    System.out.printf(
        "hangs: %d seeds, %d attempts, %d hangs found%n",
        all.seeds(), all.result().attempts(), all.result().hangs());
    if (!all.isReplay()) {
      assertThat(all.result().hangs()).isGreaterThan(SEEDS / 6);
    }
  }
}
