package io.lockstep.deploy.run;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Ports that all hosts of a job derive alike. */
final class RunPortsTest {
  /** A resident lockstepd's, and where it looks for MASTER_PORT. */
  private static final Set<Integer> OF_LOCKSTEPD = Set.of(25_520, 8_558, 7_733, 7_734);

  @Test
  void theDocumentedExampleHolds() {
    assertThat(RunPorts.derivedFrom(29_500))
        .isEqualTo(new RunPorts(18_000, 18_001, 18_002, 18_003));
    assertThat(RunPorts.derivedFrom(29_501))
        .isEqualTo(new RunPorts(18_004, 18_005, 18_006, 18_007));
  }

  @Test
  void jobsOfNeighbouringMasterPortsAndLockstepdDoNotMeet() {
    var seen = new HashSet<Integer>();
    for (int port = 29_500; port < 29_500 + RunPorts.PERIOD; port++) {
      RunPorts ports = RunPorts.derivedFrom(port);
      for (int one : List.of(ports.akka(), ports.management(), ports.http(), ports.lease())) {
        assertThat(seen.add(one)).isTrue();
        assertThat(one).isBetween(RunPorts.LOWEST, 25_500).isNotIn(OF_LOCKSTEPD);
      }
    }
  }

  @Test
  void aPortThatSomebodyHasIsNamed() throws IOException {
    RunPorts ports = RunPorts.free("127.0.0.1");
    assertThat(ports.taken("127.0.0.1")).isEmpty();
    try (var other = new ServerSocket(ports.http(), 1, InetAddress.getLoopbackAddress())) {
      assertThat(ports.taken("127.0.0.1")).hasValue(other.getLocalPort());
    }
  }
}
