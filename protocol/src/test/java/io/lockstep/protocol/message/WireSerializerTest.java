package io.lockstep.protocol.message;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import akka.actor.ExtendedActorSystem;
import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.typed.javadsl.Adapter;
import akka.serialization.Serialization$;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.lockstep.protocol.Golden;
import io.lockstep.protocol.Samples;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.RankTable;
import java.io.IOException;
import java.io.NotSerializableException;
import java.io.UncheckedIOException;
import java.lang.reflect.RecordComponent;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What one daemon writes, another one reads: the same release, an older, or a newer one. */
final class WireSerializerTest {
  private static final ActorTestKit kit = ActorTestKit.create("golden");
  private static final ExtendedActorSystem system =
      (ExtendedActorSystem) Adapter.toClassic(kit.system());
  private static final WireSerializer serializer = new WireSerializer(system);
  private static final ObjectMapper cbor = WireJson.cbor();

  @AfterAll
  static void end() {
    kit.shutdownTestKit();
  }

  static Stream<Wire> messages() {
    return Samples.messages(kit.system().deadLetters()).stream();
  }

  static Stream<Record> messagesAndTheirValues() {
    return Stream.concat(messages().map(Record.class::cast), Samples.values().stream());
  }

  @ParameterizedTest
  @MethodSource("messages")
  void aMessageComesBackAsItWas(Wire message) {
    byte[] bytes = write(message);

    assertSame(read(bytes, serializer.manifest(message)), message);
  }

  @ParameterizedTest
  @MethodSource("messages")
  void theBytesOfAMessageStay(Wire message) {
    byte[] bytes = write(message);
    String manifest = serializer.manifest(message);

    byte[] golden = Golden.bytes("wire/" + manifest, bytes);

    assertThat(HexFormat.of().formatHex(bytes)).isEqualTo(HexFormat.of().formatHex(golden));
    assertSame(read(golden, manifest), message);
  }

  /** The bytes of a table are kept for the next launch: they must not become another one's. */
  @Test
  void launchesOfSeveralGangsByTurnsKeepTheirTables() {
    AgentCommand.Prepare first = ofGang(1, "a", "b");
    List<AgentCommand.Prepare> by =
        List.of(first, first, ofGang(1, "c"), ofGang(2, "c"), ofGang(2, "c"), first);
    for (AgentCommand.Prepare prepare : by) {
      assertSame(read(write(prepare), serializer.manifest(prepare)), prepare);
    }
  }

  @Test
  void aRankTableIsWrittenWithAllThatItHas() throws IOException {
    assertThat(tree(ofGang(1, "a").launch().rankTable()).fieldNames())
        .toIterable()
        .containsExactlyElementsOf(
            Stream.of(RankTable.class.getRecordComponents())
                .map(RecordComponent::getName)
                .toList());
  }

  private static AgentCommand.Prepare ofGang(int procs, String... nodes) {
    AgentCommand.Prepare one =
        messages()
            .filter(AgentCommand.Prepare.class::isInstance)
            .map(AgentCommand.Prepare.class::cast)
            .findFirst()
            .orElseThrow();
    LaunchSpec spec = one.launch();
    var table =
        new RankTable(
            Stream.of(nodes).map(n -> new RankTable.Entry(new NodeId(n), "host-" + n)).toList(),
            procs);
    return new AgentCommand.Prepare(
        one.term(),
        one.founding(),
        new LaunchSpec(
            spec.fence(),
            spec.node(),
            spec.nodeRank(),
            table,
            spec.agentDisk(),
            spec.job(),
            spec.zeroJson(),
            spec.restartCause()));
  }

  @Test
  void whatTheFirstReleaseSentIsRead() {
    Map<String, byte[]> all = Golden.ofRelease("0.1.0", "wire");
    assertThat(all).isNotEmpty();
    all.forEach(
        (manifest, bytes) -> {
          Object message = read(bytes, manifest);
          assertThat(serializer.manifest(message)).isEqualTo(manifest);
        });
  }

  @Test
  void thereIsASampleOfEveryMessage() {
    assertThat(messages().map(Object::getClass))
        .containsExactlyInAnyOrderElementsOf(WireNames.protocol().all().values());
  }

  @ParameterizedTest
  @MethodSource("messagesAndTheirValues")
  void aFieldThatANewerReleaseAddedIsIgnored(Record known) throws IOException {
    ObjectNode tree = tree(known);
    tree.putObject("addedLater").putArray("with").add(1).addObject().put("more", "in it");

    assertSame(asType(tree, known.getClass()), known);
  }

  @ParameterizedTest
  @MethodSource("messagesAndTheirValues")
  void anOptionalFieldThatAnOlderReleaseDidNotWriteReadsAsEmpty(Record full) throws Exception {
    for (RecordComponent field : full.getClass().getRecordComponents()) {
      if (field.getType() == Optional.class) {
        ObjectNode tree = tree(full);
        tree.remove(field.getName());

        Object read = asType(tree, full.getClass());

        assertThat(field.getAccessor().invoke(read))
            .as(field.toString())
            .isEqualTo(Optional.empty());
      }
    }
  }

  @ParameterizedTest
  @MethodSource("messagesAndTheirValues")
  void aMissingFieldThatIsNotOptionalIsRefusedByName(Record full) throws IOException {
    for (RecordComponent field : full.getClass().getRecordComponents()) {
      if (field.getType() != Optional.class && !field.getType().isPrimitive()) {
        ObjectNode tree = tree(full);
        tree.remove(field.getName());

        assertThatThrownBy(() -> asType(tree, full.getClass()))
            .as(field.toString())
            .isInstanceOf(IOException.class)
            .hasMessageContaining("'" + field.getName() + "'");
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"cmd.restart-everything", "", "CMD.PREPARE", "java.lang.String"})
  void anUnknownNameIsNamed(String name) {
    assertThatThrownBy(() -> serializer.fromBinary(new byte[] {(byte) 0xA0}, name))
        .isInstanceOf(NotSerializableException.class)
        .hasMessage("unknown message on the wire: " + name);
  }

  @Test
  void whatHasNoNameIsNotWritten() {
    assertThatThrownBy(() -> serializer.manifest("text"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("no wire name for class java.lang.String");
  }

  @ParameterizedTest
  @MethodSource("messages")
  void aTruncatedMessageIsRefused(Wire message) {
    byte[] bytes = write(message);
    String manifest = serializer.manifest(message);

    for (int length = 0; length < bytes.length; length++) {
      byte[] begun = Arrays.copyOf(bytes, length);
      assertThatThrownBy(() -> read(begun, manifest))
          .as("%d of %d bytes", length, bytes.length)
          .isInstanceOf(UncheckedIOException.class)
          .hasMessage("cannot read " + manifest);
    }
  }

  @ParameterizedTest
  @MethodSource("messages")
  void damagedBytesAreReadOrRefusedButNothingElse(Wire message) {
    byte[] bytes = write(message);
    String manifest = serializer.manifest(message);
    var random = new Random(1);

    for (int i = 0; i < 500; i++) {
      byte[] damaged = bytes.clone();
      damaged[random.nextInt(damaged.length)] ^= (byte) (1 << random.nextInt(8));
      assertReadOrRefused(damaged, manifest);
    }
  }

  @ParameterizedTest
  @MethodSource("messages")
  void garbageIsRefused(Wire message) {
    String manifest = serializer.manifest(message);
    byte[] nothing = {(byte) 0xF6};
    byte[] anEmptyList = {(byte) 0x80};
    byte[] number = {0x05};
    byte[] json = "{\"term\": 7}".getBytes(StandardCharsets.UTF_8);

    for (byte[] garbage : List.of(nothing, anEmptyList, number, json)) {
      assertThatThrownBy(() -> read(garbage, manifest))
          .as(HexFormat.of().formatHex(garbage))
          .isInstanceOf(UncheckedIOException.class)
          .hasMessage("cannot read " + manifest);
    }
  }

  @Test
  void anIllegalValueSaysWhatIsLegal() throws IOException {
    ObjectNode tree = tree(new AgentReport.Unknown(Samples.NODE, Samples.FENCE));
    tree.put("node", "../etc");

    assertThatThrownBy(() -> read(cbor.writeValueAsBytes(tree), "rep.unknown"))
        .isInstanceOf(UncheckedIOException.class)
        .rootCause()
        .hasMessageContaining("node id must be a host name, an address or a word, found: ../etc");
  }

  private static void assertReadOrRefused(byte[] bytes, String manifest) {
    try {
      assertThat(read(bytes, manifest)).isNotNull();
    } catch (UncheckedIOException e) {
      assertThat(e).hasMessage("cannot read " + manifest);
    }
  }

  /** Records with arrays in them are not equal to their copies, so contents are compared. */
  private static void assertSame(Object read, Object written) {
    assertThat(read).usingRecursiveComparison().isEqualTo(written);
    if (!(written instanceof AgentQuery.LogChunk)) {
      assertThat(read).isEqualTo(written);
    }
  }

  private static ObjectNode tree(Record value) throws IOException {
    JsonNode tree = cbor.readTree(travelling(() -> cbor.writeValueAsBytes(value)));
    return (ObjectNode) tree;
  }

  private static Object asType(ObjectNode tree, Class<?> type) throws IOException {
    byte[] bytes = cbor.writeValueAsBytes(tree);
    try {
      return travelling(() -> cbor.readValue(bytes, type));
    } catch (UncheckedIOException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  private static byte[] write(Wire message) {
    return travelling(() -> serializer.toBinary(message));
  }

  private static Object read(byte[] bytes, String manifest) {
    return travelling(() -> serializer.fromBinary(bytes, manifest));
  }

  /** As Akka calls a serializer: with the system at hand that resolves actor references. */
  private static <T> T travelling(Callable<T> action) {
    return Serialization$.MODULE$.withTransportInformation(
        system,
        () -> {
          try {
            return action.call();
          } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
          } catch (RuntimeException e) {
            throw e;
          } catch (Exception e) {
            throw new AssertionError(e);
          }
        });
  }
}
