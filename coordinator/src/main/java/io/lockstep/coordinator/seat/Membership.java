package io.lockstep.coordinator.seat;

import com.fasterxml.jackson.annotation.JsonIgnore;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** The seats of the cluster and the disk that counts for each (A1, A8). */
public record Membership(long version, List<Member> members) {
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

  Membership with(SeatId seat, Optional<DiskId> disk) {
    return new Membership(
        version + 1,
        members.stream().map(m -> m.seat().equals(seat) ? new Member(seat, disk) : m).toList());
  }

  @Override
  public String toString() {
    return members.stream()
        .map(Member::toString)
        .collect(Collectors.joining(", ", "v" + version + " {", "}"));
  }
}
