package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.Attempt;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Where the time of one attempt went, from the fault before it to its first step: one part after
 * the other, as the events' times tell. A part whose begin or end is not in the history is left
 * out, and nothing is guessed.
 *
 * @param parts in the order in which they ended
 */
public record Timeline(List<Part> parts) {
  private static final double MILLIS = 1_000.0;

  /**
   * One part.
   *
   * @param name detect: from the failure, or the first report that a peer was lost, to the verdict;
   *     decide: to the plan of the next attempt, a backoff included; stop: until the older groups
   *     are over, by proof or lease; prepare: until all nodes are prepared; start: from the release
   *     until all workers are there, torchrun's rendezvous included; first step: until one is heard
   *     of, which heartbeats tell each second
   */
  public record Part(String name, Duration time) {
    @Override
    public String toString() {
      return name + " " + seconds(time);
    }
  }

  public Timeline {
    parts = List.copyOf(parts);
  }

  /**
   * That of an attempt.
   *
   * @param history of its job or of all
   * @param firstStep where it is not in the history yet
   */
  static Timeline of(
      List<HistoryEntry> history, Job job, Attempt attempt, Optional<Instant> firstStep) {
    List<HistoryEntry> ofJob =
        history.stream().filter(e -> e.job().equals(Optional.of(job.id()))).toList();
    Optional<HistoryEntry> planned = first(ofJob, attempt, "AttemptPlanned");
    if (planned.isEmpty()) {
      return new Timeline(List.of());
    }
    Optional<Instant> released = at(first(ofJob, attempt, "AttemptReleased"));
    var line = new Line();
    beforeThePlan(line, ofJob, job, attempt);
    line.to("decide", Optional.of(planned.get().at()));
    Optional<HistoryEntry> prepared = released.flatMap(r -> last(ofJob, attempt, "NodePrepared"));
    Optional<HistoryEntry> stopped =
        released.flatMap(
            r ->
                ofJob.stream()
                    .filter(e -> e.type().equals("GroupGone"))
                    .filter(e -> e.version() > planned.get().version() && !e.at().isAfter(r))
                    .filter(e -> e.attempt().filter(a -> a.number() < attempt.number()).isPresent())
                    .reduce((one, later) -> later));
    boolean stopsLast =
        stopped.filter(s -> prepared.filter(p -> p.version() > s.version()).isEmpty()).isPresent();
    if (stopsLast) {
      line.to("prepare", at(prepared));
      line.to("stop", released);
    } else {
      if (stopped.isPresent()) {
        line.to("stop", at(stopped));
      }
      line.to("prepare", released);
    }
    line.to("start", at(first(ofJob, attempt, "AttemptRunning")));
    line.to("first step", at(first(ofJob, attempt, "AttemptStepped")).or(() -> firstStep));
    return new Timeline(line.parts);
  }

  private static void beforeThePlan(Line line, List<HistoryEntry> ofJob, Job job, Attempt attempt) {
    if (attempt.number() == 1) {
      return;
    }
    var before = new Attempt(attempt.number() - 1);
    Optional<Instant> failed = at(first(ofJob, before, "AttemptFailed"));
    Optional<Instant> said =
        job.attempts().stream()
            .filter(a -> a.fence().attempt().equals(before))
            .flatMap(a -> a.cause().stream())
            .flatMap(c -> c.diagnosis().stream())
            .flatMap(d -> d.at().stream())
            .findFirst();
    Optional<Instant> faltered = at(first(ofJob, before, "AttemptFaltered"));
    Optional<Instant> fault =
        said.filter(s -> faltered.filter(f -> f.isBefore(s)).isEmpty()).or(() -> faltered);
    line.to("", fault.filter(f -> failed.filter(at -> !at.isBefore(f)).isPresent()));
    line.to("detect", failed);
  }

  /** From the first to the last that is known. */
  public Duration total() {
    return parts.stream().map(Part::time).reduce(Duration.ZERO, Duration::plus);
  }

  /** True once its first step is in it. */
  public boolean isWhole() {
    return !parts.isEmpty() && parts.get(parts.size() - 1).name().equals("first step");
  }

  private static Optional<HistoryEntry> first(
      List<HistoryEntry> ofJob, Attempt attempt, String type) {
    return ofJob.stream()
        .filter(e -> e.type().equals(type) && e.attempt().equals(Optional.of(attempt)))
        .findFirst();
  }

  private static Optional<HistoryEntry> last(
      List<HistoryEntry> ofJob, Attempt attempt, String type) {
    return ofJob.stream()
        .filter(e -> e.type().equals(type) && e.attempt().equals(Optional.of(attempt)))
        .reduce((one, later) -> later);
  }

  private static Optional<Instant> at(Optional<HistoryEntry> entry) {
    return entry.map(HistoryEntry::at);
  }

  private static String seconds(Duration time) {
    return String.format(Locale.ROOT, "%.2f", time.toMillis() / MILLIS);
  }

  /** Like {@code 7.48 s: detect 1.51, decide 0.00, prepare 0.15, stop 3.90, ...}. */
  @Override
  public String toString() {
    return seconds(total())
        + " s: "
        + parts.stream().map(Part::toString).collect(Collectors.joining(", "));
  }

  /** Grows to the right; what is missing leaves a gap that no part fills. */
  private static final class Line {
    private final List<Part> parts = new ArrayList<>();
    private Optional<Instant> end = Optional.empty();

    void to(String name, Optional<Instant> moment) {
      if (moment.isPresent() && end.isPresent() && !moment.get().isBefore(end.get())) {
        parts.add(new Part(name, Duration.between(end.get(), moment.get())));
      }
      // A clock that was set back by another coordinator's must not make the next part longer.
      end = moment;
    }
  }
}
