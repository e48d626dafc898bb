package io.lockstep.agent.check;

import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.RankTable;
import io.lockstep.protocol.model.ReasonCode;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;

/**
 * The master's host answers at the master ports. Nobody listens there yet, so "refused" is the good
 * answer; where a firewall drops what comes, torch would try for 15 minutes.
 */
final class PeerCheck implements Check {
  private static final Duration LIMIT = Duration.ofMillis(1_500);

  @Override
  public ReasonCode code() {
    return ReasonCode.PEER_UNREACHABLE;
  }

  @Override
  public Finding look(Subject subject) {
    if (subject.launch().isEmpty() || subject.launch().get().nodeRank() == 0) {
      return skipped("the master itself");
    }
    LaunchSpec launch = subject.launch().get();
    RankTable.Entry master = launch.rankTable().master();
    int port = subject.host().masterPortLow();
    try (var socket = new Socket()) {
      socket.connect(new InetSocketAddress(master.address(), port), (int) LIMIT.toMillis());
      return ok("%s answers", master.address());
    } catch (ConnectException e) {
      return isRefusal(e)
          ? ok("%s answers", master.address())
          : unreachable(master, port, e.toString());
    } catch (IOException e) {
      return unreachable(master, port, e.toString());
    } catch (IllegalArgumentException e) {
      return unreachable(master, port, "it has no address: " + e.getMessage());
    }
  }

  private static boolean isRefusal(ConnectException e) {
    return String.valueOf(e.getMessage()).contains("refused");
  }

  private Finding unreachable(RankTable.Entry master, int port, String why) {
    return fail(
        "open the range of ports.master between the nodes, and look at the route",
        "%s (node rank 0) does not answer at %s port %d: %s",
        master.node(),
        master.address(),
        port,
        why);
  }
}
