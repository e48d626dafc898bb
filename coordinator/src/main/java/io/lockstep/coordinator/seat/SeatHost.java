package io.lockstep.coordinator.seat;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One process's seat, outside any ActorSystem: its machine, its store and the one thread of both.
 */
public final class SeatHost implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(SeatHost.class);
  private static final int CLOSE_SECONDS = 10;

  private final SeatId seat;
  private final SeatMachine machine;
  private final SeatStore store;
  private final LeaseBook leases;
  private final ThreadPoolExecutor thread;
  private volatile Held held;
  // of the thread only
  private String broken = "";

  /**
   * What this seat last accepted.
   *
   * @param nanos when, on the monotonic clock; empty when before this daemon started
   */
  private record Held(SeatState state, Optional<Long> nanos) {}

  /**
   * Opens the seat's store under {@code dataDir}; it may be opened once.
   *
   * @param doors where the leases of a seat are renewed, as {@code host:port}
   * @throws IOException when the store can be neither read nor replaced
   */
  public static SeatHost open(
      SeatId seat, Path dataDir, LeaseLaw.Reader reader, Function<SeatId, String> doors)
      throws IOException {
    return new SeatHost(seat, SeatDisk.open(dataDir), reader, doors);
  }

  SeatHost(SeatId seat, SeatStore store, LeaseLaw.Reader reader, Function<SeatId, String> doors) {
    this.seat = seat;
    this.machine = new SeatMachine(seat);
    this.store = store;
    this.leases = new LeaseBook(reader, doors, System::nanoTime);
    this.leases.follow(store.state());
    this.held = new Held(store.state(), Optional.empty());
    this.thread =
        new ThreadPoolExecutor(
            1,
            1,
            0,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(SeatLimits.MAX_QUEUED_REQUESTS),
            task -> {
              var made = new Thread(task, "lockstep-seat");
              made.setDaemon(true);
              return made;
            });
    SeatState state = store.state();
    log.info(
        "seat {} disk {} {} promised term {} accepted term {} {}",
        seat,
        state.disk(),
        state.standing(),
        state.promised(),
        state.acceptedTerm(),
        state.stored());
  }

  /**
   * Answers once the answer is true of the synced disk. Does not block; may be called from any
   * thread. Fails with {@link RejectedExecutionException} when too many requests wait or the seat
   * is closed: the asker then hears nothing, and asks again.
   */
  public CompletionStage<SeatReply> handle(SeatRequest request) {
    var reply = new CompletableFuture<SeatReply>();
    try {
      thread.execute(() -> answer(request, reply));
    } catch (RejectedExecutionException e) {
      reply.completeExceptionally(e);
    }
    return reply;
  }

  private void answer(SeatRequest request, CompletableFuture<SeatReply> reply) {
    try {
      reply.complete(answer(request));
    } catch (RuntimeException e) {
      log.error("seat {} could not handle {}", seat, request, e);
      reply.completeExceptionally(e);
    }
  }

  private SeatReply answer(SeatRequest request) {
    if (!broken.isEmpty()) {
      return new SeatReply.Broken(request.request(), seat, broken);
    }
    SeatDecision decision = machine.decide(store.state(), request);
    if (decision.reply() instanceof SeatReply.Accepted) {
      held = new Held(store.state(), Optional.of(System.nanoTime()));
    }
    if (decision.changed()) {
      try {
        store.save(decision.next());
        leases.follow(decision.next());
        held = new Held(decision.next(), held.nanos());
      } catch (IOException e) {
        // what the disk now holds is unknown, so nothing is said about it any more
        broken =
            "seat %s cannot write its store (%s); free its disk and restart the daemon"
                .formatted(seat, e.getMessage());
        log.error(broken, e);
        return new SeatReply.Broken(request.request(), seat, broken);
      }
    }
    return leases.withAges(decision.reply());
  }

  /** From any thread; does not wait for the disk. */
  public LeaseAnswer renew(LeaseRequest request) {
    return leases.renew(request);
  }

  /** What it has accepted so far; empty when it belongs to no cluster. From any thread. */
  public Optional<LastAccepted> lastAccepted() {
    Held last = held;
    SeatState state = last.state();
    return state
        .founding()
        .map(
            founding ->
                new LastAccepted(
                    seat,
                    state.acceptedTerm(),
                    state.stored(),
                    last.nanos().map(at -> Duration.ofNanos(System.nanoTime() - at))));
  }

  /** Who the seats are, as this one has accepted it. From any thread. */
  public SeatsSaid seats() {
    return leases.seats();
  }

  /** Ends the thread and closes the store. A request that still waits is not answered. */
  @Override
  public void close() {
    thread.shutdown();
    try {
      if (!thread.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS)) {
        log.warn("seat {} still writes after {} s; its store stays open", seat, CLOSE_SECONDS);
        return;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return;
    }
    store.close();
  }
}
