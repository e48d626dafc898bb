package io.lockstep.coordinator.rest;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Optional;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** One request at a time has its turn, and none that was forgotten keeps it. */
final class OneAtATimeTest {
  private static final int THREADS = 8;

  private long nanos;
  private final OneAtATime turns = new OneAtATime(() -> nanos);

  @Test
  void ofManyAtOnceOneHasIt() throws Exception {
    var threads = Executors.newFixedThreadPool(THREADS);
    try {
      for (int round = 0; round < 500; round++) {
        var barrier = new CyclicBarrier(THREADS);
        var asked = new ArrayList<Future<Optional<OneAtATime.Turn>>>();
        for (int i = 0; i < THREADS; i++) {
          asked.add(
              threads.submit(
                  () -> {
                    barrier.await();
                    return turns.take();
                  }));
        }
        var taken = new ArrayList<OneAtATime.Turn>();
        for (Future<Optional<OneAtATime.Turn>> each : asked) {
          each.get().ifPresent(taken::add);
        }
        assertThat(taken).hasSize(1);
        turns.end(turns.begin(taken.get(0)).orElseThrow());
      }
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void whatIsNotBegunIsGivenToTheNextOneAfterTheLimit() {
    OneAtATime.Turn forgotten = turns.take().orElseThrow();
    nanos += OneAtATime.BEGIN_LIMIT.toNanos() - 1;
    assertThat(turns.take()).isEmpty();

    nanos++;
    OneAtATime.Turn next = turns.take().orElseThrow();

    assertThat(turns.begin(forgotten)).isEmpty();
    turns.end(forgotten);
    assertThat(turns.take()).isEmpty();
    assertThat(turns.begin(next)).isPresent();
  }

  @Test
  void whatIsBegunKeepsItUntilItsEnd() {
    OneAtATime.Turn begun = turns.begin(turns.take().orElseThrow()).orElseThrow();
    nanos += 100 * OneAtATime.BEGIN_LIMIT.toNanos();

    assertThat(turns.take()).isEmpty();
    turns.end(begun);
    assertThat(turns.take()).isPresent();
  }

  @Test
  void whatIsTakenAndGivenUpIsFreeAtOnce() {
    turns.end(turns.take().orElseThrow());

    assertThat(turns.take()).isPresent();
  }
}
