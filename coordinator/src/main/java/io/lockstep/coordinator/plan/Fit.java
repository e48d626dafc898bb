package io.lockstep.coordinator.plan;

import java.util.OptionalLong;

/** Whether a job goes on its cards and into its hosts. */
public enum Fit {
  FITS("fits"),
  /** The peak fits; torch's allocator has to give blocks back, which costs time. */
  TIGHT("fits tightly"),
  MAY_NOT_FIT("may not fit"),
  CANNOT_FIT("cannot fit");

  private final String words;

  Fit(String words) {
    this.words = words;
  }

  public String words() {
    return words;
  }

  /**
   * Compares with what there is; the worse of card and host.
   *
   * @param cardBytes memory of one card
   * @param hostBytes memory of one host; empty when it is not known, then it is not looked at
   */
  static Fit of(GpuMemory gpu, HostMemory host, long cardBytes, OptionalLong hostBytes) {
    Fit onCard = onCard(gpu, cardBytes);
    if (hostBytes.isEmpty() || host.total().highBytes() <= hostBytes.getAsLong()) {
      return onCard;
    }
    Fit inHost = host.total().lowBytes() > hostBytes.getAsLong() ? CANNOT_FIT : MAY_NOT_FIT;
    return onCard.compareTo(inHost) > 0 ? onCard : inHost;
  }

  static Fit onCard(GpuMemory gpu, long cardBytes) {
    if (gpu.onCard().lowBytes() > cardBytes) {
      return CANNOT_FIT;
    } else if (gpu.onCard().highBytes() <= cardBytes) {
      return FITS;
    }
    long context = Context.of().most().highBytes();
    return gpu.peak().highBytes() + context <= cardBytes ? TIGHT : MAY_NOT_FIT;
  }
}
