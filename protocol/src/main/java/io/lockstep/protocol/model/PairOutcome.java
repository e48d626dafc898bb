package io.lockstep.protocol.model;

import java.util.Optional;

/**
 * How a node's part of a pair check ended.
 *
 * @param reading what it measured; empty unless it is {@link End#MEASURED}
 * @param problem why it measured nothing; empty when it did
 * @param withoutTorch there was nothing to measure with: no such interpreter, or no torch in it
 */
public record PairOutcome(
    End end, Optional<PairReading> reading, String problem, boolean withoutTorch) {
  /** Whose matter it is. */
  public enum End {
    /** It met the others, and what they sent arrived. */
    MEASURED,
    /** It failed before it met anybody: this says nothing of the others. */
    FAILED_ALONE,
    /** It failed together with the others: it may be any of them. */
    FAILED_TOGETHER,
    /** It was not tried: this says nothing of anybody. */
    NOT_RUN
  }

  public PairOutcome {
    Checks.require(
        reading.isEmpty() || end == End.MEASURED, "reading", reading, "empty unless measured");
  }

  public static PairOutcome measured(PairReading reading) {
    return new PairOutcome(End.MEASURED, Optional.of(reading), "", false);
  }

  /** One that is not {@link End#MEASURED}. */
  public static PairOutcome failed(End end, String problem) {
    return new PairOutcome(end, Optional.empty(), problem, false);
  }

  /** It failed for want of an interpreter with torch, which says nothing of the node's hardware. */
  public static PairOutcome withoutTorch(String problem) {
    return new PairOutcome(End.FAILED_ALONE, Optional.empty(), problem, true);
  }
}
