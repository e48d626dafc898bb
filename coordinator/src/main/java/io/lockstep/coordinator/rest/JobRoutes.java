package io.lockstep.coordinator.rest;

import akka.http.javadsl.model.HttpResponse;
import akka.http.javadsl.model.headers.Location;
import io.lockstep.coordinator.actor.Coordinator;
import io.lockstep.coordinator.actor.CoordinatorAnswer;
import io.lockstep.coordinator.actor.CoordinatorRequest;
import io.lockstep.coordinator.jobfile.JobFile;
import io.lockstep.protocol.api.CancelRequest;
import io.lockstep.protocol.api.JobView.ReasonView;
import io.lockstep.protocol.api.LogView;
import io.lockstep.protocol.api.MessageResponse;
import io.lockstep.protocol.api.Problem.Mistake;
import io.lockstep.protocol.api.SubmitRequest;
import io.lockstep.protocol.api.SubmitResponse;
import io.lockstep.protocol.message.AgentQuery;
import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;

/** Jobs over HTTP: submit, list, describe, cancel, and the workers' output. */
final class JobRoutes {
  /** Grace between TERM and KILL where a cancel does not say. */
  static final long DEFAULT_GRACE_SECONDS = 30;

  static final long MAX_GRACE_SECONDS = 3_600;

  /** Longest that a log request with follow=true is held; below Akka's request timeout of 20 s. */
  static final Duration MAX_LOG_WAIT = Duration.ofSeconds(8);

  private static final Duration LOG_POLL = Duration.ofMillis(500);
  private static final long MAX_RANK = 10_000_000;

  private final Coordinator coordinator;
  private final Asking asking;
  private final Replies replies;

  JobRoutes(Coordinator coordinator, Replies replies) {
    this.coordinator = coordinator;
    this.asking = new Asking(coordinator, replies);
    this.replies = replies;
  }

  List<Endpoint> endpoints() {
    return List.of(
        Endpoint.post("/v1/jobs", this::submit),
        Endpoint.get("/v1/jobs", this::list),
        Endpoint.get("/v1/jobs/{id}", this::describe),
        Endpoint.post("/v1/jobs/{id}/cancel", this::cancel),
        Endpoint.post("/v1/jobs/{id}/release", this::release),
        Endpoint.get("/v1/jobs/{id}/logs", this::logs));
  }

  private CompletionStage<HttpResponse> submit(Call call) {
    boolean hold = call.flag("hold");
    boolean dryRun = call.flag("dryRun");
    SubmitRequest request = submitRequest(call);
    JobFile.Parsed parsed = JobFile.parse(request.jobFile(), JobFile.Defaults.STANDARD);
    if (parsed.spec().isEmpty()) {
      throw Refusal.invalid(
          "the job file has "
              + (parsed.mistakes().size() == 1
                  ? "a mistake"
                  : parsed.mistakes().size() + " mistakes")
              + "; nothing was queued",
          parsed.mistakes());
    }
    Optional<JobId> id = id(request, parsed);
    if (dryRun) {
      return asking
          .ask(
              CoordinatorAnswer.WouldStart.class,
              replyTo -> new CoordinatorRequest.DryRun(id, parsed.spec().get(), replyTo))
          .thenApply(answer -> replies.ok(answer.view()));
    }
    return asking
        .ask(
            CoordinatorAnswer.Submitted.class,
            replyTo -> new CoordinatorRequest.Submit(id, parsed.spec().get(), hold, replyTo))
        .thenApply(this::submitted);
  }

  /** JSON wraps the job file; as YAML the body is the job file itself. */
  private static SubmitRequest submitRequest(Call call) {
    call.requireType("application/json", "application/yaml", "application/x-yaml", "text/yaml");
    if (!call.mediaType().equals("application/json")) {
      return new SubmitRequest(call.text(), call.query("id"));
    }
    SubmitRequest request = call.read(SubmitRequest.class);
    if (request.jobFile() == null) {
      throw Refusal.invalid(
          "the body is no SubmitRequest",
          List.of(
              new Mistake(
                  0,
                  0,
                  "jobFile",
                  "is missing; give the job file's text, or send the file itself as"
                      + " application/yaml")));
    }
    return request;
  }

  private static Optional<JobId> id(SubmitRequest request, JobFile.Parsed parsed) {
    Optional<String> asked = request.id();
    Optional<String> written = parsed.id();
    if (asked.isPresent() && written.isPresent() && !asked.equals(written)) {
      throw wrongId("is " + asked.get() + ", but the job file says " + written.get());
    }
    try {
      return asked.or(() -> written).map(JobId::new);
    } catch (IllegalArgumentException e) {
      throw wrongId(String.valueOf(e.getMessage()));
    }
  }

  private static Refusal wrongId(String message) {
    return Refusal.invalid("the id cannot be used", List.of(new Mistake(0, 0, "id", message)));
  }

  private HttpResponse submitted(CoordinatorAnswer.Submitted answer) {
    var body =
        new SubmitResponse(
            answer.job().value(),
            answer.created(),
            new ReasonView(answer.reason().code().name(), answer.reason().message()));
    return replies
        .json(answer.created() ? 201 : 200, body)
        .addHeader(Location.create("/v1/jobs/" + answer.job().value()));
  }

  private CompletionStage<HttpResponse> list(Call call) {
    return asking.read(
        CoordinatorAnswer.Jobs.class,
        CoordinatorRequest.ListJobs::new,
        CoordinatorAnswer.Jobs::jobs);
  }

  private CompletionStage<HttpResponse> describe(Call call) {
    JobId job = call.job();
    return asking.read(
        CoordinatorAnswer.Job.class,
        replyTo -> new CoordinatorRequest.DescribeJob(job, replyTo),
        CoordinatorAnswer.Job::job);
  }

  private CompletionStage<HttpResponse> cancel(Call call) {
    JobId job = call.job();
    CancelRequest asked =
        call.body().isEmpty()
            ? new CancelRequest(Optional.empty(), Optional.empty())
            : call.read(CancelRequest.class);
    boolean checkpoint = asked.checkpoint().orElse(false);
    long grace = asked.graceSeconds().orElse(DEFAULT_GRACE_SECONDS);
    if (grace < 0 || grace > MAX_GRACE_SECONDS) {
      throw Refusal.invalid(
          "the grace cannot be used",
          List.of(
              new Mistake(
                  0,
                  0,
                  "graceSeconds",
                  "must be a whole number from 0 to " + MAX_GRACE_SECONDS + ", found: " + grace)));
    }
    return asking
        .ask(
            CoordinatorAnswer.Done.class,
            replyTo ->
                new CoordinatorRequest.Cancel(job, Duration.ofSeconds(grace), replyTo, checkpoint))
        .thenApply(answer -> replies.ok(message(answer.reason())));
  }

  private CompletionStage<HttpResponse> release(Call call) {
    JobId job = call.job();
    return asking
        .ask(CoordinatorAnswer.Done.class, replyTo -> new CoordinatorRequest.Release(job, replyTo))
        .thenApply(answer -> replies.ok(message(answer.reason())));
  }

  static MessageResponse message(Reason reason) {
    return new MessageResponse(reason.code().name(), reason.message());
  }

  private CompletionStage<HttpResponse> logs(Call call) {
    JobId job = call.job();
    Optional<Attempt> attempt =
        call.number("attempt", 1, Integer.MAX_VALUE).map(n -> new Attempt(n.intValue()));
    Optional<Integer> rank = call.number("rank", 0, MAX_RANK).map(Long::intValue);
    long offset = call.number("offset", Long.MIN_VALUE, Long.MAX_VALUE).orElse(0L);
    Optional<AgentQuery.GroupFile> file = call.query("file").map(JobRoutes::groupFile);
    long until = System.nanoTime() + (call.flag("follow") ? MAX_LOG_WAIT.toNanos() : 0);
    return asking
        .ask(
            CoordinatorAnswer.LogPlace.class,
            replyTo -> new CoordinatorRequest.LocateLog(job, attempt, rank, replyTo))
        .thenCompose(place -> readLog(place, offset, until, file))
        .thenApply(replies::ok);
  }

  private static AgentQuery.GroupFile groupFile(String word) {
    return Arrays.stream(AgentQuery.GroupFile.values())
        .filter(file -> file.word().equals(word))
        .findFirst()
        .orElseThrow(
            () ->
                Refusal.invalid(
                    "the file cannot be read",
                    List.of(
                        new Mistake(
                            0, 0, "file", "must be report, launch or error, found: " + word))));
  }

  /** Reads one piece; asks again while there is nothing yet and time is left. */
  private CompletionStage<LogView> readLog(
      CoordinatorAnswer.LogPlace place,
      long offset,
      long until,
      Optional<AgentQuery.GroupFile> file) {
    return coordinator
        .readLog(
            place.agent(),
            replyTo ->
                new AgentQuery.ReadLog(
                    place.job(),
                    new Attempt(place.attempt()),
                    Optional.of(place.rank()),
                    offset,
                    AgentQuery.MAX_LOG_BYTES,
                    replyTo,
                    file))
        .thenCompose(
            chunk -> {
              boolean over = System.nanoTime() - until >= 0;
              if (chunk.data().length > 0 || chunk.ended() || over) {
                return CompletableFuture.completedStage(LogText.view(place, chunk));
              }
              var later =
                  CompletableFuture.delayedExecutor(LOG_POLL.toMillis(), TimeUnit.MILLISECONDS);
              return CompletableFuture.supplyAsync(() -> place, later)
                  .thenCompose(again -> readLog(again, offset, until, file));
            });
  }

  /** No output where it was looked for; another moment may have some. */
  static Refusal noOutput(String problem) {
    return Refusal.of(new Reason(ReasonCode.NOTHING_TO_DO, problem));
  }
}
