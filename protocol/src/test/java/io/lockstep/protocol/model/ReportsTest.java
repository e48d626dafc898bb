package io.lockstep.protocol.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.protocol.Samples;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is reported and why: words that others rely on. */
final class ReportsTest {
  @Test
  void aGroupThatNeverStartedIsProofThatItIsGone() {
    ExitReport report = ExitReport.neverStarted(Samples.REASON, Samples.AT);

    assertThat(report.outcome()).isEqualTo(ExitReport.Outcome.NEVER_STARTED);
    assertThat(report.treeGone()).isTrue();
    assertThat(report.reason()).contains(Samples.REASON);
    assertThat(report.exitCode()).isEmpty();
  }

  @Test
  void aReportKeepsItsLinesWhateverBecomesOfTheList() {
    var workers = new ArrayList<>(List.of(Samples.WORKER));
    var status =
        new GroupStatus(
            Samples.FENCE,
            GroupStatus.Phase.RUNNING,
            workers,
            Optional.empty(),
            Optional.empty(),
            Optional.empty());

    workers.clear();

    assertThat(status.workers()).containsExactly(Samples.WORKER);
  }

  @ParameterizedTest
  @EnumSource(names = {"PORT_TAKEN", "CHECKPOINT_CHANGED", "ABANDONED", "NODE_DRAINED", "CANCELED"})
  void whatIsNobodysFaultCostsNoBudget(FailureCause cause) {
    assertThat(cause.isCounted()).isFalse();
  }

  @ParameterizedTest
  @EnumSource(
      mode = EnumSource.Mode.EXCLUDE,
      names = {"PORT_TAKEN", "CHECKPOINT_CHANGED", "ABANDONED", "NODE_DRAINED", "CANCELED"})
  void everyOtherCauseIsCounted(FailureCause cause) {
    assertThat(cause.isCounted()).isTrue();
  }

  @Test
  void formatsAndAnswersAreSpelledAsInAJobFile() {
    assertThat(CheckpointFormat.values())
        .extracting(CheckpointFormat::text)
        .containsExactly("hf-deepspeed", "hf", "deepspeed", "none");
    assertThat(OnExisting.values())
        .extracting(OnExisting::text)
        .containsExactly("auto", "resume", "refuse", "overwrite");
  }

  @Test
  void aReasonWithoutArgumentsMayHavePercentSignsInIt() {
    assertThat(Reason.of(ReasonCode.DISK_FULL, "99% used")).hasToString("DISK_FULL: 99% used");
    assertThat(Reason.of(ReasonCode.DISK_FULL, "%d%% used", 99).message()).isEqualTo("99% used");
  }

  @Test
  void aReasonReadsTheSameInEveryCountry() {
    Locale before = Locale.getDefault();
    Locale.setDefault(Locale.forLanguageTag("ar-EG-u-nu-arab"));
    try {
      assertThat(Reason.of(ReasonCode.DISK_FULL, "%.1f%% of %d", 99.5, 7).message())
          .isEqualTo("99.5% of 7");
    } finally {
      Locale.setDefault(before);
    }
  }

  @Test
  void aRefusalCarriesItsReason() {
    var refusal = new ReasonedException(Samples.REASON);

    assertThat(refusal).hasMessage("STALE: plan 40 is void");
    assertThat(refusal.reason()).isEqualTo(Samples.REASON);
  }

  @Test
  void anEmptyFolderHasNoOwner() {
    assertThat(CheckpointInventory.EMPTY.owner()).isEmpty();
    assertThat(CheckpointInventory.EMPTY.complete()).isEmpty();
    assertThatThrownBy(() -> CheckpointInventory.EMPTY.incomplete().add("x"))
        .isInstanceOf(UnsupportedOperationException.class);
  }
}
