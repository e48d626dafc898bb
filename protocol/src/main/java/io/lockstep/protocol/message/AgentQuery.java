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
   * @param file another file than the output, from its beginning; an older agent reads the output
   */
  record ReadLog(
      JobId job,
      Attempt attempt,
      Optional<Integer> rank,
      long offset,
      int maxBytes,
      ActorRef<LogChunk> replyTo,
      Optional<GroupFile> file)
      implements AgentQuery {
    /** Output. */
    public ReadLog(
        JobId job,
        Attempt attempt,
        Optional<Integer> rank,
        long offset,
        int maxBytes,
        ActorRef<LogChunk> replyTo) {
      this(job, attempt, rank, offset, maxBytes, replyTo, Optional.empty());
    }
  }

  /** What a group leaves beside its output. */
  enum GroupFile {
    /** How it ended, as the shim wrote it. */
    REPORT("report"),
    /** How it was started, without secrets. */
    LAUNCH("launch"),
    /** What torch wrote of a worker's exception. */
    ERROR("error");

    private final String word;

    GroupFile(String word) {
      this.word = word;
    }

    /** As a query names it. */
    public String word() {
      return word;
    }
  }

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
