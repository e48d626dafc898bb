package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.FailureClass;
import java.util.List;
import java.util.Optional;

/**
 * Tells from what a failed group left behind what kind of failure it was. Must not block, must not
 * throw, and must say the same of the same signs.
 */
public interface FailureRules {
  /** Knows nothing: the class then follows from how the group ended. */
  FailureRules NONE = signs -> Optional.empty();

  /** The first rule that fits. */
  Optional<Fit> look(Signs signs);

  /** Where a line was found. */
  enum Place {
    /** What the kernel's log and the cgroup said of the group. */
    HOST,
    /** The error's own words. */
    MESSAGE,
    TRACEBACK,
    /** The last lines of the output. */
    OUTPUT,
    /** {@code signal 9} or {@code exit code 1}. */
    EXIT
  }

  /**
   * What a failed group left behind, newest last. Places are looked at in the order of {@link
   * Place}: the kernel knows best, the output is the last to be asked.
   */
  record Signs(
      List<String> host,
      List<String> message,
      List<String> traceback,
      List<String> output,
      List<String> exit) {
    public Signs {
      host = List.copyOf(host);
      message = List.copyOf(message);
      traceback = List.copyOf(traceback);
      output = List.copyOf(output);
      exit = List.copyOf(exit);
    }

    public List<String> at(Place place) {
      return switch (place) {
        case HOST -> host;
        case MESSAGE -> message;
        case TRACEBACK -> traceback;
        case OUTPUT -> output;
        case EXIT -> exit;
      };
    }
  }

  /**
   * A rule that fits.
   *
   * @param rule its id
   * @param sign the line that it fits
   * @param cascade such a failure mostly follows from another node's
   */
  record Fit(
      String rule,
      Place place,
      FailureClass failureClass,
      boolean cascade,
      String sign,
      String meaning,
      String advice) {}
}
