package io.lockstep.coordinator.seat;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class LeaseServerTest {
  private static final String RENEWAL =
      "{\"founding\":\"f-1\",\"plan\":7,\"job\":\"llama\",\"attempt\":2,\"node\":\"n1\","
          + "\"number\":5,\"returned\":false}";

  private final List<LeaseRequest> asked = Collections.synchronizedList(new ArrayList<>());
  private final HttpClient client = HttpClient.newHttpClient();
  private LeaseServer server;

  @BeforeEach
  void bind() throws IOException {
    server =
        LeaseServer.bind(
            "127.0.0.1",
            0,
            request -> {
              asked.add(request);
              return new LeaseAnswer(
                  LeaseAnswer.Verdict.GRANTED, request.number(), 2, "", 1, 1, java.util.List.of());
            },
            told ->
                new SeatsSaid(
                    Optional.of("f-1"), 7, 2, List.of("10.0.0.1:25520"), Optional.empty()));
  }

  @AfterEach
  void close() {
    server.close();
  }

  @Test
  void aRenewalIsAnsweredWithItsNumber() throws Exception {
    HttpResponse<String> answer = post("/v1/leases", RENEWAL);

    assertThat(answer.statusCode()).isEqualTo(200);
    assertThat(answer.body())
        .contains("\"answer\":\"GRANTED\"")
        .contains("\"number\":5")
        .contains("\"majority\":2");
    assertThat(asked).hasSize(1);
    assertThat(asked.get(0).fence()).hasToString("7/llama/2");
  }

  @Test
  void itSaysWhoTheSeatsAre() throws Exception {
    HttpResponse<String> answer =
        post("/v1/seats", "{\"founding\":null,\"term\":0,\"set\":0,\"seats\":[]}");

    assertThat(answer.statusCode()).isEqualTo(200);
    assertThat(answer.body())
        .contains("\"founding\":\"f-1\"")
        .contains("\"set\":2")
        .contains("\"seats\":[\"10.0.0.1:25520\"]");
  }

  @Test
  void whatIsNoRenewalIsRefusedByItsSentence() throws Exception {
    for (String body :
        List.of(
            "",
            "{",
            "[]",
            "null",
            "{}",
            "\"x\"",
            RENEWAL.replace("7", "\"seven\""),
            RENEWAL.replace("llama", "../etc"),
            RENEWAL.replace("\"attempt\":2", "\"attempt\":0"))) {
      HttpResponse<String> answer = post("/v1/leases", body);
      assertThat(answer.statusCode()).as("%s: %s", body, answer.body()).isEqualTo(400);
      assertThat(answer.body()).contains("not a renewal").doesNotContain("\tat ");
    }
    assertThat(asked).isEmpty();
  }

  @Test
  void otherPathsMethodsAndSizesAreRefused() throws Exception {
    assertThat(post("/v1/jobs", RENEWAL).statusCode()).isEqualTo(404);
    assertThat(post("/v1/leases", "x".repeat(5_000)).statusCode()).isEqualTo(413);
    assertThat(
            client
                .send(request("/v1/leases").GET().build(), HttpResponse.BodyHandlers.ofString())
                .statusCode())
        .isEqualTo(405);
  }

  private HttpResponse<String> post(String path, String body) throws Exception {
    return client.send(
        request(path).POST(HttpRequest.BodyPublishers.ofString(body)).build(),
        HttpResponse.BodyHandlers.ofString());
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + path));
  }
}
