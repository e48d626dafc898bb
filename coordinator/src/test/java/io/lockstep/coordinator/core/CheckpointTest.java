package io.lockstep.coordinator.core;

import static io.lockstep.coordinator.core.ACluster.A;
import static io.lockstep.coordinator.core.ACluster.aPreparingJob;
import static io.lockstep.coordinator.core.ACluster.aRunningJob;
import static io.lockstep.coordinator.core.ACluster.actions;
import static io.lockstep.coordinator.core.ACluster.checkpoint;
import static io.lockstep.coordinator.core.ACluster.events;
import static io.lockstep.coordinator.core.ACluster.folder;
import static io.lockstep.coordinator.core.ACluster.node;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.CheckpointInventory;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.ConversionStatus;
import io.lockstep.protocol.model.FailureCause;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.OnExisting;
import io.lockstep.protocol.model.OnResize;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What all nodes must agree on before a start, and the checkpoint to go on from. */
class CheckpointTest {
  private static final CheckpointInventory ANOTHERS =
      new CheckpointInventory(
          Optional.of(new CheckpointInventory.Owner("b-1", "mistral")),
          List.of(checkpoint(7)),
          List.of());
  private static final CheckpointInventory NOBODYS =
      new CheckpointInventory(Optional.empty(), List.of(checkpoint(7)), List.of());

  /** Two nodes, each with its own view of the folder. */
  private static Decision start(ACluster cluster, CheckpointInventory... seen) {
    cluster.checkpoints = seen[0];
    cluster.prepared(A, node("n1"));
    cluster.checkpoints = seen[seen.length - 1];
    return cluster.prepared(A, node("n2"));
  }

  private static ACluster two(AJob job) {
    return aPreparingJob(2, job, 2);
  }

  @Test
  void theNewestThatEveryNodeHoldsIsTaken() {
    ACluster cluster = two(AJob.of(2));

    Decision decision = start(cluster, folder(30, 20, 10), folder(20, 10));

    assertThat(actions(decision, ClusterAction.Start.class))
        .hasSize(2)
        .allMatch(s -> s.resume().equals(Optional.of(checkpoint(20))));
    assertThat(cluster.job().lastCheckpoint()).contains(checkpoint(20));
    assertThat(cluster.job().lastAttempt().orElseThrow().resumedFromStep()).contains(20L);
  }

  @Test
  void noneYetIsAFreshStart() {
    ACluster cluster = two(AJob.of(2));

    Decision decision = start(cluster, CheckpointInventory.EMPTY);

    assertThat(actions(decision, ClusterAction.Start.class))
        .allMatch(s -> s.resume().isEmpty() && !s.moveAside());
  }

  @Test
  void withoutAFolderNothingIsLookedFor() {
    ACluster cluster = two(AJob.of(2).withoutCheckpoints());

    Decision decision = start(cluster, ANOTHERS);

    assertThat(actions(decision, ClusterAction.Start.class)).allMatch(s -> s.resume().isEmpty());
  }

  @Test
  void aFolderThatIsNotSharedIsNotAFreshStart() {
    ACluster onSecond = two(AJob.of(2));
    start(onSecond, CheckpointInventory.EMPTY, folder(20));
    assertThat(onSecond.causeOf(1).code()).isEqualTo(FailureCause.PREPARE_REJECTED);
    assertThat(onSecond.causeOf(1).node()).contains(node("n1"));

    ACluster onFirst = two(AJob.of(2));
    start(onFirst, folder(20), CheckpointInventory.EMPTY);
    assertThat(onFirst.causeOf(1).node()).contains(node("n2"));
    assertThat(onFirst.attempt()).isEqualTo(2);
  }

  @Test
  void anotherWorldSizeIsRefused() {
    ACluster cluster = two(AJob.of(2));
    var ofFour =
        new CheckpointInventory(
            folder(20).owner(),
            List.of(new CompleteCheckpoint("/ckpt/checkpoint-20", 20, 4)),
            List.of());

    start(cluster, ofFour);

    refused(cluster, ReasonCode.CHECKPOINT_WORLD_SIZE);
  }

  @Test
  void theRefusalOfAnotherWorldSizeSaysTheCommand() {
    ACluster cluster = two(AJob.of(2));

    start(cluster, ofFour("/my data/it's/checkpoint-20", false));

    refused(cluster, ReasonCode.CHECKPOINT_WORLD_SIZE);
    assertThat(cluster.job().reason().message())
        .contains("written by 4 ranks and the gang has 2")
        .contains(
            "`python -m deepspeed.checkpoint.ds_to_universal --inject_missing_state"
                + " --input_folder '/my data/it'\\''s/checkpoint-20/global_step20'"
                + " --output_folder '/my data/it'\\''s/checkpoint-20/global_step20_universal'`");
  }

  @Test
  void aConvertedOneIsTakenByAnyNumberOfRanks() {
    ACluster cluster = two(AJob.of(2).zero(2, Optional.of("{}")));

    Decision decision = start(cluster, ofFour("/ckpt/checkpoint-20", true));

    assertThat(actions(decision, ClusterAction.Start.class))
        .hasSize(2)
        .allMatch(s -> s.resume().filter(CompleteCheckpoint::universal).isPresent());
  }

  @Test
  void aConvertedOneNeedsAConfigurationToSayItIn() {
    ACluster cluster = two(AJob.of(2));

    start(cluster, ofFour("/ckpt/checkpoint-20", true));

    refused(cluster, ReasonCode.CHECKPOINT_WORLD_SIZE);
    assertThat(cluster.job().reason().message()).contains("the job has no zero:");
  }

  @Test
  void onWishOneNodeConvertsItFirst() {
    ACluster cluster = two(AJob.of(2).zero(2, Optional.of("{}")).onResize(OnResize.UNIVERSAL));

    Decision ordered = start(cluster, ofFour("/ckpt/checkpoint-20", false));

    assertThat(actions(ordered, ClusterAction.Convert.class))
        .singleElement()
        .matches(c -> c.node().equals(node("n1")) && c.checkpoint().step() == 20);
    assertThat(actions(ordered, ClusterAction.Start.class)).isEmpty();
    assertThat(cluster.job().reason().message()).contains("n1 converts it, within 2h");
    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
    Decision later = cluster.after(Duration.ofMinutes(90));
    assertThat(cluster.attempt()).as("the prepare deadline is not for this").isEqualTo(1);
    assertThat(actions(later, ClusterAction.Convert.class)).as("said again").hasSize(1);

    cluster.checkpoints = ofFour("/ckpt/checkpoint-20", true);
    Decision done = cluster.prepared(A, node("n1"));

    assertThat(actions(done, ClusterAction.Start.class))
        .hasSize(2)
        .allMatch(s -> s.resume().filter(CompleteCheckpoint::universal).isPresent());
    assertThat(cluster.job().counted()).isZero();
  }

  @Test
  void howFarAConversionIsIsAnEventWheneverItHasTakenTwiceAsLong() {
    ACluster cluster = two(AJob.of(2).zero(2, Optional.of("{}")).onResize(OnResize.UNIVERSAL));
    start(cluster, ofFour("/ckpt/checkpoint-20", false));
    Fence fence = cluster.fence(A);
    var told = new ArrayList<Reason>();

    for (int second = 10; second < 7_200; second += 10) {
      cluster.after(Duration.ofSeconds(10));
      var status = new ConversionStatus(true, second, 7_200, (long) second << 20, 7_200L << 20);
      Decision seen = cluster.when(new ClusterInput.ConversionSeen(fence, status));
      events(seen, ClusterEvent.JobWaits.class).forEach(e -> told.add(e.reason()));
    }

    assertThat(told).hasSize(8).allMatch(r -> r.code() == ReasonCode.CONVERTING);
    assertThat(told.get(0).message())
        .isEqualTo(
            "n1 converts /ckpt/checkpoint-20: put together 30 of 7200 parameters, 0.0 of about 7.0"
                + " GiB, after 30s");
    assertThat(told.get(1).message()).contains("60 of 7200", "after 1m");
    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
    var older = new Fence(fence.plan() - 1, A, fence.attempt());
    var status = new ConversionStatus(true, 1, 2, 3, 4);
    assertThat(cluster.when(new ClusterInput.ConversionSeen(older, status)).events()).isEmpty();
  }

  @Test
  void aConversionThatFailsEndsTheJobAndCostsNoRestart() {
    ACluster cluster = two(AJob.of(2).zero(2, Optional.of("{}")).onResize(OnResize.UNIVERSAL));
    start(cluster, ofFour("/ckpt/checkpoint-20", false));

    cluster.when(
        new ClusterInput.NodeRejected(
            node("n1"),
            cluster.fence(A),
            new Reason(ReasonCode.CONVERSION_FAILED, "it ended with code 1")));

    refused(cluster, ReasonCode.CONVERSION_FAILED);
    assertThat(cluster.job().counted()).isZero();
  }

  @Test
  void aConversionThatNeverEndsIsGivenUp() {
    ACluster cluster = two(AJob.of(2).zero(2, Optional.of("{}")).onResize(OnResize.UNIVERSAL));
    start(cluster, ofFour("/ckpt/checkpoint-20", false));

    cluster.after(JobSpec.Checkpoint.CONVERT.plusMinutes(2));

    assertThat(cluster.phase()).isEqualTo(JobPhase.STOPPING);
    assertThat(cluster.job().reason().code()).isEqualTo(ReasonCode.CONVERSION_FAILED);
    assertThat(cluster.job().exitCode()).contains(Exits.INFRASTRUCTURE);
  }

  @Test
  void withoutAConfigurationToSayItInNothingIsConverted() {
    ACluster cluster = two(AJob.of(2).onResize(OnResize.UNIVERSAL));

    Decision decision = start(cluster, ofFour("/ckpt/checkpoint-20", false));

    refused(cluster, ReasonCode.CHECKPOINT_WORLD_SIZE);
    assertThat(actions(decision, ClusterAction.Convert.class)).isEmpty();
  }

  private static CheckpointInventory ofFour(String path, boolean universal) {
    return new CheckpointInventory(
        folder(20).owner(),
        List.of(new CompleteCheckpoint(path, 20, 4, false, universal)),
        List.of());
  }

  // broken ones

  @Test
  void aNewerOneThatIsBrokenIsPassedOverByAnEvent() {
    ACluster cluster = two(AJob.of(2));
    String broken = "checkpoint-30: rng_state_1.pth is missing: found 1 of 2 random states";
    String older = "checkpoint-10: latest is missing";

    Decision decision = start(cluster, broken(List.of(broken, older), checkpoint(20)));

    assertThat(events(decision, ClusterEvent.CheckpointPassedOver.class))
        .singleElement()
        .satisfies(
            e -> {
              assertThat(e.on()).isEqualTo(node("n1"));
              assertThat(e.reason().code()).isEqualTo(ReasonCode.CHECKPOINT_INCOMPLETE);
              assertThat(e.reason().message()).isEqualTo(broken);
            });
    assertThat(releaseOf(decision)).contains("going on from step 20", "WARNING", broken);
  }

  @Test
  void oneThatIsTakenForWantOfAnotherIsGoneOnFromAndSaidByAnEvent() {
    ACluster cluster = two(AJob.of(2));
    String wanting =
        "checkpoint-30: rng_state_1.pth is missing: found 1 of 2 random states; taken all the same,"
            + " for want of another";

    Decision decision = start(cluster, broken(List.of(wanting), checkpoint(30)));

    assertThat(actions(decision, ClusterAction.Start.class))
        .isNotEmpty()
        .allMatch(s -> s.resume().equals(Optional.of(checkpoint(30))));
    assertThat(events(decision, ClusterEvent.CheckpointPassedOver.class))
        .singleElement()
        .satisfies(e -> assertThat(e.reason().message()).isEqualTo(wanting));
    assertThat(releaseOf(decision)).contains("going on from step 30", "WARNING", wanting);
  }

  @Test
  void whatOnlyOneNodeFindsBrokenIsSaidToo() {
    ACluster cluster = two(AJob.of(2));

    Decision decision =
        start(
            cluster,
            folder(30, 20),
            broken(List.of("checkpoint-30: latest is missing"), checkpoint(20)));

    assertThat(actions(decision, ClusterAction.Start.class))
        .allMatch(s -> s.resume().equals(Optional.of(checkpoint(20))));
    assertThat(events(decision, ClusterEvent.CheckpointPassedOver.class))
        .singleElement()
        .matches(e -> e.on().equals(node("n2")));
  }

  @Test
  void onAFreshStartEachBrokenOneIsSaid() {
    ACluster cluster = two(AJob.of(2));

    Decision decision =
        start(cluster, broken(List.of("checkpoint-2: a.pt has 0 bytes", "odd: no name")));

    assertThat(events(decision, ClusterEvent.CheckpointPassedOver.class)).hasSize(2);
    assertThat(releaseOf(decision)).contains("fresh start; WARNING", "and 1 more");
  }

  private static CheckpointInventory broken(List<String> why, CompleteCheckpoint... complete) {
    return new CheckpointInventory(folder(1).owner(), List.of(complete), why);
  }

  // pieces

  @Test
  void piecesOnEveryNodeMakeAWhole() {
    ACluster cluster = two(AJob.of(2));

    Decision decision = start(cluster, broken(List.of("checkpoint-30: x"), piece(30)));

    assertThat(actions(decision, ClusterAction.Start.class))
        .hasSize(2)
        .allMatch(s -> s.resume().equals(Optional.of(piece(30))));
  }

  @Test
  void aSharedFolderWithAShardMissingLooksLikeAPieceAndIsPassedOver() {
    ACluster cluster = two(AJob.of(2));

    Decision decision =
        start(
            cluster,
            broken(List.of("checkpoint-30: x_1.pt is missing"), piece(30), checkpoint(20)),
            broken(List.of("checkpoint-30: x_1.pt is missing"), checkpoint(20)));

    assertThat(actions(decision, ClusterAction.Start.class))
        .allMatch(s -> s.resume().equals(Optional.of(checkpoint(20))));
  }

  @Test
  void aRankWhosePieceIsOnAnotherNodeIsSaid() {
    ACluster cluster = two(AJob.of(2));

    start(cluster, broken(List.of(), piece(30)), CheckpointInventory.EMPTY);

    assertThat(cluster.causeOf(1).node()).contains(node("n2"));
    assertThat(cluster.causeOf(1).message()).contains("in pieces", "n1 holds its own");
  }

  private static CompleteCheckpoint piece(long step) {
    return new CompleteCheckpoint("/ckpt/checkpoint-" + step, step, 2, true, false);
  }

  @Test
  void aFormatThatDoesNotSayItsWorldSizeIsTaken() {
    ACluster cluster = two(AJob.of(2));
    var unsaid =
        new CheckpointInventory(
            folder(20).owner(),
            List.of(new CompleteCheckpoint("/ckpt/checkpoint-20", 20, 0)),
            List.of());

    start(cluster, unsaid);

    assertThat(cluster.phase()).isEqualTo(JobPhase.STARTING);
  }

  // what lies there already

  @ParameterizedTest
  @EnumSource(OnExisting.class)
  void anotherJobsCheckpointsAreNeverTakenOrOverwrittenSilently(OnExisting wish) {
    ACluster cluster = two(AJob.of(2).onExisting(wish));

    Decision decision = start(cluster, ANOTHERS);

    switch (wish) {
      case AUTO -> refused(cluster, ReasonCode.CHECKPOINTS_OF_ANOTHER_JOB);
      case REFUSE -> refused(cluster, ReasonCode.CHECKPOINTS_EXIST);
      case RESUME ->
          assertThat(actions(decision, ClusterAction.Start.class))
              .allMatch(s -> s.resume().isPresent() && !s.moveAside());
      case OVERWRITE ->
          assertThat(actions(decision, ClusterAction.Start.class))
              .allMatch(s -> s.resume().isEmpty() && s.moveAside());
    }
  }

  @Test
  void aJobOfTheSameNameGoesOn() {
    ACluster cluster = two(AJob.of(2));

    start(cluster, folder(20));

    assertThat(cluster.job().lastCheckpoint()).contains(checkpoint(20));
  }

  @Test
  void aPlainRunsCheckpointsAreTakenOnlyFromANamedFolder() {
    ACluster named = two(AJob.of(2));
    start(named, NOBODYS);
    assertThat(named.job().lastCheckpoint()).contains(checkpoint(7));

    ACluster followed = two(AJob.of(2).folderFollowsOutput());
    start(followed, NOBODYS);
    refused(followed, ReasonCode.CHECKPOINTS_OF_ANOTHER_JOB);
  }

  @Test
  void onlyTheFirstStartMovesAside() {
    ACluster cluster = two(AJob.of(2).onExisting(OnExisting.OVERWRITE));
    start(cluster, ANOTHERS);
    cluster.starts(A);
    cluster.sees(checkpoint(5));
    cluster.exits("n1", Exit.killed(0));

    Decision decision = start(cluster, folder(5));

    assertThat(actions(decision, ClusterAction.Start.class))
        .hasSize(2)
        .allMatch(s -> s.resume().equals(Optional.of(checkpoint(5))) && !s.moveAside());
  }

  @Test
  void itsOwnCheckpointsAreNotRefusedOnARestart() {
    ACluster cluster = two(AJob.of(2).onExisting(OnExisting.REFUSE));
    start(cluster, CheckpointInventory.EMPTY);
    cluster.starts(A);
    cluster.exits("n1", Exit.killed(0));

    start(cluster, folder(5));

    assertThat(cluster.phase()).isEqualTo(JobPhase.STARTING);
  }

  private static void refused(ACluster cluster, ReasonCode code) {
    assertThat(cluster.phase()).isEqualTo(JobPhase.STOPPING);
    assertThat(cluster.job().reason().code()).isEqualTo(code);
    assertThat(cluster.job().exitCode()).contains(Exits.REFUSED);
  }

  // seen while it runs

  @Test
  void theLastCheckpointGoesForwardOnly() {
    ACluster cluster = aRunningJob(2);

    assertThat(events(cluster.sees(checkpoint(10)), ClusterEvent.CheckpointSeen.class)).hasSize(1);
    assertThat(cluster.sees(checkpoint(10)).events()).isEmpty();
    assertThat(cluster.sees(checkpoint(5)).events()).isEmpty();
    assertThat(cluster.job().lastCheckpoint()).contains(checkpoint(10));
  }

  @Test
  void afterARestartFromAnOlderOneThatOneIsTheLast() {
    ACluster cluster = aRunningJob(2);
    cluster.sees(checkpoint(20));
    Fence old = cluster.fence(A);
    cluster.exits("n1", Exit.killed(0));
    start(cluster, folder(10));
    cluster.starts(A);
    assertThat(cluster.job().lastCheckpoint()).contains(checkpoint(10));

    cluster.when(new ClusterInput.CheckpointSeen(old, checkpoint(20)));
    assertThat(cluster.job().lastCheckpoint()).as("of an old group").contains(checkpoint(10));
    cluster.sees(checkpoint(15));

    assertThat(cluster.job().lastCheckpoint()).contains(checkpoint(15));
  }

  @Test
  void checkpointsThatWentAwayEverywhereAreNotAFreshStart() {
    ACluster cluster = aRunningJob(2);
    cluster.sees(checkpoint(20));
    cluster.exits("n1", Exit.killed(0));

    start(cluster, CheckpointInventory.EMPTY);

    assertThat(cluster.job().phase()).isNotIn(JobPhase.STARTING, JobPhase.RUNNING);
    assertThat(cluster.job().lastCheckpoint()).contains(checkpoint(20));
  }

  // script and configuration

  @Test
  void differentScriptsAreRefusedByName() {
    ACluster cluster = two(AJob.of(2));
    cluster.prepared(A, node("n1"));

    says(cluster, Optional.of("zero"), "another");

    refused(cluster, ReasonCode.DIFFERENT_SCRIPT);
    assertThat(cluster.job().reason().message()).contains("n1").contains("n2").contains("another");
  }

  @Test
  void differentZeroConfigurationsAreRefusedByName() {
    ACluster cluster = two(AJob.of(2));
    cluster.prepared(A, node("n1"));

    says(cluster, Optional.empty(), "script");

    refused(cluster, ReasonCode.DIFFERENT_ZERO_CONFIG);
    assertThat(cluster.job().reason().message()).contains("n1").contains("n2");
  }

  @Test
  void aMasterWithoutAPortIsTriedAgain() {
    ACluster cluster = two(AJob.of(2));
    cluster.when(
        new ClusterInput.NodePrepared(
            node("n1"),
            cluster.fence(A),
            new PreparedNode(
                Optional.empty(), Optional.of("zero"), "script", CheckpointInventory.EMPTY)));

    cluster.prepared(A, node("n2"));

    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.PREPARE_REJECTED);
    assertThat(cluster.causeOf(1).node()).contains(node("n1"));
  }

  private static void says(ACluster cluster, Optional<String> zero, String script) {
    cluster.when(
        new ClusterInput.NodePrepared(
            node("n2"),
            cluster.fence(A),
            new PreparedNode(Optional.empty(), zero, script, CheckpointInventory.EMPTY)));
  }

  @Test
  void aScriptThatChangedSinceTheAttemptBeforeIsSaidAndNotRefused() {
    ACluster cluster = aRunningJob(2, AJob.of(2).withoutCheckpoints().budget(9), 2);
    cluster.exits("n1", Exit.killed(0));
    cluster.prepared(A, node("n1"), "script", "zero-2");

    Decision decision = cluster.prepared(A, node("n2"), "script", "zero-2");

    assertThat(releaseOf(decision))
        .contains("WARNING", "the ZeRO configuration (sha256 zero before, now zero-2)")
        .doesNotContain("the script");
    cluster.starts(A);
    cluster.exits("n1", Exit.killed(0));
    cluster.prepared(A, node("n1"), "edited", "zero-2");
    assertThat(releaseOf(cluster.prepared(A, node("n2"), "edited", "zero-2")))
        .contains("the script (sha256 script before, now edited)")
        .doesNotContain("configuration");
    cluster.starts(A);
    cluster.exits("n1", Exit.killed(0));
    cluster.prepared(A, node("n1"), "edited", "zero-2");
    assertThat(releaseOf(cluster.prepared(A, node("n2"), "edited", "zero-2")))
        .doesNotContain("WARNING");
  }

  private static String releaseOf(Decision decision) {
    return ACluster.events(decision, ClusterEvent.AttemptReleased.class).get(0).reason().message();
  }
}
