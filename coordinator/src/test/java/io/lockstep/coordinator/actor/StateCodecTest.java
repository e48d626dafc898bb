package io.lockstep.coordinator.actor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.lockstep.coordinator.core.ClusterEvent;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.coordinator.seat.Membership;
import io.lockstep.coordinator.seat.StoredState;
import io.lockstep.protocol.message.WireJson;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a majority of seats keeps on disk is read by every later release. */
final class StateCodecTest {
  private static final StateCodec codec = new StateCodec();

  /** Of attempts, jobs and causes; that they are not missed is the test. */
  private static final List<String> SINCE_THE_FIRST_RELEASE =
      List.of(
          "conversion",
          "suspicion",
          "slowRanks",
          "furthestStep",
          "aftermath",
          "diagnosis",
          "saveWithin",
          "trained",
          "universal",
          "progress",
          "trial",
          "failingSince");

  private static final ObjectMapper cbor = WireJson.cbor();

  static Stream<ClusterEvent> events() {
    return Samples.life().stream();
  }

  /** The first event of each kind: its bytes are kept. */
  static Stream<ClusterEvent> oneOfEach() {
    return codec.names().all().values().stream()
        .map(type -> events().filter(type::isInstance).findFirst().orElseThrow());
  }

  /** The state after each event of the life. */
  static Stream<ClusterState> states() {
    List<ClusterEvent> life = Samples.life();
    return IntStream.rangeClosed(0, life.size()).mapToObj(n -> fold(life.subList(0, n)));
  }

  @Test
  void everyEventHasANameAndNothingElseHas() {
    assertThat(leaves(ClusterEvent.class))
        .containsExactlyInAnyOrderElementsOf(codec.names().all().values());
  }

  @Test
  void theNamesOnDiskAreThoseOfTheFirstRelease() {
    assertThat(codec.names().all().keySet())
        .contains(
            "node.joined",
            "node.lost",
            "node.drain-changed",
            "job.queued",
            "job.waits",
            "attempt.planned",
            "attempt.node-prepared",
            "attempt.released",
            "attempt.node-started",
            "attempt.running",
            "attempt.node-finished",
            "attempt.failed",
            "attempt.cause-refined",
            "attempt.group-gone",
            "job.lease-revoked",
            "job.checkpoint-seen",
            "job.stopping",
            "job.requeued",
            "job.ended");
  }

  @Test
  void theNamesThatPeopleReadAreThoseOfTheFirstRelease() {
    assertThat(fold(Samples.life()).history())
        .extracting(entry -> entry.type())
        .contains(
            "NodeJoined",
            "NodeLost",
            "NodeDrainChanged",
            "JobQueued",
            "JobWaits",
            "AttemptPlanned",
            "NodePrepared",
            "AttemptReleased",
            "NodeStarted",
            "AttemptRunning",
            "NodeFinished",
            "AttemptFailed",
            "CauseRefined",
            "GroupGone",
            "LeaseRevoked",
            "CheckpointSeen",
            "JobStopping",
            "JobRequeued",
            "JobEnded");
  }

  @ParameterizedTest
  @MethodSource("events")
  void anEventComesBackAsItWas(ClusterEvent event) {
    assertThat(codec.readEvent(codec.write(event))).isEqualTo(event);
  }

  @ParameterizedTest
  @MethodSource("oneOfEach")
  void theBytesOfAnEventStay(ClusterEvent event) {
    String name = codec.names().nameOf(event.getClass()).orElseThrow();

    byte[] golden = Golden.bytes("stored/" + name, codec.write(event));

    assertThat(hex(codec.write(event))).isEqualTo(hex(golden));
    assertThat(codec.readEvent(golden)).isEqualTo(event);
  }

  @ParameterizedTest
  @MethodSource("states")
  void aSnapshotComesBackAsItWas(ClusterState state) {
    ClusterState read = codec.read(stored(codec.writeSnapshot(state), List.of()));

    assertThat(read).isEqualTo(state);
    assertThat(read.jobs().keySet()).containsExactlyElementsOf(state.jobs().keySet());
  }

  /** What came after 0.1.0 is absent in a snapshot of it, in whatever phase its jobs were. */
  @ParameterizedTest
  @MethodSource("states")
  void aSnapshotOfAnEarlierReleaseIsRead(ClusterState state) throws IOException {
    var tree = cbor.readTree(codec.writeSnapshot(state));
    SINCE_THE_FIRST_RELEASE.forEach(
        name ->
            tree.findParents(name)
                .forEach(
                    each -> {
                      ((ObjectNode) each).remove(name);
                    }));

    ClusterState read = codec.read(stored(cbor.writeValueAsBytes(tree), List.of()));

    assertThat(read.jobs().keySet()).containsExactlyElementsOf(state.jobs().keySet());
  }

  @Test
  void theBytesOfASnapshotStay() {
    ClusterState state = fold(Samples.life());

    byte[] golden = Golden.bytes("stored/snapshot", codec.writeSnapshot(state));

    assertThat(hex(codec.writeSnapshot(state))).isEqualTo(hex(golden));
    assertThat(codec.read(stored(golden, List.of()))).isEqualTo(state);
  }

  @Test
  void whatTheFirstReleaseStoredIsRead() {
    Map<String, byte[]> all = new TreeMap<>(Golden.ofRelease("0.1.0", "stored"));
    ClusterState state =
        codec.read(stored(Objects.requireNonNull(all.remove("snapshot")), List.of()));
    assertThat(state.jobs()).isNotEmpty();
    assertThat(state.nodes().values()).isNotEmpty().allMatch(n -> n.flapping().isEmpty());
    assertThat(all).hasSizeGreaterThan(25);
    all.forEach(
        (name, bytes) -> {
          ClusterEvent event = codec.readEvent(bytes);
          assertThat(codec.names().nameOf(event.getClass())).contains(name);
          assertThat(codec.readEvent(codec.write(event))).as(name).isEqualTo(event);
        });
  }

  @Test
  void itDoesNotMatterWhereTheSnapshotWasTaken() {
    List<ClusterEvent> life = Samples.life();
    ClusterState whole = fold(life);

    for (int n = 0; n <= life.size(); n++) {
      byte[] snapshot = codec.writeSnapshot(fold(life.subList(0, n)));
      List<byte[]> since = life.subList(n, life.size()).stream().map(codec::write).toList();

      assertThat(codec.read(stored(snapshot, since))).as("snapshot at %d", n).isEqualTo(whole);
    }
  }

  @Test
  void withoutASnapshotTheStateBeginsEmpty() {
    assertThat(codec.read(stored(new byte[0], List.of()))).isEqualTo(ClusterState.EMPTY);
  }

  @ParameterizedTest
  @MethodSource("oneOfEach")
  void aFieldThatANewerReleaseStoredIsIgnored(ClusterEvent event) throws IOException {
    var tree = (ObjectNode) cbor.readTree(codec.write(event));
    tree.put("addedLater", 1);
    ((ObjectNode) tree.get("of")).putObject("addedLater").put("a", 1);

    assertThat(codec.readEvent(cbor.writeValueAsBytes(tree))).isEqualTo(event);
  }

  /** It stored neither how a node is tried after its quarantine, nor that it fails. */
  @Test
  void aQuarantineThatAnEarlierReleaseStoredIsRead() throws IOException {
    var whole =
        (ClusterEvent.NodeQuarantineChanged)
            events()
                .filter(ClusterEvent.NodeQuarantineChanged.class::isInstance)
                .findFirst()
                .orElseThrow();
    var tree = (ObjectNode) cbor.readTree(codec.write(whole));
    ((ObjectNode) tree.get("of")).remove(List.of("trial", "failingSince"));

    assertThat(codec.readEvent(cbor.writeValueAsBytes(tree)))
        .isEqualTo(
            new ClusterEvent.NodeQuarantineChanged(
                whole.id(),
                whole.until(),
                whole.at(),
                whole.reason(),
                Optional.empty(),
                Optional.empty()));
  }

  @Test
  void anEventOfANewerReleaseIsNamed() throws IOException {
    byte[] newer =
        cbor.writeValueAsBytes(cbor.createObjectNode().put("event", "job.paused").put("of", 1));

    assertThatThrownBy(() -> codec.readEvent(newer))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("unknown stored event job.paused");
  }

  @Test
  void anEventWithoutContentIsRefused() throws IOException {
    ObjectNode tree = cbor.createObjectNode().put("event", "job.waits");
    byte[] without = cbor.writeValueAsBytes(tree);
    byte[] withNull = cbor.writeValueAsBytes(tree.putNull("of"));

    for (byte[] bytes : List.of(without, withNull)) {
      assertThatThrownBy(() -> codec.readEvent(bytes))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("stored event job.waits has no content");
    }
  }

  @ParameterizedTest
  @MethodSource("oneOfEach")
  void aTruncatedEventIsRefused(ClusterEvent event) {
    byte[] bytes = codec.write(event);

    for (int length = 1; length < bytes.length; length++) {
      byte[] begun = Arrays.copyOf(bytes, length);
      assertThatThrownBy(() -> codec.readEvent(begun))
          .as("%d of %d bytes", length, bytes.length)
          .isInstanceOf(UncheckedIOException.class)
          .hasMessage("cannot read a stored event");
    }
  }

  @ParameterizedTest
  @MethodSource("oneOfEach")
  void aDamagedEventIsReadOrRefusedButNothingElse(ClusterEvent event) {
    byte[] bytes = codec.write(event);
    var random = new Random(1);

    for (int i = 0; i < 300; i++) {
      byte[] damaged = bytes.clone();
      damaged[random.nextInt(damaged.length)] ^= (byte) (1 << random.nextInt(8));
      Throwable refused = catchThrowable(() -> assertThat(codec.readEvent(damaged)).isNotNull());
      if (refused != null) {
        assertThat(refused)
            .isInstanceOfAny(UncheckedIOException.class, IllegalArgumentException.class);
      }
    }
  }

  @Test
  void aDamagedSnapshotIsRefused() {
    byte[] whole = codec.writeSnapshot(fold(Samples.life()));
    byte[] nothing = {(byte) 0xF6};

    for (byte[] bytes : List.of(nothing, Arrays.copyOf(whole, 1), Arrays.copyOf(whole, 500))) {
      assertThatThrownBy(() -> codec.read(stored(bytes, List.of())))
          .isInstanceOf(UncheckedIOException.class)
          .hasMessage("cannot read the snapshot");
    }
  }

  private static ClusterState fold(List<ClusterEvent> events) {
    ClusterState state = ClusterState.EMPTY;
    for (ClusterEvent event : events) {
      state = state.evolve(event);
    }
    return state;
  }

  private static StoredState stored(byte[] snapshot, List<byte[]> since) {
    return new StoredState(Membership.NONE, 0, snapshot, since);
  }

  private static Stream<Class<?>> leaves(Class<?> family) {
    return family.isSealed()
        ? Arrays.stream(family.getPermittedSubclasses()).flatMap(StateCodecTest::leaves)
        : Stream.of(family);
  }

  private static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(bytes);
  }
}
