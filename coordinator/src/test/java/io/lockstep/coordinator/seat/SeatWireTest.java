package io.lockstep.coordinator.seat;

import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.ExtendedActorSystem;
import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.typed.ActorRef;
import akka.actor.typed.javadsl.Adapter;
import akka.serialization.Serialization$;
import io.lockstep.protocol.message.Wire;
import io.lockstep.protocol.message.WireNames;
import io.lockstep.protocol.message.WireSerializer;
import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.Term;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The bytes of a release are read by the next one. {@code -Dgolden.record=true} writes them anew;
 * review the difference.
 */
final class SeatWireTest {
  private static final Path FOLDER = Path.of("src/test/resources/golden/seat");
  private static final ActorTestKit kit = ActorTestKit.create("golden");
  private static final WireNames names = SeatNames.register(new WireNames());
  private static final WireSerializer serializer = new SeatSerializer();

  private static final class SeatSerializer extends WireSerializer {
    SeatSerializer() {
      super(names, 1);
    }
  }

  @AfterAll
  static void end() {
    kit.shutdownTestKit();
  }

  static Stream<Wire> messages() {
    ActorRef<SeatReply> replyTo = kit.system().deadLetters().unsafeUpcast().narrow();
    var seat = new SeatId("10.0.0.1");
    var disk = new DiskId("disk-1");
    var founding = Optional.of(new FoundingId("cluster-1"));
    var term = new Term(7);
    Membership membership =
        Membership.founding(Map.of(seat, disk)).with(seat, Optional.of(new DiskId("disk-2")));
    var state =
        new StoredState(membership, 5, new byte[] {1, 2}, List.of(new byte[] {3}, new byte[0]));
    return Stream.of(
        new SeatCommand.Promise(new SeatRequest.Promise(1, Optional.empty(), term, "c-1"), replyTo),
        new SeatCommand.Accept(
            new SeatRequest.Accept(
                2, founding, term, "c-1", 6, 2, membership, List.of(new byte[] {9, 8})),
            replyTo),
        new SeatCommand.Install(new SeatRequest.Install(3, founding, term, "c-1", state), replyTo),
        new SeatReply.Promised(
            1, seat, disk, term, SeatReply.Standing.FOUNDED, founding, new Term(6), state),
        new SeatReply.Accepted(
            2,
            seat,
            disk,
            term,
            7,
            2,
            5,
            60_000,
            List.of(
                new GrantAge(
                    new Fence(6, new JobId("llama"), Attempt.FIRST),
                    new NodeId("n1"),
                    450,
                    false,
                    Optional.empty()))),
        new SeatReply.NeedsSnapshot(3, seat, disk, term, new Term(6), 7),
        new SeatReply.Refused(
            4, seat, disk, term, new Term(8), SeatReply.Refusal.HIGHER_TERM, "promised term 8"),
        new SeatReply.Broken(5, seat, "disk full"));
  }

  @ParameterizedTest
  @MethodSource("messages")
  void aMessageComesBackAsItWasAndItsBytesStay(Wire message) throws IOException {
    byte[] bytes = write(message);
    String manifest = serializer.manifest(message);

    assertThat(read(bytes, manifest)).isEqualTo(message);
    byte[] golden = golden(manifest, bytes);
    assertThat(HexFormat.of().formatHex(bytes)).isEqualTo(HexFormat.of().formatHex(golden));
    assertThat(read(golden, manifest)).isEqualTo(message);
  }

  @Test
  void everyMessageHasAName() {
    Stream<Class<?>> sealed =
        Stream.of(SeatCommand.class, SeatReply.class)
            .flatMap(family -> Arrays.stream(family.getPermittedSubclasses()));
    assertThat(sealed).containsExactlyInAnyOrderElementsOf(names.all().values());
    assertThat(messages().map(Object::getClass))
        .containsExactlyInAnyOrderElementsOf(names.all().values());
  }

  @Test
  void theLargestStateFitsOneFrame() {
    var state =
        new StoredState(
            Membership.NONE,
            0,
            new byte[SeatLimits.MAX_STATE_BYTES - SeatLimits.MAX_EVENTS_SINCE_SNAPSHOT],
            Collections.nCopies(SeatLimits.MAX_EVENTS_SINCE_SNAPSHOT, new byte[] {1}));
    assertThat(state.fits()).isTrue();

    byte[] bytes =
        write(
            new SeatReply.Promised(
                1,
                new SeatId("s"),
                new DiskId("d"),
                new Term(1),
                SeatReply.Standing.FOUNDED,
                Optional.of(new FoundingId("f")),
                new Term(1),
                state));

    assertThat(bytes.length).isLessThan(SeatLimits.MAX_FRAME_BYTES - 100_000);
  }

  private static byte[] write(Wire message) {
    return Serialization$.MODULE$.withTransportInformation(
        (ExtendedActorSystem) Adapter.toClassic(kit.system()), () -> serializer.toBinary(message));
  }

  private static Object read(byte[] bytes, String manifest) {
    return Serialization$.MODULE$.withTransportInformation(
        (ExtendedActorSystem) Adapter.toClassic(kit.system()),
        () -> {
          try {
            return serializer.fromBinary(bytes, manifest);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
  }

  private static byte[] golden(String name, byte[] bytes) throws IOException {
    if (Boolean.getBoolean("golden.record")) {
      Files.createDirectories(FOLDER);
      Files.writeString(
          FOLDER.resolve(name + ".hex"), HexFormat.of().formatHex(bytes) + System.lineSeparator());
      return bytes;
    }
    try (InputStream in = SeatWireTest.class.getResourceAsStream("/golden/seat/" + name + ".hex")) {
      assertThat(in).as("golden bytes of " + name).isNotNull();
      if (in == null) {
        throw new IOException(name);
      }
      return HexFormat.of()
          .parseHex(new String(in.readAllBytes(), StandardCharsets.US_ASCII).strip());
    }
  }
}
