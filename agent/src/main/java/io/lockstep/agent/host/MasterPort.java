package io.lockstep.agent.host;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.Optional;

/** Chooses a master port that can be bound on this node, another one for each attempt. */
final class MasterPort {
  // A prime, so that plans that follow each other start far apart in any range.
  private static final int STRIDE = 37;

  private MasterPort() {}

  /**
   * @param plan makes the search start elsewhere for each attempt
   * @param salt makes it start elsewhere for each daemon of a machine
   */
  static Optional<Integer> choose(String address, int low, int high, long plan, String salt)
      throws IOException {
    InetAddress own = InetAddress.getAllByName(address)[0];
    int size = high - low + 1;
    int start = (int) Math.floorMod(plan * STRIDE + salt.hashCode(), (long) size);
    for (int step = 0; step < size; step++) {
      int port = low + (start + step) % size;
      // torch's store binds the wildcard address, which any listener on the machine can prevent.
      if (canBind(new InetSocketAddress(own, port)) && canBind(new InetSocketAddress(port))) {
        return Optional.of(port);
      }
    }
    return Optional.empty();
  }

  private static boolean canBind(InetSocketAddress endpoint) {
    try (var socket = new ServerSocket()) {
      socket.bind(endpoint);
      return true;
    } catch (IOException e) {
      return false; // taken
    }
  }
}
