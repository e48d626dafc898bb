package io.lockstep.deploy;

import io.lockstep.agent.process.PrivateFile;
import io.lockstep.coordinator.seat.LeaseServer;
import io.lockstep.coordinator.seat.SeatsSaid;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who the seats are as far as this daemon knows: what the settings say until a seat has said it,
 * then the newest that was heard, kept in a file. It only says where to look, and whether this
 * daemon is to be a coordinator's host; nothing is decided by it (A1).
 */
final class KnownSeats implements AutoCloseable {
  static final String FILE = "seats.json";

  private static final Duration INTERVAL = Duration.ofSeconds(2);
  private static final int TIMEOUT_MILLIS = 1_000;
  private static final int MAX_ANSWER_BYTES = 65_536;
  private static final Logger LOG = LoggerFactory.getLogger(KnownSeats.class);

  private final DaemonSettings settings;
  private final Supplier<SeatsSaid> own;
  private final Path file;
  private final List<Consumer<List<Seat>>> followers = new CopyOnWriteArrayList<>();
  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            var made = new Thread(task, "lockstep-known-seats");
            made.setDaemon(true);
            return made;
          });
  private volatile SeatsSaid newest;
  private volatile SeatsSaid told;

  /**
   * Begins to look.
   *
   * @param own what this daemon's own seat has accepted
   * @throws IOException when the file is there and unreadable
   */
  @SuppressWarnings("FutureReturnValueIgnored") // lookAround tells of its failures
  static KnownSeats open(DaemonSettings settings, Supplier<SeatsSaid> own) throws IOException {
    var known = new KnownSeats(settings, own);
    known.look(List.of(own.get()));
    known.thread.scheduleWithFixedDelay(
        known::lookAround, 0, INTERVAL.toMillis(), TimeUnit.MILLISECONDS);
    return known;
  }

  private KnownSeats(DaemonSettings settings, Supplier<SeatsSaid> own) throws IOException {
    this.settings = settings;
    this.own = own;
    this.told = ofSettings(settings);
    this.file = settings.dataDir().resolve(FILE);
    this.newest = read(file).orElseGet(() -> ofSettings(settings));
    if (newest.set() > 0 && !newest.seats().equals(ofSettings(settings).seats())) {
      LOG.warn(
          "the cluster's seats are {} (set {}), not those of the settings {}; write them there. {}"
              + " says so; to found anew, remove it",
          newest.seats(),
          newest.set(),
          settings.seats(),
          file);
    }
  }

  private static SeatsSaid ofSettings(DaemonSettings settings) {
    return new SeatsSaid(
        Optional.empty(),
        0,
        0,
        settings.seats().stream().map(Seat::toString).toList(),
        Optional.empty());
  }

  static Optional<SeatsSaid> read(Path file) throws IOException {
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try {
      return Optional.of(SeatsSaid.read(Files.readAllBytes(file)));
    } catch (IOException e) {
      throw new IOException(
          "%s is unreadable (%s); remove it, the seats of the settings are asked then"
              .formatted(file, e.getMessage()),
          e);
    }
  }

  static void write(Path file, SeatsSaid said) throws IOException {
    PrivateFile.write(file, said.json());
  }

  /** Takes what another daemon knows, for the next look; says what this one knows. */
  SeatsSaid exchange(SeatsSaid other) {
    told = other;
    return newest;
  }

  /** Where to look for the seats now. */
  List<Seat> seats() {
    return newest.seats().stream().map(seat -> Seat.parse(seat, settings.ports().akka())).toList();
  }

  /** The settings with the seats of now. */
  DaemonSettings current() {
    return settings.withSeats(seats());
  }

  /** Calls it with the seats of now, and again when they change; it must not block. */
  void follow(Consumer<List<Seat>> follower) {
    followers.add(follower);
    follower.accept(seats());
  }

  private void lookAround() {
    try {
      var said = new ArrayList<SeatsSaid>();
      said.add(own.get());
      if (newest.founding().isPresent()) {
        said.add(told); // a daemon of no cluster yet hears only whom its settings name
      }
      var places = new LinkedHashSet<>(seats());
      places.addAll(settings.seats());
      places.remove(settings.place());
      for (Seat place : places) {
        ask(place).ifPresent(said::add);
      }
      look(said);
    } catch (IOException | RuntimeException e) {
      LOG.warn("who the seats are could not be noted: {}", e.toString());
    }
  }

  private Optional<SeatsSaid> ask(Seat place) {
    try {
      var url = URI.create("http://" + settings.door(place) + LeaseServer.SEATS_PATH).toURL();
      var connection = (HttpURLConnection) url.openConnection();
      connection.setConnectTimeout(TIMEOUT_MILLIS);
      connection.setReadTimeout(TIMEOUT_MILLIS);
      connection.setDoOutput(true);
      connection.setRequestProperty("Content-Type", "application/json");
      try (OutputStream out = connection.getOutputStream()) {
        out.write(newest.json());
      }
      try (InputStream body = connection.getInputStream()) {
        return Optional.of(SeatsSaid.read(body.readNBytes(MAX_ANSWER_BYTES)));
      } finally {
        connection.disconnect();
      }
    } catch (IOException | IllegalArgumentException e) {
      return Optional.empty(); // down, or of a release that does not say
    }
  }

  private void look(List<SeatsSaid> said) throws IOException {
    Optional<SeatsSaid> better =
        said.stream()
            .filter(s -> s.set() > 0 && !s.seats().isEmpty() && mayFollow(s))
            .max(
                Comparator.<SeatsSaid>comparingInt(s -> continues(s) ? 0 : 1)
                    .thenComparingLong(SeatsSaid::term)
                    .thenComparingLong(SeatsSaid::set));
    if (better.isEmpty() || !isNewer(better.get())) {
      return;
    }
    SeatsSaid next = better.get();
    boolean moved = !next.seats().equals(newest.seats());
    if (moved || next.set() != newest.set() || !next.founding().equals(newest.founding())) {
      write(file, next);
    }
    newest = next;
    if (moved) {
      LOG.info("the seats are {} (set {})", next.seats(), next.set());
      followers.forEach(follower -> follower.accept(seats()));
    }
  }

  /** Of this daemon's cluster, or of one that a person founded in its place. */
  private boolean mayFollow(SeatsSaid said) {
    return newest.founding().isEmpty() || continues(said) || replaces(said);
  }

  private boolean continues(SeatsSaid said) {
    return said.founding().equals(newest.founding());
  }

  private boolean replaces(SeatsSaid said) {
    return said.replaces().isPresent() && said.replaces().equals(newest.founding());
  }

  private boolean isNewer(SeatsSaid said) {
    if (!continues(said)) {
      return true;
    }
    return said.term() > newest.term()
        || (said.term() == newest.term() && said.set() > newest.set());
  }

  @Override
  public void close() {
    thread.shutdownNow();
  }
}
