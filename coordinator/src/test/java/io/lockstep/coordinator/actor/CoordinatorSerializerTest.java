package io.lockstep.coordinator.actor;

import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.ExtendedActorSystem;
import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.typed.javadsl.Adapter;
import akka.serialization.Serialization$;
import io.lockstep.coordinator.seat.SeatCommand;
import io.lockstep.coordinator.seat.SeatReply;
import io.lockstep.protocol.message.Wire;
import io.lockstep.protocol.message.WireNames;
import io.lockstep.protocol.message.WireSerializer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What REST asks on one daemon is answered on another, of the same release or the next. */
final class CoordinatorSerializerTest {
  private static final ActorTestKit kit = ActorTestKit.create("golden");
  private static final ExtendedActorSystem system =
      (ExtendedActorSystem) Adapter.toClassic(kit.system());
  private static final CoordinatorSerializer serializer = new CoordinatorSerializer(system);
  private static final WireNames names = CoordinatorSerializer.names();

  @AfterAll
  static void end() {
    kit.shutdownTestKit();
  }

  static Stream<Wire> messages() {
    return Samples.messages(kit.system().deadLetters()).stream();
  }

  @Test
  void everyMessageOfTheFamiliesHasANameAndNothingElseHas() {
    Stream<Class<?>> messages =
        Stream.of(
                CoordinatorRequest.class,
                CoordinatorAnswer.class,
                SeatCommand.class,
                SeatReply.class)
            .flatMap(CoordinatorSerializerTest::leaves);

    assertThat(messages).containsExactlyInAnyOrderElementsOf(names.all().values());
  }

  @Test
  void thereIsASampleOfEveryRequestAndAnswer() {
    Stream<Class<?>> family =
        Stream.of(CoordinatorRequest.class, CoordinatorAnswer.class)
            .flatMap(CoordinatorSerializerTest::leaves);

    assertThat(messages().map(Object::getClass))
        .containsExactlyInAnyOrderElementsOf(family.toList());
  }

  @Test
  void theTwoSerializersShareNeitherIdentifierNorName() {
    assertThat(serializer.identifier()).isNotEqualTo(new WireSerializer(system).identifier());
    assertThat(names.all().keySet())
        .doesNotContainAnyElementsOf(WireNames.protocol().all().keySet());
  }

  @ParameterizedTest
  @MethodSource("messages")
  void aMessageComesBackAsItWasAndItsBytesStay(Wire message) {
    byte[] bytes = write(message);
    String manifest = serializer.manifest(message);

    assertThat(read(bytes, manifest)).isEqualTo(message);
    byte[] golden = Golden.bytes("coordinator/" + manifest, bytes);
    assertThat(HexFormat.of().formatHex(bytes)).isEqualTo(HexFormat.of().formatHex(golden));
    assertThat(read(golden, manifest)).isEqualTo(message);
  }

  @ParameterizedTest
  @ValueSource(strings = {"coordinator", "seat"})
  void whatTheFirstReleaseSentIsRead(String kind) {
    Map<String, byte[]> all = Golden.ofRelease("0.1.0", kind);
    assertThat(all).isNotEmpty();
    all.forEach(
        (manifest, bytes) -> {
          Object message = read(bytes, manifest);
          assertThat(read(write((Wire) message), manifest)).as(manifest).isEqualTo(message);
        });
  }

  private static Stream<Class<?>> leaves(Class<?> family) {
    return family.isSealed()
        ? Arrays.stream(family.getPermittedSubclasses()).flatMap(CoordinatorSerializerTest::leaves)
        : Stream.of(family);
  }

  private static byte[] write(Wire message) {
    return Serialization$.MODULE$.withTransportInformation(
        system, () -> serializer.toBinary(message));
  }

  private static Object read(byte[] bytes, String manifest) {
    return Serialization$.MODULE$.withTransportInformation(
        system,
        () -> {
          try {
            return serializer.fromBinary(bytes, manifest);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
  }
}
