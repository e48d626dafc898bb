package io.lockstep.protocol.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.BitSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Names are safe where they are used: in paths, URLs and the environment. */
final class IdentitiesTest {
  @ParameterizedTest
  @ValueSource(strings = {"a", "7", "qwen3-pretrain-4f2a", "a.b_c-d", "0..", "a--"})
  void aJobIdIsMadeOfLowerCaseWords(String text) {
    assertThat(new JobId(text)).hasToString(text);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "", "A", "a b", "-a", ".a", "..", "_a", "a/b", "a\n", "ä", "a%2f", "a\u0000", "a:b"
      })
  void anythingElseIsNoJobId(String text) {
    assertThatThrownBy(() -> new JobId(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "job id must be 1 to 80 of a-z, 0-9, '.', '_', '-', starting with a letter or digit,"
                + " found: "
                + text);
  }

  @Test
  void aJobIdEndsAtItsLongest() {
    assertThat(new JobId("a".repeat(JobId.MAX_LENGTH)).value()).hasSize(80);
    assertThatThrownBy(() -> new JobId("a".repeat(JobId.MAX_LENGTH + 1)))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @ParameterizedTest
  @ValueSource(strings = {"10.0.0.1", "GPU-01.example.org", "fe80::1", "host:25520", "n_1", "7"})
  void aNodeIdIsAHostNameAnAddressOrAWord(String text) {
    assertThat(new NodeId(text)).hasToString(text);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "-a", ".", "a b", "a/b", "../a", "a\n", "[a]", "gpu\u00e4"})
  void anythingElseIsNoNodeId(String text) {
    assertThatThrownBy(() -> new NodeId(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("node id must be a host name, an address or a word, found: " + text);
  }

  @Test
  void aNodeIdEndsAt255Characters() {
    assertThat(new NodeId("a".repeat(255)).value()).hasSize(255);
    assertThatThrownBy(() -> new NodeId("a".repeat(256)))
        .isInstanceOf(IllegalArgumentException.class);
  }

  /**
   * As the JDK's unmodifiable maps look one up: twice the places, the next one when it is taken.
   */
  @ParameterizedTest
  @ValueSource(strings = {"gpu-%04d", "node%d", "10.0.%2$d.%3$d", "light-%d"})
  void theNamesOfAFleetAreFoundAtOnce(String names) {
    int nodes = 1_000;
    var taken = new BitSet(2 * nodes);
    int looks = 0;
    for (int i = 0; i < nodes; i++) {
      int place =
          Math.floorMod(new NodeId(names.formatted(i, i / 250, 1 + i % 250)).hashCode(), 2 * nodes);
      while (taken.get(place)) {
        place = (place + 1) % (2 * nodes);
        looks++;
      }
      taken.set(place);
      looks++;
    }

    assertThat(looks).isLessThan(3 * nodes);
  }

  @Test
  void idsAreOrderedAsTheirText() {
    assertThat(new JobId("a")).isLessThan(new JobId("b"));
    assertThat(new NodeId("gpu-10")).isLessThan(new NodeId("gpu-2"));
  }
}
