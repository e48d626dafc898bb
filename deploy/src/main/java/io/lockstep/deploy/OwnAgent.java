package io.lockstep.deploy;

import io.lockstep.agent.host.AgentHost;
import io.lockstep.agent.host.AgentSettings;
import io.lockstep.agent.process.DaemonThreads;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/**
 * This host's agent. Opening it looks at the host, which takes seconds where nvidia-smi is slow:
 * that is done beside the start of the seat and of the cluster, which wait for none of it.
 */
final class OwnAgent implements AutoCloseable {
  private final CompletableFuture<AgentHost> opened = new CompletableFuture<>();

  private OwnAgent() {}

  /**
   * Begins to open it; whether that went well, {@link #await} says.
   *
   * @param workerEnv environment that workers of this host inherit
   */
  static OwnAgent open(AgentSettings settings, Map<String, String> workerEnv) {
    var agent = new OwnAgent();
    DaemonThreads.of(() -> agent.look(settings, workerEnv), "lockstep-agent-open").start();
    return agent;
  }

  private void look(AgentSettings settings, Map<String, String> workerEnv) {
    try {
      opened.complete(AgentHost.open(settings, workerEnv));
    } catch (IOException | RuntimeException | Error e) {
      opened.completeExceptionally(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      opened.completeExceptionally(e);
    }
  }

  /**
   * Blocks until it is open, as long as {@link AgentHost#open} may; at once from then on.
   *
   * @throws IOException when it cannot be opened: its folder is held by another daemon, say
   */
  AgentHost await() throws IOException, InterruptedException {
    try {
      return opened.get();
    } catch (ExecutionException e) {
      throw e.getCause() instanceof IOException cause
          ? cause
          : new IOException("the agent cannot be opened: " + e.getCause(), e.getCause());
    }
  }

  /** For whom has awaited it. */
  AgentHost host() {
    return opened.join();
  }

  /** Waits until it is open, and closes it; what could not be opened needs no close. */
  @Override
  public void close() throws IOException {
    AgentHost host = opened.exceptionally(failure -> null).join();
    if (host != null) {
      host.close();
    }
  }
}
