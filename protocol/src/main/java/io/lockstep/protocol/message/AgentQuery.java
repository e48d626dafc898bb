package io.lockstep.protocol.message;

import akka.actor.typed.ActorRef;
import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.NodeReadings;
import io.lockstep.protocol.model.PairOutcome;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** What anyone may ask an agent; changes nothing that outlives the answer. */
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

  /**
   * How is this host? The first half of {@code lockstep doctor}: looks at the host, writes this
   * doctor's token into the folder and listens at a port, both until {@link #KEPT} is over.
   *
   * @param doctor names this look, in names of files
   * @param folder where checkpoints go, to be looked at as well
   * @param python interpreter to look at; empty means the node's default
   */
  record Examine(
      String doctor, Optional<String> folder, Optional<String> python, ActorRef<Examined> replyTo)
      implements AgentQuery {}

  /** How long a token and a port are kept for the others. */
  Duration KEPT = Duration.ofSeconds(60);

  /**
   * How the host is.
   *
   * @param clock of this host when it answered
   * @param port where the others can try to connect; empty where none could be had
   */
  record Examined(
      NodeId node,
      List<Finding> findings,
      NodeReadings readings,
      Instant clock,
      Optional<Integer> port)
      implements AgentQuery {
    public Examined {
      findings = List.copyOf(findings);
    }
  }

  /** Another node that was examined. */
  record Peer(NodeId node, String address, Optional<Integer> port) {}

  /**
   * Does this host see the others? The second half: connects to their ports, reads their tokens.
   */
  record Meet(String doctor, Optional<String> folder, List<Peer> peers, ActorRef<Met> replyTo)
      implements AgentQuery {
    public Meet {
      peers = List.copyOf(peers);
    }
  }

  record Met(NodeId node, List<Finding> findings) implements AgentQuery {
    public Met {
      findings = List.copyOf(findings);
    }
  }

  /** A port where rank 0 of a group may listen: the first half of {@code doctor --pairs}. */
  record OfferPort(ActorRef<OfferedPort> replyTo) implements AgentQuery {}

  /**
   * The port; nobody holds it.
   *
   * @param port empty where none could be had
   */
  record OfferedPort(NodeId node, Optional<Integer> port) implements AgentQuery {}

  /** How long a node's part of a pair check takes at most, from the start of its program. */
  Duration PAIR_LIMIT = Duration.ofSeconds(45);

  /**
   * Take part in a group of a pair check: the second half. Not done where a job is; the program
   * ends with the answer, and when a job is prepared on this node.
   *
   * @param python interpreter that runs it; empty means the node's default
   * @param seat this node's place in the group
   */
  record Pair(String doctor, Optional<String> python, PairSeat seat, ActorRef<Paired> replyTo)
      implements AgentQuery {}

  /**
   * A place in a group.
   *
   * @param address of rank 0
   * @param port of rank 0
   */
  record PairSeat(int rank, int nodes, String address, int port) {}

  record Paired(NodeId node, PairOutcome outcome) implements AgentQuery {}
}
