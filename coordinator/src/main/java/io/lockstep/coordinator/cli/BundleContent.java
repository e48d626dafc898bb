package io.lockstep.coordinator.cli;

import io.lockstep.protocol.api.EventView;
import io.lockstep.protocol.api.JobView;
import io.lockstep.protocol.api.JobView.AttemptView;
import io.lockstep.protocol.api.JobView.CauseView;
import io.lockstep.protocol.api.JobView.RankView;
import io.lockstep.protocol.api.LogView;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Asks for what is left of a job, part by part; what cannot be had is noted and the rest goes on.
 */
final class BundleContent {
  /** Attempts whose output is taken, the newest. */
  static final int MAX_ATTEMPTS = 3;

  /** Ranks of one attempt whose output is taken: the root's first, then from 0. */
  static final int MAX_RANKS = 64;

  /** Last bytes of each rank's output. */
  static final int LAST_BYTES = 65_536;

  /** Events taken, the oldest of those that are kept. */
  static final int MAX_EVENTS = 5_000;

  /** Calls that nobody answered in a row until nobody is asked any more. */
  static final int MAX_SILENCES = 2;

  private static final int WIDTH = 120;

  private final Session session;
  private final JobView job;
  private final BundleArchive archive;
  private final Map<String, String> deafNodes = new HashMap<>();
  private int silences;

  BundleContent(Session session, JobView job, BundleArchive archive) {
    this.session = session;
    this.job = job;
    this.archive = archive;
  }

  private interface Part {
    String text() throws ApiRefused, NoCoordinator;
  }

  void collect() throws IOException {
    ApiClient api = session.api();
    archive.add("describe.txt", String.join("\n", DescribeCommand.lines(job, WIDTH)) + "\n");
    archive.add("job.json", json(job));
    put("events.jsonl", this::events);
    put("nodes.json", () -> json(api.nodes()));
    put("seats.json", () -> json(api.seats()));
    put("cluster.json", () -> json(api.cluster()));
    archive.add(
        "versions.json",
        json(
            Map.of(
                "lockstep", VersionCommand.version(),
                "java", System.getProperty("java.version", ""),
                "os", System.getProperty("os.name", "") + " " + System.getProperty("os.version"))));
    archive.add("rank-tables.txt", String.join("\n", rankTables()) + "\n");
    List<AttemptView> all = job.attempts();
    for (AttemptView attempt : all.subList(Math.max(0, all.size() - MAX_ATTEMPTS), all.size())) {
      attempt(attempt);
    }
  }

  private void attempt(AttemptView attempt) throws IOException {
    String folder = "attempt-" + attempt.attempt() + "/";
    if (attempt.traceback().isPresent()) {
      archive.add(folder + "traceback.txt", attempt.traceback().get() + "\n");
    }
    if (attempt.rankTable().isEmpty()) {
      archive.miss(folder, "where it ran is not known any more");
      return;
    }
    int procs = Math.max(1, job.procsPerNode());
    for (RankView row : attempt.rankTable()) {
      int first = row.nodeRank() * procs;
      String place = folder + "node-" + row.nodeRank() + "-" + row.node() + "/";
      file(place + "report.json", row.node(), attempt, first, "report");
      file(place + "launch.json", row.node(), attempt, first, "launch");
    }
    List<Integer> ranks = ranks(attempt, attempt.rankTable().size() * procs);
    for (int rank : ranks.subList(0, Math.min(MAX_RANKS, ranks.size()))) {
      String node = attempt.rankTable().get(rank / procs).node();
      String name = folder + "rank-" + rank;
      ask(name + ".log", node, () -> last(rank, attempt.attempt()));
      file(name + "-error.json", node, attempt, rank, "error");
    }
    if (ranks.size() > MAX_RANKS) {
      archive.miss(
          folder,
          "output of " + (ranks.size() - MAX_RANKS) + " more ranks: " + MAX_RANKS + " taken");
    }
  }

  /** All, the one that failed first and its like before the others. */
  private static List<Integer> ranks(AttemptView attempt, int world) {
    var ranks = new ArrayList<Integer>();
    attempt.cause().flatMap(CauseView::rank).filter(r -> r < world).ifPresent(ranks::add);
    IntStream.range(0, world).filter(r -> !ranks.contains(r)).forEach(ranks::add);
    return ranks;
  }

  private String last(int rank, int attempt) throws ApiRefused, NoCoordinator {
    LogView piece = session.api().log(job.id(), rank, attempt, -LAST_BYTES);
    return piece.text();
  }

  private void file(String name, String node, AttemptView attempt, int rank, String file)
      throws IOException {
    ask(name, node, () -> session.api().groupFile(job.id(), rank, attempt.attempt(), file).text());
  }

  /** A node that does not answer once is not asked again: each time it would be waited for. */
  private void ask(String name, String node, Part part) throws IOException {
    Optional<String> deaf = Optional.ofNullable(deafNodes.get(node));
    if (deaf.isPresent()) {
      archive.miss(name, deaf.get());
      return;
    }
    put(
        name,
        () -> {
          try {
            return part.text();
          } catch (ApiRefused e) {
            if (e.problem().status() >= 500) {
              deafNodes.put(node, node + " does not answer: " + e.problem().detail());
            }
            throw e;
          }
        });
  }

  private void put(String name, Part part) throws IOException {
    if (silences >= MAX_SILENCES) {
      archive.miss(name, "no coordinator answers any more");
      return;
    }
    try {
      String text = part.text();
      silences = 0;
      archive.add(name, text);
    } catch (ApiRefused e) {
      archive.miss(name, e.problem().detail());
    } catch (NoCoordinator e) {
      silences++;
      archive.miss(name, String.valueOf(e.getMessage()));
    }
  }

  private String events() throws ApiRefused, NoCoordinator {
    var lines = new StringBuilder();
    long after = 0;
    for (int taken = 0; taken < MAX_EVENTS; ) {
      List<EventView> events = session.api().events(job.id(), after);
      if (events.isEmpty()) {
        break;
      }
      for (EventView event : events) {
        lines.append(CliJson.line(session.json(), event)).append('\n');
      }
      after = events.get(events.size() - 1).version();
      taken += events.size();
    }
    return lines.toString();
  }

  private List<String> rankTables() {
    var lines = new ArrayList<String>();
    for (AttemptView attempt : job.attempts()) {
      lines.add("attempt " + attempt.attempt());
      var table = new TableWriter(WIDTH, "NODE RANK", "NODE", "ADDRESS");
      attempt
          .rankTable()
          .forEach(row -> table.row(Integer.toString(row.nodeRank()), row.node(), row.address()));
      lines.addAll(table.lines());
      lines.add("");
    }
    return lines;
  }

  private String json(Object value) {
    return CliJson.pretty(session.json(), value) + "\n";
  }
}
