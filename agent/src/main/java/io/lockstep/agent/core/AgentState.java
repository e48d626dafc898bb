package io.lockstep.agent.core;

import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.GroupStatus;
import io.lockstep.protocol.model.Term;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The agent's memory, kept on disk: what it heard, what it served, what runs, what ended.
 *
 * @param disk id of this memory; another one means that everything was forgotten
 * @param term highest term heard
 * @param plan highest plan served or closed; a lower one is void (A11)
 * @param current the group of this node; empty when idle
 * @param ending a superseded group whose processes are not yet proven gone
 * @param closed fences that ended, oldest first, at most {@link #MAX_CLOSED}
 * @param founding the cluster whose terms, plans and fences these are; empty before its first
 *     command
 */
public record AgentState(
    String disk,
    Term term,
    long plan,
    Optional<WorkerGroup> current,
    Optional<WorkerGroup> ending,
    List<ClosedFence> closed,
    Optional<Founding> founding) {
  /** Most fences remembered after their end. */
  public static final int MAX_CLOSED = 32;

  public AgentState {
    closed = List.copyOf(closed);
  }

  /** A memory that knows nothing yet. */
  public static AgentState empty(String disk) {
    return new AgentState(
        disk, Term.NONE, 0, Optional.empty(), Optional.empty(), List.of(), Optional.empty());
  }

  /** Everything that is to be said until it is acknowledged, in the order in which it came true. */
  public List<GroupReport> outstanding() {
    var reports = new ArrayList<GroupReport>();
    closed.stream().filter(c -> !c.heard()).map(ClosedFence::tell).forEach(reports::add);
    current.flatMap(AgentState::outstandingOf).ifPresent(reports::add);
    return reports;
  }

  /** The last thing that ended and whose report is not acknowledged. */
  public Optional<GroupStatus> lastUnheard() {
    return closed.stream()
        .filter(c -> !c.heard())
        .reduce((first, second) -> second)
        .map(ClosedFence::status);
  }

  public Optional<ClosedFence> closed(Fence fence) {
    return closed.stream().filter(c -> c.fence().equals(fence)).findFirst();
  }

  /** True when nothing can be said to the coordinator about this fence but that it ended. */
  boolean isClosed(Fence fence) {
    return closed(fence).isPresent();
  }

  Optional<WorkerGroup> currently(Fence fence) {
    return current.filter(group -> group.fence().equals(fence));
  }

  boolean isEnding(Fence fence) {
    return ending.filter(group -> group.fence().equals(fence)).isPresent();
  }

  /** The first cluster that commands this memory. */
  AgentState belongingTo(String id) {
    return new AgentState(
        disk, term, plan, current, ending, closed, Optional.of(new Founding(id, List.of())));
  }

  /** Another cluster commands from now on: terms, plans and fences begin anew. */
  AgentState refounded(String id) {
    var before = new ArrayList<String>();
    founding.ifPresent(
        was -> {
          before.addAll(was.before());
          before.add(was.id());
        });
    return new AgentState(
        disk,
        Term.NONE,
        0,
        Optional.empty(),
        Optional.empty(),
        List.of(),
        Optional.of(new Founding(id, before)));
  }

  AgentState withTerm(Term heard) {
    return heard.equals(term)
        ? this
        : new AgentState(disk, heard, plan, current, ending, closed, founding);
  }

  AgentState withCurrent(WorkerGroup group) {
    return new AgentState(
        disk,
        term,
        Math.max(plan, group.fence().plan()),
        Optional.of(group),
        ending,
        closed,
        founding);
  }

  /** The current group no longer counts, but its processes may still be there. */
  AgentState superseded() {
    return new AgentState(disk, term, plan, Optional.empty(), current, closed, founding);
  }

  /** Closes a fence, whatever it was before. */
  AgentState close(ClosedFence end) {
    var kept = new ArrayList<>(closed);
    kept.removeIf(c -> c.fence().equals(end.fence()));
    kept.add(end);
    trim(kept);
    return new AgentState(
        disk,
        term,
        Math.max(plan, end.fence().plan()),
        current.filter(group -> !group.fence().equals(end.fence())),
        ending.filter(group -> !group.fence().equals(end.fence())),
        kept,
        founding);
  }

  AgentState close(Fence fence, ExitReport report) {
    return close(ClosedFence.exited(fence, report));
  }

  /** Replaces a closed fence where it stands; one that is not known is left unknown. */
  AgentState withClosed(ClosedFence changed) {
    return new AgentState(
        disk,
        term,
        plan,
        current,
        ending,
        closed.stream().map(c -> c.fence().equals(changed.fence()) ? changed : c).toList(),
        founding);
  }

  private static Optional<GroupReport> outstandingOf(WorkerGroup group) {
    return switch (group.phase()) {
      case PREPARING, STARTING -> Optional.empty();
      case PREPARED ->
          group
              .readiness()
              .filter(found -> !group.preparedHeard())
              .map(found -> new GroupReport.Prepared(group.fence(), found));
      case RUNNING ->
          group.startedHeard()
              ? Optional.empty()
              : Optional.of(new GroupReport.Started(group.fence(), group.workers()));
      // It is to end: that it ran is news to nobody.
      case STOPPING -> Optional.empty();
    };
  }

  private static void trim(List<ClosedFence> kept) {
    while (kept.size() > MAX_CLOSED) {
      var oldestHeard = kept.stream().filter(ClosedFence::heard).findFirst();
      kept.remove(oldestHeard.orElse(kept.get(0)));
    }
  }
}
