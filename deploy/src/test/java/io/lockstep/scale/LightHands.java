package io.lockstep.scale;

import io.lockstep.agent.core.AgentState;
import io.lockstep.agent.core.GroupAction;
import io.lockstep.agent.core.GroupInput;
import io.lockstep.agent.core.Readiness;
import io.lockstep.agent.core.WorkerGroup;
import io.lockstep.agent.host.AgentHands;
import io.lockstep.protocol.message.AgentQuery;
import io.lockstep.protocol.model.CheckpointInventory;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.ConversionStatus;
import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.GroupActivity;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.NodeInventory;
import io.lockstep.protocol.model.Progress;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.StartLengths;
import io.lockstep.protocol.model.WarmStatus;
import io.lockstep.protocol.model.WorkerInfo;
import java.net.http.HttpClient;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.Consumer;

/** A host whose groups exist as leases alone: nothing is forked, the memory is not on disk. */
final class LightHands implements AgentHands {
  private static final int FIRST_PORT = 29_500;

  private static final ExitReport.FirstFailure KILLED =
      new ExitReport.FirstFailure(
          0, 0, Optional.empty(), Optional.of(9), Instant.EPOCH, "killed", "", false);

  private final NodeId node;
  private final NodeInventory inventory;
  private final HttpClient http;
  private final ScheduledExecutorService timer;
  private final List<String> doors;
  private final Runnable onStarted;
  private final Map<Fence, LightLease> groups = new ConcurrentHashMap<>();
  private volatile AgentState memory;
  private volatile String founding = "";
  private volatile Consumer<GroupInput> listener = input -> {};

  LightHands(
      NodeId node,
      String address,
      HttpClient http,
      ScheduledExecutorService timer,
      List<String> doors,
      Runnable onStarted) {
    this.node = node;
    this.inventory =
        new NodeInventory(
            address, node.value(), "boot", 8, 1L << 38, List.of(), "python3", "scale", -1);
    this.http = http;
    this.timer = timer;
    this.doors = doors;
    this.onStarted = onStarted;
    this.memory = AgentState.empty("disk-of-" + node);
  }

  /** Its workers fail, if it has any. */
  boolean fail() {
    return groups.keySet().stream()
        .findFirst()
        .map(fence -> ended(fence, ExitReport.Outcome.FAILED, Optional.of(KILLED)))
        .orElse(false);
  }

  @Override
  public void perform(GroupAction action) {
    if (action instanceof GroupAction.BelongTo belong) {
      founding = belong.founding();
    } else if (action instanceof GroupAction.ClearNode clear) {
      groups.keySet().stream().filter(f -> f.plan() < clear.plan()).forEach(this::stop);
      listener.accept(new GroupInput.NodeCleared(clear.plan(), List.of()));
    } else if (action instanceof GroupAction.RunPreflight run) {
      listener.accept(new GroupInput.PreflightPassed(run.launch().fence(), ready(run.launch())));
    } else if (action instanceof GroupAction.Launch launch) {
      launch(launch.launch());
    } else if (action instanceof GroupAction.FindGroup find) {
      stop(find.launch().fence());
    } else if (action instanceof GroupAction.StopGroup stop) {
      stop(stop.fence());
    } else if (action instanceof GroupAction.KillGroup kill) {
      stop(kill.fence());
    }
  }

  private static Readiness ready(LaunchSpec launch) {
    return new Readiness(
        launch.nodeRank() == 0
            ? Optional.of(FIRST_PORT + (int) (launch.fence().plan() % 500))
            : Optional.empty(),
        Optional.empty(),
        "script",
        CheckpointInventory.EMPTY);
  }

  private void launch(LaunchSpec launch) {
    Fence fence = launch.fence();
    var lease =
        new LightLease(
            http,
            timer,
            doors,
            founding,
            fence,
            node,
            () -> {
              onStarted.run();
              listener.accept(
                  new GroupInput.WorkersSeen(
                      fence, List.of(new WorkerInfo(launch.nodeRank(), 0, 1))));
            });
    if (groups.putIfAbsent(fence, lease) == null) {
      lease.begin();
    }
  }

  private void stop(Fence fence) {
    ended(fence, ExitReport.Outcome.STOPPED, Optional.empty());
  }

  private boolean ended(
      Fence fence, ExitReport.Outcome outcome, Optional<ExitReport.FirstFailure> first) {
    LightLease lease = groups.remove(fence);
    if (lease == null) {
      return false;
    }
    lease.end();
    listener.accept(
        new GroupInput.GroupExited(
            fence,
            new ExitReport(
                outcome,
                first.map(failure -> 1),
                Optional.empty(),
                first,
                true,
                false,
                Optional.empty(),
                List.of(),
                Instant.now())));
    return true;
  }

  @Override
  public NodeInventory inventory() {
    return inventory;
  }

  @Override
  public AgentState stored() {
    return memory;
  }

  @Override
  public CompletionStage<AgentState> store(AgentState state) {
    memory = state;
    return CompletableFuture.completedFuture(state);
  }

  @Override
  public void attach(Consumer<GroupInput> to) {
    listener = to;
  }

  @Override
  public void detach(Consumer<GroupInput> from) {
    listener = input -> {};
  }

  @Override
  public Optional<Progress> progress(Fence fence) {
    return Optional.empty();
  }

  @Override
  public Optional<StartLengths> startLengths(Fence fence) {
    return Optional.empty();
  }

  @Override
  public Optional<ConversionStatus> conversion(Fence fence) {
    return Optional.empty();
  }

  @Override
  public Optional<GroupActivity> activity(Fence fence) {
    return Optional.empty();
  }

  @Override
  public Optional<String> startOf(Fence fence) {
    return Optional.empty();
  }

  @Override
  public Optional<WarmStatus> warmPool() {
    return Optional.empty();
  }

  @Override
  public Optional<CompleteCheckpoint> lastCheckpoint(WorkerGroup group) {
    return Optional.empty();
  }

  @Override
  public CompletionStage<AgentQuery.LogChunk> readLog(AgentQuery.ReadLog ask) {
    return CompletableFuture.completedFuture(
        new AgentQuery.LogChunk(0, new byte[0], true, Optional.empty()));
  }

  @Override
  public Optional<Reason> trouble() {
    return Optional.empty();
  }

  @Override
  public CompletionStage<AgentQuery.Examined> examine(AgentQuery.Examine ask) {
    throw new UnsupportedOperationException("a light agent has no host");
  }

  @Override
  public CompletionStage<AgentQuery.Met> meet(AgentQuery.Meet ask) {
    throw new UnsupportedOperationException("a light agent has no host");
  }

  @Override
  public CompletionStage<AgentQuery.OfferedPort> offerPort() {
    throw new UnsupportedOperationException("a light agent has no host");
  }

  @Override
  public CompletionStage<AgentQuery.Paired> pair(AgentQuery.Pair ask, Optional<Fence> group) {
    throw new UnsupportedOperationException("a light agent has no host");
  }
}
