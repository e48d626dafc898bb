package io.lockstep.protocol.message;

import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.StandbyOrder;
import io.lockstep.protocol.model.Term;
import java.time.Duration;
import java.util.Optional;

/** What the coordinator tells an agent. An agent drops a term lower than the highest it heard. */
public sealed interface AgentCommand extends Wire, ToAgent {
  Term term();

  /** Of the cluster whose term this is (A3); empty from a release that did not say. */
  Optional<String> founding();

  /** Be rid of every older group, then be ready for this attempt. Safe to repeat. */
  record Prepare(Term term, Optional<String> founding, LaunchSpec launch) implements AgentCommand {}

  /**
   * All are prepared: fork. Safe to repeat; a fence is forked at most once (A12).
   *
   * @param masterPort chosen and bind-tested on the node of rank 0
   * @param resume the checkpoint that all nodes hold; empty means a fresh start
   * @param moveAside true when checkpoints that lie in the folder are moved aside first
   */
  record Start(
      Term term,
      Optional<String> founding,
      Fence fence,
      int masterPort,
      Optional<CompleteCheckpoint> resume,
      boolean moveAside)
      implements AgentCommand {}

  /**
   * End this group and close its fence. Safe to repeat; a shorter grace shortens the running one.
   *
   * @param agentDisk disk id that the fence was planned with: only an agent with the same memory
   *     may answer that it never started it
   * @param saveWithin part of the grace in which the script, where it listens, is asked for a
   *     checkpoint before it is asked to end; empty asks for none
   */
  record Stop(
      Term term,
      Optional<String> founding,
      Fence fence,
      Duration grace,
      String agentDisk,
      String reason,
      Optional<Duration> saveWithin)
      implements AgentCommand {
    /** Without a checkpoint before it. */
    public Stop(
        Term term,
        Optional<String> founding,
        Fence fence,
        Duration grace,
        String agentDisk,
        String reason) {
      this(term, founding, fence, grace, agentDisk, reason, Optional.empty());
    }
  }

  /**
   * Make this checkpoint loadable by any number of ranks, on this node alone, while the gang is
   * prepared. Safe to repeat; answered by {@code Prepared} with what is then there, or by {@code
   * PrepareRejected}.
   */
  record Convert(Term term, Optional<String> founding, Fence fence, CompleteCheckpoint checkpoint)
      implements AgentCommand {}

  /** The report of this kind about this fence was stored: do not repeat it. */
  record Acknowledge(Term term, Optional<String> founding, Fence fence, ReportKind kind)
      implements AgentCommand {}

  /**
   * Look what the workers of this group are doing; the next heartbeats say it. Safe to repeat:
   * while they are taken, and shortly after, it does nothing.
   */
  record TakeStacks(Term term, Optional<String> founding, Fence fence) implements AgentCommand {}

  /**
   * Keep a warm pool for this job, of which this node is a spare; empty: keep none. Says what is to
   * be, so it is safe to repeat and may be lost. While a group is on the node it does nothing, but
   * where it names that very group: then the group is past its first steps (ADR 0021).
   */
  record StandBy(Term term, Optional<String> founding, Optional<StandbyOrder> order, String reason)
      implements AgentCommand {}

  /** The coordinator does not know this agent, or is new: say Hello. */
  record SayHello(Term term, Optional<String> founding) implements AgentCommand {}

  /** This daemon is not taken as this node, and why: for its log; it goes on asking. */
  record NotAdmitted(Term term, Optional<String> founding, Reason reason) implements AgentCommand {}

  /** Reports that are repeated until acknowledged. */
  enum ReportKind {
    PREPARED,
    PREPARE_REJECTED,
    STARTED,
    EXITED
  }
}
