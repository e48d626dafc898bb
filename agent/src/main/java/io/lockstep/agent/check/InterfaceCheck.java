package io.lockstep.agent.check;

import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.ReasonCode;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.util.ArrayList;
import java.util.List;

/**
 * The network interfaces that workers are told to use are there. GLOO_SOCKET_IFNAME is set from the
 * node's address unless the user sets it, NCCL's never.
 */
final class InterfaceCheck implements Check {
  @Override
  public ReasonCode code() {
    return ReasonCode.NETWORK_INTERFACE;
  }

  @Override
  public Finding look(Subject subject) {
    List<String> there;
    try {
      there = NetworkInterface.networkInterfaces().map(NetworkInterface::getName).toList();
    } catch (SocketException e) {
      return skipped("the interfaces cannot be listed: %s", e);
    }
    var wrong = new ArrayList<String>();
    for (String name : List.of("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")) {
      String value = subject.env().getOrDefault(name, "");
      if (!value.isEmpty() && !isThere(value, there, name.startsWith("NCCL"))) {
        wrong.add(name + "=" + value);
      }
    }
    if (!wrong.isEmpty()) {
      return fail(
          "name an interface of this node, or leave it away",
          "%s, but this node has %s",
          String.join(" and ", wrong),
          there);
    }
    return subject
        .host()
        .interfaceName()
        .map(name -> ok("%s is on %s", subject.host().address(), name))
        .orElseGet(
            () ->
                warn(
                    "set GLOO_SOCKET_IFNAME in the job's env, or give the daemon an address of this"
                        + " host",
                    "no interface has %s: gloo chooses one by the host's name",
                    subject.host().address()));
  }

  /** Gloo takes names; NCCL takes beginnings of names, {@code =} and {@code ^} before them. */
  static boolean isThere(String value, List<String> there, boolean nccl) {
    if (nccl && value.startsWith("^")) {
      return true; // all but these
    }
    boolean exact = !nccl || value.startsWith("=");
    String list = nccl && value.startsWith("=") ? value.substring(1) : value;
    for (String wanted : list.split(",", -1)) {
      String name = wanted.strip().split(":", -1)[0];
      if (there.stream().anyMatch(t -> exact ? t.equals(name) : t.startsWith(name))) {
        return true;
      }
    }
    return false;
  }
}
