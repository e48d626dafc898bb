package io.lockstep.agent.process;

import com.fasterxml.jackson.databind.JsonNode;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.GroupActivity;
import io.lockstep.protocol.model.Progress;
import io.lockstep.protocol.model.StartLengths;
import io.lockstep.protocol.model.WorkerInfo;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** One living group as its shim tells of it: its workers, its progress, its report. */
final class ProcessGroup {
  private final Fence fence;
  private final GroupFolder folder;
  private final Path socket;
  private final int localWorldSize;
  private final Listener listener;
  private final CountDownLatch reported = new CountDownLatch(1);
  private volatile @Nullable ShimChannel channel;
  private volatile @Nullable JsonNode report;
  private volatile List<WorkerInfo> workers = List.of();
  private volatile Optional<Progress> progress = Optional.empty();
  private volatile Optional<GroupActivity> activity = Optional.empty();
  private volatile Optional<StartLengths> startLengths = Optional.empty();
  private volatile Optional<String> start = Optional.empty();
  private volatile boolean allSeen;

  /** Called on the shim's reading thread; must not block and must not throw. */
  interface Listener {
    /** All workers are there; called once. */
    void onWorkers(ProcessGroup group);

    /** The shim reported, or its socket closed: look which. */
    void onSilence(ProcessGroup group);
  }

  ProcessGroup(
      Fence fence, GroupFolder folder, Path socket, int localWorldSize, Listener listener) {
    this.fence = fence;
    this.folder = folder;
    this.socket = socket;
    this.localWorldSize = localWorldSize;
    this.listener = listener;
  }

  /** Connects to the shim; a living connection is kept. */
  void connect() throws IOException {
    if (channel != null) {
      return;
    }
    channel = ShimChannel.open(socket, fence.job() + "-" + fence.attempt(), new FromShim());
  }

  Fence fence() {
    return fence;
  }

  GroupFolder folder() {
    return folder;
  }

  Path socket() {
    return socket;
  }

  List<WorkerInfo> workers() {
    return workers;
  }

  boolean allSeen() {
    return allSeen;
  }

  Optional<Progress> progress() {
    return progress;
  }

  /** How long its start took, as far as its shim has seen. */
  Optional<StartLengths> startLengths() {
    return startLengths;
  }

  /** As of the shim's last beat: while the shim stands still, so does this. */
  Optional<GroupActivity> activity() {
    return activity;
  }

  /** Asks the shim; a second time while it takes them does nothing. */
  void takeStacks() throws IOException {
    ShimChannel open = channel;
    if (open == null) {
      throw new IOException("not connected to the shim of " + fence);
    }
    open.takeStacks();
  }

  /** How it was started, where its shim had a choice. */
  Optional<String> start() {
    return start;
  }

  /** The final report as told over the socket: it counts also when the disk was full. */
  Optional<JsonNode> report() {
    return Optional.ofNullable(report);
  }

  /** Asks the shim; an unreachable one is dealt with by whoever waits for the end. */
  void stop(Duration grace, Optional<Duration> saveWithin) throws IOException {
    ShimChannel open = channel;
    if (open == null) {
      throw new IOException("not connected to the shim of " + fence);
    }
    open.stop(grace, saveWithin);
  }

  /** True when the shim reported within the limit. */
  boolean awaitReport(Duration limit) throws InterruptedException {
    return reported.await(limit.toMillis(), TimeUnit.MILLISECONDS);
  }

  void close() {
    ShimChannel open = channel;
    if (open != null) {
      open.close();
    }
  }

  private final class FromShim implements ShimChannel.Listener {
    @Override
    public void onStatus(JsonNode status) {
      workers = List.copyOf(ShimReport.workers(status));
      if (status.path("start").isTextual()) {
        start = Optional.of(status.path("start").asText());
      }
      progress = ShimReport.progress(status).or(() -> progress);
      startLengths = ShimReport.startLengths(status).or(() -> startLengths);
      if (!allSeen && workers.size() >= localWorldSize) {
        allSeen = true;
        listener.onWorkers(ProcessGroup.this);
      }
      if (report == null && status.path("report").isObject()) {
        report = status.path("report");
        reported.countDown();
        listener.onSilence(ProcessGroup.this);
      }
    }

    @Override
    public void onBeat(JsonNode beat) {
      activity = ShimActivity.read(beat).or(() -> activity);
    }

    @Override
    public void onClosed() {
      channel = null;
      listener.onSilence(ProcessGroup.this);
    }
  }
}
