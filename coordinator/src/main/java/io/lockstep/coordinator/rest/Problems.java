package io.lockstep.coordinator.rest;

import akka.http.javadsl.model.HttpHeader;
import akka.http.javadsl.model.StatusCode;
import akka.http.javadsl.model.StatusCodes;
import akka.http.javadsl.model.headers.RawHeader;
import akka.http.scaladsl.model.EntityStreamException;
import akka.http.scaladsl.model.EntityStreamSizeException;
import io.lockstep.protocol.api.Problem;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import io.lockstep.protocol.model.ReasonedException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Owns which reason code is which HTTP status, and how a failure is told without its insides. */
final class Problems {
  /** Seconds after which a client without a coordinator may ask again. */
  static final int RETRY_AFTER_SECONDS = 1;

  private static final Logger LOG = LoggerFactory.getLogger(Problems.class);

  private Problems() {}

  static Problem of(Reason reason, List<Problem.Mistake> mistakes) {
    return problem(status(reason.code()), reason.code().name(), reason.message(), mistakes);
  }

  /** A problem that HTTP itself has with the request. */
  static Problem ofStatus(StatusCode status, String detail) {
    String code = status.reason().toUpperCase(Locale.ROOT).replaceAll("[^A-Z0-9]+", "_");
    return problem(status.intValue(), code, detail, List.of());
  }

  /** Any failure of a route. A bug is logged here, once, and told without its stack. */
  static Problem of(Throwable failure) {
    Throwable cause = cause(failure);
    if (cause instanceof Refusal refusal) {
      return refusal.problem();
    }
    if (cause instanceof ReasonedException refused) {
      return of(refused.reason(), List.of());
    }
    if (cause instanceof EntityStreamSizeException) {
      return Refusal.tooLarge().problem();
    }
    if (cause instanceof EntityStreamException broken) {
      return ofStatus(StatusCodes.BAD_REQUEST, "the body broke off: " + broken.info().summary());
    }
    if (cause instanceof TimeoutException) {
      return of(
          new Reason(
              ReasonCode.NO_QUORUM,
              "no coordinator answered in time; the request may have taken effect: look before"
                  + " you repeat it"),
          List.of());
    }
    LOG.error("a request failed unexpectedly", cause);
    return of(
        new Reason(ReasonCode.INTERNAL, "an error inside Lockstep; its log has the details"),
        List.of());
  }

  /** Why no coordinator answered, when it is that; empty for every other failure. */
  static Optional<String> withoutCoordinator(Throwable failure) {
    Throwable cause = cause(failure);
    if (cause instanceof TimeoutException) {
      return Optional.of("no coordinator answered in time");
    }
    return cause instanceof Refusal refusal
            && refusal.problem().code().equals(ReasonCode.NO_QUORUM.name())
        ? Optional.of(refusal.problem().detail())
        : Optional.empty();
  }

  static List<HttpHeader> headers(Problem problem) {
    return problem.status() == 503
        ? List.of(RawHeader.create("Retry-After", Integer.toString(RETRY_AFTER_SECONDS)))
        : List.of();
  }

  static int status(ReasonCode code) {
    return switch (code) {
      case UNKNOWN_JOB, UNKNOWN_NODE -> 404;
      case INVALID_SPEC, ZERO_CONFIG_INVALID, ZERO_AUTO_WITHOUT_HF -> 400;
      case NO_QUORUM, OVERLOADED, STALE -> 503;
      case INTERNAL -> 500;
      case QUEUED,
          ALREADY_QUEUED,
          HELD,
          WAITING_FOR_NODES,
          WAITING_FOR_BACKOFF,
          WAITING_FOR_OLD_GROUPS,
          PREPARING,
          ALL_PREPARED,
          ALL_STARTED,
          SUCCEEDED,
          CANCELED,
          CANCELING,
          RESTARTING,
          FINISHING,
          SCRIPT_FAILED,
          RESTART_BUDGET_SPENT,
          NOTHING_TRAINED,
          PLACE_TIMEOUT,
          PREPARE_REJECTED,
          PREPARE_TIMEOUT,
          START_TIMEOUT,
          CHECKPOINT_WORLD_SIZE,
          CHECKPOINTS_OF_ANOTHER_JOB,
          CHECKPOINTS_EXIST,
          DIFFERENT_SCRIPT,
          DIFFERENT_ZERO_CONFIG,
          NODE_SILENT,
          WORKERS_FAILED,
          NODE_DRAINED,
          PORT_TAKEN,
          CHECKPOINT_CHANGED,
          CHECKPOINT_INCOMPLETE,
          CONVERTING,
          CONVERSION_FAILED,
          ABANDONED,
          UNEXPECTED_EXIT,
          HANG,
          STANDS_STILL,
          MOVES_AGAIN,
          STRAGGLER,
          SCRIPT_MISSING,
          WORKDIR_MISSING,
          PYTHON_MISSING,
          PATH_MISSING,
          CHECKPOINT_DIR_UNWRITABLE,
          NOT_ENOUGH_DEVICES,
          OLD_GROUP_WILL_NOT_END,
          NO_FREE_PORT,
          LAUNCH_FAILED,
          LEASE_LOST,
          DISK_FULL,
          GPU_DRIVER,
          GPU_LOST,
          GPU_ECC,
          GPU_REMAP,
          GPU_RECOVERY,
          GPU_HOT,
          GPU_THROTTLED,
          GPU_MIG,
          GPU_PROCESSES,
          GPU_MEMORY_HELD,
          GPU_WITHOUT_BF16,
          KERNEL_XID,
          SHARED_MEMORY,
          OPEN_FILES,
          NETWORK_INTERFACE,
          PEER_UNREACHABLE,
          CHECKPOINT_NO_ROOM,
          FOLDER_NOT_SHARED,
          STALE_LOCKS,
          OP_BUILD,
          VERSIONS,
          DIFFERENT_VERSIONS,
          DIFFERENT_HARDWARE,
          CLOCK_SKEW,
          CHECK_HANGS,
          PAIR_FAILED,
          PAIR_SLOW,
          NODE_SLOW,
          NODE_JOINED,
          NODE_RETURNED,
          NODE_READY,
          STANDING_BY,
          NODE_ID_TAKEN,
          QUARANTINED,
          OTHER,
          DRAINING,
          CONFLICT,
          TERMINAL,
          NOTHING_TO_DO,
          NOT_PLACED,
          SEATS_UNCHANGED,
          SEATS_CHANGED ->
          409;
    };
  }

  private static Problem problem(
      int status, String code, String detail, List<Problem.Mistake> mistakes) {
    String words = code.toLowerCase(Locale.ROOT).replace('_', ' ');
    String title = words.substring(0, 1).toUpperCase(Locale.ROOT) + words.substring(1);
    String type = "urn:lockstep:problem:" + words.replace(' ', '-');
    return new Problem(type, title, status, detail, code, mistakes);
  }

  private static Throwable cause(Throwable failure) {
    Throwable cause = failure;
    while (cause instanceof CompletionException || cause instanceof ExecutionException) {
      @Nullable Throwable inner = cause.getCause();
      if (inner == null) {
        break;
      }
      cause = inner;
    }
    return cause;
  }
}
