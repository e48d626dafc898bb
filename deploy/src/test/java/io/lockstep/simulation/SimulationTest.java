package io.lockstep.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.simulation.Simulation.Result;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class SimulationTest {
  private static final int SEEDS = Integer.getInteger("simulation.seeds", 600);

  @Test
  void noScheduleBreaksAnInvariantAndEveryJobSettles() {
    Long one = Long.getLong("machines.seed");
    long from = one == null ? Long.getLong("machines.from", 0) : one;
    long to = one == null ? from + SEEDS : one + 1;
    long start = System.nanoTime();
    Result all =
        LongStream.range(from, to)
            .parallel()
            .mapToObj(seed -> run(seed, one != null))
            .reduce(Result.NONE, Result::plus);
    double seconds = (System.nanoTime() - start) / 1e9;
    System.out.printf(
        "machines together: %d seeds, %d steps, %d virtual hours, %d faults, %d jobs, %d attempts,"
            + " %.1f s, %.1f seeds/s, %.0f steps/s%n",
        to - from,
        all.steps(),
        all.seconds() / 3_600,
        all.faults(),
        all.jobs(),
        all.attempts(),
        seconds,
        (to - from) / seconds,
        all.steps() / seconds);
    if (one == null) {
      assertThat(all.jobs()).isGreaterThan(SEEDS);
      assertThat(all.attempts()).isGreaterThan(all.jobs());
    }
  }

  /**
   * A Start that came after its attempt was given up, from a network that was cut or a coordinator
   * that was frozen: its shim is made late, and is refused.
   */
  @ParameterizedTest
  @ValueSource(longs = {261_582, 375_928})
  void aStartThatComesAfterTheNextAttemptHasBegunStartsNothing(long seed) {
    run(seed, false);
  }

  private static Result run(long seed, boolean tracing) {
    return Seeds.run(Simulation::random, seed, tracing, "SimulationTest", "machines.seed");
  }
}
