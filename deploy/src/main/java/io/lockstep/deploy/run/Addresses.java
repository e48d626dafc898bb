package io.lockstep.deploy.run;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.SocketException;
import java.net.UnknownHostException;

/** Which address is whose: the master's, and this host's own on the way to it. */
final class Addresses {
  private Addresses() {}

  /** The address behind a name, as all daemons of the job spell it. */
  static String resolve(String flag, String name) throws RunRefused {
    try {
      return InetAddress.getByName(name).getHostAddress();
    } catch (UnknownHostException e) {
      throw RunRefused.usage(
          flag + ": '" + name + "' is not known to this host's resolver; give an IP address");
    }
  }

  /** True when only this machine can reach it. */
  static boolean isLoopback(String address) {
    try {
      return InetAddress.getByName(address).isLoopbackAddress();
    } catch (UnknownHostException e) {
      return false;
    }
  }

  /** True when programs of this machine may listen there. */
  static boolean isOwn(String address) {
    try (var probe = new ServerSocket(0, 1, InetAddress.getByName(address))) {
      return probe.isBound();
    } catch (IOException e) {
      return false;
    }
  }

  /** This machine's address on the route to another. */
  static String towards(String address, int port) throws RunRefused {
    try (var socket = new DatagramSocket()) {
      socket.connect(new InetSocketAddress(address, port));
      return socket.getLocalAddress().getHostAddress();
    } catch (SocketException e) {
      throw RunRefused.usage(
          "no route to "
              + address
              + " ("
              + e.getMessage()
              + "); say this host's address with --host");
    }
  }
}
