package io.lockstep.coordinator.core;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What an attempt's gang was started with, alike on all nodes: a later one should find the same.
 */
public record StartedWith(String scriptSha256, Optional<String> zeroSha256) {
  static Optional<StartedWith> of(AttemptState attempt) {
    return Optional.ofNullable(attempt.prepared().get(attempt.table().master().node()))
        .map(said -> new StartedWith(said.scriptSha256(), said.zeroSha256()));
  }

  /** What is another than it was, for people; empty when nothing is. */
  List<String> changedTo(StartedWith now) {
    var changed = new ArrayList<String>();
    if (!scriptSha256.equals(now.scriptSha256)) {
      changed.add("the script (sha256 " + from(scriptSha256, now.scriptSha256) + ")");
    }
    if (!zeroSha256.equals(now.zeroSha256)) {
      changed.add(
          "the ZeRO configuration (sha256 "
              + from(zeroSha256.orElse("none"), now.zeroSha256.orElse("none"))
              + ")");
    }
    return changed;
  }

  private static String from(String before, String now) {
    return Agreement.shortened(before) + " before, now " + Agreement.shortened(now);
  }
}
