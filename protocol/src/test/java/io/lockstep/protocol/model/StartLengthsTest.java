package io.lockstep.protocol.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What the starts of a gang's groups took together. */
final class StartLengthsTest {
  private static StartLengths took(long fork, Optional<Long> rendezvous) {
    return new StartLengths(fork, rendezvous);
  }

  private static Optional<StartLengths> both(StartLengths one, StartLengths other) {
    return StartLengths.ofAll(List.of(Optional.of(one), Optional.of(other)));
  }

  @Test
  void eachPartEndsWithTheLaterNode() {
    assertThat(both(took(300, Optional.of(900L)), took(500, Optional.of(200L))))
        .contains(took(500, Optional.of(700L)));
  }

  /** It had all its workers' sockets before the slow one had its workers. */
  @Test
  void aNodeThatHadMetBeforeTheLastForkDoesNotMakeItShorter() {
    assertThat(both(took(300, Optional.of(100L)), took(900, Optional.of(50L))))
        .contains(took(900, Optional.of(50L)));
  }

  @Test
  void theyHaveNotMetWhileOneHasNotCome() {
    assertThat(both(took(300, Optional.of(900L)), took(500, Optional.empty())))
        .contains(took(500, Optional.empty()));
  }

  @Test
  void nothingIsSaidWhileANodeHasNotSaidAnything() {
    assertThat(
            StartLengths.ofAll(List.of(Optional.of(took(300, Optional.of(1L))), Optional.empty())))
        .isEmpty();
    assertThat(StartLengths.ofAll(List.of())).isEmpty();
  }
}
