package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.Finding.Severity;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.PairOutcome;
import io.lockstep.protocol.model.PairOutcome.End;
import io.lockstep.protocol.model.ReasonCode;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Says of each node what a pair check shows of it; pure. */
public final class PairVerdict {
  private static final String LOOK_AT_NODE =
      "keep it out (lockstep drain), and look at its network interface, cables and GPUs";
  private static final String LOOK_AT_LINK =
      "look at what lies between them: cables, switch ports, firewall, routes";
  private static final String LOOK_AT_BOTH =
      "run it again with another node that is idle: it tells which one it is";
  private static final String LOOK_AT_PROGRAM =
      "look at this node's GPUs, and whether its interpreter can import torch";

  private final PairCheck check;
  private final PairSpeeds speeds;
  private final Set<NodeId> proven;

  /** What meeting others shows of a node. */
  enum Standing {
    /** It failed before it met anybody. */
    BROKE_ALONE,
    WELL,
    /** It fails with one, and both are well with others: it is what lies between them. */
    BAD_LINK,
    /** It fails with those that are well with others. */
    BAD,
    /** It fails, and nobody was there to tell whose fault that is. */
    UNTOLD,
    UNTRIED
  }

  private PairVerdict(PairCheck check) {
    this.check = check;
    this.speeds = PairSpeeds.of(check.met());
    this.proven = check.proven();
  }

  /** What each check found on each node. */
  public static Map<NodeId, List<Finding>> of(PairCheck check) {
    var verdict = new PairVerdict(check);
    var found = new LinkedHashMap<NodeId, List<Finding>>();
    check.nodes().forEach(node -> found.put(node, verdict.of(node)));
    return found;
  }

  static Standing standing(PairCheck check, NodeId node) {
    return new PairVerdict(check).standing(node);
  }

  /** The sentence of it, without what to do. */
  static String meeting(PairCheck check, NodeId node) {
    var verdict = new PairVerdict(check);
    return verdict.standing(node) == Standing.UNTRIED
        ? verdict.whyUntried(node)
        : verdict.meets(node).found();
  }

  /** What is slow there, without what to do; empty where nothing is, or nothing shows it. */
  static List<String> slow(PairCheck check, NodeId node) {
    var verdict = new PairVerdict(check);
    return Stream.of(verdict.gathers(node), verdict.multiplies(node))
        .flatMap(Optional::stream)
        .filter(finding -> finding.severity() == Severity.WARN)
        .map(Finding::found)
        .toList();
  }

  private Standing standing(NodeId node) {
    if (check.brokeAlone(node)) {
      return Standing.BROKE_ALONE;
    }
    boolean failsWithWellOnes = failedWithWellOnes(node).isPresent();
    if (proven.contains(node)) {
      return failsWithWellOnes ? Standing.BAD_LINK : Standing.WELL;
    }
    if (check.failures(node).isEmpty()) {
      return Standing.UNTRIED;
    }
    return failsWithWellOnes ? Standing.BAD : Standing.UNTOLD;
  }

  private Optional<PairGroup> failedWithWellOnes(NodeId node) {
    return check.failures(node).stream().filter(g -> g.othersAreIn(node, proven)).findFirst();
  }

  private List<Finding> of(NodeId node) {
    var found = new ArrayList<Finding>();
    found.add(meets(node));
    gathers(node).ifPresent(found::add);
    multiplies(node).ifPresent(found::add);
    return found;
  }

  private Finding meets(NodeId node) {
    return switch (standing(node)) {
      case BROKE_ALONE -> pair(Severity.FAIL, problem(node, End.FAILED_ALONE), LOOK_AT_PROGRAM);
      case WELL -> well(node);
      case BAD_LINK -> badLink(node);
      case BAD ->
          pair(Severity.FAIL, fails(node) + wellOnes(node, check.failures(node)), LOOK_AT_NODE);
      case UNTOLD ->
          pair(
              Severity.FAIL,
              fails(node) + "no other node was there to tell which of them it is",
              LOOK_AT_BOTH);
      case UNTRIED -> pair(Severity.SKIPPED, "not tried: " + whyUntried(node), "");
    };
  }

  private String fails(NodeId node) {
    return "fails with "
        + names(others(node, check.failures(node)))
        + " ("
        + problem(node, End.FAILED_TOGETHER)
        + "); ";
  }

  private String wellOnes(NodeId node, List<PairGroup> failures) {
    List<NodeId> well = others(node, failures).stream().filter(proven::contains).toList();
    return well.size() == 1
        ? well.get(0) + " is well with others"
        : names(well) + " are well with others";
  }

  /** A failure of nodes that are all well with others is none of theirs. */
  private Finding badLink(NodeId node) {
    PairGroup link = failedWithWellOnes(node).orElseThrow();
    return pair(
        Severity.FAIL,
        "fails with "
            + names(link.others(node))
            + " ("
            + link.problem()
            + "), and each of them is well with others",
        LOOK_AT_LINK);
  }

  private Finding well(NodeId node) {
    PairGroup passed =
        check.groupsOf(node).stream().filter(PairGroup::passed).findFirst().orElseThrow();
    return pair(Severity.OK, "is well with " + names(passed.others(node)) + measured(passed), "");
  }

  private String whyUntried(NodeId node) {
    return check
        .said(node, End.NOT_RUN)
        .map(PairOutcome::problem)
        .orElseGet(
            () ->
                check.groupsOf(node).isEmpty()
                    ? "no other node of its kind is there to meet"
                    : "the nodes that it was to meet failed before they met it, and no other is"
                        + " there");
  }

  private Optional<Finding> gathers(NodeId node) {
    List<PairGroup> passed = check.groupsOf(node).stream().filter(PairGroup::passed).toList();
    List<PairGroup> slow = passed.stream().filter(speeds::isSlow).toList();
    if (slow.isEmpty()) {
      return Optional.empty();
    }
    PairGroup first = slow.get(0);
    String with = "all-gathers are slow with " + names(others(node, slow)) + measured(first);
    String median = speeds.medianBytesPerSecond().map(b -> ", the median is " + rate(b)).orElse("");
    if (isFastElsewhere(node)) {
      List<NodeId> alsoFast = first.others(node).stream().filter(this::isFastElsewhere).toList();
      return alsoFast.size() == first.others(node).size()
          ? Optional.of(
              slowPair(with + median + "; each of them is faster with others", LOOK_AT_LINK))
          : Optional.empty(); // it is the other one
    }
    return Optional.of(
        slow.size() > 1
            ? slowPair(with + median, LOOK_AT_NODE)
            : slowPair(
                with + median + "; no other node was there to tell which of them it is",
                LOOK_AT_BOTH));
  }

  private boolean isFastElsewhere(NodeId node) {
    return check.groupsOf(node).stream().anyMatch(g -> g.passed() && !speeds.isSlow(g));
  }

  private Optional<Finding> multiplies(NodeId node) {
    Optional<Double> own = speeds.matmul(node);
    Optional<Double> median = speeds.medianMatmul(node);
    if (own.isEmpty() || median.isEmpty()) {
      return Optional.empty();
    }
    String text = "a matmul takes " + millis(own.get()) + ", the median is " + millis(median.get());
    return Optional.of(
        own.get() > PairSpeeds.SLOW * median.get()
            ? new Finding(
                ReasonCode.NODE_SLOW,
                Severity.WARN,
                text,
                "look for heat, a power limit, and what else runs there (lockstep doctor)")
            : new Finding(ReasonCode.NODE_SLOW, Severity.OK, text, ""));
  }

  private String problem(NodeId node, End end) {
    return check.said(node, end).map(PairOutcome::problem).orElse("");
  }

  private static List<NodeId> others(NodeId node, Collection<PairGroup> groups) {
    return groups.stream().flatMap(g -> g.others(node).stream()).distinct().toList();
  }

  private static String measured(PairGroup group) {
    return ": "
        + group.gather().map(g -> millis(g.toNanos() / 1e9)).orElse("?")
        + ", "
        + group.bytesPerSecond().map(PairVerdict::rate).orElse("?");
  }

  private static String millis(double seconds) {
    return String.format(Locale.ROOT, "%.1f ms", seconds * 1e3);
  }

  private static String rate(double bytesPerSecond) {
    return String.format(Locale.ROOT, "%.2f GB/s", bytesPerSecond / 1e9);
  }

  private static String names(List<NodeId> nodes) {
    return nodes.stream().map(NodeId::value).collect(Collectors.joining(", "));
  }

  private static Finding pair(Severity severity, String found, String todo) {
    return new Finding(ReasonCode.PAIR_FAILED, severity, found, todo);
  }

  private static Finding slowPair(String found, String todo) {
    return new Finding(ReasonCode.PAIR_SLOW, Severity.WARN, found, todo);
  }
}
