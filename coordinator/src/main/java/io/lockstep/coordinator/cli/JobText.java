package io.lockstep.coordinator.cli;

import io.lockstep.protocol.api.JobView;
import io.lockstep.protocol.api.JobView.ProgressView;
import java.util.Locale;

/** A job's values as people read them. */
final class JobText {
  private JobText() {}

  /** Nodes × workers on each; auto until the gang is placed. */
  static String gang(JobView job) {
    return job.nodes() + "x" + (job.procsPerNode() == 0 ? "auto" : job.procsPerNode());
  }

  static String step(ProgressView progress) {
    return progress.totalSteps() > 0
        ? progress.step() + "/" + progress.totalSteps()
        : Long.toString(progress.step());
  }

  /** Step and losses in one phrase. */
  static String progress(ProgressView progress) {
    var text = new StringBuilder("step ").append(step(progress));
    if (progress.totalSteps() > 0) {
      text.append(" (").append(percent(progress)).append("%)");
    }
    progress.loss().ifPresent(loss -> text.append("  loss ").append(number(loss)));
    progress.evalLoss().ifPresent(loss -> text.append("  eval loss ").append(number(loss)));
    return text.toString();
  }

  /** A bar of this many characters; empty when the end is not known. */
  static String bar(ProgressView progress, int width) {
    if (progress.totalSteps() <= 0) {
      return "";
    }
    int done = (int) (width * percent(progress) / 100);
    return "[" + "#".repeat(done) + "-".repeat(width - done) + "]";
  }

  static String restarts(JobView job) {
    return job.restarts().counted()
        + " of "
        + job.restarts().budget()
        + " counted, "
        + job.restarts().uncounted()
        + " uncounted";
  }

  private static long percent(ProgressView progress) {
    long step = Math.max(0, Math.min(progress.step(), progress.totalSteps()));
    return (long) (100.0 * step / progress.totalSteps());
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.4f", value);
  }
}
