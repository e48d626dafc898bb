package io.lockstep.deploy.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** DeepSpeed's hostfile. */
final class HostfileTest {
  @Test
  void hostsAreInTheOrderOfTheirRanks() throws RunRefused {
    assertThat(Hostfile.parse(List.of("# c", "b slots=8 # last", "", "a  slots=8"), "f"))
        .isEqualTo(new Hostfile(List.of("b", "a"), 8));
  }

  @ParameterizedTest
  @CsvSource({
    "a,'host slots=N'",
    "a slots=0,'host slots=N'",
    "a slots=2;b slots=3,the same slots",
    "a slots=2;a slots=2,twice",
    "# nothing,no host"
  })
  void aMistakeIsTold(String lines, String told) {
    assertThatThrownBy(() -> Hostfile.parse(List.of(lines.split(";", -1)), "hosts"))
        .isInstanceOf(RunRefused.class)
        .hasMessageContaining(told);
  }
}
