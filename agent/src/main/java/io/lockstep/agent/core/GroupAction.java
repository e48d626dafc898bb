package io.lockstep.agent.core;

import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.StandbyOrder;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** What the shell is to do; each is safe to repeat. */
public sealed interface GroupAction {
  /** True when it can only end things: it may run although the decision could not be stored. */
  default boolean onlyEnds() {
    return false;
  }

  /** True when it only says what was seen, which stays true if this memory forgets it. */
  default boolean onlySaysWhatWasSeen() {
    return false;
  }

  /**
   * Ends every group of this node that is older than this plan, kills, proves; answers with {@code
   * GroupExited} for those known and with {@code NodeCleared}.
   */
  record ClearNode(long plan, List<Fence> known) implements GroupAction {
    public ClearNode {
      known = List.copyOf(known);
    }

    @Override
    public boolean onlyEnds() {
      return true;
    }
  }

  /**
   * What runs here of another founding is ended, what lies here of it is moved aside, and its
   * numbers are forgotten. Comes before everything of this founding; the second time it finds
   * nothing.
   */
  record BelongTo(String founding) implements GroupAction {
    @Override
    public boolean onlyEnds() {
      return true;
    }
  }

  /** Checks the node and writes the attempt's files; answers {@code Preflight…}. */
  record RunPreflight(LaunchSpec launch) implements GroupAction {}

  /** Converts on this node; answers {@code Converted} or {@code NotConverted}. */
  record Convert(LaunchSpec launch, CompleteCheckpoint checkpoint) implements GroupAction {}

  /** Forks, once; answers {@code WorkersSeen} and in the end {@code GroupExited}. */
  record Launch(LaunchSpec launch, StartOrder order) implements GroupAction {}

  /** Finds a group that a former shell started; answers as {@code Launch} does, never forks. */
  record FindGroup(LaunchSpec launch) implements GroupAction {}

  /**
   * Asks the shim to stop with grace, or to kill when there is none.
   *
   * @param saveWithin part of the grace in which a script that listens is asked to save first
   */
  record StopGroup(Fence fence, Duration grace, Optional<Duration> saveWithin)
      implements GroupAction {
    public StopGroup(Fence fence, Duration grace) {
      this(fence, grace, Optional.empty());
    }

    @Override
    public boolean onlyEnds() {
      return true;
    }
  }

  /** Ends the group without waiting for its shim; answers {@code GroupExited}. */
  record KillGroup(Fence fence) implements GroupAction {
    @Override
    public boolean onlyEnds() {
      return true;
    }
  }

  /** Says it now; what is outstanding is repeated by the shell anyway. */
  record Tell(GroupReport report) implements GroupAction {
    /** A group that was forked ended; that one never will be is true only when it is stored. */
    @Override
    public boolean onlySaysWhatWasSeen() {
      return report instanceof GroupReport.Exited exited
          && exited.report().outcome() != ExitReport.Outcome.NEVER_STARTED;
    }
  }

  /** Asks the shim for the stacks of its workers; while they are taken it does nothing. */
  record TakeStacks(Fence fence) implements GroupAction {}

  /** Keeps a warm pool for this job, or none: the one before is ended where it is another. */
  record StandBy(Optional<StandbyOrder> order, String why) implements GroupAction {}

  /** The attempt that runs here is past its first steps: the pool for its next may be loaded. */
  record StartIsOver(Fence fence) implements GroupAction {}

  /** Introduces this agent with everything that it remembers. */
  record SayHello() implements GroupAction {}
}
