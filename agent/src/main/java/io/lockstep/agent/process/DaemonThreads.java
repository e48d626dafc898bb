package io.lockstep.agent.process;

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** Threads that keep nobody from ending. */
public final class DaemonThreads {
  private static final long IDLE_SECONDS = 30;

  private DaemonThreads() {}

  /** One thread; not started. */
  public static Thread of(Runnable work, String name) {
    var thread = new Thread(work, name);
    thread.setDaemon(true);
    return thread;
  }

  /** So many threads at most, which end when they idle; work beyond what may wait is refused. */
  public static ThreadPoolExecutor pool(String name, int threads, int maxWaiting) {
    var pool =
        new ThreadPoolExecutor(
            threads,
            threads,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(maxWaiting),
            work -> of(work, name));
    pool.allowCoreThreadTimeOut(true);
    return pool;
  }
}
