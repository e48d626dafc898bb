package io.lockstep.coordinator.seat;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.lockstep.protocol.message.WireJson;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where shims renew their leases: {@code POST /v1/leases}. It needs nothing of the cluster, is
 * first up and last down (A24), and answers from memory.
 */
public final class LeaseServer implements AutoCloseable {
  static final String PATH = "/v1/leases";

  /** Where daemons tell each other who the seats are. */
  public static final String SEATS_PATH = "/v1/seats";

  private static final Logger log = LoggerFactory.getLogger(LeaseServer.class);
  private static final int MAX_BODY_BYTES = 4_096;
  private static final int THREADS = 4;
  private static final int MAX_WAITING = 4_096;
  private static final int BACKLOG = 1_024;

  /** Connections that are kept for the next renewal: one for each worker group of a cluster. */
  private static final int MAX_IDLE_CONNECTIONS = 4_096;

  private static final ObjectMapper JSON = WireJson.json();

  private final HttpServer server;
  private final ThreadPoolExecutor threads;

  /**
   * Listens from now on.
   *
   * @param law must not block
   * @param seats takes what a daemon says of the seats, answers what this one knows; must not block
   * @throws IOException when the address cannot be bound
   */
  public static LeaseServer bind(
      String host,
      int port,
      Function<LeaseRequest, LeaseAnswer> law,
      UnaryOperator<SeatsSaid> seats)
      throws IOException {
    // read once by the JDK's server, when its first one is made
    System.setProperty(
        "sun.net.httpserver.maxIdleConnections", Integer.toString(MAX_IDLE_CONNECTIONS));
    System.setProperty("sun.net.httpserver.nodelay", "true");
    HttpServer server = HttpServer.create(new InetSocketAddress(host, port), BACKLOG);
    var made = new LeaseServer(server);
    server.createContext("/", exchange -> answer(exchange, law, seats));
    server.start();
    return made;
  }

  private LeaseServer(HttpServer server) {
    this.server = server;
    this.threads =
        new ThreadPoolExecutor(
            THREADS,
            THREADS,
            0,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(MAX_WAITING),
            task -> {
              var thread = new Thread(task, "lockstep-leases");
              thread.setDaemon(true);
              return thread;
            });
    server.setExecutor(threads);
  }

  /** The port that was bound. */
  public int port() {
    return server.getAddress().getPort();
  }

  private static void answer(
      HttpExchange exchange,
      Function<LeaseRequest, LeaseAnswer> law,
      UnaryOperator<SeatsSaid> seats)
      throws IOException {
    try (exchange) {
      if (exchange.getRequestURI().getPath().equals(SEATS_PATH)) {
        exchangeSeats(exchange, seats);
      } else if (!exchange.getRequestURI().getPath().equals(PATH)) {
        refuse(exchange, 404, "only " + PATH + " and " + SEATS_PATH + " are served here");
      } else if (!exchange.getRequestMethod().equals("POST")) {
        refuse(exchange, 405, "a lease is renewed with POST");
      } else {
        renew(exchange, law);
      }
    }
  }

  private static void renew(HttpExchange exchange, Function<LeaseRequest, LeaseAnswer> law)
      throws IOException {
    byte[] body = exchange.getRequestBody().readNBytes(MAX_BODY_BYTES + 1);
    if (body.length > MAX_BODY_BYTES) {
      refuse(exchange, 413, "a request has at most " + MAX_BODY_BYTES + " bytes");
      return;
    }
    LeaseAnswer answer;
    try {
      answer = law.apply(read(body));
    } catch (JacksonException | IllegalArgumentException e) {
      refuse(exchange, 400, "not a renewal: " + firstLine(e));
      return;
    } catch (RuntimeException e) {
      log.error("a renewal failed", e);
      refuse(exchange, 500, "a bug in Lockstep; see lockstepd.log");
      return;
    }
    send(exchange, 200, answer);
  }

  /** Two daemons tell each other who the seats are. */
  private static void exchangeSeats(HttpExchange exchange, UnaryOperator<SeatsSaid> seats)
      throws IOException {
    byte[] body = exchange.getRequestBody().readNBytes(MAX_BODY_BYTES + 1);
    if (!exchange.getRequestMethod().equals("POST") || body.length > MAX_BODY_BYTES) {
      refuse(exchange, 400, "POST who the seats are, in at most " + MAX_BODY_BYTES + " bytes");
      return;
    }
    SeatsSaid told;
    try {
      told = SeatsSaid.read(body);
    } catch (IOException e) {
      refuse(exchange, 400, "not who the seats are: " + firstLine(e));
      return;
    }
    send(exchange, 200, seats.apply(told));
  }

  private static String firstLine(Exception e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
  }

  private static LeaseRequest read(byte[] body) throws IOException {
    LeaseRequest request = JSON.readValue(body, LeaseRequest.class);
    if (request == null) {
      throw new IllegalArgumentException("nothing in it");
    }
    return request;
  }

  private static void refuse(HttpExchange exchange, int status, String detail) throws IOException {
    send(exchange, status, Map.of("status", status, "detail", detail));
  }

  private static void send(HttpExchange exchange, int status, Object body) throws IOException {
    byte[] bytes = JSON.writeValueAsString(body).getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
  }

  /** Grants nothing any more. */
  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
