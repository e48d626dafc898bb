package io.lockstep.coordinator.cli;

import java.time.Duration;

/** Asks again while no coordinator answers, with a word when that begins and when it ends. */
final class Patience {
  /** Longest that a command goes on without an answer. */
  static final Duration LONGEST = Duration.ofMinutes(10);

  private static final Duration PAUSE = Duration.ofSeconds(1);

  private final Terminal terminal;
  private final Duration longest;
  private boolean answeredOnce;

  /** Gives up at once until the first answer, then keeps asking for a long time. */
  Patience(Terminal terminal) {
    this(terminal, LONGEST, false);
  }

  Patience(Terminal terminal, Duration longest, boolean fromTheFirst) {
    this.terminal = terminal;
    this.longest = longest;
    this.answeredOnce = fromTheFirst;
  }

  /** A question that may be asked again. */
  interface Question<T> {
    T ask() throws ApiRefused, NoCoordinator;
  }

  <T> T until(Question<T> question) throws ApiRefused, NoCoordinator, InterruptedException {
    Duration waited = Duration.ZERO;
    while (true) {
      try {
        T answer = question.ask();
        if (!waited.isZero()) {
          terminal.say("a coordinator answers again");
        }
        answeredOnce = true;
        return answer;
      } catch (NoCoordinator e) {
        if (!answeredOnce || waited.compareTo(longest) >= 0) {
          throw e;
        }
        tell(waited, e.getMessage());
      } catch (ApiRefused e) {
        if (!e.isTransient() || !answeredOnce || waited.compareTo(longest) >= 0) {
          throw e;
        }
        tell(waited, e.problem().detail());
      }
      terminal.sleep(PAUSE);
      waited = waited.plus(PAUSE);
    }
  }

  private void tell(Duration waited, @org.jspecify.annotations.Nullable String why) {
    if (waited.isZero()) {
      terminal.say("no coordinator answers, asking again: " + why);
    }
  }
}
