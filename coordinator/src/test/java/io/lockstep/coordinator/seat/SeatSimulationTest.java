package io.lockstep.coordinator.seat;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.coordinator.seat.SeatSimulation.Mutation;
import io.lockstep.coordinator.seat.SeatSimulation.Result;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class SeatSimulationTest {
  private static final int SEEDS = Integer.getInteger("simulation.seeds", 2_000);

  /** Seeds within which a rule taken out is noticed; those noticed most rarely need thousands. */
  private static final int MUTATION_SEEDS = 20_000;

  @Test
  void noScheduleBreaksAnInvariantAndEveryOneSettles() {
    Long one = Long.getLong("seat.seed");
    long from = one == null ? 0 : one;
    long to = one == null ? SEEDS : one + 1;
    long steps = 0;
    int leaders = 0;
    int acknowledged = 0;
    int lost = 0;
    int back = 0;
    int changes = 0;
    long start = System.nanoTime();
    for (long seed = from; seed < to; seed++) {
      Result result = run(seed, one != null);
      steps += result.steps();
      leaders += result.leaders();
      acknowledged += result.acknowledged();
      lost += result.disksLost();
      back += result.takenBackIn();
      changes += result.changes();
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    System.out.printf(
        "seat simulation: %d seeds, %d steps, %d leaders, %d acknowledged, %d disks lost,"
            + " %d membership writes, %d changes of seats, %.1f s, %.0f seeds/s%n",
        to - from,
        steps,
        leaders,
        acknowledged,
        lost,
        back,
        changes,
        seconds,
        (to - from) / seconds);
    if (one == null) {
      assertThat(leaders).isGreaterThan(SEEDS);
      assertThat(acknowledged).isGreaterThan(5 * SEEDS);
      assertThat(lost).isGreaterThan(SEEDS / 4);
      assertThat(back).isGreaterThan(SEEDS / 4);
      assertThat(changes).isGreaterThan(SEEDS / 4);
    }
  }

  private static Result run(long seed, boolean tracing) {
    var simulation = new SeatSimulation(seed, Mutation.NONE, tracing);
    try {
      Result result = simulation.run();
      System.out.print(simulation.trace());
      return result;
    } catch (RuntimeException e) {
      System.out.print(simulation.trace());
      throw new AssertionError(
          "seed "
              + seed
              + ": "
              + e.getMessage()
              + "\nreplay it: mvn -q -pl protocol,coordinator test -Dtest=SeatSimulationTest"
              + " -Dsurefire.failIfNoSpecifiedTests=false -Dseat.seed="
              + seed,
          e);
    }
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
  void aRuleTakenOutIsNoticed(Mutation mutation) {
    for (long seed = 0; seed < MUTATION_SEEDS; seed++) {
      try {
        new SeatSimulation(seed, mutation, false).run();
      } catch (SeatInvariants.Broken broken) {
        if (!broken.invariant.equals("SeatSimulation")) {
          System.out.printf("%s noticed by seed %d: %s%n", mutation, seed, broken.invariant);
          return;
        }
      }
    }
    throw new AssertionError(mutation + " was not noticed in " + MUTATION_SEEDS + " seeds");
  }
}
