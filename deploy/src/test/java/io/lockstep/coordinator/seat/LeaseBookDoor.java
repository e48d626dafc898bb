package io.lockstep.coordinator.seat;

import java.util.function.LongSupplier;

/** Opens a book of leases for the simulation, with a rule taken out where it asks for that. */
public final class LeaseBookDoor {
  private LeaseBookDoor() {}

  /** Grants whatever set of seats is counted, if {@code any}. */
  public static LeaseBook open(LeaseLaw.Reader law, LongSupplier nanos, boolean any) {
    return any
        ? new LeaseBook(law, SeatId::address, nanos) {
          @Override
          boolean countsWell(LeaseRequest request) {
            return true;
          }
        }
        : new LeaseBook(law, SeatId::address, nanos);
  }
}
