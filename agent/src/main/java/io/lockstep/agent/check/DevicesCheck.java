package io.lockstep.agent.check;

import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.ReasonCode;
import java.util.List;

/** There is a GPU for each worker: those that the job names, or as many as it has workers. */
final class DevicesCheck implements Check {
  @Override
  public ReasonCode code() {
    return ReasonCode.NOT_ENOUGH_DEVICES;
  }

  @Override
  public Finding look(Subject subject) {
    List<Integer> there = subject.host().gpus();
    if (subject.launch().isEmpty() || subject.gpus().problem().isPresent()) {
      return skipped("no job, or no driver");
    }
    LaunchSpec launch = subject.launch().get();
    JobSpec job = launch.job();
    List<Integer> asked = job.devices();
    int procs = launch.rankTable().procsPerNode();
    String todo = "change devices or procsPerNode in the job";
    if (!asked.isEmpty() && !there.containsAll(asked)) {
      return fail(todo, "devices %s wanted, found %s", asked, there);
    }
    if (!asked.isEmpty() && asked.size() < procs) {
      return fail(todo, "%d workers on the devices %s", procs, asked);
    }
    if (!there.isEmpty()
        && asked.isEmpty()
        && procs > there.size()
        && !job.env().containsKey("CUDA_VISIBLE_DEVICES")) {
      return fail(todo, "%d workers wanted, %d GPUs", procs, there.size());
    }
    return ok("%d workers, GPUs %s", procs, there);
  }
}
