package io.lockstep.simulation;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The simulation sees what each rule is there for: without it, some schedule breaks. */
final class MutationTest {
  /** Seeds within which a rule taken out is noticed. */
  private static final int SEEDS = 400;

  // The term at agents alone was not noticed: what an old term may command, the plan order and the
  // closed fences drop as well; IGNORE_FENCES_AT_AGENTS takes out all three for Prepare.
  @ParameterizedTest
  @EnumSource(
      mode = EnumSource.Mode.EXCLUDE,
      names = {
        "NONE",
        "IGNORE_TERMS_AT_AGENTS",
        // of MovingSeatsTest
        "CHANGE_BEFORE_SHIMS_KNOW",
        "TELL_A_SET_TOO_EARLY",
        "COUNT_WHAT_ONE_SEAT_SAYS",
        "GRANT_WHATEVER_IS_COUNTED",
        // of QuarantineSimulationTest
        "QUARANTINE_ENDS_BY_TIME_ALONE"
      })
  void aRuleTakenOutIsNoticed(Mutation mutation) {
    Seeds.mustNotice(Simulation::random, mutation, SEEDS);
  }
}
