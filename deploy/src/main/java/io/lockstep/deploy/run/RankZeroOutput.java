package io.lockstep.deploy.run;

import io.lockstep.coordinator.cli.ApiClient;
import io.lockstep.coordinator.cli.ApiRefused;
import io.lockstep.coordinator.cli.NoCoordinator;
import io.lockstep.protocol.api.JobView;
import io.lockstep.protocol.api.LogView;
import java.io.PrintStream;

/** Prints what rank 0 writes, attempt after attempt, as it comes. */
final class RankZeroOutput {
  private static final int MAX_PIECES_AT_ONCE = 200;

  private final ApiClient api;
  private final PrintStream out;
  private int attempt;
  private long offset;
  private boolean ended;

  RankZeroOutput(ApiClient api, PrintStream out) {
    this.api = api;
    this.out = out;
  }

  /** Prints what there is now; what an attempt that is over still has comes before the next's. */
  void print(JobView job) throws NoCoordinator {
    while (attempt < job.attempt()) {
      if (attempt > 0 && !ended) {
        drain(job.id());
      }
      attempt++;
      offset = 0;
      ended = false;
    }
    drain(job.id());
  }

  private void drain(String job) throws NoCoordinator {
    for (int piece = 0; piece < MAX_PIECES_AT_ONCE && attempt > 0 && !ended; piece++) {
      LogView log;
      try {
        log = api.log(job, 0, attempt, offset);
      } catch (ApiRefused e) {
        return; // no output yet
      }
      out.print(log.text());
      out.flush();
      boolean came = log.nextOffset() > offset;
      offset = log.nextOffset();
      ended = log.ended();
      if (!came) {
        return;
      }
    }
  }
}
