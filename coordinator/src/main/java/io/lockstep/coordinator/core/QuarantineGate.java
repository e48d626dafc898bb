package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.PairOutcome;
import io.lockstep.protocol.model.PairOutcome.End;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Lets a node out of its quarantine when that is over by time: first it meets neighbours that are
 * idle, as in {@code lockstep doctor --pairs}. One that this names bad stays out, and is tried
 * again later and later. Where it cannot be tried it is let out after a while as it is. Jobs come
 * first: a neighbour takes part in what is placed on it at once, and the check does without.
 */
final class QuarantineGate {
  /** So many tell a bad node from a bad neighbour in two rounds. */
  static final int PARTNERS = 3;

  /** One that cannot be tried for so long is let out untried: it must not wait for ever. */
  static final Duration UNTRIED_LIMIT = Duration.ofMinutes(5);

  /** The same for one that has failed: as long as one whose hardware failed is out. */
  static final Duration FAILING_LIMIT = QuarantinePolicy.BROKEN;

  /** Between checks that told nothing. */
  static final Duration PAUSE = Duration.ofSeconds(20);

  /** The same for one that has failed. */
  static final Duration FAILING_PAUSE = Duration.ofMinutes(10);

  /** The least after which one that failed is tried again. */
  static final Duration LEAST_RETRY = Duration.ofMinutes(1);

  private final Deciding d;
  private final Node node;

  private QuarantineGate(Deciding d, Node node) {
    this.d = d;
    this.node = node;
  }

  static void onTick(Deciding d) {
    List<Node> over =
        d.state().nodes().values().stream().filter(node -> isOver(node, d.now())).toList();
    for (boolean withGpus : List.of(true, false)) {
      List<Node> ofKind = over.stream().filter(node -> node.hasGpus() == withGpus).toList();
      if (!ofKind.isEmpty()) {
        var idle = new IdleNodes(d, withGpus);
        ofKind.forEach(node -> new QuarantineGate(d, node).turn(idle));
      }
    }
  }

  /** True when the node is out: jobs may wait for it. */
  static boolean onChecked(Deciding d, ClusterInput.PairsChecked checked) {
    ClusterAction.CheckPairs ordered = checked.ordered();
    Optional<Node> node =
        d.state()
            .node(ordered.node())
            .filter(n -> isOver(n, d.now()))
            .filter(
                n -> n.trial().map(Node.Trial::partners).equals(Optional.of(ordered.partners())));
    node.ifPresent(n -> new QuarantineGate(d, n).judge(checked.check()));
    return node.isPresent()
        && d.state().node(ordered.node()).flatMap(Node::quarantinedUntil).isEmpty();
  }

  /** That of a lost node is over when it is back, so that it is told when it matters. */
  private static boolean isOver(Node node, Instant now) {
    return !node.lost() && node.quarantinedUntil().filter(end -> !end.isAfter(now)).isPresent();
  }

  private void turn(IdleNodes idle) {
    if (node.draining() || !d.quarantine().check()) {
      letOut("its quarantine is over");
      return;
    }
    Optional<Node.Trial> trial = node.trial();
    List<NodeId> partners = trial.map(Node.Trial::partners).orElse(List.of());
    Instant at = trial.map(Node.Trial::at).orElse(Instant.MIN);
    if (!partners.isEmpty()) {
      if (isPast(at, ClusterAction.CheckPairs.LIMIT)) {
        untried("nothing came of it within " + ClusterAction.CheckPairs.LIMIT.toSeconds() + " s");
      } else {
        order(partners); // a coordinator before this one may have begun it
      }
    } else if (node.suspect() || node.trouble().isPresent()) {
      return; // it is not placed anyway, and would fail for what is known
    } else if (idle.isInACheck(node.id())) {
      return; // another one's, which ends soon
    } else if (trial.isEmpty() || isPast(at, pause())) {
      begin(idle);
    }
  }

  private void begin(IdleNodes idle) {
    if (d.state().nodes().values().stream().noneMatch(this::mayBecomePartner)) {
      letOutUntried("no other node of its kind is there");
      return;
    }
    List<NodeId> partners = idle.take(node.id(), PARTNERS);
    if (partners.isEmpty()) {
      untried("no other node of its kind is idle");
      return;
    }
    stay(
        new Node.Trial(since(), d.now(), partners),
        "meets "
            + names(partners)
            + " in a pair check, for its quarantine is over by time; placed again when it is well");
    order(partners);
  }

  private void order(List<NodeId> partners) {
    d.action(new ClusterAction.CheckPairs(node.id(), partners, interpreter()));
  }

  /** Those of a kind meet, as in {@code doctor --pairs}. */
  private boolean mayBecomePartner(Node other) {
    return !other.id().equals(node.id())
        && other.hasGpus() == node.hasGpus()
        && !other.lost()
        && !other.draining();
  }

  /** That of the job that it was in last: the node's own may have no torch. */
  private Optional<String> interpreter() {
    return d.state().jobs().values().stream()
        .filter(j -> j.table().filter(t -> t.contains(node.id())).isPresent())
        .max(Comparator.comparing(j -> j.lastAttempt().orElseThrow().startedAt()))
        .flatMap(j -> j.spec().python())
        .filter(python -> python.startsWith("/"));
  }

  private void judge(PairCheck check) {
    String found = PairVerdict.meeting(check, node.id());
    switch (PairVerdict.standing(check, node.id())) {
      case WELL -> letOut("its quarantine is over, and it " + found + slow(check));
      case BAD_LINK ->
          letOut("its quarantine is over; it " + found + ": look at what lies between them");
      case BROKE_ALONE -> brokeAlone(check, found);
      case BAD -> keep(found);
      case UNTOLD -> {
        if (node.failingSince().filter(since -> isPast(since, FAILING_LIMIT)).isPresent()) {
          letOut("its quarantine is over; it " + found);
        } else {
          keep(found);
        }
      }
      case UNTRIED -> untried(found);
    }
  }

  /** Told, not acted on, as with a straggler: what else runs there may be over in a minute. */
  private String slow(PairCheck check) {
    List<String> slow = PairVerdict.slow(check, node.id());
    return slow.isEmpty()
        ? ""
        : ", but slow: "
            + String.join("; ", slow)
            + "; lockstep drain "
            + node.id()
            + " keeps it out";
  }

  private void brokeAlone(PairCheck check, String found) {
    if (check.said(node.id(), End.FAILED_ALONE).filter(PairOutcome::withoutTorch).isPresent()) {
      letOutUntried(found);
    } else {
      keep("fails by itself (" + found + ")");
    }
  }

  /** Each time for as long as it has been failing so far, so each time is twice as long. */
  private void keep(String found) {
    Instant since = node.failingSince().orElse(d.now());
    Duration least = Collections.max(List.of(d.quarantine().length(), LEAST_RETRY));
    Duration longer = Collections.max(List.of(least, Duration.between(since, d.now())));
    Instant until = d.now().plus(Collections.min(List.of(longer, QuarantinePolicy.BROKEN)));
    d.event(
        new ClusterEvent.NodeQuarantineChanged(
            node.id(),
            Optional.of(until),
            d.now(),
            Reason.of(
                ReasonCode.QUARANTINED,
                "%s: so says a pair check at the end of its quarantine; not placed, and not tried"
                    + " again before %s; lockstep resume %s puts it back",
                found,
                until,
                node.id()),
            Optional.empty(),
            Optional.of(since)));
  }

  /** Tried again, unless that has gone on for too long. */
  private void untried(String why) {
    Duration limit = node.failingSince().isPresent() ? FAILING_LIMIT : UNTRIED_LIMIT;
    Instant since = node.failingSince().orElse(since());
    if (isPast(since, limit)) {
      letOutUntried(why + ", for " + TimeText.of(limit));
      return;
    }
    boolean waitsAlready =
        node.trial().filter(t -> t.partners().isEmpty()).isPresent()
            && node.reason().code() == ReasonCode.QUARANTINED; // else it is in trouble no more
    if (!waitsAlready) {
      stay(
          new Node.Trial(since(), d.now(), List.of()),
          "waits for a pair check, for its quarantine is over by time: "
              + why
              + "; placed without one at "
              + since.plus(limit));
    }
  }

  private Duration pause() {
    return node.failingSince().isPresent() ? FAILING_PAUSE : PAUSE;
  }

  private Instant since() {
    return node.trial().map(Node.Trial::since).orElse(d.now());
  }

  private boolean isPast(Instant from, Duration limit) {
    return !from.plus(limit).isAfter(d.now());
  }

  private void stay(Node.Trial trial, String why) {
    d.event(
        new ClusterEvent.NodeQuarantineChanged(
            node.id(),
            node.quarantinedUntil(),
            d.now(),
            Reason.of(
                ReasonCode.QUARANTINED, "%s; lockstep resume %s places it now", why, node.id()),
            Optional.of(trial),
            node.failingSince()));
  }

  private void letOutUntried(String why) {
    letOut("its quarantine is over; it was not tried in a pair check: " + why);
  }

  private void letOut(String why) {
    d.event(
        new ClusterEvent.NodeQuarantineChanged(
            node.id(), Optional.empty(), d.now(), Reason.of(ReasonCode.NODE_READY, "%s", why)));
  }

  private static String names(List<NodeId> nodes) {
    return nodes.stream().map(NodeId::value).collect(Collectors.joining(", "));
  }
}
