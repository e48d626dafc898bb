package io.lockstep.deploy.run;

import io.lockstep.coordinator.cli.ApiRefused;
import io.lockstep.coordinator.cli.ExitCode;
import io.lockstep.coordinator.cli.NoCoordinator;
import io.lockstep.coordinator.jobfile.JobDocument;
import io.lockstep.coordinator.jobfile.JobFile;
import io.lockstep.deploy.EmbeddedDaemon;
import io.lockstep.protocol.api.JobView;
import io.lockstep.protocol.api.NodeView;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.UUID;

/** Node rank 0: keeps the job's state, submits the job, shows it, and ends with its code. */
final class FirstHost {
  /** How long the coordinator inside may be without an answer. */
  private static final Duration ANSWER_LIMIT = Duration.ofSeconds(90);

  /** How long the other hosts get to notice the end. */
  private static final Duration FAREWELL_LIMIT = Duration.ofSeconds(10);

  private static final String MYSELF = "node rank 0";

  private final Host host;
  private final RunRequest request;
  private final Talk talk;
  private int obeyed;

  FirstHost(Host host) {
    this.host = host;
    this.request = host.request();
    this.talk = host.talk();
  }

  ExitCode run() throws RunRefused, InterruptedException, ApiRefused, NoCoordinator {
    EmbeddedDaemon daemon = host.startDaemon();
    try {
      if (!haveCome(daemon)) {
        talk.say("canceled before it began");
        return ExitCode.CANCELED;
      }
      JobView job = follow(daemon, submit());
      host.keepResult(job);
      ExitCode code = new JobFollower(talk).end(job);
      farewell();
      return code;
    } finally {
      host.close(daemon);
    }
  }

  // coming together

  /** Waits for all ranks; false when the caller gave up. */
  private boolean haveCome(EmbeddedDaemon daemon) throws RunRefused, InterruptedException {
    long begun = System.nanoTime();
    while (host.signals().asked() == 0) {
      checkDaemon(daemon);
      Optional<List<NodeView>> nodes = host.nodes();
      List<String> missing = nodes.map(this::missing).orElse(List.of());
      if (nodes.isPresent() && missing.isEmpty()) {
        refuseMixture(nodes.get());
        return true;
      }
      Duration waited = Duration.ofNanos(System.nanoTime() - begun);
      if (nodes.isEmpty() && waited.compareTo(ANSWER_LIMIT) > 0) {
        throw new RunRefused(
            ExitCode.INFRASTRUCTURE,
            "the coordinator did not answer within %d s; look at lockstepd.log in the run's folder"
                .formatted(ANSWER_LIMIT.toSeconds()));
      }
      if (waited.compareTo(request.joinLimit()) > 0) {
        throw new RunRefused(
            ExitCode.INFRASTRUCTURE,
            "after %d s still missing: %s; start them, or wait longer with --rdzv-conf timeout=S"
                .formatted(request.joinLimit().toSeconds(), String.join(", ", missing)));
      }
      List<String> others = missing.stream().filter(one -> !one.equals(MYSELF)).toList();
      if (!others.isEmpty()) {
        talk.say(
            "waits for %s: the same command there with its --node-rank, --master-addr %s"
                    .formatted(String.join(", ", others), request.master())
                + " and --master-port "
                + request.masterPort());
      }
      Host.pause();
    }
    return false;
  }

  private List<String> missing(List<NodeView> all) {
    List<NodeView> here = all.stream().filter(node -> !Host.isAway(node)).toList();
    if (request.givesRanks()) {
      boolean isHere = here.stream().anyMatch(node -> node.node().equals(request.host()));
      int still = request.nodes() - here.size() - (isHere ? 0 : 1);
      var missing = new ArrayList<String>(isHere ? List.of() : List.of(MYSELF));
      if (still > 0) {
        missing.add(still + " of " + request.nodes() + " hosts");
      }
      return missing;
    }
    var ranks = new TreeSet<Integer>();
    here.forEach(node -> node.askedRank().ifPresent(ranks::add));
    var missing = new ArrayList<String>();
    for (int rank = 0; rank < request.nodes(); rank++) {
      if (!ranks.contains(rank)) {
        missing.add("node rank " + rank);
      }
    }
    return missing;
  }

  /** GPUs and CPU processes make no gang. */
  private static void refuseMixture(List<NodeView> all) throws RunRefused {
    List<NodeView> here = all.stream().filter(node -> !Host.isAway(node)).toList();
    List<String> without =
        here.stream().filter(node -> node.gpus().isEmpty()).map(NodeView::node).toList();
    if (!without.isEmpty() && without.size() < here.size()) {
      throw new RunRefused(
          ExitCode.REFUSED,
          "some hosts have GPUs and %s have none; a gang is of one kind: leave those out"
              .formatted(without));
    }
  }

  private static void checkDaemon(EmbeddedDaemon daemon) throws RunRefused {
    if (daemon.failure().isPresent()) {
      throw new RunRefused(ExitCode.INFRASTRUCTURE, daemon.failure().get());
    }
  }

  // the job

  private String submit() throws ApiRefused, NoCoordinator {
    String id = JobFile.idFor(request.name(), UUID.randomUUID().toString().replace("-", ""));
    return host.api().submit(JobDocument.of(request.job()).json(), id).id();
  }

  private JobView follow(EmbeddedDaemon daemon, String id)
      throws RunRefused, InterruptedException, ApiRefused, NoCoordinator {
    var follower = new JobFollower(talk);
    var output = new RankZeroOutput(host.api(), host.out());
    long lastAnswer = System.nanoTime();
    while (true) {
      checkDaemon(daemon);
      try {
        obey(daemon, id);
        JobView job = host.api().job(id);
        output.print(job);
        follower.tell(job);
        if (JobView.isTerminal(job)) {
          output.print(job);
          return job;
        }
        lastAnswer = System.nanoTime();
      } catch (NoCoordinator e) {
        bear(lastAnswer, e);
      } catch (ApiRefused e) {
        if (!e.isTransient()) {
          throw e;
        }
        bear(lastAnswer, new RunRefused(ExitCode.INFRASTRUCTURE, e.problem().detail()));
      }
      Host.pause();
    }
  }

  private static <E extends Exception> void bear(long lastAnswer, E problem) throws E {
    if (System.nanoTime() - lastAnswer > ANSWER_LIMIT.toNanos()) {
      throw problem;
    }
  }

  /** The first wish to stop cancels with grace, the second at once. */
  private void obey(EmbeddedDaemon daemon, String id)
      throws NoCoordinator, ApiRefused, InterruptedException {
    int asked = host.signals().asked();
    if (asked <= obeyed) {
      return;
    }
    boolean isFirst = obeyed == 0 && asked == 1;
    long grace = isFirst ? request.grace().toSeconds() : 0;
    talk.say(
        isFirst
            ? "canceling everywhere, %d s to save; once more kills at once".formatted(grace)
            : "killing at once");
    try {
      host.api().cancel(id, grace);
    } catch (ApiRefused e) {
      if (e.isTransient()) {
        throw e;
      }
      talk.say(e.problem().detail()); // it has ended already
    }
    obeyed = asked;
    if (!isFirst) {
      host.endGroups(daemon);
    }
  }

  // the end

  /** The others look, see the end, and say goodbye by draining themselves. */
  private void farewell() throws InterruptedException {
    long begun = System.nanoTime();
    while (System.nanoTime() - begun < FAREWELL_LIMIT.toNanos() && host.signals().asked() < 2) {
      boolean isAlone =
          host.nodes().stream()
              .flatMap(List::stream)
              .filter(node -> !node.node().equals(request.host()))
              .allMatch(Host::isAway);
      if (isAlone) {
        return;
      }
      Host.pause();
    }
  }
}
