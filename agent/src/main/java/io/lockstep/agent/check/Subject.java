package io.lockstep.agent.check;

import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.LaunchSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * What is looked at: a host, for one attempt or for none.
 *
 * @param launch empty when a person asks how the host is
 * @param gpus the last reading
 * @param folder where checkpoints go; empty when there is none to look at
 * @param asked an interpreter that a person asks for
 */
public record Subject(
    HostFacts host,
    Optional<LaunchSpec> launch,
    GpuReading gpus,
    Optional<String> folder,
    Optional<String> asked) {
  /** The host for this attempt. */
  public static Subject of(HostFacts host, LaunchSpec launch, GpuReading gpus) {
    return new Subject(
        host, Optional.of(launch), gpus, launch.job().checkpoint().dir(), Optional.empty());
  }

  Optional<JobSpec> job() {
    return launch.map(LaunchSpec::job);
  }

  /** As workers see it, as far as the checks care. */
  public Map<String, String> env() {
    var env = new TreeMap<>(host.env());
    job().ifPresent(j -> env.putAll(j.env()));
    return env;
  }

  /** The interpreter of the workers. */
  public String python() {
    return asked.or(() -> job().flatMap(JobSpec::python)).orElse(host.python());
  }

  /** The GPUs that the job uses, all of them without a job: others are not looked at. */
  public List<GpuState> used() {
    Optional<List<Integer>> chosen = chosen();
    return gpus.gpus().stream()
        .filter(g -> chosen.isEmpty() || chosen.get().contains(g.index()))
        .toList();
  }

  /** Indices of those GPUs; empty where it cannot be told. */
  Optional<List<Integer>> chosen() {
    if (launch.isEmpty()) {
      return Optional.empty();
    }
    JobSpec job = launch.get().job();
    String visible = job.env().get("CUDA_VISIBLE_DEVICES");
    if (visible != null) {
      return numbers(visible);
    }
    return Optional.of(
        job.devices().isEmpty()
            ? IntStream.range(0, launch.get().rankTable().procsPerNode()).boxed().toList()
            : job.devices());
  }

  private static Optional<List<Integer>> numbers(String list) {
    var found = new ArrayList<Integer>();
    for (String word : list.split(",", -1)) {
      if (!word.strip().matches("\\d{1,4}")) {
        return Optional.empty(); // by uuid
      }
      found.add(Integer.valueOf(word.strip()));
    }
    return Optional.of(found);
  }

  /** True when this program is on the PATH of the workers. */
  boolean onPath(String program) {
    return SearchPath.find(program, env()).isPresent();
  }
}
