package io.lockstep.agent.host;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.HashSet;
import org.junit.jupiter.api.Test;

/** A port that nobody holds, another one each time. */
class MasterPortTest {
  private static final String HOST = "127.0.0.1";

  @Test
  void eachPlanStartsElsewhere() throws IOException {
    var ports = new HashSet<Integer>();
    for (long plan = 1; plan <= 20; plan++) {
      ports.add(MasterPort.choose(HOST, 29_500, 29_999, plan, "a").orElseThrow());
    }
    assertThat(ports).hasSizeGreaterThan(15).allMatch(p -> p >= 29_500 && p <= 29_999);
  }

  @Test
  void aTakenPortIsPassedOverAlsoOnAnotherAddressOfTheMachine() throws IOException {
    int chosen = MasterPort.choose(HOST, 29_500, 29_999, 7, "a").orElseThrow();
    try (var taken = new ServerSocket()) {
      taken.bind(
          new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 0, 2}), chosen));
      assertThat(MasterPort.choose(HOST, 29_500, 29_999, 7, "a").orElseThrow())
          .isNotEqualTo(chosen);
      assertThat(MasterPort.choose(HOST, chosen, chosen, 7, "a")).isEmpty();
    }
    assertThat(MasterPort.choose(HOST, chosen, chosen, 7, "a")).contains(chosen);
  }
}
