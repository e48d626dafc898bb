package io.lockstep.deploy.run;

import io.lockstep.protocol.model.JobSpec;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What the caller wants, understood and checked; the job is node rank 0's to say.
 *
 * @param nodeRank rank that this host asks for; empty is a spare
 * @param givesRanks ranks are given out as hosts come
 * @param procs 0 means as many as there are GPUs
 * @param json stdout is the ended job as JSON; what rank 0 prints goes to stderr
 * @param job the job file's values
 * @param notes what is worth a line before it starts
 */
record RunRequest(
    String name,
    JobSpec.Entry entry,
    String script,
    int nodes,
    Optional<Integer> nodeRank,
    boolean givesRanks,
    int procs,
    String host,
    String master,
    int masterPort,
    RunPorts ports,
    String python,
    Duration joinLimit,
    Duration grace,
    Optional<Path> logDir,
    boolean keep,
    boolean json,
    Map<String, Object> job,
    List<String> notes) {
  RunRequest {
    job = Map.copyOf(job);
    notes = List.copyOf(notes);
  }

  /** True on the host that keeps the job's state and shows its output. */
  boolean isFirst() {
    return host.equals(master);
  }

  String api() {
    return "http://" + (master.contains(":") ? "[" + master + "]" : master) + ":" + ports.http();
  }
}
