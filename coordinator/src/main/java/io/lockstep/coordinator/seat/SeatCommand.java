package io.lockstep.coordinator.seat;

import akka.actor.typed.ActorRef;
import io.lockstep.protocol.message.Wire;

/** A {@link SeatRequest} on the wire, with where the answer goes. */
public sealed interface SeatCommand extends Wire, SeatActor.Message {
  SeatRequest request();

  ActorRef<SeatReply> replyTo();

  record Promise(SeatRequest.Promise request, ActorRef<SeatReply> replyTo) implements SeatCommand {}

  record Accept(SeatRequest.Accept request, ActorRef<SeatReply> replyTo) implements SeatCommand {}

  record Install(SeatRequest.Install request, ActorRef<SeatReply> replyTo) implements SeatCommand {}

  static SeatCommand of(SeatRequest request, ActorRef<SeatReply> replyTo) {
    if (request instanceof SeatRequest.Promise promise) {
      return new Promise(promise, replyTo);
    } else if (request instanceof SeatRequest.Accept accept) {
      return new Accept(accept, replyTo);
    } else if (request instanceof SeatRequest.Install install) {
      return new Install(install, replyTo);
    }
    throw new IllegalArgumentException("no command for " + request);
  }
}
