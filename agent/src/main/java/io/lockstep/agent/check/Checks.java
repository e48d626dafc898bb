package io.lockstep.agent.check;

import java.util.ArrayList;
import java.util.List;

/** All checks, in the order in which they are told: what is the job's own comes first. */
public final class Checks {
  private final List<Check> job;
  private final List<Check> gpus;
  private final List<Check> host =
      List.of(new SharedMemoryCheck(), new OpenFilesCheck(), new InterfaceCheck(), new RoomCheck());
  private final List<Check> slow;
  private final OpBuildCheck opBuild;

  public Checks(VersionProbe versions, GpuMemoryHelper memory) {
    this.gpus =
        List.of(
            new GpuDriverCheck(),
            new GpuLostCheck(),
            new GpuEccCheck(),
            new GpuRemapCheck(),
            new GpuRecoveryCheck(),
            new GpuHeatCheck(),
            new GpuThrottleCheck(),
            new GpuMigCheck(),
            new GpuProcessesCheck(),
            new GpuMemoryCheck(memory),
            new Bf16Check());
    this.job = List.of(new WorkdirCheck(), new PythonCheck(), new PathsCheck(), new DevicesCheck());
    this.opBuild = new OpBuildCheck(versions);
    this.slow = List.of(new VersionsCheck(versions), new KernelLogCheck());
  }

  /** Before each attempt: none takes long on a host that is well. */
  public List<Check> quick() {
    var all = new ArrayList<>(job);
    all.addAll(gpus);
    all.addAll(host);
    all.add(opBuild);
    all.add(new PeerCheck());
    all.add(new StaleLocksCheck());
    return all;
  }

  /** Without which nothing can run there, whatever GPUs a job uses. */
  public List<Check> ofTheWholeHost() {
    return List.of(new GpuDriverCheck(), new GpuLostCheck());
  }

  /** When a person asks how the host is. */
  public List<Check> doctor() {
    var all = new ArrayList<Check>();
    all.add(new PythonCheck());
    all.addAll(gpus);
    all.addAll(host);
    all.add(opBuild);
    all.add(new StaleLocksCheck());
    all.addAll(slow);
    return all;
  }
}
