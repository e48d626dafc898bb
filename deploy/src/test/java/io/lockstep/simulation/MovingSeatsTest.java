package io.lockstep.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.simulation.Simulation.Result;
import org.junit.jupiter.api.Test;

/** Who is a seat changes under running jobs, with leases, faults and cuts (A9). */
final class MovingSeatsTest {
  private static final int SEEDS = Integer.getInteger("moving.seeds", 100);

  @Test
  void noScheduleBreaksAnInvariantAndEveryJobSettles() {
    Long one = Long.getLong("moving.seed");
    long from = one == null ? 0 : one;
    long to = one == null ? SEEDS : one + 1;
    int changes = 0;
    int attempts = 0;
    for (long seed = from; seed < to; seed++) {
      Result result = run(seed, one != null);
      changes += result.seatChanges();
      attempts += result.attempts();
    }
    System.out.printf(
        "moving seats: %d seeds, %d attempts, %d changes of seats%n", to - from, attempts, changes);
    if (one == null) {
      assertThat(changes).isGreaterThan(SEEDS);
    }
  }

  private static Result run(long seed, boolean tracing) {
    return Seeds.run(Simulation::ofMovingSeats, seed, tracing, "MovingSeatsTest", "moving.seed");
  }
}
