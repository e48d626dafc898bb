package io.lockstep.coordinator.seat;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.javadsl.AbstractBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.javadsl.Receive;

/** Carries requests to the process's {@link SeatHost} and its answers back; knows no rule. */
public final class SeatActor extends AbstractBehavior<SeatActor.Message> {
  /** Spawn it under {@code /user/} and this. */
  public static final String NAME = "seat";

  private final SeatHost host;

  /** What reaches the actor: {@link SeatCommand} from outside, answers of the host from inside. */
  public interface Message {}

  private record Answered(ActorRef<SeatReply> to, SeatReply reply) implements Message {}

  private record Dropped(SeatRequest request, Throwable why) implements Message {}

  /** A seat for {@code host}, which lives longer than the actor. */
  public static Behavior<SeatCommand> create(SeatHost host) {
    return Behaviors.<Message>setup(context -> new SeatActor(context, host)).narrow();
  }

  private SeatActor(ActorContext<Message> context, SeatHost host) {
    super(context);
    this.host = host;
  }

  @Override
  public Receive<Message> createReceive() {
    return newReceiveBuilder()
        .onMessage(SeatCommand.class, this::onCommand)
        .onMessage(Answered.class, this::onAnswered)
        .onMessage(Dropped.class, this::onDropped)
        .build();
  }

  private Behavior<Message> onCommand(SeatCommand command) {
    getContext()
        .pipeToSelf(
            host.handle(command.request()),
            (reply, failure) ->
                reply == null
                    ? new Dropped(command.request(), failure)
                    : new Answered(command.replyTo(), reply));
    return this;
  }

  private Behavior<Message> onAnswered(Answered answered) {
    answered.to().tell(answered.reply());
    return this;
  }

  private Behavior<Message> onDropped(Dropped dropped) {
    getContext().getLog().warn("seat request dropped: {}", dropped.request(), dropped.why());
    return this;
  }
}
