package io.lockstep.agent;

import io.lockstep.agent.host.AgentSettings;
import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.CheckpointFormat;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.OnExisting;
import io.lockstep.protocol.model.RankTable;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Builds jobs and launches for tests. */
public final class Jobs {
  public static final String DISK = "disk-1";
  public static final NodeId NODE = new NodeId("127.0.0.1");

  private Jobs() {}

  /** Of a daemon at {@link #NODE}. */
  public static AgentSettings settings(int port, Path dataDir, Path shim, String python) {
    return settings(NODE.value(), port, dataDir, shim, python);
  }

  /** Of a daemon at this address, which is also its node's name. */
  public static AgentSettings settings(
      String address, int port, Path dataDir, Path shim, String python) {
    return new AgentSettings(
        new NodeId(address),
        address,
        port,
        dataDir,
        shim,
        python,
        29_500,
        29_999,
        "test",
        -1,
        false,
        List.of(),
        true);
  }

  public static Fence fence(long plan) {
    return new Fence(plan, new JobId("llama"), new Attempt((int) plan));
  }

  public static JobSpec job() {
    return new JobSpec(
        "llama",
        "train.py",
        List.of("--epochs", "1"),
        "/data/run1",
        2,
        2,
        List.of(),
        0,
        0,
        Optional.empty(),
        JobSpec.Paths.NONE,
        Map.of(),
        new JobSpec.Checkpoint(
            Optional.empty(), false, Optional.empty(), CheckpointFormat.NONE, OnExisting.AUTO),
        JobSpec.Restart.DEFAULT,
        JobSpec.Deadlines.DEFAULT,
        "off",
        Optional.empty());
  }

  public static LaunchSpec launch(long plan) {
    return launch(fence(plan), job(), DISK);
  }

  /** A job that lets others hold so much of each GPU. */
  public static LaunchSpec launchAllowing(int heldMib) {
    JobSpec j = job();
    var allowing =
        new JobSpec(
            j.name(),
            j.script(),
            j.args(),
            j.workdir(),
            j.nodes(),
            j.procsPerNode(),
            j.devices(),
            j.spares(),
            j.priority(),
            j.zero(),
            j.paths(),
            j.env(),
            j.checkpoint(),
            j.restart(),
            j.deadlines(),
            j.warm(),
            j.python(),
            j.entry(),
            j.pins(),
            j.progress(),
            Optional.of(new JobSpec.Preflight(heldMib)));
    return launch(fence(1), allowing, DISK);
  }

  public static LaunchSpec launch(Fence fence, JobSpec job, String disk) {
    return new LaunchSpec(
        fence,
        NODE,
        0,
        new RankTable(
            List.of(
                new RankTable.Entry(NODE, "127.0.0.1"),
                new RankTable.Entry(new NodeId("127.0.0.2"), "127.0.0.2")),
            job.procsPerNode()),
        disk,
        job,
        Optional.empty(),
        "");
  }

  /** A job of one node whose worker script, python and checkpoint folder are given. */
  public static JobSpec local(
      Path workdir,
      String script,
      List<String> args,
      int procs,
      JobSpec.Checkpoint checkpoint,
      Optional<String> python) {
    return new JobSpec(
        "local",
        script,
        args,
        workdir.toString(),
        1,
        procs,
        List.of(),
        0,
        0,
        Optional.of(new JobSpec.Zero(0, Optional.of("{}"), "--deepspeed")),
        JobSpec.Paths.NONE,
        Map.of(),
        checkpoint,
        JobSpec.Restart.DEFAULT,
        JobSpec.Deadlines.DEFAULT,
        "off",
        python);
  }

  public static JobSpec.Checkpoint checkpointIn(Path folder, CheckpointFormat format) {
    return new JobSpec.Checkpoint(
        Optional.of(folder.toString()),
        true,
        Optional.of("--resume_from_checkpoint"),
        format,
        OnExisting.AUTO);
  }

  public static final JobSpec.Checkpoint NO_CHECKPOINT = job().checkpoint();

  public static LaunchSpec alone(Fence fence, JobSpec job, String disk, Optional<String> zero) {
    return new LaunchSpec(
        fence,
        NODE,
        0,
        new RankTable(List.of(new RankTable.Entry(NODE, "127.0.0.1")), job.procsPerNode()),
        disk,
        job,
        zero,
        "");
  }
}
