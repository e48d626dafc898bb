package io.lockstep.deploy.run;

import io.lockstep.coordinator.cli.ExitCode;
import io.lockstep.protocol.api.JobView;
import io.lockstep.protocol.api.JobView.AttemptView;
import io.lockstep.protocol.api.JobView.RankView;
import java.util.List;
import java.util.stream.Collectors;

/** Tells what becomes of the job: attempts, causes, waits, and its end. */
final class JobFollower {
  private static final int MAX_NODES_NAMED = 8;

  private final Talk talk;
  private int toldAttempt;
  private int toldEnds;

  JobFollower(Talk talk) {
    this.talk = talk;
  }

  void tell(JobView job) {
    List<AttemptView> attempts = job.attempts();
    for (AttemptView attempt : attempts) {
      boolean hasEnded = attempt.endedAt().isPresent() && attempt.attempt() > toldEnds;
      if (hasEnded && attempt.cause().isPresent()) {
        toldEnds = attempt.attempt();
        talk.say(
            "attempt "
                + attempt.attempt()
                + " has ended: "
                + attempt.cause().get().code()
                + ": "
                + attempt.cause().get().message());
      }
    }
    if (job.phase().equals("RUNNING") && job.attempt() > toldAttempt && !attempts.isEmpty()) {
      toldAttempt = job.attempt();
      AttemptView now = attempts.get(attempts.size() - 1);
      talk.say(
          "attempt %d runs on %s, %d workers each%s"
              .formatted(
                  job.attempt(),
                  nodes(job.rankTable()),
                  job.procsPerNode(),
                  now.resumedFromStep().map(step -> ", from step " + step).orElse("")));
    } else if (job.phase().equals("QUEUED")) {
      talk.say("waits: " + job.reason().message());
    }
  }

  /** How it ended, and the code to end with. */
  ExitCode end(JobView job) {
    ExitCode code = ExitCode.of(job);
    if (code != ExitCode.DONE) {
      job.attempts().stream()
          .reduce((first, second) -> second)
          .flatMap(AttemptView::traceback)
          .ifPresent(talk::quote);
    }
    talk.say("job " + job.id() + " " + job.phase() + ": " + job.reason().message());
    return code;
  }

  private static String nodes(List<RankView> ranks) {
    String named =
        ranks.stream()
            .limit(MAX_NODES_NAMED)
            .map(rank -> rank.nodeRank() + "=" + rank.node())
            .collect(Collectors.joining(", "));
    return ranks.size() > MAX_NODES_NAMED ? named + " …" : named;
  }
}
