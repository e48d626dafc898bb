package io.lockstep.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Looks after each test whether jobs that have ended left processes or ports, and after all whether
 * the fleet left files other than those that docs/operations.md lists.
 */
final class LeavesNothing implements AfterEachCallback, AfterAllCallback {
  /** The shim stays a moment to say goodbye. */
  private static final Duration LIMIT = Duration.ofSeconds(15);

  private static final Pattern PORT = Pattern.compile("\"--master-port\",\\s*\"(\\d+)\"");

  private static final Pattern KEPT =
      Pattern.compile(
          String.join(
              "|",
              "agent\\.(json|lock)",
              "seats\\.json",
              "seat/seat-[12]\\.mv",
              "groups/\\.founding",
              "groups/[^/]+/\\d+-\\d+/(spec|handle|report|zero)\\.json",
              "groups/[^/]+/\\d+-\\d+/(started|worker|shim\\.log|warm\\.log)",
              "groups/[^/]+/\\d+-\\d+/logs/(rank-\\d+|torchrun)\\.\\d+\\.log",
              "groups/[^/]+/\\d+-\\d+/(errors|torch|stacks)/.*",
              "standby/(spec\\.json|warm\\.log)",
              "lockstepd\\.log",
              "out\\.log" /* the test's own */));

  private final Supplier<Fleet> fleet;

  LeavesNothing(Supplier<Fleet> fleet) {
    this.fleet = fleet;
  }

  @Override
  public void afterEach(ExtensionContext context) {
    await("ended jobs leave nothing")
        .atMost(LIMIT)
        .untilAsserted(() -> assertThat(leftOfEndedJobs()).isEmpty());
  }

  private List<String> leftOfEndedJobs() throws IOException {
    var left = new ArrayList<String>();
    for (JsonNode job : fleet.get().jobs()) {
      if (Fleet.isTerminal(job)) {
        left.addAll(leftOf(job.path("id").asText()));
      }
    }
    return left;
  }

  private List<String> leftOf(String job) throws IOException {
    var left = new ArrayList<String>();
    for (long pid : fleet.get().allProcesses()) {
      if (Processes.mark(pid).contains("/" + job + "/")) {
        left.add("%s: %d %s".formatted(job, pid, Processes.commandLine(pid)));
      }
    }
    for (int port : portsOf(job)) {
      for (long pid : Processes.listeners(port)) {
        String mark = Processes.mark(pid);
        if (mark.isEmpty() || mark.contains("/" + job + "/")) { // else another job's turn
          left.add("%s: port %d, held by %s".formatted(job, port, Processes.commandLine(pid)));
        }
      }
    }
    return left;
  }

  /** Master ports of all its attempts, from what the shims were told. */
  private Set<Integer> portsOf(String job) throws IOException {
    var ports = new TreeSet<Integer>();
    for (String address : fleet.get().addresses()) {
      Path groups = fleet.get().dataDir(address).resolve("groups").resolve(job);
      for (Path group : Files.isDirectory(groups) ? children(groups) : List.<Path>of()) {
        Path spec = group.resolve("spec.json");
        Matcher port = PORT.matcher(Files.exists(spec) ? Files.readString(spec) : "");
        if (port.find()) {
          ports.add(Integer.valueOf(port.group(1)));
        }
      }
    }
    return ports;
  }

  private static List<Path> children(Path folder) throws IOException {
    try (var all = Files.list(folder)) {
      return all.toList();
    }
  }

  /** All fleets are closed by now. */
  @Override
  public void afterAll(ExtensionContext context) throws IOException {
    assertThat(files(fleet.get().temp())).as("temporary files").isEmpty();
    for (String address : fleet.get().addresses()) {
      Path data = fleet.get().dataDir(address);
      assertThat(files(data).stream().filter(file -> !KEPT.matcher(file).matches()))
          .as("in %s", data)
          .isEmpty();
    }
  }

  /** Everything that is no folder, FIFOs and sockets too. */
  private static List<String> files(Path folder) throws IOException {
    try (var all = Files.walk(folder)) {
      return all.filter(file -> !Files.isDirectory(file, LinkOption.NOFOLLOW_LINKS))
          .map(file -> folder.relativize(file).toString())
          .toList();
    }
  }
}
