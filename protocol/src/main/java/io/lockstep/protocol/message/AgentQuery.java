package io.lockstep.protocol.message;

import akka.actor.typed.ActorRef;
import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.JobId;
import java.util.Optional;

/** What anyone may ask an agent; changes nothing. */
public sealed interface AgentQuery extends Wire, ToAgent {
  /** Most bytes of log in one answer. */
  int MAX_LOG_BYTES = 131_072;

  /**
   * A piece of a worker's output, or of torchrun's own.
   *
   * @param rank worker's rank; empty means torchrun's own output
   * @param offset first byte wanted, counted from the start of the attempt; negative counts back
   *     from the end
   */
  record ReadLog(
      JobId job,
      Attempt attempt,
      Optional<Integer> rank,
      long offset,
      int maxBytes,
      ActorRef<LogChunk> replyTo)
      implements AgentQuery {}

  /**
   * The piece found.
   *
   * @param offset where {@code data} begins: later than asked when older output was dropped
   * @param ended true when the attempt is over and nothing follows {@code data}
   * @param problem why there is no data; empty when there is no problem
   */
  record LogChunk(long offset, byte[] data, boolean ended, Optional<String> problem)
      implements AgentQuery {}
}
