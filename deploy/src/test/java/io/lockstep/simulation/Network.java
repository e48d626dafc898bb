package io.lockstep.simulation;

import java.util.HashSet;
import java.util.Set;

/**
 * Carries messages between hosts: drops, delays, doubles and reorders them, and is cut between
 * hosts, one direction at a time. Within a host nothing is lost.
 */
final class Network {
  private final Schedule schedule;
  private final Set<Link> cut = new HashSet<>();
  private double drop;
  private double duplicate;
  private int maxDelay = 2;

  private record Link(String from, String to) {}

  Network(Schedule schedule) {
    this.schedule = schedule;
  }

  void weather(double dropped, double doubled, int slowest) {
    drop = dropped;
    duplicate = doubled;
    maxDelay = slowest;
  }

  void cut(String from, String to) {
    cut.add(new Link(from, to));
  }

  void heal(String from, String to) {
    cut.remove(new Link(from, to));
  }

  void healAll() {
    cut.clear();
  }

  /** True when messages pass both ways. */
  boolean connects(String one, String other) {
    return !cut.contains(new Link(one, other)) && !cut.contains(new Link(other, one));
  }

  void send(String from, String to, Runnable delivery) {
    if (from.equals(to)) {
      schedule.after(0, delivery);
      return;
    }
    var link = new Link(from, to);
    int copies = schedule.happens(duplicate) ? 2 : 1;
    for (int i = 0; i < copies; i++) {
      if (!schedule.happens(drop) && !cut.contains(link)) {
        schedule.after(
            1 + schedule.below(maxDelay),
            () -> {
              if (!cut.contains(link)) {
                delivery.run();
              }
            });
      }
    }
  }
}
