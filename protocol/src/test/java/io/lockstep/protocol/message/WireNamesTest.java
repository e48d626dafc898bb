package io.lockstep.protocol.message;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** A name is given once and never taken back. */
final class WireNamesTest {
  private static final WireNames names = WireNames.protocol();

  @Test
  void everyMessageOfTheFamiliesHasANameAndNothingElseHas() {
    Stream<Class<?>> messages =
        Stream.of(AgentCommand.class, AgentReport.class, AgentQuery.class)
            .flatMap(WireNamesTest::leaves);

    assertThat(messages).containsExactlyInAnyOrderElementsOf(names.all().values());
  }

  @Test
  void theNamesAreThoseOfTheFirstRelease() {
    assertThat(names.all().keySet())
        .containsExactlyInAnyOrder(
            "cmd.prepare",
            "cmd.start",
            "cmd.stop",
            "cmd.convert",
            "cmd.take-stacks",
            "cmd.ack",
            "cmd.say-hello",
            "cmd.not-admitted",
            "cmd.stand-by",
            "rep.hello",
            "rep.heartbeat",
            "rep.prepared",
            "rep.prepare-rejected",
            "rep.started",
            "rep.exited",
            "rep.unknown",
            "ask.read-log",
            "ask.log-chunk",
            "ask.examine",
            "ask.examined",
            "ask.meet",
            "ask.met",
            "ask.offer-port",
            "ask.offered-port",
            "ask.pair",
            "ask.paired");
  }

  @Test
  void nameAndTypeLeadToEachOther() {
    names
        .all()
        .forEach(
            (name, type) -> {
              assertThat(names.typeOf(name)).contains(type);
              assertThat(names.nameOf(type)).contains(name);
            });
  }

  @Test
  void aNameIsNotGivenTwice() {
    assertThatThrownBy(() -> new WireNames().with("a", String.class).with("a", Integer.class))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("twice on the wire: a for class java.lang.Integer");
  }

  @Test
  void aTypeIsNotNamedTwice() {
    assertThatThrownBy(() -> new WireNames().with("a", String.class).with("b", String.class))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("twice on the wire: b");
  }

  @Test
  void whatIsNotThereIsEmpty() {
    assertThat(names.typeOf("cmd.unheard-of")).isEmpty();
    assertThat(names.nameOf(String.class)).isEmpty();
  }

  private static Stream<Class<?>> leaves(Class<?> family) {
    return family.isSealed()
        ? Arrays.stream(family.getPermittedSubclasses()).flatMap(WireNamesTest::leaves)
        : Stream.of(family);
  }
}
