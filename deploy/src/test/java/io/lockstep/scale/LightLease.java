package io.lockstep.scale;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.NodeId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** Renews one group's lease with all seats as its shim would: each second, by HTTP. */
final class LightLease {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration TIMEOUT = Duration.ofSeconds(2);
  private static final long PAUSE_MILLIS = 1_000;

  /** Renewals of all groups of this process that were granted. */
  static final AtomicLong GRANTED = new AtomicLong();

  private final HttpClient http;
  private final ScheduledExecutorService timer;
  private final List<String> doors;
  private final String founding;
  private final Fence fence;
  private final NodeId node;
  private final Runnable onFirst;
  private final Set<String> granted = ConcurrentHashMap.newKeySet();
  private final AtomicLong counts = new AtomicLong();
  private volatile boolean over;
  private boolean first = true;

  LightLease(
      HttpClient http,
      ScheduledExecutorService timer,
      List<String> doors,
      String founding,
      Fence fence,
      NodeId node,
      Runnable onFirst) {
    this.http = http;
    this.timer = timer;
    this.doors = doors;
    this.founding = founding;
    this.fence = fence;
    this.node = node;
    this.onFirst = onFirst;
  }

  /** Asks at once, then each second from somewhere in it. */
  void begin() {
    askAll(0);
    later(ThreadLocalRandom.current().nextLong(PAUSE_MILLIS), 1);
  }

  void end() {
    over = true;
  }

  private void later(long millis, long number) {
    var unused =
        timer.schedule(
            () -> {
              if (!over) {
                askAll(number);
                later(PAUSE_MILLIS, number + 1);
              }
            },
            millis,
            TimeUnit.MILLISECONDS);
  }

  private void askAll(long number) {
    doors.forEach(door -> ask(door, number));
  }

  private void ask(String door, long number) {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("http://" + door + "/v1/leases"))
            .timeout(TIMEOUT)
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofByteArray(body(number)))
            .build();
    var unused =
        http.sendAsync(request, HttpResponse.BodyHandlers.ofByteArray())
            .whenComplete(
                (answer, failed) -> {
                  if (answer != null) {
                    take(door, answer.body());
                  }
                });
  }

  private byte[] body(long number) {
    try {
      return JSON.writeValueAsBytes(
          Map.of(
              "founding", founding,
              "plan", fence.plan(),
              "job", fence.job().value(),
              "attempt", fence.attempt().number(),
              "node", node.value(),
              "number", number,
              "returned", false,
              "set", counts.get()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private synchronized void take(String door, byte[] body) {
    JsonNode answer;
    try {
      answer = JSON.readTree(body);
    } catch (IOException e) {
      return; // asked again in a second
    }
    if (!answer.path("answer").asText().equals("GRANTED")) {
      if (first && !over) { // it has not heard of the release yet
        var unused = timer.schedule(() -> ask(door, 0), 20, TimeUnit.MILLISECONDS);
      }
      return;
    }
    GRANTED.incrementAndGet();
    granted.add(door);
    counts.set(answer.path("set").asLong());
    if (first && granted.size() > doors.size() / 2 && !over) {
      first = false;
      onFirst.run();
    }
  }
}
