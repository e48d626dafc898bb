package io.lockstep.simulation;

import io.lockstep.simulation.Simulation.Result;

/**
 * How a test runs one seed: a failure names the command that replays it, a replay has its trace.
 */
final class Seeds {
  private Seeds() {}

  /** A cluster drawn from a seed. */
  interface Drawn {
    Simulation from(long seed, Mutation mutation, Trace.Detail detail);
  }

  /**
   * @param test the test's class
   * @param property what makes that test run this one seed
   */
  static Result run(Drawn drawn, long seed, boolean tracing, String test, String property) {
    Trace.Detail detail = tracing ? Trace.Detail.EVERYTHING : Trace.Detail.NOTHING;
    Simulation simulation = drawn.from(seed, Mutation.NONE, detail);
    try {
      return simulation.runRandom();
    } catch (RuntimeException e) {
      throw new AssertionError(
          "seed %d: %s\nreplay it with a trace: mvn -q -pl deploy -am test -Dtest=%s"
                  .formatted(seed, e.getMessage(), test)
              + " -Dsurefire.failIfNoSpecifiedTests=false -D%s=%d".formatted(property, seed),
          e);
    } finally {
      if (tracing) {
        System.out.print(simulation.trace.text());
      }
    }
  }

  /**
   * What so many seeds came to, one after another; of one alone where a replay was asked for.
   *
   * @param seeds how many ran
   * @param isReplay one was asked for, of which nothing can be counted
   */
  record All(Result result, long seeds, boolean isReplay) {}

  /**
   * Runs the seeds from 0.
   *
   * @param test the test's class
   * @param property what makes that test run one seed alone
   */
  static All runAll(Drawn drawn, int seeds, String test, String property) {
    Long one = Long.getLong(property);
    long from = one == null ? 0 : one;
    long to = one == null ? seeds : one + 1;
    Result all = Result.NONE;
    for (long seed = from; seed < to; seed++) {
      all = all.plus(run(drawn, seed, one != null, test, property));
    }
    return new All(all, to - from, one != null);
  }

  /** Fails unless one of so many schedules breaks an invariant without this rule. */
  static void mustNotice(Drawn drawn, Mutation mutation, int seeds) {
    for (long seed = mutation.firstSeed; seed < mutation.firstSeed + seeds; seed++) {
      try {
        drawn.from(seed, mutation, Trace.Detail.NOTHING).runRandom();
      } catch (Broken broken) {
        System.out.printf("%s noticed by seed %d: %s%n", mutation, seed, broken.invariant);
        return;
      }
    }
    throw new AssertionError(mutation + " was not noticed in " + seeds + " seeds");
  }
}
