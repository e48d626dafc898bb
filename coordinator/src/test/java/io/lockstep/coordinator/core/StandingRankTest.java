package io.lockstep.coordinator.core;

import static io.lockstep.coordinator.core.ACluster.nodes;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.GroupActivity;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.RankActivity;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class StandingRankTest {
  private final ATraining training = new ATraining(nodes("n1", "n2", "n3"));

  private Optional<String> named() {
    return StandingRank.of(training.seen()).map(n -> n.at().node() + ": " + n.why());
  }

  @Test
  void whereAllWaitAlikeNobodyIsNamed() {
    assertThat(named()).isEmpty();
    training.busy("n1", 1000).busy("n2", 990).busy("n3", 1000);
    assertThat(named()).isEmpty();
  }

  @Test
  void aStoppedProcessIsItWhateverElseLooksOdd() {
    training.state("n3", "T").state("n2", "D").busy("n1", 1000);
    assertThat(named()).contains("n3: its process is stopped (state T)");
  }

  @Test
  void oneThatWaitsForADeviceIsItNext() {
    training.state("n2", "D").busy("n1", 1000);
    assertThat(named()).contains("n2: it waits for a device (state D)");
  }

  @Test
  void theOneThatUsesNoCpuWhileTheOthersSpinIsIt() {
    training.busy("n1", 1000).busy("n2", 5).busy("n3", 980);
    assertThat(named()).contains("n2: it uses no CPU while the others spin");
  }

  @Test
  void theOneThatIsBusyWhileTheOthersSleepIsIt() {
    training.busy("n1", 3).busy("n2", 0).busy("n3", 990);
    assertThat(named()).contains("n3: it is busy while the others sleep");
  }

  @Test
  void halfACoreProvesNothing() {
    training.busy("n1", 1000).busy("n2", 300).busy("n3", 980);
    assertThat(named()).isEmpty();
  }

  @Test
  void theOneThatIsInNoCollectiveWhileAllOthersAreIsIt() {
    training
        .stack("n1", false, true, "all_reduce")
        .stack("n2", false, false, "data.py:9 __getitem__")
        .stack("n3", false, true, "all_reduce");
    assertThat(named())
        .contains("n2: the others wait in a collective, it is at data.py:9 __getitem__");
    training.stack("n3", false, false, "trainer.py:3 loop");
    assertThat(named()).as("two are elsewhere").isEmpty();
  }

  @Test
  void whereSeveralRanksPrintStepsTheLowestIsIt() {
    var ranks =
        List.of(
            new RankActivity(0, 12, 0, 0, "S", 0, 0),
            new RankActivity(1, 11, 0, 0, "S", 0, 0),
            new RankActivity(2, -1, 0, 0, "S", 0, 0));
    var group = new GroupActivity(0, 0, 0, 0, false, 0, ranks, Optional.empty());
    StandingRank.Named named =
        StandingRank.of(new GangActivity(Map.of(new NodeId("n1"), group))).orElseThrow();
    assertThat(named.at().rank().rank()).isEqualTo(1);
    assertThat(named.why()).isEqualTo("its last step is 11, others are at 12");
  }
}
