package io.lockstep.scale;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.NodeId;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import scala.concurrent.ExecutionContext;

/**
 * {@code LightFleet NODES IDLE_SECONDS API AKKA_SEAT,... DOOR,...}: so many agents join, one job
 * takes them all, one of them fails, they idle, and another job takes them. Each line of output is
 * a JSON object.
 */
public final class LightFleet {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration JOIN_LIMIT = Duration.ofMinutes(5);
  private static final Duration START_LIMIT = Duration.ofMinutes(2);
  private static final Duration REQUEST_LIMIT = Duration.ofSeconds(20);
  private static final int FIRST_PORT = 20_000;
  private static final int PORTS_PER_ADDRESS = 500;
  private static final int RESTARTS = 3;
  private static final int LEASE_CLIENTS = 16;
  private static final int REHEARSED = 128;
  private static final int REHEARSAL_SECONDS = 5;

  private final HttpClient http = HttpClient.newHttpClient();

  /** Several, as all requests of one wait for its pool's lock: up to 0.5 s with 997 nodes. */
  private final List<HttpClient> leaseClients =
      Stream.generate(HttpClient::newHttpClient).limit(LEASE_CLIENTS).toList();

  private final ScheduledExecutorService timer = Executors.newScheduledThreadPool(2);
  private final ExecutorService threads;
  private final List<LightAgent> agents = new ArrayList<>();
  private final AtomicInteger started = new AtomicInteger();
  private final String api;
  private volatile String seat;
  private String job = "";

  private LightFleet(String api, String seat) {
    this.api = api;
    this.seat = seat;
    this.threads =
        Executors.newWorkStealingPool(Math.max(2, Runtime.getRuntime().availableProcessors()));
  }

  /** The whole program. */
  public static void main(String[] words) throws Exception {
    int nodes = Integer.parseInt(words[0]);
    int idle = Integer.parseInt(words[1]);
    List<String> seats = List.of(words[3].split(","));
    List<String> doors = List.of(words[4].split(","));
    var fleet = new LightFleet(words[2], seats.get(0));
    try {
      fleet.run(nodes, idle, seats, doors);
    } catch (IOException | IllegalStateException e) {
      e.printStackTrace();
      System.exit(1);
    }
    System.exit(0); // the actor systems' threads would stay
  }

  private void run(int nodes, int idle, List<String> seats, List<String> doors) throws Exception {
    seat = coordinator(seats);
    long begun = System.nanoTime();
    ExecutionContext context =
        scala.concurrent.ExecutionContext$.MODULE$.fromExecutorService(threads);
    for (int i = 0; i < nodes; i++) {
      var node = new NodeId("s%04d".formatted(i));
      String address = "127.9.%d.1".formatted(1 + i / PORTS_PER_ADDRESS);
      var hands =
          new LightHands(
              node,
              address,
              leaseClients.get(i % LEASE_CLIENTS),
              timer,
              doors,
              started::incrementAndGet);
      agents.add(
          new LightAgent(
              LightAgent.settings(node, address, FIRST_PORT + i % PORTS_PER_ADDRESS),
              hands,
              () -> seat,
              context));
    }
    double made = since(begun);
    await("all nodes READY", JOIN_LIMIT, 200, () -> ready() >= nodes);
    say("joined", Map.of("made_s", made, "ready_s", since(begun) - made));
    rehearse();
    idles("idle", idle);

    start("started", nodes, () -> submit(nodes));
    for (int i = 0; i < RESTARTS; i++) {
      TimeUnit.SECONDS.sleep(3);
      LightHands hands = agents.get(nodes / 2 + i).hands;
      start("restarted", nodes, () -> fail(hands));
    }
    idles("training", idle);

    HttpResponse<String> canceled =
        send(
            HttpRequest.newBuilder(URI.create(api + "/v1/jobs/" + job + "/cancel"))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString("{}")));
    if (canceled.statusCode() >= 300) {
      throw new IllegalStateException("not canceled: " + canceled.body());
    }
    await("CANCELED", START_LIMIT, 50, () -> job().path("phase").asText().equals("CANCELED"));
    TimeUnit.SECONDS.sleep(3);
    start("again", nodes, () -> submit(nodes));
  }

  /** What makes every node start. */
  private interface Cause {
    void begin() throws IOException, InterruptedException;
  }

  private static void fail(LightHands hands) {
    if (!hands.fail()) {
      throw new IllegalStateException("it had no group");
    }
  }

  /** Times it from its cause until every node has started. */
  private void start(String what, int nodes, Cause cause) throws IOException, InterruptedException {
    started.set(0);
    long commands = LightAgent.COMMANDS.get();
    long reports = LightAgent.REPORTS.get();
    long begun = System.nanoTime();
    cause.begin();
    await("all started", START_LIMIT, 1, () -> started.get() >= nodes);
    double all = since(begun);
    await("RUNNING", START_LIMIT, 50, () -> phase().equals("RUNNING"));
    Map<String, Object> seen =
        Map.of("s", all, "running_s", since(begun), "attempts", job().path("attempt").asInt());
    say(what, counted(commands, reports, seen));
  }

  /**
   * Each real host renews its lease from a process of its own. Here one HTTP client does it for
   * sixty hosts: its code must not run for the first time when all of them ask at once.
   */
  private void rehearse() throws IOException, InterruptedException {
    byte[] yes = "{\"answer\":\"GRANTED\",\"set\":1}".getBytes(StandardCharsets.UTF_8);
    HttpServer grants = HttpServer.create(new InetSocketAddress("127.9.0.1", 0), 0);
    grants.createContext(
        "/v1/leases",
        asked -> {
          asked.getRequestBody().readAllBytes();
          asked.sendResponseHeaders(200, yes.length);
          asked.getResponseBody().write(yes);
          asked.close();
        });
    grants.start();
    String door = "127.9.0.1:" + grants.getAddress().getPort();
    var nobody = new Fence(1, new JobId("rehearsal"), new Attempt(1));
    var leases = new ArrayList<LightLease>();
    for (int i = 0; i < REHEARSED; i++) {
      HttpClient client = leaseClients.get(i % LEASE_CLIENTS);
      var node = new NodeId("s%04d".formatted(i));
      var lease =
          new LightLease(client, timer, List.of(door, door, door), "", nobody, node, () -> {});
      leases.add(lease);
      lease.begin();
    }
    TimeUnit.SECONDS.sleep(REHEARSAL_SECONDS);
    leases.forEach(LightLease::end);
    TimeUnit.SECONDS.sleep(1);
    grants.stop(0);
  }

  private static Map<String, Object> counted(
      long commands, long reports, Map<String, Object> before) {
    var all = new LinkedHashMap<>(before);
    all.put("commands", LightAgent.COMMANDS.get() - commands);
    all.put("reports", LightAgent.REPORTS.get() - reports);
    return all;
  }

  /** Whoever listens measures meanwhile. */
  private void idles(String what, int seconds) throws Exception {
    say(what + "-begin", Map.of());
    long reports = LightAgent.REPORTS.get();
    long granted = LightLease.GRANTED.get();
    TimeUnit.SECONDS.sleep(seconds);
    say(
        what + "-end",
        Map.of(
            "reports_per_s", (LightAgent.REPORTS.get() - reports) / (double) seconds,
            "grants_per_s", (LightLease.GRANTED.get() - granted) / (double) seconds));
  }

  private void submit(int nodes) throws IOException, InterruptedException {
    Map<String, Object> spec =
        Map.of(
            "name", "scale",
            "script", "/train.py",
            "workdir", "/tmp",
            "nodes", nodes,
            "procsPerNode", 1,
            "warm", "off",
            "restart", Map.of("max", 100, "backoff", Map.of("initial", "0s", "max", "0s")));
    HttpResponse<String> answer =
        send(
            HttpRequest.newBuilder(URI.create(api + "/v1/jobs"))
                .header("Content-Type", "application/json")
                .POST(
                    HttpRequest.BodyPublishers.ofString(
                        JSON.writeValueAsString(
                            Map.of("jobFile", JSON.writeValueAsString(spec))))));
    if (answer.statusCode() >= 300) {
      throw new IllegalStateException("not taken: " + answer.body());
    }
    job = JSON.readTree(answer.body()).path("id").asText();
  }

  private HttpResponse<String> send(HttpRequest.Builder request)
      throws IOException, InterruptedException {
    return http.send(request.timeout(REQUEST_LIMIT).build(), HttpResponse.BodyHandlers.ofString());
  }

  private JsonNode get(String path) {
    try {
      return JSON.readTree(send(HttpRequest.newBuilder(URI.create(api + path))).body());
    } catch (IOException e) {
      return JSON.createObjectNode();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return JSON.createObjectNode();
    }
  }

  private int ready() {
    int ready = 0;
    for (JsonNode node : get("/v1/nodes")) {
      ready +=
          node.path("node").asText().startsWith("s") && node.path("health").asText().equals("READY")
              ? 1
              : 0;
    }
    return ready;
  }

  private String phase() {
    return job().path("phase").asText();
  }

  private JsonNode job() {
    return get("/v1/jobs/" + job);
  }

  private String coordinator(List<String> seats) {
    String host = get("/v1/cluster").path("coordinator").asText();
    return seats.stream().filter(s -> s.startsWith(host + ":")).findFirst().orElseThrow();
  }

  private static void await(String what, Duration limit, long pauseMillis, BooleanSupplier is)
      throws InterruptedException {
    long end = System.nanoTime() + limit.toNanos();
    while (!is.getAsBoolean()) {
      if (System.nanoTime() > end) {
        throw new IllegalStateException(what + ": not within " + limit.toSeconds() + " s");
      }
      TimeUnit.MILLISECONDS.sleep(pauseMillis);
    }
  }

  private static double since(long nanos) {
    return (System.nanoTime() - nanos) / 1e9;
  }

  private static void say(String what, Map<String, Object> more) throws IOException {
    var line = new LinkedHashMap<String, Object>();
    line.put("event", what);
    line.putAll(more);
    System.out.println(JSON.writeValueAsString(line));
  }
}
