package io.lockstep.agent.check;

import io.lockstep.agent.process.DaemonThreads;
import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Runs checks side by side on threads of their own; one that hangs is told, not waited for. */
public final class CheckRunner implements AutoCloseable {
  /** For a check that names no other: a folder on a server that is gone answers never. */
  public static final Duration LIMIT = Duration.ofSeconds(10);

  private static final Logger LOG = LoggerFactory.getLogger(CheckRunner.class);
  private static final int THREADS = 16;
  private static final int MAX_WAITING = 256;

  private final ThreadPoolExecutor threads;

  public CheckRunner() {
    this.threads = DaemonThreads.pool("agent-checks", THREADS, MAX_WAITING);
  }

  /** What each found, in their order; blocks until all have answered or are late. */
  public List<Finding> run(List<Check> checks, Subject subject) {
    return start(checks, subject).findings();
  }

  /** Begins to look; what comes of it is asked for later. */
  public Looking start(List<Check> checks, Subject subject) {
    var asked = new ArrayList<Future<Finding>>();
    for (Check check : checks) {
      asked.add(submit(() -> check.look(subject)));
    }
    return new Looking(checks, asked, System.nanoTime());
  }

  /** Checks that are at it. */
  public static final class Looking {
    private final List<Check> checks;
    private final List<Future<Finding>> asked;
    private final long began;

    private Looking(List<Check> checks, List<Future<Finding>> asked, long began) {
      this.checks = List.copyOf(checks);
      this.asked = List.copyOf(asked);
      this.began = began;
    }

    /** What each found, in their order; blocks until all have answered or are late. */
    public List<Finding> findings() {
      var found = new ArrayList<Finding>();
      for (int i = 0; i < checks.size(); i++) {
        found.add(answer(checks.get(i), asked.get(i), began));
      }
      return found;
    }
  }

  /** Something else that blocks, at the same time. */
  public <T> Future<T> submit(Callable<T> work) {
    try {
      return threads.submit(work);
    } catch (RejectedExecutionException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  private static Finding answer(Check check, Future<Finding> future, long began) {
    long left = check.limit().toNanos() - (System.nanoTime() - began);
    try {
      return future.get(Math.max(0, left), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      future.cancel(true);
      return hangs(check, "no answer within " + check.limit().toSeconds() + " s");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return hangs(check, "interrupted");
    } catch (ExecutionException | CancellationException e) {
      LOG.error("the check {} failed", check.code(), e);
      return hangs(check, String.valueOf(e.getCause()));
    }
  }

  private static Finding hangs(Check check, String why) {
    return new Finding(
        ReasonCode.CHECK_HANGS,
        Finding.Severity.FAIL,
        "the check " + check.code() + ": " + why,
        "look for a file system that hangs (df, mount), and at the daemon's log");
  }

  @Override
  public void close() {
    threads.shutdownNow();
  }
}
