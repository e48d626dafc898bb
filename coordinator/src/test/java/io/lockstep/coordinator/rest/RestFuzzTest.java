package io.lockstep.coordinator.rest;

import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.http.javadsl.ServerBinding;
import io.lockstep.coordinator.actor.CoordinatorAnswer;
import io.lockstep.coordinator.actor.CoordinatorRequest;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/** Whatever is sent to the real routes: never a 5xx, never a stack trace, a problem for each no. */
@SuppressWarnings("NullAway.Init") // jqwik calls start first
class RestFuzzTest {
  private static final String JOB = "name: n\nscript: /s.py\nworkdir: /w\nnodes: 2\n";
  private static final List<String> PATHS =
      List.of(
          "/v1/jobs",
          "/v1/jobs?hold=true",
          "/v1/jobs?dryRun=maybe",
          "/v1/jobs/n-1",
          "/v1/jobs/n-1/cancel",
          "/v1/jobs/n-1/release",
          "/v1/jobs/n-1/events",
          "/v1/jobs/n-1/logs",
          "/v1/nodes",
          "/v1/nodes/a/drain",
          "/v1/nodes/a/resume",
          "/v1/cluster");

  private static ActorTestKit kit;
  private static ServerBinding server;
  private static HttpClient client;

  @BeforeContainer
  static void start() throws Exception {
    kit = ActorTestKit.create();
    var coordinator = new FakeCoordinator(kit.system());
    coordinator.answers = RestFuzzTest::answer;
    server =
        RestServer.bind(kit.system(), "127.0.0.1", 0, coordinator)
            .toCompletableFuture()
            .get(30, TimeUnit.SECONDS);
    client = HttpClient.newHttpClient();
  }

  @AfterContainer
  static void stop() {
    kit.shutdownTestKit();
  }

  private static CoordinatorAnswer answer(CoordinatorRequest request) {
    var reason = Reason.of(ReasonCode.NOTHING_TO_DO, "so it is");
    if (request instanceof CoordinatorRequest.Submit) {
      return new CoordinatorAnswer.Submitted(new JobId("n-1"), true, reason);
    } else if (request instanceof CoordinatorRequest.ListJobs) {
      return new CoordinatorAnswer.Jobs(List.of());
    } else if (request instanceof CoordinatorRequest.ListNodes) {
      return new CoordinatorAnswer.Nodes(List.of());
    } else if (request instanceof CoordinatorRequest.Cancel
        || request instanceof CoordinatorRequest.Release
        || request instanceof CoordinatorRequest.Drain
        || request instanceof CoordinatorRequest.Resume) {
      return new CoordinatorAnswer.Done(reason);
    }
    return new CoordinatorAnswer.Refused(Reason.of(ReasonCode.UNKNOWN_JOB, "no such job"));
  }

  @Property(tries = 400)
  void anyBodyIsTakenOrRefused(
      @ForAll("paths") String path, @ForAll("types") String type, @ForAll("bodies") byte[] body)
      throws Exception {
    isSound(
        send(
            HttpRequest.newBuilder(uri(path))
                .header("Content-Type", type)
                .POST(BodyPublishers.ofByteArray(body))));
  }

  @Property(tries = 300)
  void anyPathAndQueryIsTakenOrRefused(
      @ForAll("paths") String path,
      @ForAll String segment,
      @ForAll String name,
      @ForAll String value)
      throws Exception {
    String more =
        path.split("\\?", -1)[0]
            + "/"
            + encoded(segment)
            + "?"
            + encoded(name)
            + "="
            + encoded(value);
    isSound(send(HttpRequest.newBuilder(uri(more))));
    String known = path.split("\\?", -1)[0];
    for (String parameter : List.of("after", "limit", "rank", "attempt", "offset", "follow")) {
      isSound(send(HttpRequest.newBuilder(uri(known + "?" + parameter + "=" + encoded(value)))));
    }
  }

  @Property(tries = 200)
  void bytesThatAreNoHttpAreRefusedAsSuch(@ForAll("raw") String head) throws Exception {
    try (var socket =
        new Socket(InetAddress.getLoopbackAddress(), server.localAddress().getPort())) {
      socket.setSoTimeout(10_000);
      socket.getOutputStream().write(head.getBytes(StandardCharsets.ISO_8859_1));
      socket.shutdownOutput();
      String answer =
          new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
      if (!answer.isEmpty()) {
        assertThat(answer).doesNotStartWith("HTTP/1.1 500").doesNotContain("\tat ");
      }
    } catch (SocketException e) {
      assertThat(e).hasMessageContaining("reset"); // hung up on: an answer too
    }
  }

  @Provide
  Arbitrary<String> paths() {
    return Arbitraries.of(PATHS);
  }

  @Provide
  Arbitrary<String> types() {
    return Arbitraries.of(
        "application/json",
        "application/yaml",
        "application/json; charset=utf-16",
        "text/yaml",
        "x/y");
  }

  @Provide
  Arbitrary<byte[]> bodies() {
    Arbitrary<String> whole =
        Arbitraries.of(
            JOB,
            "{\"jobFile\": \"{name: n, script: /s, workdir: /w}\", \"id\": \"n-1\"}",
            "{\"graceSeconds\": 5}");
    Arbitrary<String> piece =
        Arbitraries.oneOf(
            Arbitraries.of(
                "{", "}", "[", "\"", ":", "\\u0000", "\\ud800", "null", "1e999", "&a", "*a", "\n"),
            Arbitraries.strings().ofMaxLength(6));
    Arbitrary<byte[]> mutated =
        Combinators.combine(whole, Arbitraries.integers().between(0, 60), piece)
            .as(
                (text, at, in) -> {
                  int place = Math.min(at, text.length());
                  return (text.substring(0, place) + in + text.substring(place))
                      .getBytes(StandardCharsets.UTF_8);
                });
    return Arbitraries.oneOf(mutated, Arbitraries.bytes().array(byte[].class).ofMaxSize(200));
  }

  @Provide
  Arbitrary<String> raw() {
    Arbitrary<String> method = Arbitraries.of("GET", "POST", "PUT", "FETCH", "get", "");
    Arbitrary<String> path =
        Arbitraries.of(
            "/v1/jobs", "/v1/jobs/%zz", "/v1/jobs?rank=%", "//", "/../..", "*", "/v1/jobs/\u00e9");
    Arbitrary<String> header =
        Arbitraries.of(
            "Content-Length: -1",
            "Content-Length: 99999999999999999999",
            "Transfer-Encoding: chunked\r\n\r\nzz",
            "Content-Type: ;;",
            "Last-Event-ID: x",
            "Accept: text/event-stream;q=a",
            ": :",
            "Connection: close");
    return Combinators.combine(method, path, header)
        .as((m, p, h) -> m + " " + p + " HTTP/1.1\r\nHost: x\r\n" + h + "\r\n\r\n");
  }

  private static void isSound(HttpResponse<String> response) {
    assertThat(response.statusCode()).as(response.body()).isLessThan(500);
    assertThat(response.body()).doesNotContain("\tat ").doesNotContain("Exception");
    // a URI of more than 2048 characters never comes to the routes
    if (response.statusCode() >= 400 && response.statusCode() != 414) {
      assertThat(response.headers().firstValue("Content-Type").orElse(""))
          .startsWith("application/problem+json");
    }
  }

  private static HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
    return client.send(request.timeout(Duration.ofSeconds(30)).build(), BodyHandlers.ofString());
  }

  private static URI uri(String path) {
    return URI.create("http://127.0.0.1:" + server.localAddress().getPort() + path);
  }

  private static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }
}
