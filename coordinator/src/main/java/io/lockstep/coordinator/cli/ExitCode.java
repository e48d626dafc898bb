package io.lockstep.coordinator.cli;

import io.lockstep.protocol.api.JobView;
import io.lockstep.protocol.api.Problem;
import io.lockstep.protocol.model.ReasonCode;
import java.util.Arrays;

/** Every way in which the command ends; the numbers are part of the public surface. */
public enum ExitCode {
  DONE(0, "done"),
  INTERNAL(1, "internal error"),
  USAGE(2, "usage"),
  JOB_FAILED(3, "the job's own code failed"),
  BUDGET_SPENT(4, "restart budget spent"),
  NO_PROGRESS(5, "no progress"),
  INFRASTRUCTURE(6, "infrastructure (cannot be placed in time, quorum lost)"),
  CANCELED(7, "canceled"),
  NO_COORDINATOR(8, "no coordinator reachable"),
  REFUSED(9, "refused (conflict, invalid spec, not found)");

  private final int number;
  private final String meaning;

  ExitCode(int number, String meaning) {
    this.number = number;
    this.meaning = meaning;
  }

  public int number() {
    return number;
  }

  public String meaning() {
    return meaning;
  }

  /** How a job that is over ended: as the coordinator says, else by phase and reason. */
  public static ExitCode of(JobView job) {
    if (job.exitCode().isPresent()) {
      int number = job.exitCode().get();
      return Arrays.stream(values())
          .filter(code -> code.number == number)
          .findFirst()
          .orElse(INTERNAL);
    }
    return switch (job.phase()) {
      case "SUCCEEDED" -> DONE;
      case "CANCELED" -> CANCELED;
      case "FAILED" -> failed(job.reason().code());
      default -> INTERNAL;
    };
  }

  /** How a request that was turned down ends the command. */
  public static ExitCode of(Problem problem) {
    if (problem.status() == 503) {
      return NO_COORDINATOR;
    }
    return problem.status() >= 400 && problem.status() < 500 ? REFUSED : INTERNAL;
  }

  private static ExitCode failed(String code) {
    return Arrays.stream(ReasonCode.values())
        .filter(known -> known.name().equals(code))
        .findFirst()
        .map(ExitCode::failed)
        .orElse(INTERNAL); // a newer coordinator's reason
  }

  private static ExitCode failed(ReasonCode code) {
    return switch (code) {
      case SCRIPT_FAILED, WORKERS_FAILED -> JOB_FAILED;
      case RESTART_BUDGET_SPENT -> BUDGET_SPENT;
      case NOTHING_TRAINED, HANG, STANDS_STILL -> NO_PROGRESS;
      case PREPARE_REJECTED,
          CHECKPOINT_WORLD_SIZE,
          CHECKPOINTS_OF_ANOTHER_JOB,
          CHECKPOINTS_EXIST,
          DIFFERENT_SCRIPT,
          DIFFERENT_ZERO_CONFIG,
          DIFFERENT_VERSIONS,
          DIFFERENT_HARDWARE,
          FOLDER_NOT_SHARED,
          SCRIPT_MISSING,
          WORKDIR_MISSING,
          PYTHON_MISSING,
          PATH_MISSING,
          CHECKPOINT_DIR_UNWRITABLE,
          ZERO_CONFIG_INVALID,
          ZERO_AUTO_WITHOUT_HF,
          NOT_ENOUGH_DEVICES,
          INVALID_SPEC,
          CONFLICT,
          UNKNOWN_JOB,
          UNKNOWN_NODE ->
          REFUSED;
      case CANCELED, CANCELING -> CANCELED;
      case HELD,
          PLACE_TIMEOUT,
          WAITING_FOR_NODES,
          WAITING_FOR_BACKOFF,
          WAITING_FOR_OLD_GROUPS,
          PREPARE_TIMEOUT,
          START_TIMEOUT,
          NODE_SILENT,
          NODE_DRAINED,
          PORT_TAKEN,
          CHECKPOINT_CHANGED,
          CHECKPOINT_INCOMPLETE,
          CONVERTING,
          CONVERSION_FAILED,
          ABANDONED,
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
          STALE_LOCKS,
          OP_BUILD,
          VERSIONS,
          CLOCK_SKEW,
          CHECK_HANGS,
          PAIR_FAILED,
          PAIR_SLOW,
          NODE_SLOW,
          DRAINING,
          NODE_ID_TAKEN,
          QUARANTINED,
          NOT_PLACED,
          SEATS_UNCHANGED,
          NO_QUORUM,
          OVERLOADED ->
          INFRASTRUCTURE;
      case QUEUED,
          ALREADY_QUEUED,
          PREPARING,
          ALL_PREPARED,
          ALL_STARTED,
          SUCCEEDED,
          RESTARTING,
          FINISHING,
          UNEXPECTED_EXIT,
          MOVES_AGAIN,
          STRAGGLER,
          NODE_JOINED,
          NODE_RETURNED,
          NODE_READY,
          STANDING_BY,
          STALE,
          TERMINAL,
          NOTHING_TO_DO,
          SEATS_CHANGED,
          INTERNAL,
          OTHER ->
          INTERNAL;
    };
  }
}
