package io.lockstep.coordinator.actor;

import akka.actor.typed.ActorRef;
import akka.actor.typed.ActorRefResolver;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.coordinator.core.Node;
import io.lockstep.coordinator.seat.DiskId;
import io.lockstep.coordinator.seat.Membership;
import io.lockstep.coordinator.seat.SeatChange;
import io.lockstep.coordinator.seat.SeatId;
import io.lockstep.protocol.api.SeatsView;
import io.lockstep.protocol.message.ToAgent;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.util.Optional;
import java.util.Set;

/** Requests about the seats: who they are, and who is to be one. Hosts are named as people do. */
final class SeatRequests {
  private final CoordinatorActor actor;
  private final ClusterState state;
  private final AgentDirectory agents;
  private final ActorRefResolver resolver;
  private final Membership membership;

  SeatRequests(
      CoordinatorActor actor, ClusterState state, AgentDirectory agents, ActorRefResolver refs) {
    this.actor = actor;
    this.state = state;
    this.agents = agents;
    this.resolver = refs;
    this.membership = actor.membership().orElse(Membership.NONE);
  }

  /** Whether it was one of these. */
  boolean handle(CoordinatorRequest request) {
    if (request instanceof CoordinatorRequest.ListSeats) {
      request.replyTo().tell(new CoordinatorAnswer.Seats(view()));
    } else if (request instanceof CoordinatorRequest.AddSeat add) {
      change(newcomer(add.host()).map(SeatChange.Add::new), add.host(), request.replyTo());
    } else if (request instanceof CoordinatorRequest.RemoveSeat remove) {
      SeatId seat = seat(remove.host()).orElseGet(() -> new SeatId(remove.host()));
      actor.changeSeats(new SeatChange.Remove(seat), request.replyTo());
    } else if (request instanceof CoordinatorRequest.ReplaceSeat replace) {
      SeatId old = seat(replace.old()).orElseGet(() -> new SeatId(replace.old()));
      change(
          newcomer(replace.by()).map(by -> new SeatChange.Replace(old, by)),
          replace.by(),
          request.replyTo());
    } else {
      return false;
    }
    return true;
  }

  private void change(
      Optional<? extends SeatChange> change, String host, ActorRef<CoordinatorAnswer> replyTo) {
    if (change.isPresent()) {
      actor.changeSeats(change.get(), replyTo);
    } else {
      replyTo.tell(
          new CoordinatorAnswer.Refused(
              Reason.of(
                  ReasonCode.UNKNOWN_NODE,
                  "no node %s is heard; start lockstepd there first, lockstep nodes shows who is"
                      + " there",
                  host)));
    }
  }

  /** By its address, its host, or the node there. */
  private Optional<SeatId> seat(String host) {
    return membership.members().stream()
        .map(Membership.Member::seat)
        .filter(
            s ->
                s.address().equals(host)
                    || hostOf(s).equals(host)
                    || nodeAt(s).filter(n -> n.id().value().equals(host)).isPresent())
        .findFirst();
  }

  private Optional<SeatId> newcomer(String host) {
    return seat(host)
        .or(
            () ->
                state.nodes().values().stream()
                    .flatMap(n -> addressOf(n).map(a -> new Place(n, a)).stream())
                    .filter(p -> p.isNamed(host))
                    .map(p -> new SeatId(p.address()))
                    .findFirst());
  }

  private record Place(Node node, String address) {
    boolean isNamed(String host) {
      return node.id().value().equals(host)
          || node.inventory().address().equals(host)
          || address.equals(host);
    }
  }

  /** Where the daemon of a node is, as {@code host:port}; as its seat would be called. */
  private Optional<String> addressOf(Node node) {
    return agents.agent(node.id()).map(this::addressOf);
  }

  private String addressOf(ActorRef<ToAgent> agent) {
    String whole = resolver.toSerializationFormat(agent);
    String behind = whole.substring(whole.indexOf('@') + 1);
    return behind.substring(0, behind.indexOf('/'));
  }

  private Optional<Node> nodeAt(SeatId seat) {
    return state.nodes().values().stream()
        .filter(n -> n.inventory().address().equals(hostOf(seat)))
        .findFirst();
  }

  static String hostOf(SeatId seat) {
    int colon = seat.address().lastIndexOf(':');
    return colon < 0 ? seat.address() : seat.address().substring(0, colon);
  }

  private SeatsView view() {
    Set<SeatId> answering =
        actor.leases().answering(membership, SeatChanges.ANSWERS_WITHIN, actor.now());
    return new SeatsView(
        membership.set(),
        membership.majority(),
        answering.size(),
        membership.members().stream().map(m -> view(m, answering.contains(m.seat()))).toList());
  }

  private SeatsView.SeatView view(Membership.Member member, boolean answers) {
    Optional<String> trouble =
        actor.leases().troubleOf(member.seat(), SeatChanges.ANSWERS_WITHIN, actor.now());
    String seatState;
    String detail = "";
    if (membership.joining().filter(member.seat()::equals).isPresent()) {
      seatState = "JOINING";
      detail = "takes its place when all workers count the new seats";
    } else if (member.disk().isEmpty()) {
      seatState = "DISK_LOST";
      detail = "its place is vacant until its new disk is taken in";
    } else if (trouble.isPresent()) {
      seatState = "BROKEN";
      detail = trouble.get();
    } else if (answers) {
      seatState = "FOLLOWS";
    } else {
      seatState = "OUT_OF_REACH";
      detail = "has accepted nothing for " + SeatChanges.ANSWERS_WITHIN.toSeconds() + " s";
    }
    return new SeatsView.SeatView(
        member.seat().address(),
        nodeAt(member.seat()).map(n -> n.id().value()),
        seatState,
        actor.leases().versionOf(member.seat()),
        member.disk().map(DiskId::text),
        answers,
        detail);
  }
}
