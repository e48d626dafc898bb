package io.lockstep.coordinator.core;

import static io.lockstep.coordinator.core.ACluster.A;
import static io.lockstep.coordinator.core.ACluster.node;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.NodeReadings;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Nodes of a gang that are not like its first node, and nodes that refuse one after another. */
class UnlikeNodesTest {
  private static NodeReadings readings(String torch, String gpu, String folder) {
    return new NodeReadings(Map.of("torch", torch), List.of(gpu), Optional.of(folder), List.of());
  }

  private static final NodeReadings USUAL = readings("2.13.0", "H200", "f");

  private static void prepared(ACluster cluster, NodeId node, NodeReadings readings) {
    PreparedNode said = cluster.said(node);
    cluster.when(
        new ClusterInput.NodePrepared(
            node,
            cluster.fence(A),
            new PreparedNode(
                said.masterPort(),
                said.zeroSha256(),
                said.scriptSha256(),
                said.checkpoints(),
                Optional.of(readings),
                Optional.empty())));
  }

  /** Two of the nodes are in the gang; the second one is other. */
  private static ACluster unlike(int nodes, NodeReadings other) {
    ACluster cluster = ACluster.of(nodes);
    cluster.submits(A, AJob.of(2));
    List<NodeId> gang = cluster.gang(A);
    prepared(cluster, gang.get(0), USUAL);
    prepared(cluster, gang.get(1), other);
    return cluster;
  }

  @Test
  void nodesThatAreAlikeStart() {
    assertThat(unlike(2, USUAL).phase()).isEqualTo(JobPhase.STARTING);
  }

  @Test
  void anotherNodeTakesThePlaceOfOneWithAnotherTorch() {
    ACluster cluster = unlike(3, readings("2.12.0", "H200", "f"));
    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
    assertThat(cluster.gang(A)).doesNotContain(node("n2"));
    assertThat(cluster.causeOf(1).message())
        .startsWith("DIFFERENT_VERSIONS")
        .contains("n2", "2.12.0");
  }

  @Test
  void whereNoOtherNodeHelpsTheJobIsRefusedAndSaysWhy() {
    for (NodeReadings other :
        List.of(
            readings("2.12.0", "H200", "f"),
            readings("2.13.0", "A100", "f"),
            readings("2.13.0", "H200", "g"))) {
      ACluster cluster = unlike(2, other);
      List<NodeId> gang = cluster.gang(A);
      prepared(cluster, gang.get(0), USUAL);
      prepared(cluster, gang.get(1), other);
      assertThat(cluster.phase()).as("ends what was prepared").isEqualTo(JobPhase.STOPPING);
      assertThat(cluster.job().reason().message()).contains("n1", "n2");
    }
  }

  @Test
  void whatWasNotToldIsNotHeldAgainstANode() {
    var silent = new NodeReadings(Map.of(), List.of("H200"), Optional.empty(), List.of());
    assertThat(unlike(2, silent).phase()).isEqualTo(JobPhase.STARTING);
  }

  @Test
  void warningsStandInTheEvents() {
    var warning = new Finding(ReasonCode.OPEN_FILES, Finding.Severity.WARN, "1024", "raise it");
    var other = new NodeReadings(Map.of(), List.of("H200"), Optional.empty(), List.of(warning));
    assertThat(unlike(2, other).state.history())
        .anyMatch(e -> e.reason().message().contains("WARNING OPEN_FILES: 1024; raise it"));
  }

  @Test
  void nodesThatRefusedOneAfterAnotherAreBothLeftOut() {
    ACluster cluster = ACluster.of(4);
    cluster.submits(A, AJob.of(2));
    for (String ill : List.of("n1", "n2")) {
      cluster.when(
          new ClusterInput.NodeRejected(
              node(ill), cluster.fence(A), Reason.of(ReasonCode.GPU_ECC, "2 errors")));
      cluster.after(java.time.Duration.ofSeconds(1));
    }
    assertThat(cluster.gang(A)).containsExactlyInAnyOrder(node("n3"), node("n4"));
  }
}
