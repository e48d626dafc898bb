package io.lockstep.protocol.api;

import java.util.List;
import java.util.Optional;

/**
 * The seats as the coordinator sees them.
 *
 * @param set counts the changes of who is a seat, from 1
 * @param majority how many seats must accept a write, and grant a lease
 * @param answering how many do just now
 */
public record SeatsView(long set, int majority, int answering, List<SeatView> seats) {
  public SeatsView {
    seats = List.copyOf(seats);
  }

  /**
   * One seat.
   *
   * @param seat its address
   * @param node the node on that host, where one is known
   * @param state FOLLOWS, OUT_OF_REACH, BROKEN, DISK_LOST (waits to be taken back in) or JOINING
   * @param version the newest state that it said it holds; plan numbers are versions
   * @param disk the disk that counts for it
   * @param inReach it has accepted something in the last seconds
   * @param detail what is wrong with it; empty when nothing is
   */
  public record SeatView(
      String seat,
      Optional<String> node,
      String state,
      long version,
      Optional<String> disk,
      boolean inReach,
      String detail) {}
}
