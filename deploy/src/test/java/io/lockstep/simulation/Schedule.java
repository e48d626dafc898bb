package io.lockstep.simulation;

import java.time.Instant;
import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.SplittableRandom;

/** Virtual time: what happens when, drawn from one seed. */
final class Schedule {
  private static final Instant START = Instant.parse("2026-11-24T00:00:00Z");

  private final SplittableRandom random;
  private final boolean plain;
  private final PriorityQueue<Event> queue =
      new PriorityQueue<>(Comparator.comparingLong(Event::at).thenComparingLong(Event::order));
  private long now;
  private long order;

  private record Event(long at, long order, Runnable action) {}

  /**
   * @param plain nothing is drawn: every duration is its shortest and nothing fails by itself
   */
  Schedule(long seed, boolean plain) {
    this.random = new SplittableRandom(seed);
    this.plain = plain;
  }

  long now() {
    return now;
  }

  Instant instant() {
    return START.plusMillis(now);
  }

  SplittableRandom split() {
    return random.split();
  }

  int below(int bound) {
    return plain ? 0 : random.nextInt(bound);
  }

  int between(int low, int high) {
    return plain ? low : low + random.nextInt(high - low + 1);
  }

  boolean oneIn(int n) {
    return !plain && random.nextInt(n) == 0;
  }

  boolean happens(double probability) {
    return !plain && random.nextDouble() < probability;
  }

  void after(long millis, Runnable action) {
    queue.add(new Event(now + millis, order++, action));
  }

  void step() {
    Event event = queue.remove();
    now = event.at();
    event.action().run();
  }
}
