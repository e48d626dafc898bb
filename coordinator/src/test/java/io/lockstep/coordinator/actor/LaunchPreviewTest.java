package io.lockstep.coordinator.actor;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.coordinator.core.Preview;
import io.lockstep.protocol.api.DryRunView;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.RankTable;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class LaunchPreviewTest {
  private static final RankTable TABLE =
      new RankTable(
          List.of(
              new RankTable.Entry(Samples.GPU_1, "10.0.0.1"),
              new RankTable.Entry(Samples.GPU_2, "10.0.0.2")),
          2);

  @Test
  void everyNodeHasItsCommandAndWhatOnlyItKnowsInBrackets() {
    DryRunView view = preview(Samples.SPEC);

    assertThat(view.worldSize()).isEqualTo(4);
    assertThat(view.launches())
        .extracting(DryRunView.LaunchView::ranks)
        .containsExactly("0-1", "2-3");
    assertThat(view.launches().get(1).argv())
        .containsSequence("--node-rank", "1")
        .containsSequence("--master-addr", "10.0.0.1")
        .containsSequence("--master-port", "<free on gpu-01 at the start>")
        .endsWith("--num_train_epochs", "0.5", "--deepspeed", "<zero.json of the group>");
    assertThat(view.env()).containsEntry("NCCL_DEBUG", "WARN").containsKey("NODE_RANK");
    assertThat(view.resume()).contains("/data/out");
  }

  @Test
  void aShippedStageIsShownWhole() {
    JobSpec spec = Samples.SPEC.withZero(new JobSpec.Zero(3, Optional.empty(), "--deepspeed"));

    assertThat(preview(spec).zeroJson().orElseThrow()).contains("\"stage\": 3");
  }

  private static DryRunView preview(JobSpec spec) {
    return LaunchPreview.of(
        Samples.JOB,
        spec,
        new Preview(Optional.of(TABLE), List.of(), Reason.of(ReasonCode.QUEUED, "so"), List.of()));
  }
}
