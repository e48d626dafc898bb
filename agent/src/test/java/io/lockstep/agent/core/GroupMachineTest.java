package io.lockstep.agent.core;

import static io.lockstep.agent.Jobs.DISK;
import static io.lockstep.agent.Jobs.fence;
import static io.lockstep.agent.Jobs.launch;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.agent.Jobs;
import io.lockstep.protocol.model.CheckpointInventory;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import io.lockstep.protocol.model.StandbyOrder;
import io.lockstep.protocol.model.Term;
import io.lockstep.protocol.model.WorkerInfo;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.LongStream;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every phase with every input, as sentences. */
@DisplayNameGeneration(DisplayNameGenerator.Simple.class)
class GroupMachineTest {
  private static final Instant NOW = Instant.parse("2026-11-24T00:00:00Z");
  private static final Term TERM = new Term(3);
  private static final Duration GRACE = Duration.ofSeconds(30);
  private static final Readiness READY =
      new Readiness(Optional.of(29_500), Optional.of("z"), "s", CheckpointInventory.EMPTY);
  private static final StartOrder ORDER = new StartOrder(29_500, Optional.empty(), false);
  private static final List<WorkerInfo> WORKERS =
      List.of(new WorkerInfo(0, 0, 101), new WorkerInfo(1, 1, 102));

  private final GroupMachine machine = new GroupMachine();

  // --- given ------------------------------------------------------------------------------------

  private static AgentState idle() {
    return AgentState.empty(DISK).withTerm(TERM);
  }

  private AgentState preparing(long plan) {
    return after(idle(), prepare(plan));
  }

  private AgentState prepared(long plan) {
    return after(preparing(plan), new GroupInput.PreflightPassed(fence(plan), READY));
  }

  private AgentState starting(long plan) {
    return after(prepared(plan), start(plan));
  }

  private AgentState running(long plan) {
    return after(starting(plan), new GroupInput.WorkersSeen(fence(plan), WORKERS));
  }

  private AgentState stopping(long plan) {
    return after(running(plan), stop(plan, GRACE));
  }

  private AgentState in(WorkerGroup.Phase phase, long plan) {
    return switch (phase) {
      case PREPARING -> preparing(plan);
      case PREPARED -> prepared(plan);
      case STARTING -> starting(plan);
      case RUNNING -> running(plan);
      case STOPPING -> stopping(plan);
    };
  }

  private static GroupInput.Prepare prepare(long plan) {
    return new GroupInput.Prepare(TERM, launch(plan));
  }

  private static GroupInput.Start start(long plan) {
    return new GroupInput.Start(TERM, fence(plan), ORDER);
  }

  private static GroupInput.Stop stop(long plan, Duration grace) {
    return new GroupInput.Stop(TERM, fence(plan), grace, DISK, "canceled");
  }

  private static GroupInput.Acknowledge heard(long plan, GroupReport.Kind kind) {
    return new GroupInput.Acknowledge(TERM, fence(plan), kind);
  }

  private static ExitReport exit(ExitReport.Outcome outcome, boolean treeGone) {
    return new ExitReport(
        outcome,
        Optional.of(0),
        Optional.empty(),
        Optional.empty(),
        treeGone,
        false,
        Optional.empty(),
        List.of(),
        NOW);
  }

  private static GroupInput.GroupExited exited(long plan) {
    return new GroupInput.GroupExited(fence(plan), exit(ExitReport.Outcome.SUCCEEDED, true));
  }

  private GroupDecision decide(AgentState state, GroupInput input) {
    return machine.decide(state, input, NOW);
  }

  private AgentState after(AgentState state, GroupInput input) {
    return decide(state, input).state();
  }

  private static Optional<GroupReport> told(GroupDecision decision) {
    return decision.actions().stream()
        .filter(GroupAction.Tell.class::isInstance)
        .map(action -> ((GroupAction.Tell) action).report())
        .findFirst();
  }

  private static WorkerGroup.Phase phase(AgentState state) {
    return state.current().orElseThrow().phase();
  }

  private static ExitReport.Outcome endOf(AgentState state, Fence fence) {
    return state.closed(fence).orElseThrow().report().outcome();
  }

  private static void ignores(GroupDecision decision, AgentState state) {
    assertThat(decision.state()).isEqualTo(state);
    assertThat(decision.actions()).isEmpty();
    assertThat(decision.reason().message()).isNotBlank();
  }

  @Nested
  class Disk {
    @Test
    void isNotWaitedForByWhatOnlyEndsThings() {
      var decision = decide(running(7), prepare(8));
      assertThat(decision.beforeStored())
          .containsExactly(new GroupAction.ClearNode(8, List.of(fence(7))));
      assertThat(decision.afterStored()).isEmpty();
      assertThat(decide(running(7), stop(7, GRACE)).beforeStored())
          .containsExactly(new GroupAction.StopGroup(fence(7), GRACE));
    }

    @Test
    void isNotWaitedForByTheNewsThatAGroupEnded() {
      var decision = decide(running(7), exited(7));
      assertThat(decision.beforeStored()).isEqualTo(decision.actions()).hasSize(1);
    }

    @Test
    void isWaitedForByEverythingElse() {
      assertThat(decide(prepared(7), start(7)).beforeStored()).isEmpty();
      assertThat(decide(prepared(7), start(7)).afterStored()).hasSize(1);
      // that a group never will be forked is true only when it is stored
      assertThat(decide(prepared(7), stop(7, GRACE)).beforeStored()).isEmpty();
    }

    @Test
    void isWaitedForByEverythingOfANewFounding() {
      var decision =
          decide(running(7), new GroupInput.OfFounding(Optional.of("another"), prepare(8)));
      assertThat(decision.actions()).hasAtLeastOneElementOfType(GroupAction.BelongTo.class);
      assertThat(decision.beforeStored()).isEmpty();
      assertThat(decision.afterStored()).isEqualTo(decision.actions());
    }
  }

  @Nested
  class Prepare {
    @Test
    void onAnIdleNodeClearsItFirst() {
      var decision = decide(idle(), prepare(7));
      assertThat(phase(decision.state())).isEqualTo(WorkerGroup.Phase.PREPARING);
      assertThat(decision.state().plan()).isEqualTo(7);
      assertThat(decision.actions()).containsExactly(new GroupAction.ClearNode(7, List.of()));
      assertThat(decision.reason().code()).isEqualTo(ReasonCode.PREPARING);
    }

    @Test
    void ofALowerTermIsDropped() {
      var decision = decide(idle(), new GroupInput.Prepare(new Term(2), launch(7)));
      ignores(decision, idle());
      assertThat(decision.reason().code()).isEqualTo(ReasonCode.STALE);
    }

    @Test
    void ofAHigherTermRaisesTheTermHeard() {
      var decision = decide(idle(), new GroupInput.Prepare(new Term(9), launch(7)));
      assertThat(decision.state().term()).isEqualTo(new Term(9));
    }

    @Test
    void plannedForAnotherMemoryIsRejectedAndNotRemembered() {
      var other = launch(fence(7), Jobs.job(), "disk-0");
      var decision = decide(idle(), new GroupInput.Prepare(TERM, other));
      assertThat(told(decision).orElseThrow())
          .isInstanceOfSatisfying(
              GroupReport.PrepareRejected.class,
              r -> assertThat(r.reason().code()).isEqualTo(ReasonCode.STALE));
      assertThat(decision.actions()).contains(new GroupAction.SayHello());
      assertThat(decision.state()).isEqualTo(idle());
    }

    @ParameterizedTest
    @EnumSource(WorkerGroup.Phase.class)
    void ofALowerPlanIsDropped(WorkerGroup.Phase phase) {
      var state = in(phase, 7);
      ignores(decide(state, prepare(6)), state);
    }

    @ParameterizedTest
    @EnumSource(WorkerGroup.Phase.class)
    void repeatedChangesNothing(WorkerGroup.Phase phase) {
      var state = in(phase, 7);
      assertThat(after(state, prepare(7))).isEqualTo(state);
    }

    @Test
    void repeatedWhenPreparedIsAnsweredAgainAlsoWhenAcknowledged() {
      var state = after(prepared(7), heard(7, GroupReport.Kind.PREPARED));
      assertThat(state.outstanding()).isEmpty();
      assertThat(told(decide(state, prepare(7))))
          .contains(new GroupReport.Prepared(fence(7), READY));
    }

    @Test
    void repeatedForAClosedFenceIsAnsweredWithItsEnd() {
      var state = after(after(running(7), exited(7)), heard(7, GroupReport.Kind.EXITED));
      var decision = decide(state, prepare(7));
      assertThat(told(decision).orElseThrow()).isInstanceOf(GroupReport.Exited.class);
      assertThat(decision.state().current()).isEmpty();
    }

    @ParameterizedTest
    @EnumSource(
        value = WorkerGroup.Phase.class,
        names = {"PREPARING", "PREPARED"})
    void newerClosesAGroupThatWasNeverForked(WorkerGroup.Phase phase) {
      var decision = decide(in(phase, 7), prepare(8));
      assertThat(endOf(decision.state(), fence(7))).isEqualTo(ExitReport.Outcome.NEVER_STARTED);
      assertThat(decision.state().ending()).isEmpty();
      assertThat(decision.state().outstanding()).hasSize(1);
      assertThat(decision.actions()).contains(new GroupAction.ClearNode(8, List.of()));
    }

    @ParameterizedTest
    @EnumSource(
        value = WorkerGroup.Phase.class,
        names = {"STARTING", "RUNNING", "STOPPING"})
    void newerEndsAGroupThatMayHaveProcesses(WorkerGroup.Phase phase) {
      var decision = decide(in(phase, 7), prepare(8));
      assertThat(decision.state().ending().orElseThrow().fence()).isEqualTo(fence(7));
      assertThat(decision.state().current().orElseThrow().fence()).isEqualTo(fence(8));
      assertThat(decision.actions())
          .containsExactly(new GroupAction.ClearNode(8, List.of(fence(7))));
    }
  }

  @Nested
  class NodeCleared {
    @Test
    void letsPreflightBegin() {
      var decision = decide(preparing(7), new GroupInput.NodeCleared(7, List.of()));
      assertThat(decision.actions()).containsExactly(new GroupAction.RunPreflight(launch(7)));
    }

    @Test
    void withProcessesLeftRefusesTheAttempt() {
      var decision = decide(preparing(7), new GroupInput.NodeCleared(7, List.of("pid 4 (python)")));
      assertThat(decision.reason().code()).isEqualTo(ReasonCode.OLD_GROUP_WILL_NOT_END);
      assertThat(told(decision).orElseThrow()).isInstanceOf(GroupReport.PrepareRejected.class);
      assertThat(decision.state().current()).isEmpty();
    }

    @Test
    void ofAnOlderPlanIsNobodys() {
      var state = preparing(7);
      ignores(decide(state, new GroupInput.NodeCleared(6, List.of())), state);
    }

    @Test
    void neverLetsTheOldGroupGoUnproven() {
      var state = after(running(7), prepare(8));
      var decision = decide(state, new GroupInput.NodeCleared(8, List.of()));
      assertThat(decision.state().ending()).isEmpty();
      assertThat(decision.state().closed(fence(7)).orElseThrow().report().treeGone()).isFalse();
    }

    @Test
    void afterTheOldGroupsExitLeavesThatReportAlone() {
      var state = after(after(running(7), prepare(8)), exited(7));
      assertThat(state.ending()).isEmpty();
      var cleared = after(state, new GroupInput.NodeCleared(8, List.of()));
      assertThat(endOf(cleared, fence(7))).isEqualTo(ExitReport.Outcome.SUCCEEDED);
    }

    @ParameterizedTest
    @EnumSource(
        value = WorkerGroup.Phase.class,
        names = {"PREPARED", "STARTING", "RUNNING", "STOPPING"})
    void inAnyOtherPhaseIsStale(WorkerGroup.Phase phase) {
      var state = in(phase, 7);
      ignores(decide(state, new GroupInput.NodeCleared(7, List.of())), state);
    }
  }

  @Nested
  class Preflight {
    @Test
    void passedMeansPreparedUntilAcknowledged() {
      var state = prepared(7);
      assertThat(phase(state)).isEqualTo(WorkerGroup.Phase.PREPARED);
      assertThat(state.outstanding()).containsExactly(new GroupReport.Prepared(fence(7), READY));
      assertThat(after(state, heard(7, GroupReport.Kind.PREPARED)).outstanding()).isEmpty();
    }

    @Test
    void failedMeansRejectedUntilAcknowledged() {
      var reason = Reason.of(ReasonCode.SCRIPT_MISSING, "no script");
      var state = after(preparing(7), new GroupInput.PreflightFailed(fence(7), reason));
      assertThat(state.current()).isEmpty();
      assertThat(state.outstanding())
          .containsExactly(new GroupReport.PrepareRejected(fence(7), reason));
      assertThat(after(state, heard(7, GroupReport.Kind.EXITED)).outstanding()).hasSize(1);
      assertThat(after(state, heard(7, GroupReport.Kind.PREPARE_REJECTED)).outstanding()).isEmpty();
    }

    @ParameterizedTest
    @EnumSource(
        value = WorkerGroup.Phase.class,
        names = {"PREPARED", "STARTING", "RUNNING", "STOPPING"})
    void resultsInAnyOtherPhaseAreStale(WorkerGroup.Phase phase) {
      var state = in(phase, 7);
      ignores(decide(state, new GroupInput.PreflightPassed(fence(7), READY)), state);
      var reason = Reason.of(ReasonCode.SCRIPT_MISSING, "no script");
      ignores(decide(state, new GroupInput.PreflightFailed(fence(7), reason)), state);
    }

    @Test
    void resultsOfASupersededAttemptAreStale() {
      var state = after(preparing(7), prepare(8));
      ignores(decide(state, new GroupInput.PreflightPassed(fence(7), READY)), state);
    }
  }

  @Nested
  class Start {
    @Test
    void ofAPreparedGroupForksIt() {
      var decision = decide(prepared(7), start(7));
      assertThat(phase(decision.state())).isEqualTo(WorkerGroup.Phase.STARTING);
      assertThat(decision.actions()).containsExactly(new GroupAction.Launch(launch(7), ORDER));
    }

    @Test
    void impliesThatPreparedWasHeard() {
      assertThat(starting(7).outstanding()).isEmpty();
    }

    @ParameterizedTest
    @EnumSource(
        value = WorkerGroup.Phase.class,
        names = {"PREPARING", "STARTING", "RUNNING", "STOPPING"})
    void inAnyOtherPhaseForksNothing(WorkerGroup.Phase phase) {
      var state = in(phase, 7);
      var decision = decide(state, start(7));
      assertThat(decision.state()).isEqualTo(state);
      assertThat(decision.actions()).noneMatch(GroupAction.Launch.class::isInstance);
    }

    @Test
    void ofARunningGroupIsAnsweredAgain() {
      assertThat(told(decide(running(7), start(7))))
          .contains(new GroupReport.Started(fence(7), WORKERS));
    }

    @Test
    void ofAClosedFenceIsAnsweredWithItsEnd() {
      var state = after(prepared(7), stop(7, GRACE));
      var decision = decide(state, start(7));
      assertThat(decision.state()).isEqualTo(state);
      assertThat(told(decision).orElseThrow()).isInstanceOf(GroupReport.Exited.class);
    }

    @Test
    void ofAnUnknownFenceIsDropped() {
      ignores(decide(prepared(7), start(8)), prepared(7));
    }
  }

  @Nested
  class Stop {
    @ParameterizedTest
    @EnumSource(
        value = WorkerGroup.Phase.class,
        names = {"PREPARING", "PREPARED"})
    void beforeTheForkClosesTheFence(WorkerGroup.Phase phase) {
      var decision = decide(in(phase, 7), stop(7, GRACE));
      assertThat(decision.state().current()).isEmpty();
      var end = decision.state().closed(fence(7)).orElseThrow().report();
      assertThat(end.outcome()).isEqualTo(ExitReport.Outcome.NEVER_STARTED);
      assertThat(end.treeGone()).isTrue();
      assertThat(after(decision.state(), prepare(7)).current()).isEmpty();
    }

    @ParameterizedTest
    @EnumSource(
        value = WorkerGroup.Phase.class,
        names = {"STARTING", "RUNNING"})
    void afterTheForkAsksTheShim(WorkerGroup.Phase phase) {
      var decision = decide(in(phase, 7), stop(7, GRACE));
      assertThat(phase(decision.state())).isEqualTo(WorkerGroup.Phase.STOPPING);
      assertThat(decision.actions()).containsExactly(new GroupAction.StopGroup(fence(7), GRACE));
      assertThat(decision.state().outstanding()).isEmpty();
    }

    @Test
    void betweenPreparedAndStartACheckpointMayBeConverted() {
      var checkpoint = new CompleteCheckpoint("/c/checkpoint-4", 4, 4);
      var convert = new GroupInput.Convert(TERM, fence(7), checkpoint);
      var prepared = in(WorkerGroup.Phase.PREPARED, 7);
      assertThat(decide(prepared, convert).actions())
          .containsExactly(new GroupAction.Convert(launch(7), checkpoint));
      assertThat(decide(running(7), convert).actions()).isEmpty();

      var now = new CheckpointInventory(Optional.empty(), List.of(checkpoint), List.of());
      var converted = decide(prepared, new GroupInput.Converted(fence(7), now));
      assertThat(converted.actions())
          .containsExactly(
              new GroupAction.Tell(new GroupReport.Prepared(fence(7), READY.with(now))));
      assertThat(converted.state().outstanding()).as("repeated until it is heard").hasSize(1);

      var why = Reason.of(ReasonCode.CONVERSION_FAILED, "no");
      var failed = decide(prepared, new GroupInput.NotConverted(fence(7), why));
      assertThat(failed.actions())
          .containsExactly(new GroupAction.Tell(new GroupReport.PrepareRejected(fence(7), why)));
      ignores(decide(running(7), new GroupInput.NotConverted(fence(7), why)), running(7));
    }

    @Test
    void asksTheShimToSaveFirstAlsoAfterARestartOfTheAgent() {
      var save = Optional.of(Duration.ofSeconds(10));
      var stop = new GroupInput.Stop(TERM, fence(7), GRACE, DISK, "drained", save);
      var decision = decide(running(7), stop);
      assertThat(decision.actions())
          .containsExactly(new GroupAction.StopGroup(fence(7), GRACE, save));
      ignores(decide(decision.state(), stop), decision.state());

      var restarted =
          machine.decide(decision.state(), new GroupInput.ShellStarted(), NOW.plusSeconds(1));
      assertThat(restarted.actions())
          .contains(new GroupAction.StopGroup(fence(7), GRACE.minusSeconds(1), save));

      var sooner = decide(decision.state(), stop(7, Duration.ofSeconds(5)));
      assertThat(sooner.actions())
          .containsExactly(new GroupAction.StopGroup(fence(7), Duration.ofSeconds(5)));
    }

    @Test
    void withShorterGraceShortensTheRunningOne() {
      var decision = decide(stopping(7), stop(7, Duration.ofSeconds(5)));
      assertThat(decision.state().current().orElseThrow().stopBy()).contains(NOW.plusSeconds(5));
      assertThat(decision.actions())
          .containsExactly(new GroupAction.StopGroup(fence(7), Duration.ofSeconds(5)));
    }

    @Test
    void withLongerGraceChangesNothing() {
      var state = stopping(7);
      ignores(decide(state, stop(7, Duration.ofMinutes(5))), state);
    }

    @Test
    void ofAGroupThatIsBeingEndedChangesNothing() {
      var state = after(running(7), prepare(8));
      ignores(decide(state, stop(7, GRACE)), state);
    }

    @Test
    void ofAnUnknownFenceOfThisMemoryProvesThatItNeverStarts() {
      var decision = decide(idle(), stop(9, GRACE));
      assertThat(endOf(decision.state(), fence(9))).isEqualTo(ExitReport.Outcome.NEVER_STARTED);
      assertThat(decision.state().plan()).isEqualTo(9);
      // The Prepare that the Stop has overtaken comes after all.
      var late = decide(decision.state(), prepare(9));
      assertThat(late.state().current()).isEmpty();
      assertThat(told(late).orElseThrow()).isInstanceOf(GroupReport.Exited.class);
    }

    @Test
    void ofAnUnknownFenceOfAnotherMemoryEndsWhatIsFoundAndProvesNothing() {
      var input = new GroupInput.Stop(TERM, fence(9), GRACE, "disk-0", "canceled");
      var decision = decide(idle(), input);
      assertThat(told(decision)).contains(new GroupReport.Unknown(fence(9)));
      assertThat(decision.actions()).contains(new GroupAction.KillGroup(fence(9)));
      assertThat(decision.state()).isEqualTo(idle());
    }

    @Test
    void ofAClosedFenceIsAnsweredWithItsEndAgain() {
      var state = after(after(running(7), exited(7)), heard(7, GroupReport.Kind.EXITED));
      var decision = decide(state, stop(7, GRACE));
      assertThat(told(decision).orElseThrow()).isInstanceOf(GroupReport.Exited.class);
      assertThat(decision.state().outstanding()).hasSize(1);
    }

    @Test
    void ofARefusedAttemptIsAnsweredWithItsEnd() {
      var reason = Reason.of(ReasonCode.SCRIPT_MISSING, "no script");
      var state = after(preparing(7), new GroupInput.PreflightFailed(fence(7), reason));
      assertThat(told(decide(state, stop(7, GRACE))).orElseThrow())
          .isInstanceOf(GroupReport.Exited.class);
    }
  }

  @Nested
  class WorkersSeen {
    @Test
    void meansRunningAndStartedUntilAcknowledged() {
      var state = running(7);
      assertThat(phase(state)).isEqualTo(WorkerGroup.Phase.RUNNING);
      assertThat(state.outstanding()).containsExactly(new GroupReport.Started(fence(7), WORKERS));
      assertThat(after(state, heard(7, GroupReport.Kind.STARTED)).outstanding()).isEmpty();
    }

    @ParameterizedTest
    @EnumSource(
        value = WorkerGroup.Phase.class,
        names = {"PREPARING", "PREPARED", "RUNNING", "STOPPING"})
    void inAnyOtherPhaseChangesNothing(WorkerGroup.Phase phase) {
      var state = in(phase, 7);
      ignores(decide(state, new GroupInput.WorkersSeen(fence(7), WORKERS)), state);
    }
  }

  @Nested
  class GroupExited {
    @ParameterizedTest
    @EnumSource(
        value = WorkerGroup.Phase.class,
        names = {"STARTING", "RUNNING", "STOPPING"})
    void closesTheFenceAndIsSaidUntilAcknowledged(WorkerGroup.Phase phase) {
      var state = after(in(phase, 7), exited(7));
      assertThat(state.current()).isEmpty();
      assertThat(state.outstanding()).hasSize(1);
      assertThat(state.lastUnheard()).isPresent();
      var acknowledged = after(state, heard(7, GroupReport.Kind.EXITED));
      assertThat(acknowledged.outstanding()).isEmpty();
      assertThat(acknowledged.lastUnheard()).isEmpty();
    }

    @ParameterizedTest
    @EnumSource(
        value = WorkerGroup.Phase.class,
        names = {"PREPARING", "PREPARED"})
    void ofAGroupThatWasNeverForkedIsNotBelieved(WorkerGroup.Phase phase) {
      var state = in(phase, 7);
      ignores(decide(state, exited(7)), state);
    }

    @Test
    void twiceIsStale() {
      var state = after(running(7), exited(7));
      ignores(decide(state, exited(7)), state);
    }

    @Test
    void unprovenIsLookedForUntilItIsProven() {
      var unproven = new GroupInput.GroupExited(fence(7), exit(ExitReport.Outcome.FAILED, false));
      var state = after(running(7), unproven);
      assertThat(decide(state, new GroupInput.Tick()).actions())
          .containsExactly(new GroupAction.KillGroup(fence(7)));
      var heard = after(state, heard(7, GroupReport.Kind.EXITED));

      var proof = new GroupInput.GroupExited(fence(7), exit(ExitReport.Outcome.SHIM_LOST, true));
      var decision = decide(heard, proof);
      var end = decision.state().closed(fence(7)).orElseThrow();
      assertThat(end.report().treeGone()).isTrue();
      assertThat(end.report().outcome()).isEqualTo(ExitReport.Outcome.FAILED);
      assertThat(decision.state().outstanding()).hasSize(1);
      assertThat(decide(decision.state(), new GroupInput.Tick()).actions()).isEmpty();
    }
  }

  @Nested
  class Tick {
    @ParameterizedTest
    @EnumSource(
        value = WorkerGroup.Phase.class,
        names = {"PREPARING", "PREPARED", "STARTING", "RUNNING"})
    void changesNothingWhileNothingStops(WorkerGroup.Phase phase) {
      var state = in(phase, 7);
      ignores(decide(state, new GroupInput.Tick()), state);
    }

    @Test
    void leavesTheStopToTheShimFirst() {
      var state = stopping(7);
      var now = NOW.plus(GRACE).plusSeconds(11);
      assertThat(machine.decide(state, new GroupInput.Tick(), now).actions()).isEmpty();
    }

    @Test
    void killsPastAShimThatIsLate() {
      var now = NOW.plus(GRACE).plus(StopLadder.SHIM_LIMIT);
      assertThat(machine.decide(stopping(7), new GroupInput.Tick(), now).actions())
          .containsExactly(new GroupAction.KillGroup(fence(7)));
    }

    @Test
    void callsTheNodeUncleanWhenNothingHelps() {
      var now = NOW.plus(GRACE).plus(StopLadder.KILL_LIMIT);
      var decision = machine.decide(stopping(7), new GroupInput.Tick(), now);
      assertThat(decision.reason().code()).isEqualTo(ReasonCode.OLD_GROUP_WILL_NOT_END);
      assertThat(decision.state().current()).isEmpty();
      assertThat(decision.state().closed(fence(7)).orElseThrow().report().treeGone()).isFalse();
    }
  }

  @Nested
  class ShellStarted {
    @Test
    void alwaysSaysHello() {
      assertThat(decide(idle(), new GroupInput.ShellStarted()).actions())
          .containsExactly(new GroupAction.SayHello());
    }

    @Test
    void whilePreparingClearsAgain() {
      assertThat(decide(preparing(7), new GroupInput.ShellStarted()).actions())
          .containsExactly(new GroupAction.SayHello(), new GroupAction.ClearNode(7, List.of()));
    }

    @Test
    void whenPreparedStaysPrepared() {
      assertThat(decide(prepared(7), new GroupInput.ShellStarted()).actions())
          .containsExactly(new GroupAction.SayHello());
      assertThat(prepared(7).outstanding()).hasSize(1);
    }

    @ParameterizedTest
    @EnumSource(
        value = WorkerGroup.Phase.class,
        names = {"STARTING", "RUNNING"})
    void looksForTheGroupAndNeverForksItAgain(WorkerGroup.Phase phase) {
      assertThat(decide(in(phase, 7), new GroupInput.ShellStarted()).actions())
          .containsExactly(new GroupAction.SayHello(), new GroupAction.FindGroup(launch(7)));
    }

    @Test
    void whileStoppingGoesOnWithTheGraceThatIsLeft() {
      var decision =
          machine.decide(stopping(7), new GroupInput.ShellStarted(), NOW.plusSeconds(10));
      assertThat(decision.actions())
          .contains(
              new GroupAction.FindGroup(launch(7)),
              new GroupAction.StopGroup(fence(7), Duration.ofSeconds(20)));
    }

    @Test
    void withAnOldGroupToEndClearsTheNode() {
      var state = after(running(7), prepare(8));
      assertThat(decide(state, new GroupInput.ShellStarted()).actions())
          .contains(new GroupAction.ClearNode(8, List.of(fence(7))));
      var stopped = after(state, stop(8, GRACE));
      assertThat(decide(stopped, new GroupInput.ShellStarted()).actions())
          .contains(new GroupAction.ClearNode(8, List.of(fence(7))));
    }
  }

  @Test
  void sayHelloIsAnsweredWithHello() {
    assertThat(decide(running(7), new GroupInput.SayHello(TERM)).actions())
        .containsExactly(new GroupAction.SayHello());
  }

  @Test
  void acknowledgingWhatNobodySaidChangesNothing() {
    for (GroupReport.Kind kind : GroupReport.Kind.values()) {
      ignores(decide(running(7), heard(9, kind)), running(7));
    }
  }

  @Test
  void rememberedEndsAreBoundedAndTheUnheardStayLongest() {
    AgentState state = after(idle(), stop(1, GRACE));
    for (long plan : LongStream.rangeClosed(2, 100).toArray()) {
      state = after(state, stop(plan, GRACE));
      state = after(state, heard(plan, GroupReport.Kind.EXITED));
    }
    assertThat(state.closed()).hasSize(AgentState.MAX_CLOSED);
    assertThat(state.closed(fence(1))).isPresent();
    assertThat(state.closed(fence(100))).isPresent();
  }

  @Test
  void statusesSayWhatTheCoordinatorNeeds() {
    var status =
        running(7)
            .current()
            .orElseThrow()
            .status(Optional.empty(), Optional.empty(), Optional.empty());
    assertThat(status.workers()).isEqualTo(WORKERS);
    assertThat(status.fence()).isEqualTo(fence(7));
    assertThat(status.exit()).isEmpty();
  }

  @Nested
  class foundings {
    private static GroupInput of(String founding, GroupInput.Command command) {
      return new GroupInput.OfFounding(Optional.of(founding), command);
    }

    @Test
    void the_first_one_that_commands_is_taken() {
      GroupDecision decision = decide(running(7), of("one", new GroupInput.SayHello(TERM)));

      assertThat(decision.state().founding().orElseThrow().id()).isEqualTo("one");
      assertThat(phase(decision.state())).isEqualTo(WorkerGroup.Phase.RUNNING);
      assertThat(decision.actions()).contains(new GroupAction.BelongTo("one"));
    }

    @Test
    void the_same_again_is_only_a_command() {
      AgentState state = after(running(7), of("one", new GroupInput.SayHello(TERM)));

      GroupDecision decision = decide(state, of("one", stop(7, GRACE)));

      assertThat(phase(decision.state())).isEqualTo(WorkerGroup.Phase.STOPPING);
      assertThat(decision.actions()).noneMatch(GroupAction.BelongTo.class::isInstance);
    }

    @Test
    void a_new_one_begins_with_low_terms_and_plans_and_ends_what_ran() {
      AgentState state = after(running(7), of("one", new GroupInput.SayHello(TERM)));
      var low = new GroupInput.Prepare(new Term(1), launch(2));

      GroupDecision decision = decide(state, of("two", low));

      assertThat(decision.actions().get(0)).isEqualTo(new GroupAction.BelongTo("two"));
      assertThat(decision.actions())
          .contains(new GroupAction.SayHello(), new GroupAction.ClearNode(2, List.of()));
      assertThat(decision.state().current().orElseThrow().fence()).isEqualTo(fence(2));
      assertThat(decision.state().term()).isEqualTo(new Term(1));
      assertThat(decision.state().closed()).isEmpty();
      assertThat(decision.state().disk()).isEqualTo(DISK);
    }

    @Test
    void what_an_earlier_one_still_says_is_void() {
      AgentState state = after(idle(), of("one", new GroupInput.SayHello(TERM)));
      state = after(state, of("two", new GroupInput.SayHello(new Term(1))));

      ignores(decide(state, of("one", prepare(9))), state);
    }

    @Test
    void an_older_release_that_does_not_say_is_heard() {
      AgentState state = after(idle(), of("one", new GroupInput.SayHello(TERM)));

      GroupDecision decision =
          decide(state, new GroupInput.OfFounding(Optional.empty(), prepare(9)));

      assertThat(phase(decision.state())).isEqualTo(WorkerGroup.Phase.PREPARING);
    }

    @Test
    void a_shell_that_starts_looks_for_what_is_left_of_another() {
      AgentState state = after(idle(), of("one", new GroupInput.SayHello(TERM)));

      GroupDecision decision = decide(state, new GroupInput.ShellStarted());

      assertThat(decision.actions()).contains(new GroupAction.BelongTo("one"));
    }
  }

  @Nested
  class As_a_spare {
    private GroupInput.StandBy standBy(Term term, long plan) {
      var order = new StandbyOrder(fence(plan), Jobs.job(), 2, Optional.empty());
      return new GroupInput.StandBy(term, Optional.of(order), "it is a spare");
    }

    @Test
    void it_stands_by_and_remembers_nothing_of_it() {
      GroupDecision decision = decide(idle(), standBy(TERM, 3));

      assertThat(decision.actions()).singleElement().isInstanceOf(GroupAction.StandBy.class);
      assertThat(decision.state()).isEqualTo(idle());
      assertThat(decision.reason().code()).isEqualTo(ReasonCode.STANDING_BY);
    }

    @Test
    void it_stands_down() {
      GroupDecision decision =
          decide(idle(), new GroupInput.StandBy(TERM, Optional.empty(), "its job is over"));

      assertThat(decision.actions())
          .containsExactly(new GroupAction.StandBy(Optional.empty(), "its job is over"));
    }

    @Test
    void an_older_coordinator_is_not_heard() {
      ignores(decide(idle(), standBy(new Term(2), 3)), idle());
    }

    @ParameterizedTest
    @EnumSource
    void a_group_that_is_here_has_the_node(WorkerGroup.Phase phase) {
      AgentState state = in(phase, 5);

      ignores(decide(state, standBy(TERM, 6)), state);
      ignores(
          decide(state, new GroupInput.StandBy(TERM, Optional.empty(), "its job is over")), state);
    }

    @ParameterizedTest
    @EnumSource
    void an_order_of_the_group_that_is_here_says_that_its_start_is_over(WorkerGroup.Phase phase) {
      AgentState state = in(phase, 5);

      GroupDecision decision = decide(state, standBy(TERM, 5));

      assertThat(decision.actions()).containsExactly(new GroupAction.StartIsOver(fence(5)));
      assertThat(decision.state()).isEqualTo(state);
    }

    @Test
    void an_order_of_an_attempt_that_was_here_or_of_one_before_it_is_void() {
      AgentState state = after(running(5), exited(5));

      ignores(decide(state, standBy(TERM, 4)), state);
      ignores(decide(state, standBy(TERM, 5)), state);
      assertThat(decide(state, standBy(TERM, 6)).actions()).hasSize(1);
    }
  }
}
