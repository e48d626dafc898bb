package io.lockstep.coordinator.jobfile;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** The ZeRO configurations written for this project, as in deploy/examples. */
public final class ShippedZero {
  private ShippedZero() {}

  /** The configuration of stage 1, 2 or 3. */
  public static String json(int stage) {
    if (stage < 1 || stage > 3) {
      throw new IllegalArgumentException("zero stage must be 1, 2 or 3, found: " + stage);
    }
    String name = "/zero/zero" + stage + ".json";
    try (InputStream in = ShippedZero.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException(name + " is missing from the jar");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(name, e);
    }
  }
}
