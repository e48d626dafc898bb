package io.lockstep.coordinator.core;

import io.lockstep.coordinator.actor.StateCodec;
import io.lockstep.protocol.model.CheckpointInventory;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.NodeInventory;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;

/**
 * {@code DecideBench NODES...}: what the rules and the bytes cost when one job takes so many nodes,
 * with nothing around them; a row of a table for each. See {@code deploy/bench/decide}.
 */
public final class DecideBench {
  private static final Instant NOW = Instant.parse("2026-11-28T00:00:00Z");
  private static final JobId JOB = new JobId("bench");
  private static final int WARM_UP = 6;
  private static final int TICKS = 50;

  private final StateCodec codec = new StateCodec();
  private final ClusterMachine machine = new ClusterMachine();
  private ClusterState state = ClusterState.EMPTY;
  private ClusterState seat = ClusterState.EMPTY;
  private long encoding;
  private long folding;
  private long bytes;

  private DecideBench() {}

  /** The whole program. */
  public static void main(String[] words) {
    for (String word : words) {
      int nodes = Integer.parseInt(word);
      for (int i = 0; i < WARM_UP; i++) {
        new DecideBench().row(Math.min(nodes, 300));
      }
      System.out.println(new DecideBench().row(nodes));
    }
  }

  private String row(int nodes) {
    for (int i = 0; i < nodes; i++) {
      state = state.evolve(joined(i));
    }
    seat = state;
    var job = AJob.of(nodes).spec();
    double submit = millis(() -> take(new ClusterInput.Submit(JOB, job)));
    Fence fence = state.job(JOB).orElseThrow().current().orElseThrow().fence();
    var said =
        new PreparedNode(
            Optional.of(29_500), Optional.empty(), "script", CheckpointInventory.EMPTY);
    double prepared = millis(() -> each(node -> new ClusterInput.NodePrepared(node, fence, said)));
    double started = millis(() -> each(node -> new ClusterInput.NodeStarted(node, fence)));
    double failed =
        millis(
            () ->
                take(
                    new ClusterInput.NodeExited(
                        state.job(JOB).orElseThrow().table().orElseThrow().nodes().get(0),
                        fence,
                        Exit.killed(0))));
    Fence next = state.job(JOB).orElseThrow().current().orElseThrow().fence();
    double again =
        millis(
            () ->
                each(
                    node -> {
                      take(new ClusterInput.NodeExited(node, fence, Exit.stopped()));
                      return new ClusterInput.NodePrepared(node, next, said);
                    }));
    double tick =
        millis(
                () -> {
                  for (int i = 0; i < TICKS; i++) {
                    take(new ClusterInput.Tick());
                  }
                })
            / TICKS;
    long eventBytes = bytes;
    double encoded = encoding / 1e6;
    int snapshot = codec.writeSnapshot(state).length;
    return String.format(
        Locale.ROOT,
        "| %d | %.1f | %.0f | %.0f | %.1f | %.0f | %.2f | %.0f | %.0f | %d | %d |",
        nodes,
        submit,
        prepared,
        started,
        failed,
        again,
        tick,
        encoded,
        folding / 1e6,
        eventBytes / 1024,
        snapshot / 1024);
  }

  private static ClusterEvent joined(int number) {
    return new ClusterEvent.NodeJoined(
        new NodeId("s%05d".formatted(number)),
        "disk-" + number,
        new NodeInventory(
            "10.0.0.1", "host", "boot", 8, 1L << 38, List.of(), "python3", "bench", -1),
        NOW,
        Reason.of(ReasonCode.NODE_JOINED, "joined"));
  }

  private void each(Function<NodeId, ClusterInput> of) {
    for (NodeId node : state.job(JOB).orElseThrow().table().orElseThrow().nodes()) {
      take(of.apply(node));
    }
  }

  private void take(ClusterInput input) {
    Decision decision = machine.decide(state, input, NOW);
    for (ClusterEvent event : decision.events()) {
      long since = System.nanoTime();
      byte[] bytesOf = codec.write(event);
      bytes += bytesOf.length;
      long written = System.nanoTime();
      encoding += written - since;
      seat = seat.evolve(codec.readEvent(bytesOf));
      folding += System.nanoTime() - written;
    }
    state = decision.after(state);
  }

  private static double millis(Runnable work) {
    long since = System.nanoTime();
    work.run();
    return (System.nanoTime() - since) / 1e6;
  }
}
