package io.lockstep.coordinator.actor;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.lockstep.coordinator.core.ClusterEvent;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.coordinator.seat.StoredState;
import io.lockstep.protocol.message.WireJson;
import io.lockstep.protocol.message.WireNames;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Optional;

/** Bytes of events and snapshots as seats keep them: CBOR with a stable name for each event. */
public class StateCodec {
  private static final String NAME = "event";
  private static final String BODY = "of";

  private final ObjectMapper mapper = WireJson.cbor();
  private final WireNames names =
      new WireNames()
          .with("node.joined", ClusterEvent.NodeJoined.class)
          .with("node.lost", ClusterEvent.NodeLost.class)
          .with("node.suspected", ClusterEvent.NodeSuspected.class)
          .with("node.heard", ClusterEvent.NodeHeard.class)
          .with("node.trouble-changed", ClusterEvent.NodeTroubleChanged.class)
          .with("node.drain-changed", ClusterEvent.NodeDrainChanged.class)
          .with("node.quarantine-changed", ClusterEvent.NodeQuarantineChanged.class)
          .with("job.queued", ClusterEvent.JobQueued.class)
          .with("job.waits", ClusterEvent.JobWaits.class)
          .with("job.hold-changed", ClusterEvent.JobHoldChanged.class)
          .with("attempt.planned", ClusterEvent.AttemptPlanned.class)
          .with("attempt.spares-changed", ClusterEvent.SparesChanged.class)
          .with("attempt.node-prepared", ClusterEvent.NodePrepared.class)
          .with("attempt.released", ClusterEvent.AttemptReleased.class)
          .with("attempt.conversion-ordered", ClusterEvent.ConversionOrdered.class)
          .with("attempt.checkpoint-passed-over", ClusterEvent.CheckpointPassedOver.class)
          .with("attempt.node-started", ClusterEvent.NodeStarted.class)
          .with("attempt.running", ClusterEvent.AttemptRunning.class)
          .with("attempt.stepped", ClusterEvent.AttemptStepped.class)
          .with("attempt.taken-over", ClusterEvent.AttemptTakenOver.class)
          .with("attempt.faltered", ClusterEvent.AttemptFaltered.class)
          .with("attempt.suspected", ClusterEvent.AttemptSuspected.class)
          .with("attempt.straggler", ClusterEvent.StragglerSeen.class)
          .with("attempt.cleared", ClusterEvent.AttemptCleared.class)
          .with("attempt.node-exited", ClusterEvent.NodeExited.class)
          .with("attempt.node-finished", ClusterEvent.NodeFinished.class)
          .with("attempt.failed", ClusterEvent.AttemptFailed.class)
          .with("attempt.cause-refined", ClusterEvent.CauseRefined.class)
          .with("attempt.failure-followed", ClusterEvent.FailureFollowed.class)
          .with("attempt.group-gone", ClusterEvent.GroupGone.class)
          .with("job.lease-revoked", ClusterEvent.LeaseRevoked.class)
          .with("job.checkpoint-seen", ClusterEvent.CheckpointSeen.class)
          .with("job.stopping", ClusterEvent.JobStopping.class)
          .with("job.requeued", ClusterEvent.JobRequeued.class)
          .with("job.ended", ClusterEvent.JobEnded.class)
          .with("past.forgotten", ClusterEvent.PastForgotten.class);

  WireNames names() {
    return names;
  }

  public byte[] write(ClusterEvent event) {
    String name =
        names
            .nameOf(event.getClass())
            .orElseThrow(() -> new IllegalArgumentException("no name for " + event.getClass()));
    ObjectNode node = mapper.createObjectNode();
    node.put(NAME, name);
    node.set(BODY, mapper.valueToTree(event));
    try {
      return mapper.writeValueAsBytes(node);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + name, e);
    }
  }

  /** IllegalArgumentException for one that only a later release knows. */
  public final ClusterEvent readEvent(byte[] bytes) {
    return readIfKnown(bytes)
        .orElseThrow(() -> new IllegalArgumentException("unknown stored event " + nameIn(bytes)));
  }

  /** Empty for one that only a later release knows. */
  protected Optional<ClusterEvent> readIfKnown(byte[] bytes) {
    try {
      JsonNode node = mapper.readTree(bytes);
      String name = node.path(NAME).asText();
      Optional<Class<?>> type = names.typeOf(name);
      if (type.isEmpty()) {
        return Optional.empty();
      }
      var event = (ClusterEvent) mapper.treeToValue(node.path(BODY), type.get());
      if (event == null) {
        throw new IllegalArgumentException("stored event " + name + " has no content");
      }
      return Optional.of(event);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read a stored event", e);
    }
  }

  private String nameIn(byte[] bytes) {
    try {
      return mapper.readTree(bytes).path(NAME).asText();
    } catch (IOException e) {
      return "without a name";
    }
  }

  public byte[] writeSnapshot(ClusterState state) {
    try {
      return mapper.writeValueAsBytes(state);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write the state", e);
    }
  }

  /** The state that seats hold: the snapshot, then the events since. */
  public ClusterState read(StoredState stored) {
    ClusterState state = snapshotOf(stored);
    for (byte[] event : stored.events()) {
      state = evolve(state, readEvent(event));
    }
    return state;
  }

  /** What the events since are folded onto. */
  final ClusterState snapshotOf(StoredState stored) {
    return stored.snapshot().length > 0 ? readSnapshot(stored.snapshot()) : ClusterState.EMPTY;
  }

  protected ClusterState readSnapshot(byte[] bytes) {
    try {
      ClusterState state = mapper.readValue(bytes, ClusterState.class);
      if (state == null) {
        throw new EOFException("nothing in it");
      }
      return state;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the snapshot", e);
    }
  }

  /** The state after one more event. */
  public ClusterState evolve(ClusterState state, ClusterEvent event) {
    return state.evolve(event);
  }
}
