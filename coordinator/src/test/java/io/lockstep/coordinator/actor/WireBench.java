package io.lockstep.coordinator.actor;

import akka.actor.ActorSystem;
import akka.actor.ExtendedActorSystem;
import akka.actor.typed.ActorRef;
import akka.actor.typed.javadsl.Adapter;
import akka.serialization.Serialization$;
import com.typesafe.config.ConfigFactory;
import io.lockstep.coordinator.core.ClusterEvent;
import io.lockstep.coordinator.core.ClusterInput;
import io.lockstep.coordinator.core.ClusterMachine;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.protocol.message.AgentCommand;
import io.lockstep.protocol.message.AgentReport;
import io.lockstep.protocol.message.ToAgent;
import io.lockstep.protocol.message.Wire;
import io.lockstep.protocol.message.WireSerializer;
import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.CheckpointInventory;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.GroupActivity;
import io.lockstep.protocol.model.GroupStatus;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.Progress;
import io.lockstep.protocol.model.RankActivity;
import io.lockstep.protocol.model.RankTable;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import io.lockstep.protocol.model.StartLengths;
import io.lockstep.protocol.model.Term;
import io.lockstep.protocol.model.WorkerInfo;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * {@code WireBench NODES}: bytes, and how many a second one thread writes and reads, of what agents
 * and coordinator say to each other and of what seats store, in a gang of so many nodes with eight
 * workers each; a row of a table for each. See {@code deploy/bench/wire}.
 */
public final class WireBench {
  private static final Instant NOW = Instant.parse("2026-11-29T00:00:00Z");
  private static final Optional<String> FOUNDING =
      Optional.of("0b5cf8c1-7f9b-4d62-9d7e-3a4c2d1e0f99");
  private static final Term TERM = new Term(7);
  private static final Fence FENCE = new Fence(41, Samples.JOB, new Attempt(3));
  private static final int PROCS = 8;
  private static final int TAIL_LINES = 40;
  private static final Reason WHY =
      Reason.of(ReasonCode.ALL_PREPARED, "all nodes are prepared, from the checkpoint of step 340");

  /** Of one measurement; only the last counts, the others warm up. */
  private static final int ROUNDS = 2;

  private static final long ROUND_NANOS = 400_000_000;
  private static final int TIMES_BETWEEN_LOOKS = 20;

  private final int nodes;
  private final ExtendedActorSystem system;
  private final WireSerializer serializer;
  private final StateCodec codec = new StateCodec();

  /** So that no compiler leaves the work out. */
  private volatile Object last = "";

  private WireBench(int nodes, ExtendedActorSystem system) {
    this.nodes = nodes;
    this.system = system;
    this.serializer = new WireSerializer(system);
  }

  /** The whole program. */
  public static void main(String[] words) {
    var system =
        (ExtendedActorSystem)
            ActorSystem.create(
                "bench",
                ConfigFactory.parseString("akka.loglevel = OFF")
                    .withFallback(ConfigFactory.load()));
    try {
      for (String word : words) {
        new WireBench(Integer.parseInt(word), system).rows().forEach(System.out::println);
      }
    } finally {
      system.terminate();
    }
  }

  private List<String> rows() {
    var rows = new ArrayList<String>();
    messages()
        .forEach(
            (name, message) -> {
              byte[] bytes = travelling(() -> serializer.toBinary(message));
              String manifest = serializer.manifest(message);
              rows.add(
                  row(
                      name,
                      bytes.length,
                      () -> travelling(() -> serializer.toBinary(message)),
                      () -> travelling(() -> serializer.fromBinary(bytes, manifest))));
            });
    events()
        .forEach(
            (name, event) -> {
              byte[] bytes = codec.write(event);
              rows.add(
                  row(name, bytes.length, () -> codec.write(event), () -> codec.readEvent(bytes)));
            });
    ClusterState state = state();
    byte[] snapshot = codec.writeSnapshot(state);
    rows.add(
        row(
            "stored snapshot",
            snapshot.length,
            () -> codec.writeSnapshot(state),
            () -> codec.readSnapshot(snapshot)));
    return rows;
  }

  private String row(String name, int bytes, Supplier<Object> write, Supplier<Object> read) {
    return String.format(
        Locale.ROOT,
        "| %d | %s | %d | %.0f | %.0f |",
        nodes,
        name,
        bytes,
        aSecond(write),
        aSecond(read));
  }

  /** Of CPU, not by the clock: other work on the machine does not count. */
  private double aSecond(Supplier<Object> work) {
    double found = 0;
    for (int round = 0; round < ROUNDS; round++) {
      long since = cpuNanos();
      long times = 0;
      long taken;
      do {
        for (int i = 0; i < TIMES_BETWEEN_LOOKS; i++) {
          last = work.get();
        }
        times += TIMES_BETWEEN_LOOKS;
        taken = cpuNanos() - since;
      } while (taken < ROUND_NANOS);
      found = times * 1e9 / taken;
    }
    return last.equals(this) ? 0 : found;
  }

  private static long cpuNanos() {
    return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
  }

  private static NodeId node(int number) {
    return new NodeId("gpu-%05d".formatted(number));
  }

  private RankTable table() {
    return new RankTable(
        IntStream.range(0, nodes)
            .mapToObj(i -> new RankTable.Entry(node(i), "10.0.%d.%d".formatted(i / 250, i % 250)))
            .toList(),
        PROCS);
  }

  private static List<WorkerInfo> workers() {
    return IntStream.range(0, PROCS).mapToObj(i -> new WorkerInfo(i, i, 4_000L + i)).toList();
  }

  private GroupStatus group() {
    return new GroupStatus(
            FENCE,
            GroupStatus.Phase.RUNNING,
            workers(),
            Optional.of(new Progress(340, 1_000, Optional.of(2.268), Optional.empty(), NOW)),
            Optional.of(checkpoint()),
            Optional.empty(),
            Optional.of(
                new GroupActivity(
                    120,
                    80,
                    2_500,
                    339,
                    true,
                    1_000,
                    IntStream.range(0, PROCS)
                        .mapToObj(i -> new RankActivity(i, 340, 120, 980, "R", 2_400, 970))
                        .toList(),
                    Optional.empty())))
        .started(Optional.of(new StartLengths(310, Optional.of(8_200L))));
  }

  private static CompleteCheckpoint checkpoint() {
    return new CompleteCheckpoint("/data/run1/out/checkpoint-340", 340, PROCS);
  }

  private static CheckpointInventory checkpoints() {
    return CheckpointInventory.EMPTY;
  }

  private static ExitReport exit() {
    return new ExitReport(
        ExitReport.Outcome.FAILED,
        Optional.of(1),
        Optional.empty(),
        Optional.of(
            new ExitReport.FirstFailure(
                3, 3, Optional.empty(), Optional.of(9), NOW, "killed", "x".repeat(4_000), false)),
        true,
        false,
        Optional.of(WHY),
        Collections.nCopies(
            TAIL_LINES, "{'loss': 2.268, 'grad_norm': 0.71, 'learning_rate': 2e-4}"),
        NOW);
  }

  private Map<String, Wire> messages() {
    ActorRef<ToAgent> agent = Adapter.<Object>toTyped(system.deadLetters()).narrow();
    var all = new LinkedHashMap<String, Wire>();
    all.put(
        "`Heartbeat`",
        new AgentReport.Heartbeat(
            node(0),
            agent,
            "disk-1",
            Optional.of(group()),
            FOUNDING,
            Optional.empty(),
            Optional.empty()));
    all.put(
        "`Prepare`",
        new AgentCommand.Prepare(
            TERM,
            FOUNDING,
            new LaunchSpec(
                FENCE,
                node(0),
                0,
                table(),
                "disk-1",
                Samples.SPEC,
                Optional.of("{\"zero_optimization\":{\"stage\":2}}"),
                "NODE_SILENT")));
    all.put(
        "`Prepared`",
        new AgentReport.Prepared(
            node(0),
            FENCE,
            Optional.of(29_512),
            Optional.of("5".repeat(64)),
            "a".repeat(64),
            checkpoints(),
            Optional.empty(),
            Optional.empty()));
    all.put(
        "`Start`",
        new AgentCommand.Start(TERM, FOUNDING, FENCE, 29_512, Optional.of(checkpoint()), true));
    all.put("`Started`", new AgentReport.Started(node(0), FENCE, workers(), Optional.of("warm")));
    all.put("`Exited`", new AgentReport.Exited(node(0), FENCE, exit(), Optional.of(NOW)));
    all.put(
        "`Acknowledge`",
        new AgentCommand.Acknowledge(TERM, FOUNDING, FENCE, AgentCommand.ReportKind.STARTED));
    return all;
  }

  private Map<String, ClusterEvent> events() {
    var all = new LinkedHashMap<String, ClusterEvent>();
    all.put("stored `AttemptPlanned`", planned());
    all.put("stored `NodeStarted`", new ClusterEvent.NodeStarted(FENCE, node(0), NOW, WHY));
    return all;
  }

  private ClusterEvent planned() {
    var disks = new LinkedHashMap<NodeId, String>();
    table().nodes().forEach(n -> disks.put(n, "disk-" + n));
    return new ClusterEvent.AttemptPlanned(FENCE, table(), disks, List.of(), NOW, WHY);
  }

  /** The fleet, and a job that waits. */
  private ClusterState state() {
    ClusterState state = ClusterState.EMPTY;
    for (int i = 0; i < nodes; i++) {
      state = state.evolve(Samples.joined(i % 60, node(i)));
    }
    var decision =
        new ClusterMachine().decide(state, new ClusterInput.Submit(Samples.JOB, Samples.SPEC), NOW);
    for (ClusterEvent event : decision.events()) {
      state = state.evolve(event);
    }
    return state;
  }

  /** As Akka calls a serializer: with the system at hand that resolves actor references. */
  private <T> T travelling(Callable<T> action) {
    return Serialization$.MODULE$.withTransportInformation(
        system,
        () -> {
          try {
            return action.call();
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          } catch (Exception e) {
            throw new IllegalStateException(e);
          }
        });
  }
}
