package io.lockstep.coordinator.plan;

import java.util.Optional;

/**
 * Whether a job may be queued: refused only when it cannot fit for sure, that is when its low bound
 * is above the card or the host; what nobody says counts as the least that it can be.
 *
 * @param message what was wanted, what was found and what to do; empty when it fits
 */
public record Admission(boolean refused, Optional<String> message) {
  /** A job of which nothing can be said. */
  public static final Admission UNKNOWN = new Admission(false, Optional.empty());

  /** Judges by a plan of {@link Planner#least}. */
  public static Admission of(Plan least, Plan likely) {
    Optional<Card> card = likely.hardware().card();
    if (card.isEmpty() || likely.fit().filter(fit -> fit != Fit.FITS).isEmpty()) {
      return UNKNOWN;
    }
    boolean cannot = least.fit().filter(Fit.CANNOT_FIT::equals).isPresent();
    Plan told = cannot ? least : likely;
    Range need = told.gpu().onCard();
    long has = card.get().memoryBytes();
    boolean onCard = !cannot || need.lowBytes() > has;
    String needs =
        onCard
            ? "a worker needs "
                + Words.range(need)
                + " of a card, "
                + card.get().name()
                + " has "
                + Words.bytes(has)
            : "a host needs " + Words.range(told.host().total()) + " and has less";
    String text =
        cannot
            ? "it cannot fit: " + needs
            : likely.fit().orElseThrow() == Fit.TIGHT
                ? "it fits tightly: " + needs
                : "it may not fit: " + needs;
    return new Admission(cannot, Optional.of(text));
  }
}
