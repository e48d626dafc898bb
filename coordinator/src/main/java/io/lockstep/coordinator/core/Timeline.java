package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.StartLengths;
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
   *     until all workers are known to be there, less the fork; fork: from the shim's order until
   *     the last worker is forked, torchrun's own start and its rendezvous included; rendezvous:
   *     until the last worker has come to where init_process_group waits for the others, imports
   *     included; first step: until one is heard of, which heartbeats tell each second. Where a
   *     node does not say its fork or rendezvous (an older release, or workers that meet in another
   *     way) they are in the part after which they stand
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
   * @param said how long its start took, where the job does not know it yet
   */
  static Timeline of(
      List<HistoryEntry> history,
      Job job,
      Attempt attempt,
      Optional<Instant> firstStep,
      Optional<StartLengths> said) {
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
    Optional<StartLengths> lengths = said.or(() -> lengths(job, attempt));
    line.to("start", at(first(ofJob, attempt, "AttemptRunning")));
    lengths.ifPresent(l -> line.endsWith("fork", l.forkMillis()));
    line.to("first step", at(first(ofJob, attempt, "AttemptStepped")).or(() -> firstStep));
    lengths
        .flatMap(StartLengths::rendezvousMillis)
        .ifPresent(l -> line.beginsWith("rendezvous", l));
    return new Timeline(line.parts);
  }

  private static Optional<StartLengths> lengths(Job job, Attempt attempt) {
    return job.attempts().stream()
        .filter(a -> a.fence().attempt().equals(attempt))
        .flatMap(a -> a.startLengths().stream())
        .findFirst();
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

    /** The end of the last part was this one, as far as it is long enough. */
    void endsWith(String name, long millis) {
      last("start")
          .ifPresent(
              whole -> parts.add(new Part(name, replaced(whole, Duration.ofMillis(millis)))));
    }

    /** The begin of the last part was this one, as far as it is long enough. */
    void beginsWith(String name, long millis) {
      last("first step")
          .ifPresent(
              whole -> {
                Duration taken = replaced(whole, Duration.ofMillis(millis));
                parts.add(parts.size() - 1, new Part(name, taken));
              });
    }

    private Optional<Part> last(String name) {
      return parts.isEmpty()
          ? Optional.empty()
          : Optional.of(parts.get(parts.size() - 1)).filter(p -> p.name().equals(name));
    }

    /** Takes it out of the last part; what was taken. */
    private Duration replaced(Part whole, Duration wanted) {
      Duration taken = wanted.compareTo(whole.time()) > 0 ? whole.time() : wanted;
      parts.set(parts.size() - 1, new Part(whole.name(), whole.time().minus(taken)));
      return taken;
    }

    void to(String name, Optional<Instant> moment) {
      if (moment.isPresent() && end.isPresent() && !moment.get().isBefore(end.get())) {
        parts.add(new Part(name, Duration.between(end.get(), moment.get())));
      }
      // A clock that was set back by another coordinator's must not make the next part longer.
      end = moment;
    }
  }
}
