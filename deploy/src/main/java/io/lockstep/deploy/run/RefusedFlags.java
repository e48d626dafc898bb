package io.lockstep.deploy.run;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** Flags of torchrun that make no sense here, each with what to use instead. */
final class RefusedFlags {
  private static final Map<String, String> INSTEAD = instead();

  private RefusedFlags() {}

  private static Map<String, String> instead() {
    var flags = new LinkedHashMap<String, String>();
    flags.put("--run-path", "give the script as SCRIPT, or the module with -m");
    flags.put(
        "--event-log-handler", "look at lockstep events JOB, or at lockstepd.log with --keep");
    flags.put("--role", "there is one role; take the flag out");
    flags.put("--local-ranks-filter", "use lockstep logs JOB --rank R; rank 0 is what is shown");
    flags.put("--duplicate-stdout-filters", "use lockstep logs JOB --rank R, and grep");
    flags.put("--duplicate-stderr-filters", "use lockstep logs JOB --rank R, and grep");
    flags.put("--logs-specs", "every rank's output is kept; choose the folder with --log-dir");
    flags.put("--log-line-prefix-template", "use lockstep logs JOB, which prefixes node rank/rank");
    flags.put(
        "--numa-binding",
        "workers are forked from a preloaded process, around which torchrun cannot put numactl; bind"
            + " them with --no-python numactl --cpunodebind=… python SCRIPT");
    flags.put(
        "--signals-to-handle",
        "take it out: INT, TERM and HUP cancel, with --shutdown-timeout between TERM and KILL");
    flags.put(
        "--virtual-local-rank",
        "every worker sees all GPUs of the job and takes that of its LOCAL_RANK; a script that wants"
            + " one alone sets CUDA_VISIBLE_DEVICES from LOCAL_RANK before it imports torch");
    flags.put("--print-completion", "use lockstep completion");
    flags.put("--use-env", "take it out: LOCAL_RANK is always in the environment");
    flags.put(
        "--api", "the job's coordinator is on node rank 0's host; name that with --master-addr");
    return flags;
  }

  /** Why this argument is not taken; empty when it is no such flag. */
  static Optional<String> refusal(String argument) {
    String flag = argument.split("=", 2)[0];
    return Optional.ofNullable(INSTEAD.get(flag))
        .map(instead -> "lockstep run does not take " + flag + ": " + instead);
  }

  static Map<String, String> all() {
    return Map.copyOf(INSTEAD);
  }
}
