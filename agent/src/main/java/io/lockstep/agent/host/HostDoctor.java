package io.lockstep.agent.host;

import io.lockstep.agent.check.Subject;
import io.lockstep.agent.process.DaemonThreads;
import io.lockstep.protocol.message.AgentQuery;
import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.Finding.Severity;
import io.lockstep.protocol.model.NodeReadings;
import io.lockstep.protocol.model.ReasonCode;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.regex.Pattern;

/** This node's part of {@code lockstep doctor}: looks at itself, then at the others. */
public final class HostDoctor implements AutoCloseable {
  /** Patients at a time: doctors of several people. */
  private static final int MAX_WAITING = 8;

  private static final int THREADS = 2;
  private static final Duration CONNECT_LIMIT = Duration.ofSeconds(2);

  /** A shared folder may show a new file with some delay. */
  private static final Duration TOKEN_LIMIT = Duration.ofSeconds(3);

  private static final long TOKEN_POLL_MILLIS = 100;
  private static final Pattern NAME = Pattern.compile("[a-z0-9]{1,32}");

  private final AgentSettings settings;
  private final HostHealth health;
  private final ThreadPoolExecutor threads =
      DaemonThreads.pool("agent-doctor", THREADS, MAX_WAITING);
  private final ScheduledExecutorService later =
      Executors.newSingleThreadScheduledExecutor(work -> DaemonThreads.of(work, "agent-doctor"));

  HostDoctor(AgentSettings settings, HostHealth health) {
    this.settings = settings;
    this.health = health;
  }

  /** How this host is; the stage never fails. */
  public CompletionStage<AgentQuery.Examined> examine(AgentQuery.Examine ask) {
    return soon(
        () -> examineNow(ask),
        why ->
            new AgentQuery.Examined(
                settings.node(),
                List.of(late(why)),
                new NodeReadings(Map.of(), List.of(), Optional.empty(), List.of()),
                Instant.now(),
                Optional.empty()));
  }

  /** Whether this host sees the others; the stage never fails. */
  public CompletionStage<AgentQuery.Met> meet(AgentQuery.Meet ask) {
    return soon(() -> meetNow(ask), why -> new AgentQuery.Met(settings.node(), List.of(late(why))));
  }

  private AgentQuery.Examined examineNow(AgentQuery.Examine ask)
      throws IOException, InterruptedException {
    requireName(ask.doctor());
    var subject =
        new Subject(
            health.facts(), Optional.empty(), health.lookAtGpus(), ask.folder(), ask.python());
    var interpreter = health.interpreter(subject);
    var findings = new ArrayList<>(health.runner().run(health.checks().doctor(), subject));
    Optional<Integer> port = listen(findings);
    ask.folder().ifPresent(folder -> findings.add(token(Path.of(folder), ask.doctor())));
    return new AgentQuery.Examined(
        settings.node(),
        findings,
        HostHealth.readings(subject, interpreter, Optional.empty(), findings),
        Instant.now(),
        port);
  }

  /** At a master port, which is what must be open between the nodes. */
  private Optional<Integer> listen(List<Finding> findings) throws IOException {
    Optional<Integer> port =
        MasterPort.choose(
            settings.address(),
            settings.masterPortLow(),
            settings.masterPortHigh(),
            System.nanoTime() & Integer.MAX_VALUE,
            settings.markerPrefix());
    if (port.isPresent()) {
      try {
        var server = new ServerSocket();
        server.bind(new InetSocketAddress(settings.address(), port.get()));
        var unused =
            later.schedule(() -> close(server), AgentQuery.KEPT.toSeconds(), TimeUnit.SECONDS);
        findings.add(finding(ReasonCode.NO_FREE_PORT, Severity.OK, "bound " + port.get(), ""));
        return port;
      } catch (IOException e) {
        // taken since: told as if there were none
      }
    }
    findings.add(
        finding(
            ReasonCode.NO_FREE_PORT,
            Severity.FAIL,
            "no port from %d to %d can be bound on %s"
                .formatted(settings.masterPortLow(), settings.masterPortHigh(), settings.address()),
            "end what listens there, or set ports.master"));
    return Optional.empty();
  }

  private static void close(ServerSocket server) {
    try {
      server.close();
    } catch (IOException e) {
      // the kernel closes it with the process
    }
  }

  private Finding token(Path folder, String doctor) {
    Path file = tokenOf(folder, doctor, settings.node().value());
    try {
      Files.writeString(file, settings.node().value());
      var unused =
          later.schedule(() -> delete(file), AgentQuery.KEPT.toSeconds(), TimeUnit.SECONDS);
      return finding(
          ReasonCode.CHECKPOINT_DIR_UNWRITABLE, Severity.OK, folder + " is writable", "");
    } catch (IOException e) {
      return finding(
          ReasonCode.CHECKPOINT_DIR_UNWRITABLE,
          Severity.FAIL,
          "cannot write into " + folder + ": " + e,
          "mount it, or make it writable for the user of lockstepd");
    }
  }

  private static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      // the folder is gone, and the token with it
    }
  }

  private static Path tokenOf(Path folder, String doctor, String node) {
    return folder.resolve(".lockstep-doctor-" + doctor + "-" + node.replace('/', '_'));
  }

  private AgentQuery.Met meetNow(AgentQuery.Meet ask)
      throws InterruptedException, ExecutionException {
    requireName(ask.doctor());
    var asked = new ArrayList<Future<List<Finding>>>();
    for (AgentQuery.Peer peer : ask.peers()) {
      if (!peer.node().equals(settings.node())) {
        asked.add(health.runner().submit(() -> see(peer, ask)));
      }
    }
    var findings = new ArrayList<Finding>();
    for (Future<List<Finding>> each : asked) {
      findings.addAll(each.get());
    }
    return new AgentQuery.Met(settings.node(), findings);
  }

  private List<Finding> see(AgentQuery.Peer peer, AgentQuery.Meet ask) throws InterruptedException {
    var findings = new ArrayList<Finding>();
    peer.port().ifPresent(port -> findings.add(connect(peer, port)));
    if (ask.folder().isPresent()) {
      Path token = tokenOf(Path.of(ask.folder().get()), ask.doctor(), peer.node().value());
      findings.add(
          isThere(token)
              ? finding(ReasonCode.FOLDER_NOT_SHARED, Severity.OK, "sees " + peer.node() + "'s", "")
              : finding(
                  ReasonCode.FOLDER_NOT_SHARED,
                  Severity.FAIL,
                  "%s wrote a token into %s, and it is not there on %s"
                      .formatted(peer.node(), ask.folder().get(), settings.node()),
                  "mount one folder at that path on all nodes"));
    }
    return findings;
  }

  private static Finding connect(AgentQuery.Peer peer, int port) {
    try (var socket = new Socket()) {
      long began = System.nanoTime();
      socket.connect(new InetSocketAddress(peer.address(), port), (int) CONNECT_LIMIT.toMillis());
      long micros = (System.nanoTime() - began) / 1_000;
      return finding(
          ReasonCode.PEER_UNREACHABLE, Severity.OK, peer.node() + " in " + micros + " µs", "");
    } catch (IOException | IllegalArgumentException e) {
      return finding(
          ReasonCode.PEER_UNREACHABLE,
          Severity.FAIL,
          "%s does not answer at %s port %d: %s"
              .formatted(peer.node(), peer.address(), port, e.getMessage()),
          "open the range of ports.master between the nodes, and look at the route");
    }
  }

  private static boolean isThere(Path token) throws InterruptedException {
    long until = System.nanoTime() + TOKEN_LIMIT.toNanos();
    while (!Files.exists(token)) {
      if (System.nanoTime() - until >= 0) {
        return false;
      }
      Thread.sleep(TOKEN_POLL_MILLIS);
    }
    return true;
  }

  /** It becomes a part of file names. */
  private static void requireName(String doctor) {
    if (!NAME.matcher(doctor).matches()) {
      throw new IllegalArgumentException("a doctor's name is " + NAME + ", found: " + doctor);
    }
  }

  private <T> CompletionStage<T> soon(Callable<T> work, Function<String, T> otherwise) {
    var done = new CompletableFuture<T>();
    try {
      threads.execute(
          () -> {
            try {
              done.complete(work.call());
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
              done.complete(otherwise.apply("the daemon is being closed"));
            } catch (Exception e) { // whatever it is, the asker is to hear it
              done.complete(otherwise.apply(e.toString()));
            }
          });
    } catch (RejectedExecutionException e) {
      done.complete(otherwise.apply("too many doctors at a time"));
    }
    return done;
  }

  private static Finding late(String why) {
    return finding(
        ReasonCode.CHECK_HANGS, Severity.FAIL, why, "look at the daemon's log, and try again");
  }

  private static Finding finding(ReasonCode code, Severity severity, String found, String todo) {
    return new Finding(code, severity, found, todo);
  }

  @Override
  public void close() {
    threads.shutdownNow();
    later.shutdownNow();
  }
}
