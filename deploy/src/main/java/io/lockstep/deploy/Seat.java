package io.lockstep.deploy;

import io.lockstep.coordinator.seat.SeatId;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Where a seat is; {@code port} is its Akka port. */
public record Seat(String host, int port) {
  private static final Pattern FORM =
      Pattern.compile("(?<host>\\[[0-9A-Fa-f:.%]+]|[A-Za-z0-9._-]+)(:(?<port>[0-9]{1,5}))?");

  /** Reads {@code host} or {@code host:port}. */
  public static Seat parse(String text, int defaultPort) {
    Matcher form = FORM.matcher(text);
    if (!form.matches()) {
      throw new IllegalArgumentException("a seat is host or host:port, found: '" + text + "'");
    }
    String portText = form.group("port");
    int port = portText == null ? defaultPort : Integer.parseInt(portText);
    if (port < 1 || port > 65_535) {
      throw new IllegalArgumentException("a seat's port is 1 to 65535, found: '" + text + "'");
    }
    return new Seat(form.group("host").replaceAll("[\\[\\]]", ""), port);
  }

  public SeatId id() {
    return new SeatId(toString());
  }

  /** Another port of the same host. */
  String address(int other) {
    return (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + other;
  }

  @Override
  public String toString() {
    return address(port);
  }
}
