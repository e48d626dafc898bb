package io.lockstep.coordinator.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.lockstep.protocol.api.LastKnownView;
import io.lockstep.protocol.api.Problem;
import io.lockstep.protocol.message.WireJson;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A seat that answers as a test says: the answers to a request in turn, the last one for ever. */
final class FakeApi implements AutoCloseable {
  static final ObjectMapper JSON = WireJson.json();

  /** What to answer. */
  private record Answer(
      int status, String type, String body, boolean cut, Optional<String> lastKnown) {
    Answer(int status, String type, String body, boolean cut) {
      this(status, type, body, cut, Optional.empty());
    }
  }

  final List<String> requests = new ArrayList<>();
  final List<String> bodies = new ArrayList<>();
  private final Map<String, Deque<Answer>> answers = new HashMap<>();
  private final HttpServer server;

  FakeApi() {
    try {
      server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
    server.createContext("/", this::handle);
    server.start();
  }

  String url() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  /** Answers {@code "GET /v1/jobs"} with a record. */
  FakeApi answer(String request, Object value) {
    return put(request, new Answer(200, "application/json", json(value), false));
  }

  /** Answers with what a seat last knew. */
  FakeApi lastKnown(String request, Object value, String notice) {
    return put(
        request, new Answer(200, "application/json", json(value), false, Optional.of(notice)));
  }

  FakeApi refuse(String request, int status, String code, Problem.Mistake... mistakes) {
    var problem = new Problem("urn:x", code, status, code + " it is", code, List.of(mistakes));
    return put(request, new Answer(status, "application/problem+json", json(problem), false));
  }

  FakeApi raw(String request, int status, String type, String body) {
    return put(request, new Answer(status, type, body, false));
  }

  /** Takes the request and hangs up without an answer. */
  FakeApi hangUp(String request) {
    return put(request, new Answer(200, "application/json", "", true));
  }

  @Override
  public void close() {
    server.stop(0);
  }

  private synchronized FakeApi put(String request, Answer answer) {
    answers.computeIfAbsent(request, key -> new ArrayDeque<>()).add(answer);
    return this;
  }

  private void handle(HttpExchange exchange) throws IOException {
    String request = exchange.getRequestMethod() + " " + exchange.getRequestURI();
    String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
    Answer answer = next(request, body);
    if (answer.cut()) {
      exchange.close();
      return;
    }
    byte[] bytes = answer.body().getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", answer.type());
    answer
        .lastKnown()
        .ifPresent(notice -> exchange.getResponseHeaders().set(LastKnownView.HEADER, notice));
    exchange.sendResponseHeaders(answer.status(), bytes.length == 0 ? -1 : bytes.length);
    exchange.getResponseBody().write(bytes);
    exchange.close();
  }

  private synchronized Answer next(String request, String body) {
    requests.add(request);
    bodies.add(body);
    Deque<Answer> known = answers.getOrDefault(request, new ArrayDeque<>());
    if (known.isEmpty()) {
      return new Answer(500, "text/plain", "the test says nothing about " + request, false);
    }
    return known.size() > 1 ? known.removeFirst() : known.getFirst();
  }

  private static String json(Object value) {
    try {
      return JSON.writeValueAsString(value);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
