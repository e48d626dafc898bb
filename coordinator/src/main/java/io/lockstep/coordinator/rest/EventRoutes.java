package io.lockstep.coordinator.rest;

import akka.NotUsed;
import akka.http.javadsl.model.HttpEntities;
import akka.http.javadsl.model.HttpResponse;
import akka.http.javadsl.model.MediaTypes;
import akka.japi.Pair;
import akka.stream.javadsl.Source;
import akka.util.ByteString;
import io.lockstep.coordinator.actor.Coordinator;
import io.lockstep.coordinator.actor.CoordinatorAnswer;
import io.lockstep.coordinator.actor.CoordinatorRequest;
import io.lockstep.protocol.api.EventView;
import io.lockstep.protocol.api.JobView;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** A job's events over HTTP: a list, or a stream that ends with the job. */
final class EventRoutes {
  static final int DEFAULT_LIMIT = 500;

  /** Most events of one answer; they must fit into one message of the coordinator. */
  static final int MAX_LIMIT = 1_000;

  /** Most streams that one daemon serves at once. */
  static final int MAX_STREAMS = 64;

  /** Longest life of one stream; the client comes back with Last-Event-ID. */
  static final Duration MAX_STREAM_LIFE = Duration.ofHours(1);

  private static final Duration POLL = Duration.ofMillis(500);
  private static final Duration HEARTBEAT = Duration.ofSeconds(15);

  private final Asking asking;
  private final Replies replies;
  private final AtomicInteger streams = new AtomicInteger();

  EventRoutes(Coordinator coordinator, Replies replies) {
    this.asking = new Asking(coordinator, replies);
    this.replies = replies;
  }

  List<Endpoint> endpoints() {
    return List.of(Endpoint.get("/v1/jobs/{id}/events", this::events));
  }

  private CompletionStage<HttpResponse> events(Call call) {
    JobId job = call.job();
    long after = after(call);
    int limit = call.number("limit", 1, MAX_LIMIT).orElse((long) DEFAULT_LIMIT).intValue();
    if (call.accepts("text/event-stream")) {
      return describe(job).thenApply(view -> stream(job, after));
    }
    return asking.read(
        CoordinatorAnswer.Events.class,
        replyTo -> new CoordinatorRequest.ListEvents(Optional.of(job), after, limit, replyTo),
        CoordinatorAnswer.Events::events);
  }

  private static long after(Call call) {
    long asked = call.number("after", 0, Long.MAX_VALUE).orElse(0L);
    Optional<String> last = call.request().getHeader("Last-Event-ID").map(h -> h.value().strip());
    return last.filter(id -> id.matches("\\d{1,18}")).map(Long::parseLong).orElse(asked);
  }

  private HttpResponse stream(JobId job, long after) {
    if (streams.get() >= MAX_STREAMS) {
      throw Refusal.of(
          new Reason(
              ReasonCode.OVERLOADED,
              MAX_STREAMS + " event streams are open here; ask another seat, or for JSON"));
    }
    long until = System.nanoTime() + MAX_STREAM_LIFE.toNanos();
    // counted when it begins to flow: a client that left before never ends it
    Source<ByteString, ?> bytes =
        Source.fromMaterializer((materializer, attributes) -> counted(job, after, until));
    return HttpResponse.create()
        .withStatus(200)
        .withEntity(
            HttpEntities.createChunked(MediaTypes.TEXT_EVENT_STREAM.toContentType(), bytes));
  }

  private Source<ByteString, NotUsed> counted(JobId job, long after, long until) {
    streams.incrementAndGet();
    return Source.unfoldAsync(new Cursor(after, false, true), cursor -> step(job, cursor, until))
        .mapConcat(batch -> batch)
        .keepAlive(HEARTBEAT, () -> ":\n\n")
        .map(ByteString::fromString)
        .watchTermination(
            (value, done) -> {
              done.whenComplete((ignored, failure) -> streams.decrementAndGet());
              return value;
            });
  }

  /** Where a stream stands. */
  private record Cursor(long after, boolean ended, boolean first) {}

  private CompletionStage<Optional<Pair<Cursor, List<String>>>> step(
      JobId job, Cursor cursor, long until) {
    if (cursor.ended() || System.nanoTime() - until >= 0) {
      return CompletableFuture.completedStage(Optional.empty());
    }
    long wait = cursor.first() ? 0 : POLL.toMillis();
    var later = CompletableFuture.delayedExecutor(wait, TimeUnit.MILLISECONDS);
    return CompletableFuture.supplyAsync(() -> job, later)
        .thenCompose(this::describe)
        // the phase is read before the events, so that the last event is not missed
        .thenCompose(
            view ->
                list(job, cursor.after(), DEFAULT_LIMIT)
                    .thenApply(events -> next(cursor, view, events)))
        // the client comes back by itself and finds a coordinator, or an error with its reason
        .exceptionally(failure -> Optional.empty());
  }

  private Optional<Pair<Cursor, List<String>>> next(
      Cursor cursor, JobView job, List<EventView> events) {
    var batch = new ArrayList<String>();
    long after = cursor.after();
    for (EventView event : events) {
      after = event.version();
      batch.add("id:" + event.version() + "\ndata:" + replies.text(event) + "\n\n");
    }
    boolean ended = events.isEmpty() && JobView.isTerminal(job);
    if (ended) {
      batch.add("event:end\ndata:" + replies.text(job.reason()) + "\n\n");
    }
    return Optional.of(Pair.create(new Cursor(after, ended, false), batch));
  }

  private CompletionStage<JobView> describe(JobId job) {
    return asking
        .ask(
            CoordinatorAnswer.Job.class,
            replyTo -> new CoordinatorRequest.DescribeJob(job, replyTo))
        .thenApply(CoordinatorAnswer.Job::job);
  }

  private CompletionStage<List<EventView>> list(JobId job, long after, int limit) {
    return asking
        .ask(
            CoordinatorAnswer.Events.class,
            replyTo -> new CoordinatorRequest.ListEvents(Optional.of(job), after, limit, replyTo))
        .thenApply(CoordinatorAnswer.Events::events);
  }
}
