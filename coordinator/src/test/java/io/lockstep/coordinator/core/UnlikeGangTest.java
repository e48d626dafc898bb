package io.lockstep.coordinator.core;

import static io.lockstep.coordinator.core.ACluster.A;
import static io.lockstep.coordinator.core.ACluster.nodes;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.CheckpointInventory;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.NodeReadings;
import io.lockstep.protocol.model.ReasonCode;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** A gang is made of nodes that are alike, where there are enough of them. */
class UnlikeGangTest {
  private static final int TRIES = 6;

  @Test
  void goesOnUntilNodesAreFoundThatAreAlike() {
    ACluster cluster = ACluster.of(4);
    cluster.submits(A, AJob.of(2).budget(9));

    prepares(cluster, node -> torch(List.of("n1", "n4").contains(node.value()) ? "2.9" : "2.8"));

    assertThat(cluster.phase()).isEqualTo(JobPhase.STARTING);
    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n4"));
  }

  @Test
  void isRefusedWhereTheSameTwoAreAllThereIs() {
    ACluster cluster = ACluster.of(2);
    cluster.submits(A, AJob.of(2).budget(9));

    prepares(cluster, node -> torch(node.value().equals("n1") ? "2.9" : "2.8"));

    assertThat(cluster.phase()).isEqualTo(JobPhase.FAILED);
    assertThat(cluster.job().reason().code()).isEqualTo(ReasonCode.DIFFERENT_VERSIONS);
    assertThat(cluster.job().reason().message()).contains("n1", "2.9", "n2", "2.8");
    assertThat(cluster.job().attempts()).hasSize(2);
  }

  @Test
  void foldersOfTheirOwnAreRefusedUnlessTheJobSaysSo() {
    ACluster shared = ACluster.of(2);
    shared.submits(A, AJob.of(2).budget(9));
    prepares(shared, node -> folder("of " + node));
    assertThat(shared.job().reason().code()).isEqualTo(ReasonCode.FOLDER_NOT_SHARED);

    for (String flag : List.of("--save_on_each_node", "--save_on_each_node=True")) {
      ACluster local = ACluster.of(2);
      local.submits(A, AJob.of(2).args(flag).budget(9));
      prepares(local, node -> folder("of " + node));
      assertThat(local.phase()).as(flag).isEqualTo(JobPhase.STARTING);
    }
    for (boolean isLocal : List.of(true, false)) {
      ACluster local = ACluster.of(2);
      String zero = "{\"checkpoint\": {\"use_node_local_storage\": " + isLocal + "}}";
      local.submits(A, AJob.of(2).zero(2, Optional.of(zero)).budget(9));
      prepares(local, node -> folder("of " + node));
      assertThat(local.phase()).isEqualTo(isLocal ? JobPhase.STARTING : JobPhase.FAILED);
    }
  }

  @Test
  void longWarningsAreCut() {
    var long1 = new Finding(ReasonCode.OPEN_FILES, Finding.Severity.WARN, "x".repeat(5_000), "");
    var readings = new NodeReadings(Map.of(), List.of(), Optional.empty(), List.of(long1));
    var said =
        new PreparedNode(
            Optional.empty(),
            Optional.empty(),
            "script",
            CheckpointInventory.EMPTY,
            Optional.of(readings),
            Optional.empty());

    assertThat(said.warnings()).startsWith("; WARNING OPEN_FILES: xx").endsWith("…");
    assertThat(said.warnings().length()).isLessThan(1_001);
  }

  /** Whoever is asked says what it has, until the gang starts or the job is over. */
  private static void prepares(ACluster cluster, Function<NodeId, NodeReadings> has) {
    for (int i = 0; i < TRIES && cluster.phase() == JobPhase.PREPARING; i++) {
      Fence fence = cluster.fence(A);
      List<NodeId> gang = cluster.gang(A);
      for (NodeId node : gang) {
        cluster.when(
            new ClusterInput.NodePrepared(
                node,
                fence,
                new PreparedNode(
                    Optional.of(29_500),
                    Optional.of("zero"),
                    "script",
                    CheckpointInventory.EMPTY,
                    Optional.of(has.apply(node)),
                    Optional.empty())));
      }
      if (cluster.phase() != JobPhase.STARTING) {
        for (NodeId node : gang) {
          cluster.exits(node.value(), fence, Exit.neverStarted(ReasonCode.FINISHING));
        }
      }
    }
  }

  private static NodeReadings torch(String version) {
    return new NodeReadings(Map.of("torch", version), List.of(), Optional.empty(), List.of());
  }

  private static NodeReadings folder(String id) {
    return new NodeReadings(Map.of(), List.of(), Optional.of(id), List.of());
  }
}
