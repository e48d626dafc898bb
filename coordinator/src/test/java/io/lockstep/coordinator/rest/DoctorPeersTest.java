package io.lockstep.coordinator.rest;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Whom a node tries to reach when a doctor asks. */
class DoctorPeersTest {
  @Test
  void fewTryAllOthers() {
    List<String> three = List.of("n1", "n2", "n3");

    assertThat(DoctorRoutes.after("n2", three)).containsExactlyInAnyOrder("n1", "n3");
    assertThat(DoctorRoutes.after("n1", List.of("n1"))).isEmpty();
  }

  @Test
  void amongManyEachIsTriedByTheSameNumber() {
    List<Integer> nodes = IntStream.range(0, 1_000).boxed().toList();
    var tried = new HashMap<Integer, Integer>();

    for (Integer node : nodes) {
      List<Integer> peers = DoctorRoutes.after(node, nodes);
      assertThat(peers)
          .hasSize(DoctorRoutes.MAX_PEERS)
          .doesNotContain(node)
          .doesNotHaveDuplicates();
      peers.forEach(peer -> tried.merge(peer, 1, Integer::sum));
    }

    assertThat(tried.values()).hasSize(1_000).containsOnly(DoctorRoutes.MAX_PEERS);
  }
}
