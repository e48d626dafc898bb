package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.FailureClass;
import java.time.Instant;
import java.util.Optional;

/**
 * What kind of failure a cause is, as it was judged when it happened: rules that change later
 * change no history.
 *
 * @param rule id of the rule that fitted; empty where the class follows from how the group ended
 * @param sign the line that the rule fitted; empty without a rule
 * @param meaning in a sentence
 * @param advice what to do about it, in a sentence
 * @param at when it failed, by the coordinator's clock; empty when the report does not say
 * @param step the last step that was seen before, by output; empty when none was
 */
public record Diagnosis(
    FailureClass failureClass,
    String rule,
    String sign,
    String meaning,
    String advice,
    Optional<Instant> at,
    Optional<Long> step) {
  /** Longest sign, meaning and advice each, in bytes. */
  public static final int MAX_TEXT_BYTES = 400;

  public Diagnosis {
    sign = BoundedText.head(sign, MAX_TEXT_BYTES);
    meaning = BoundedText.head(meaning, MAX_TEXT_BYTES);
    advice = BoundedText.head(advice, MAX_TEXT_BYTES);
  }

  static Diagnosis of(FailureClass failureClass, String meaning, String advice) {
    return new Diagnosis(failureClass, "", "", meaning, advice, Optional.empty(), Optional.empty());
  }

  Diagnosis seen(Optional<Instant> when, Optional<Long> atStep) {
    return new Diagnosis(failureClass, rule, sign, meaning, advice, when, atStep);
  }

  /** As it is kept when newer attempts are more telling. */
  Diagnosis faded() {
    return new Diagnosis(failureClass, rule, "", "", "", at, step);
  }
}
