package io.lockstep.deploy.run;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Ports of the daemon inside, on the host's one address. All hosts of a job derive the same ones
 * from its master port, below the ports that Linux gives to outgoing connections.
 */
record RunPorts(int akka, int management, int http, int lease) {
  /** First port that is ever derived. */
  static final int LOWEST = 14_000;

  /** Master ports this far apart share their daemons' ports. */
  static final int PERIOD = 2_850;

  private static final int PORTS = 4;

  /** 29500 gives 18000 to 18003; 29501 the next four; and so on. */
  static RunPorts derivedFrom(int masterPort) {
    int first = LOWEST + PORTS * (masterPort % PERIOD);
    return new RunPorts(first, first + 1, first + 2, first + 3);
  }

  /** Any that are free now, for a host that nobody has to find. */
  static RunPorts free(String host) throws IOException {
    InetAddress address = InetAddress.getByName(host);
    var sockets = new ArrayList<ServerSocket>();
    try {
      for (int i = 0; i < PORTS; i++) {
        sockets.add(new ServerSocket(0, 1, address));
      }
      List<Integer> ports = sockets.stream().map(ServerSocket::getLocalPort).toList();
      return new RunPorts(ports.get(0), ports.get(1), ports.get(2), ports.get(3));
    } finally {
      for (ServerSocket socket : sockets) {
        socket.close();
      }
    }
  }

  /** The first of them that cannot be bound on this address. */
  Optional<Integer> taken(String host) {
    for (int port : List.of(akka, management, http, lease)) {
      try (var probe = new ServerSocket()) {
        probe.bind(new InetSocketAddress(InetAddress.getByName(host), port));
      } catch (IOException e) {
        return Optional.of(port);
      }
    }
    return Optional.empty();
  }
}
