package io.lockstep.deploy;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.turbo.TurboFilter;
import ch.qos.logback.core.spi.FilterReply;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Marker;

/** Lets one named logger say at most one line in ten seconds; the others are not looked at. */
public final class FloodFilter extends TurboFilter {
  private static final long INTERVAL_NANOS = 10_000_000_000L;

  private final AtomicLong lastNanos = new AtomicLong(System.nanoTime() - INTERVAL_NANOS);
  private volatile String name = "";

  /** Set by logback.xml. */
  public void setLogger(String logger) {
    this.name = logger;
  }

  @Override
  public FilterReply decide(
      @Nullable Marker marker,
      Logger logger,
      Level level,
      @Nullable String format,
      Object @Nullable [] parameters,
      @Nullable Throwable problem) {
    if (format == null || !logger.getName().equals(name)) {
      return FilterReply.NEUTRAL;
    }
    long last = lastNanos.get();
    long now = System.nanoTime();
    return now - last >= INTERVAL_NANOS && lastNanos.compareAndSet(last, now)
        ? FilterReply.NEUTRAL
        : FilterReply.DENY;
  }
}
