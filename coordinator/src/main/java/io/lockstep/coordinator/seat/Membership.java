package io.lockstep.coordinator.seat;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The seats of the cluster and the disk that counts for each (A1, A8).
 *
 * @param version counts every change, disks included
 * @param seatsVersion counts the changes of who is a seat, from 1; empty while there was none
 * @param joining a seat in the place of another one, still without a disk: it is filled when no
 *     lease is counted by the seats before any more (A9)
 */
public record Membership(
    long version,
    List<Member> members,
    @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<Long> seatsVersion,
    @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<SeatId> joining) {
  /** Most seats that a cluster has. */
  public static final int MAX_SEATS = 5;

  /** Before the cluster was founded. */
  public static final Membership NONE = new Membership(0, List.of());

  /**
   * One seat's place.
   *
   * @param disk empty while the place is vacant: the disk was lost and its successor is not yet in
   */
  public record Member(SeatId seat, Optional<DiskId> disk) {
    @Override
    public String toString() {
      return seat + "=" + disk.map(DiskId::toString).orElse("vacant");
    }
  }

  public Membership {
    members = List.copyOf(members);
    var seats = new HashSet<SeatId>();
    for (Member member : members) {
      if (!seats.add(member.seat())) {
        throw new IllegalArgumentException("seat " + member.seat() + " is named twice");
      }
    }
  }

  Membership(long version, List<Member> members) {
    this(version, members, Optional.empty(), Optional.empty());
  }

  static Membership founding(Map<SeatId, DiskId> disks) {
    return new Membership(
        1,
        disks.entrySet().stream()
            .map(e -> new Member(e.getKey(), Optional.of(e.getValue())))
            .sorted((a, b) -> a.seat().compareTo(b.seat()))
            .toList());
  }

  /** Of all the seats, those with a vacant place included. */
  @JsonIgnore
  public int majority() {
    return members.size() / 2 + 1;
  }

  public boolean has(SeatId seat) {
    return members.stream().anyMatch(m -> m.seat().equals(seat));
  }

  public Optional<DiskId> diskOf(SeatId seat) {
    return members.stream().filter(m -> m.seat().equals(seat)).findFirst().flatMap(Member::disk);
  }

  public boolean names(SeatId seat, DiskId disk) {
    return members.contains(new Member(seat, Optional.of(disk)));
  }

  /** Which set of seats this is: 0 before the founding, then from 1 (A9). Disks do not count. */
  public long set() {
    return seatsVersion.orElse(Math.min(version, 1));
  }

  Membership with(SeatId seat, Optional<DiskId> disk) {
    return new Membership(
        version + 1,
        members.stream().map(m -> m.seat().equals(seat) ? new Member(seat, disk) : m).toList(),
        seatsVersion,
        joining.filter(j -> !j.equals(seat) || disk.isEmpty()));
  }

  Membership adding(SeatId seat, DiskId disk) {
    var all = new ArrayList<>(members);
    all.add(new Member(seat, Optional.of(disk)));
    return changed(all, Optional.empty());
  }

  Membership removing(SeatId seat) {
    return changed(members.stream().filter(m -> !m.seat().equals(seat)).toList(), Optional.empty());
  }

  /** The place goes to another seat, and is vacant until its disk is taken in. */
  Membership replacing(SeatId old, SeatId by) {
    return changed(
        members.stream()
            .map(m -> m.seat().equals(old) ? new Member(by, Optional.empty()) : m)
            .toList(),
        Optional.of(by));
  }

  /** All other seats are given up; not safe while one of them may live. */
  Membership only(SeatId seat) {
    return changed(members.stream().filter(m -> m.seat().equals(seat)).toList(), Optional.empty());
  }

  private Membership changed(List<Member> next, Optional<SeatId> joins) {
    return new Membership(version + 1, next, Optional.of(set() + 1), joins);
  }

  @Override
  public String toString() {
    return members.stream()
        .map(Member::toString)
        .collect(Collectors.joining(", ", "v" + version + " {", "}"));
  }
}
