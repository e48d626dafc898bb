package io.lockstep.coordinator.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lockstep.protocol.api.CancelRequest;
import io.lockstep.protocol.api.ClusterView;
import io.lockstep.protocol.api.DoctorView;
import io.lockstep.protocol.api.DryRunView;
import io.lockstep.protocol.api.EventView;
import io.lockstep.protocol.api.JobView;
import io.lockstep.protocol.api.LastKnownView;
import io.lockstep.protocol.api.LogView;
import io.lockstep.protocol.api.MessageResponse;
import io.lockstep.protocol.api.NodeView;
import io.lockstep.protocol.api.PairsView;
import io.lockstep.protocol.api.Problem;
import io.lockstep.protocol.api.SeatsView;
import io.lockstep.protocol.api.SubmitRequest;
import io.lockstep.protocol.api.SubmitResponse;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One call of the API each: tries the addresses in turn and stays with the one that answers. What
 * changes something is sent a second time only where that is known to be safe.
 *
 * <p>HttpURLConnection, because java.net.http alone costs a quarter of a second to start.
 */
public final class ApiClient {
  /** Where the API is unless somebody says otherwise. */
  static final String DEFAULT_API = "http://127.0.0.1:7733";

  /** Events of one answer; more are asked for after them. */
  static final int MAX_EVENTS = 500;

  private static final int CONNECT_TIMEOUT_MILLIS = 2_000;
  private static final int READ_TIMEOUT_MILLIS = 15_000;

  /** Nodes that hang are waited for, within HTTP's own 20 s. */
  private static final int DOCTOR_TIMEOUT_MILLIS = 25_000;

  private static final String DOCTOR = "/v1/doctor";
  private static final String PAIRS = DOCTOR + "/pairs";
  private static final int MAX_ANSWER_BYTES = 67_108_864;

  static {
    // The JDK would otherwise send a POST again by itself when the connection breaks.
    System.setProperty("sun.net.http.retryPost", "false");
  }

  /** Whether a request may be sent again when its fate is unknown. */
  private enum Repeat {
    SAFE,
    NEVER
  }

  private final List<URI> addresses;
  private final ObjectMapper json;
  private final Consumer<String> notices;
  private boolean noticed;
  private int current;

  /** A client whose JSON is the command's. */
  public static ApiClient at(List<URI> addresses) {
    return new ApiClient(addresses, CliJson.mapper(), notice -> {});
  }

  /**
   * A client that tells its user what an answer is worth.
   *
   * @param notices told once, until a coordinator answers again, when answers are only what a seat
   *     last knew
   */
  ApiClient(List<URI> addresses, ObjectMapper json, Consumer<String> notices) {
    this.addresses = List.copyOf(addresses);
    this.json = json;
    this.notices = notices;
  }

  /** Reads {@code URL[,URL…]}. */
  static List<URI> addresses(String text) throws UsageMistake {
    var addresses = new ArrayList<URI>();
    for (String part : text.split(",", -1)) {
      String address = part.strip().replaceAll("/+$", "");
      try {
        var uri = new URI(address);
        boolean known = "http".equals(uri.getScheme()) || "https".equals(uri.getScheme());
        if (!known || uri.getHost() == null) {
          throw new URISyntaxException(address, "no http URL");
        }
        addresses.add(uri);
      } catch (URISyntaxException e) {
        throw new UsageMistake(
            "--api must be one or more URLs such as " + DEFAULT_API + ", found: \"" + part + "\"");
      }
    }
    return addresses;
  }

  public List<JobView> jobs() throws ApiRefused, NoCoordinator {
    return List.of(get("/v1/jobs", JobView[].class));
  }

  public JobView job(String id) throws ApiRefused, NoCoordinator {
    return get("/v1/jobs/" + segment(id), JobView.class);
  }

  public List<EventView> events(String id, long after) throws ApiRefused, NoCoordinator {
    return List.of(
        get(
            "/v1/jobs/" + segment(id) + "/events?after=" + after + "&limit=" + MAX_EVENTS,
            EventView[].class));
  }

  /** One piece of a rank's output in one attempt. */
  public LogView log(String id, int rank, int attempt, long offset)
      throws ApiRefused, NoCoordinator {
    String query = "?rank=" + rank + "&offset=" + offset + "&attempt=" + attempt;
    return get("/v1/jobs/" + segment(id) + "/logs" + query, LogView.class);
  }

  /** What a group left beside its output: report, launch or error. */
  LogView groupFile(String id, int rank, int attempt, String file)
      throws ApiRefused, NoCoordinator {
    String query = "?file=" + file + "&rank=" + rank + "&attempt=" + attempt;
    return get("/v1/jobs/" + segment(id) + "/logs" + query, LogView.class);
  }

  ClusterView cluster() throws ApiRefused, NoCoordinator {
    return get("/v1/cluster", ClusterView.class);
  }

  public List<NodeView> nodes() throws ApiRefused, NoCoordinator {
    return List.of(get("/v1/nodes", NodeView[].class));
  }

  /** Queues a job under an id that the caller chose; the second time it is the same job. */
  public SubmitResponse submit(String jobFile, String id) throws ApiRefused, NoCoordinator {
    return submit(jobFile, id, false);
  }

  /** Queues a job; {@code hold} keeps it out of placement until it is released. */
  SubmitResponse submit(String jobFile, String id, boolean hold) throws ApiRefused, NoCoordinator {
    var request = new SubmitRequest(jobFile, Optional.of(id));
    String path = hold ? "/v1/jobs?hold=true" : "/v1/jobs";
    return send("POST", path, request, SubmitResponse.class, Repeat.SAFE);
  }

  /** What a job would start, were it submitted now. */
  DryRunView dryRun(String jobFile, String id) throws ApiRefused, NoCoordinator {
    var request = new SubmitRequest(jobFile, Optional.of(id));
    return send("POST", "/v1/jobs?dryRun=true", request, DryRunView.class, Repeat.SAFE);
  }

  /** Lets a held job be placed; once more changes nothing. */
  MessageResponse release(String id) throws ApiRefused, NoCoordinator {
    return send(
        "POST", "/v1/jobs/" + segment(id) + "/release", null, MessageResponse.class, Repeat.SAFE);
  }

  public MessageResponse cancel(String id, long graceSeconds) throws ApiRefused, NoCoordinator {
    return cancel(id, graceSeconds, false);
  }

  MessageResponse cancel(String id, long graceSeconds, boolean checkpoint)
      throws ApiRefused, NoCoordinator {
    return send(
        "POST",
        "/v1/jobs/" + segment(id) + "/cancel",
        new CancelRequest(
            Optional.of(graceSeconds), checkpoint ? Optional.of(true) : Optional.empty()),
        MessageResponse.class,
        Repeat.NEVER);
  }

  public MessageResponse drain(String node) throws ApiRefused, NoCoordinator {
    return send(
        "POST", "/v1/nodes/" + segment(node) + "/drain", null, MessageResponse.class, Repeat.NEVER);
  }

  public MessageResponse resume(String node) throws ApiRefused, NoCoordinator {
    return send(
        "POST",
        "/v1/nodes/" + segment(node) + "/resume",
        null,
        MessageResponse.class,
        Repeat.NEVER);
  }

  /** How these nodes are; all when none is named. */
  DoctorView doctor(List<String> nodes, Optional<String> folder, Optional<String> python)
      throws ApiRefused, NoCoordinator {
    var query = query(nodes, python);
    folder.ifPresent(f -> query.add("folder=" + segment(f)));
    return send("POST", path(DOCTOR, query), null, DoctorView.class, Repeat.SAFE);
  }

  /** Lets these nodes meet in pairs; takes minutes, in which something comes every now and then. */
  PairsView pairs(List<String> nodes, Optional<String> python) throws ApiRefused, NoCoordinator {
    return send("POST", path(PAIRS, query(nodes, python)), null, PairsView.class, Repeat.NEVER);
  }

  private static List<String> query(List<String> nodes, Optional<String> python) {
    var query = new ArrayList<String>();
    if (!nodes.isEmpty()) {
      query.add("nodes=" + segment(String.join(",", nodes)));
    }
    python.ifPresent(p -> query.add("python=" + segment(p)));
    return query;
  }

  private static String path(String path, List<String> query) {
    return path + (query.isEmpty() ? "" : "?" + String.join("&", query));
  }

  public SeatsView seats() throws ApiRefused, NoCoordinator {
    return get("/v1/seats", SeatsView.class);
  }

  MessageResponse addSeat(String host) throws ApiRefused, NoCoordinator {
    return changeSeats(segment(host) + "/add");
  }

  MessageResponse removeSeat(String host) throws ApiRefused, NoCoordinator {
    return changeSeats(segment(host) + "/remove");
  }

  MessageResponse replaceSeat(String old, String by) throws ApiRefused, NoCoordinator {
    return changeSeats(segment(old) + "/replace?by=" + segment(by));
  }

  private MessageResponse changeSeats(String what) throws ApiRefused, NoCoordinator {
    return send("POST", "/v1/seats/" + what, null, MessageResponse.class, Repeat.NEVER);
  }

  private <T> T get(String path, Class<T> type) throws ApiRefused, NoCoordinator {
    return send("GET", path, null, type, Repeat.SAFE);
  }

  private <T> T send(
      String method, String path, @Nullable Object body, Class<T> type, Repeat repeat)
      throws ApiRefused, NoCoordinator {
    byte[] bytes = bytes(body);
    var tried = new ArrayList<String>();
    @Nullable ApiRefused unavailable = null;
    @Nullable LastKnown<T> lastKnown = null;
    for (int i = 0; i < addresses.size(); i++) {
      int index = (current + i) % addresses.size();
      URI address = addresses.get(index);
      HttpURLConnection connection;
      try {
        connection = connect(method, address, path, bytes);
      } catch (IOException e) {
        tried.add(address + " (" + reason(e) + ")"); // nothing was sent
        continue;
      }
      try {
        Answer answer = exchange(connection, bytes);
        if (answer.status() < 300) {
          T value = read(answer, type, address);
          if (answer.lastKnown().isEmpty()) {
            current = index;
            noticed = false;
            return value;
          }
          lastKnown = new LastKnown<>(value, answer.lastKnown().get());
          continue; // another one may know better
        }
        var refused = new ApiRefused(problem(answer, address));
        if (!refused.isTransient() || repeat == Repeat.NEVER) {
          throw refused;
        }
        unavailable = refused;
      } catch (IOException e) {
        tried.add(address + " (" + reason(e) + ")");
        if (repeat == Repeat.NEVER) {
          throw new NoCoordinator(
              address
                  + " broke off ("
                  + reason(e)
                  + "); the request may have taken effect, so it is not repeated");
        }
      } finally {
        connection.disconnect();
      }
    }
    if (lastKnown != null) {
      return noticed(lastKnown);
    }
    if (unavailable != null) {
      throw unavailable;
    }
    throw new NoCoordinator("nobody answers at " + String.join(", ", tried));
  }

  /** An answer that may be out of date. */
  private record LastKnown<T>(T value, String notice) {}

  private <T> T noticed(LastKnown<T> answer) {
    if (!noticed) {
      noticed = true;
      notices.accept(answer.notice());
    }
    return answer.value();
  }

  private static HttpURLConnection connect(String method, URI address, String path, byte[] body)
      throws IOException {
    var connection = (HttpURLConnection) URI.create(address + path).toURL().openConnection();
    connection.setRequestMethod(method);
    connection.setConnectTimeout(CONNECT_TIMEOUT_MILLIS);
    connection.setReadTimeout(
        path.startsWith(DOCTOR) ? DOCTOR_TIMEOUT_MILLIS : READ_TIMEOUT_MILLIS);
    connection.setInstanceFollowRedirects(false);
    connection.setUseCaches(false);
    connection.setRequestProperty("Accept", "application/json, application/problem+json");
    if (body.length > 0) {
      connection.setRequestProperty("Content-Type", "application/json");
    }
    if (method.equals("POST")) {
      connection.setDoOutput(true);
      connection.setFixedLengthStreamingMode(body.length);
    }
    connection.connect();
    return connection;
  }

  /** What came back. */
  private record Answer(int status, String type, byte[] body, Optional<String> lastKnown) {}

  private static Answer exchange(HttpURLConnection connection, byte[] body) throws IOException {
    if (connection.getDoOutput()) {
      try (OutputStream out = connection.getOutputStream()) {
        out.write(body);
      }
    }
    int status = connection.getResponseCode();
    String type = Optional.ofNullable(connection.getContentType()).orElse("");
    try (@Nullable InputStream in =
        status < 400 ? connection.getInputStream() : connection.getErrorStream()) {
      byte[] answer = in == null ? new byte[0] : in.readNBytes(MAX_ANSWER_BYTES);
      return new Answer(
          status,
          type,
          answer,
          Optional.ofNullable(connection.getHeaderField(LastKnownView.HEADER)));
    }
  }

  private <T> T read(Answer answer, Class<T> type, URI address) throws NoCoordinator {
    try {
      return json.readValue(answer.body(), type);
    } catch (IOException e) {
      throw new NoCoordinator(
          address + " answers, but not as Lockstep does (" + reason(e) + "); check --api");
    }
  }

  private Problem problem(Answer answer, URI address) {
    if (answer.type().startsWith("application/problem+json")) {
      try {
        return json.readValue(answer.body(), Problem.class);
      } catch (IOException | NullPointerException e) {
        // told below as an answer that is not ours
      }
    }
    return new Problem(
        "about:blank",
        "Not Lockstep's answer",
        answer.status(),
        address + " answers HTTP " + answer.status() + ", but not as Lockstep does; check --api",
        "HTTP_" + answer.status(),
        List.of());
  }

  private byte[] bytes(@Nullable Object body) {
    try {
      return body == null ? new byte[0] : json.writeValueAsBytes(body);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a request that JSON cannot hold", e);
    }
  }

  private static String segment(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }

  private static String reason(IOException e) {
    String message = e.getMessage();
    String first = message == null ? "" : message.lines().findFirst().orElse("");
    return first.isEmpty() ? e.getClass().getSimpleName() : first;
  }
}
