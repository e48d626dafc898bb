package io.lockstep.coordinator.rest;

import akka.http.javadsl.model.HttpEntity;
import akka.http.javadsl.model.HttpMethods;
import akka.http.javadsl.model.HttpRequest;
import akka.http.javadsl.model.HttpResponse;
import akka.http.javadsl.model.StatusCodes;
import akka.http.javadsl.server.AllDirectives;
import akka.http.javadsl.server.ExceptionHandler;
import akka.http.javadsl.server.RejectionHandler;
import akka.http.javadsl.server.Route;
import akka.stream.Materializer;
import akka.util.ByteString;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lockstep.protocol.api.Problem;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeoutException;

/** Makes one Akka HTTP route of the endpoints; everything that goes wrong is a problem response. */
final class RouteTable extends AllDirectives {
  /** Largest body. */
  static final long MAX_BODY_BYTES = 1_048_576;

  private static final int BODY_TIMEOUT_MILLIS = 10_000;

  private final ObjectMapper json;
  private final Replies replies;

  RouteTable(ObjectMapper json, Replies replies) {
    this.json = json;
    this.replies = replies;
  }

  Route route(List<Endpoint> endpoints) {
    List<Route> routes = endpoints.stream().map(this::route).toList();
    return concat(
            routes.get(0), routes.subList(1, routes.size()).toArray(new Route[routes.size() - 1]))
        .seal(rejections(), exceptions());
  }

  private Route route(Endpoint endpoint) {
    return extractRequest(
        request -> {
          Optional<Map<String, String>> variables = endpoint.match(segments(request));
          return variables.isEmpty()
              ? reject()
              : method(
                  endpoint.method(),
                  () ->
                      extractMaterializer(
                          materializer ->
                              completeWithFuture(
                                  answer(endpoint, request, variables.get(), materializer))));
        });
  }

  private CompletionStage<HttpResponse> answer(
      Endpoint endpoint,
      HttpRequest request,
      Map<String, String> variables,
      Materializer materializer) {
    return body(request, materializer)
        .thenCompose(body -> endpoint.handler().answer(new Call(request, variables, body, json)))
        .exceptionally(failure -> replies.problem(Problems.of(failure)));
  }

  private static CompletionStage<ByteString> body(HttpRequest request, Materializer materializer) {
    if (request.method().equals(HttpMethods.GET)) {
      request.discardEntityBytes(materializer);
      return CompletableFuture.completedStage(ByteString.emptyByteString());
    }
    return request
        .entity()
        .withSizeLimit(MAX_BODY_BYTES)
        .toStrict(BODY_TIMEOUT_MILLIS, materializer)
        .thenApply(HttpEntity.Strict::getData)
        .exceptionallyCompose(failure -> CompletableFuture.failedStage(slowIsNotOurs(failure)));
  }

  /** A client that does not send is no coordinator that does not answer. */
  private static Throwable slowIsNotOurs(Throwable failure) {
    Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
    return cause instanceof TimeoutException
        ? Refusal.http(
            StatusCodes.REQUEST_TIMEOUT,
            "the body did not come within " + BODY_TIMEOUT_MILLIS / 1_000 + " s")
        : failure;
  }

  private static List<String> segments(HttpRequest request) {
    var segments = new ArrayList<String>();
    request.getUri().pathSegments().forEach(segments::add);
    if (request.getUri().path().endsWith("/")) {
      segments.add("");
    }
    return segments;
  }

  /** What Akka refuses by itself, said as we say it. */
  private RejectionHandler rejections() {
    return RejectionHandler.defaultHandler().mapRejectionResponse(this::asProblem);
  }

  private HttpResponse asProblem(HttpResponse response) {
    String detail =
        response.entity() instanceof HttpEntity.Strict strict
            ? strict.getData().utf8String()
            : response.status().reason();
    if (response.status().equals(StatusCodes.NOT_FOUND)) {
      detail = "no such path; docs/openapi.yaml lists them all, from /v1/jobs on";
    }
    Problem problem = Problems.ofStatus(response.status(), detail);
    return replies.problem(problem).addHeaders(response.getHeaders());
  }

  private ExceptionHandler exceptions() {
    return ExceptionHandler.newBuilder()
        .match(Exception.class, failure -> complete(replies.problem(Problems.of(failure))))
        .build();
  }
}
