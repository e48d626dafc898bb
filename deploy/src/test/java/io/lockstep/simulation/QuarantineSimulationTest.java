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
    Seeds.All all =
        Seeds.runAll(Simulation::ofFlapping, SEEDS, "QuarantineSimulationTest", "quarantine.seed");
    Result result = all.result();
    System.out.printf(
        "quarantine: %d seeds, %d attempts, %d nodes met others and came back, %d failed%n",
        all.seeds(), result.attempts(), result.provenNodes(), result.keptNodes());
    if (!all.isReplay()) {
      assertThat(result.provenNodes()).isGreaterThan(SEEDS / 6);
      assertThat(result.keptNodes()).isGreaterThan(SEEDS / 6);
    }
  }
}
