package io.lockstep.coordinator.plan;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.coordinator.plan.GuideTable.Parts;
import io.lockstep.coordinator.plan.GuideTable.Row;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The guide's numbers, exactly, and the truth beside them. */
class GuideTableTest {
  private static final long GB = 1_000_000_000L;

  private final GuideTable table = GuideTable.of(guidesJob());

  @Test
  void theSixNumbersAreTheGuides() {
    assertThat(table.rows()).extracting(Row::totalGb).containsExactly(256, 144, 88, 72, 32, 24);
    assertThat(table.rows())
        .extracting(Row::approximate)
        .containsExactly(false, false, false, false, false, true);
  }

  @Test
  void theRowsAreTheGuides() {
    assertThat(table.rows().stream().flatMap(row -> row.parts().stream()))
        .containsExactly(
            new Parts(64, 64, 128),
            new Parts(64, 64, 16),
            new Parts(64, 8, 16),
            new Parts(8, 8, 16),
            new Parts(8, 8, 0));
  }

  @Test
  void theActivationsAreTheGuides() {
    assertThat(table.activations())
        .extracting(row -> row.lowGb() + "-" + row.highGb())
        .containsExactly("12-25", "3-8");
  }

  @Test
  void theTotalsFollowFromItsFourBytesOfOptimizer() {
    List<Row> rows = table.rows();
    assertThat(rows.get(0).totalGb()).isEqualTo((int) GuideTable.byItsFormula(0, false));
    assertThat(rows.get(1).totalGb()).isEqualTo((int) GuideTable.byItsFormula(1, false));
    assertThat(rows.get(2).totalGb()).isEqualTo((int) GuideTable.byItsFormula(2, false));
    assertThat(rows.get(3).totalGb()).isEqualTo((int) GuideTable.byItsFormula(2, true));
    assertThat(rows.get(4).totalGb()).isEqualTo((int) GuideTable.byItsFormula(3, false));
    assertThat(GuideTable.byItsFormula(3, true)).isEqualTo(16); // and not its 24
  }

  /** Low bounds without offload are the ZeRO paper's with K = 12 (training.md 4.1). */
  @Test
  void theTruthIsThePapers() {
    assertThat(table.rows().stream().limit(3).map(row -> row.actual().lowBytes() / GB))
        .containsExactly(512L, 176L, 120L);
    assertThat(table.rows().get(4).actual().lowBytes() / GB).isEqualTo(64);
    Range offloaded = table.rows().get(3).actual();
    assertThat(72 * GB).isBetween(offloaded.lowBytes(), offloaded.highBytes());
  }

  private static Setup guidesJob() {
    ModelShape shape = Shapes.shape(Shapes.qwen32());
    return Shapes.setup(shape, ZeroSettings.defaults(2), 8, 512, 1, 16);
  }
}
