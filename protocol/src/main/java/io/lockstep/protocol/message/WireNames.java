package io.lockstep.protocol.message;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Stable names of message types on the wire: a class may move, its name here may not. The golden
 * bytes of a release are read by the next one.
 */
public final class WireNames {
  private final Map<String, Class<?>> byName = new LinkedHashMap<>();
  private final Map<Class<?>, String> byClass = new LinkedHashMap<>();

  /** The messages between coordinator and agents. */
  public static WireNames protocol() {
    return new WireNames()
        .with("cmd.prepare", AgentCommand.Prepare.class)
        .with("cmd.start", AgentCommand.Start.class)
        .with("cmd.stop", AgentCommand.Stop.class)
        .with("cmd.convert", AgentCommand.Convert.class)
        .with("cmd.ack", AgentCommand.Acknowledge.class)
        .with("cmd.say-hello", AgentCommand.SayHello.class)
        .with("cmd.take-stacks", AgentCommand.TakeStacks.class)
        .with("cmd.stand-by", AgentCommand.StandBy.class)
        .with("cmd.not-admitted", AgentCommand.NotAdmitted.class)
        .with("rep.hello", AgentReport.Hello.class)
        .with("rep.heartbeat", AgentReport.Heartbeat.class)
        .with("rep.prepared", AgentReport.Prepared.class)
        .with("rep.prepare-rejected", AgentReport.PrepareRejected.class)
        .with("rep.started", AgentReport.Started.class)
        .with("rep.exited", AgentReport.Exited.class)
        .with("rep.unknown", AgentReport.Unknown.class)
        .with("ask.read-log", AgentQuery.ReadLog.class)
        .with("ask.log-chunk", AgentQuery.LogChunk.class)
        .with("ask.examine", AgentQuery.Examine.class)
        .with("ask.examined", AgentQuery.Examined.class)
        .with("ask.meet", AgentQuery.Meet.class)
        .with("ask.met", AgentQuery.Met.class)
        .with("ask.offer-port", AgentQuery.OfferPort.class)
        .with("ask.offered-port", AgentQuery.OfferedPort.class)
        .with("ask.pair", AgentQuery.Pair.class)
        .with("ask.paired", AgentQuery.Paired.class);
  }

  /** Adds one name; both name and class must be new. */
  public WireNames with(String name, Class<?> type) {
    if (byName.putIfAbsent(name, type) != null || byClass.putIfAbsent(type, name) != null) {
      throw new IllegalArgumentException("twice on the wire: " + name + " for " + type);
    }
    return this;
  }

  public Optional<String> nameOf(Class<?> type) {
    return Optional.ofNullable(byClass.get(type));
  }

  public Optional<Class<?>> typeOf(String name) {
    return Optional.ofNullable(byName.get(name));
  }

  public Map<String, Class<?>> all() {
    return Map.copyOf(byName);
  }
}
