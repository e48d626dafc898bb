package io.lockstep.coordinator.rest;

import akka.http.javadsl.model.HttpResponse;
import io.lockstep.coordinator.actor.Coordinator;
import io.lockstep.coordinator.actor.CoordinatorAnswer;
import io.lockstep.coordinator.actor.CoordinatorRequest;
import io.lockstep.coordinator.actor.Stages;
import io.lockstep.protocol.api.DoctorView;
import io.lockstep.protocol.message.AgentQuery;
import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.stream.IntStream;

/** Asks nodes how they are, then whether they see one another, and compares their answers. */
final class DoctorRoutes {
  /** A node looks for up to 10 s where its driver hangs; both fit into HTTP's 20 s. */
  static final Duration EXAMINE_LIMIT = Duration.ofSeconds(12);

  static final Duration MEET_LIMIT = Duration.ofSeconds(6);

  /** A node tries so many others, not each one: with a thousand it would be a million calls. */
  static final int MAX_PEERS = 16;

  private final Coordinator coordinator;
  private final Asking asking;
  private final Replies replies;

  DoctorRoutes(Coordinator coordinator, Replies replies) {
    this.coordinator = coordinator;
    this.asking = new Asking(coordinator, replies);
    this.replies = replies;
  }

  List<Endpoint> endpoints() {
    return List.of(Endpoint.post("/v1/doctor", this::examine));
  }

  /** A node with what it said; without an answer the findings say why. */
  private record Seen(
      CoordinatorAnswer.NodePlace place,
      Optional<AgentQuery.Examined> answer,
      Optional<DoctorVerdict.Patient> patient,
      List<Finding> findings) {
    Seen with(List<Finding> more) {
      var all = new ArrayList<>(findings);
      all.addAll(more);
      return new Seen(place, answer, patient, all);
    }
  }

  private CompletionStage<HttpResponse> examine(Call call) {
    List<NodeId> nodes = nodes(call);
    Optional<String> folder = call.query("folder");
    Optional<String> python = call.query("python");
    if (folder.filter(f -> !f.startsWith("/")).isPresent()) {
      throw Refusal.invalid("folder must be absolute, found: " + folder.get(), List.of());
    }
    String doctor = newName();
    return asking
        .ask(
            CoordinatorAnswer.NodePlaces.class,
            replyTo -> new CoordinatorRequest.LocateNodes(nodes, replyTo))
        .thenCompose(
            places ->
                Stages.all(
                    places.places().stream().map(p -> look(p, doctor, folder, python)).toList()))
        .thenCompose(
            seen -> Stages.all(seen.stream().map(s -> meet(s, seen, doctor, folder)).toList()))
        .thenApply(seen -> replies.ok(view(seen)));
  }

  /** Of one call, for the logs of all nodes; nodes make it part of file names. */
  static String newName() {
    return UUID.randomUUID().toString().replace("-", "");
  }

  /** Those that are named; none means all. */
  static List<NodeId> nodes(Call call) {
    return call.query("nodes").map(DoctorRoutes::nodes).orElse(List.of());
  }

  private static List<NodeId> nodes(String list) {
    try {
      return Arrays.stream(list.split(",", -1)).map(NodeId::new).toList();
    } catch (IllegalArgumentException e) {
      throw Refusal.of(new Reason(ReasonCode.UNKNOWN_NODE, "no node in " + list));
    }
  }

  private CompletionStage<Seen> look(
      CoordinatorAnswer.NodePlace place,
      String doctor,
      Optional<String> folder,
      Optional<String> python) {
    if (place.agent().isEmpty()) {
      return CompletableFuture.completedStage(silent(place, "the node is not heard of"));
    }
    long began = System.nanoTime();
    return coordinator
        .<AgentQuery.Examined>askAgent(
            place.agent().get(),
            replyTo -> new AgentQuery.Examine(doctor, folder, python, replyTo),
            EXAMINE_LIMIT)
        .thenApply(answer -> seen(place, answer, Duration.ofNanos(System.nanoTime() - began)))
        .exceptionally(
            failure -> silent(place, "no answer within " + EXAMINE_LIMIT.toSeconds() + " s"));
  }

  /** The clock is told when the answer is written, just before it is sent. */
  private static Seen seen(
      CoordinatorAnswer.NodePlace place, AgentQuery.Examined answer, Duration took) {
    var patient =
        new DoctorVerdict.Patient(
            answer.node().value(),
            answer.readings(),
            Duration.between(Instant.now(), answer.clock()),
            took.compareTo(DoctorVerdict.MAX_SKEW) < 0 ? took : DoctorVerdict.MAX_SKEW);
    return new Seen(place, Optional.of(answer), Optional.of(patient), answer.findings());
  }

  private static Seen silent(CoordinatorAnswer.NodePlace place, String why) {
    return new Seen(place, Optional.empty(), Optional.empty(), List.of(DoctorVerdict.silent(why)));
  }

  private CompletionStage<Seen> meet(
      Seen one, List<Seen> all, String doctor, Optional<String> folder) {
    List<AgentQuery.Peer> peers =
        after(one, all).stream()
            .flatMap(
                s ->
                    s.answer().stream()
                        .map(a -> new AgentQuery.Peer(a.node(), s.place().address(), a.port())))
            .toList();
    if (one.answer().isEmpty() || peers.isEmpty()) {
      return CompletableFuture.completedStage(one);
    }
    List<DoctorVerdict.Patient> patients = all.stream().flatMap(s -> s.patient().stream()).toList();
    Seen compared = one.with(DoctorVerdict.of(one.patient().orElseThrow(), patients));
    return coordinator
        .<AgentQuery.Met>askAgent(
            one.place().agent().orElseThrow(),
            replyTo -> new AgentQuery.Meet(doctor, folder, peers, replyTo),
            MEET_LIMIT)
        .thenApply(met -> compared.with(met.findings()))
        .exceptionally(
            failure ->
                compared.with(
                    silent(one.place(), "no answer within " + MEET_LIMIT.toSeconds() + " s")
                        .findings()));
  }

  /** Those that come next in a ring, so that each one is tried by as many. */
  static <T> List<T> after(T one, List<T> ring) {
    int at = ring.indexOf(one);
    int most = Math.min(MAX_PEERS, ring.size() - 1);
    return IntStream.rangeClosed(1, most).mapToObj(i -> ring.get((at + i) % ring.size())).toList();
  }

  private static DoctorView view(List<Seen> seen) {
    return new DoctorView(
        seen.stream().flatMap(s -> s.findings().stream()).noneMatch(Finding::isFail),
        seen.stream().map(s -> patient(s.place().node(), s.findings())).toList());
  }

  static DoctorView.PatientView patient(NodeId node, List<Finding> findings) {
    return new DoctorView.PatientView(
        node.value(),
        findings.stream()
            .map(
                f ->
                    new DoctorView.FindingView(
                        f.code().name(), f.severity().name(), f.found(), f.todo()))
            .toList());
  }
}
