package io.lockstep.coordinator.actor;

import io.lockstep.coordinator.core.Preview;
import io.lockstep.coordinator.jobfile.ShippedZero;
import io.lockstep.protocol.api.DryRunView;
import io.lockstep.protocol.api.DryRunView.LaunchView;
import io.lockstep.protocol.api.JobView.WaitView;
import io.lockstep.protocol.model.CheckpointFormat;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.RankTable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Says what a job would launch, as far as the coordinator can know; the rest in brackets. */
final class LaunchPreview {
  private LaunchPreview() {}

  static DryRunView of(JobId id, JobSpec spec, Preview preview) {
    return new DryRunView(
        id.value(),
        spec.name(),
        preview.table().isPresent(),
        Views.reason(preview.reason()),
        preview.table().map(RankTable::worldSize).orElse(0),
        preview.table().map(table -> launches(id, spec, table)).orElse(List.of()),
        preview.spares().stream().map(NodeId::value).toList(),
        preview.verdicts().stream()
            .map(v -> new WaitView(v.node().value(), v.free(), v.why()))
            .toList(),
        env(id, spec),
        spec.zero().map(z -> z.json().orElseGet(() -> ShippedZero.json(z.stage()))),
        resume(spec));
  }

  private static List<LaunchView> launches(JobId id, JobSpec spec, RankTable table) {
    var launches = new ArrayList<LaunchView>();
    for (int rank = 0; rank < table.nnodes(); rank++) {
      RankTable.Entry entry = table.entries().get(rank);
      int first = rank * table.procsPerNode();
      int last = first + table.procsPerNode() - 1;
      launches.add(
          new LaunchView(
              rank,
              entry.node().value(),
              entry.address(),
              first == last ? Integer.toString(first) : first + "-" + last,
              argv(id, spec, table, rank)));
    }
    return launches;
  }

  private static List<String> argv(JobId id, JobSpec spec, RankTable table, int rank) {
    var argv =
        new ArrayList<>(
            List.of(
                spec.python().orElse("<the node's python>"),
                "-m",
                "torch.distributed.run",
                "--nnodes",
                Integer.toString(table.nnodes()),
                "--node-rank",
                Integer.toString(rank),
                "--nproc-per-node",
                Integer.toString(table.procsPerNode()),
                "--rdzv-backend",
                "static",
                "--master-addr",
                table.master().address(),
                "--master-port",
                "<free on " + table.master().node() + " at the start>",
                "--max-restarts",
                "0",
                "--rdzv-id",
                id + "-1-<plan>"));
    switch (spec.entry()) {
      case FILE -> argv.add(spec.script());
      case MODULE -> argv.addAll(List.of("-m", spec.script()));
      case PROGRAM -> argv.addAll(List.of("--no-python", spec.script()));
    }
    argv.addAll(spec.args());
    spec.zero()
        .ifPresent(zero -> argv.addAll(List.of(zero.argument(), "<zero.json of the group>")));
    return argv;
  }

  private static Map<String, String> env(JobId id, JobSpec spec) {
    var env = new TreeMap<>(spec.env());
    put(env, "MODEL_PATH", spec.paths().model());
    put(env, "TOKENIZER_PATH", spec.paths().tokenizer());
    put(env, "TRAIN_FILE_DIR", spec.paths().trainFiles());
    put(env, "VALID_FILE_DIR", spec.paths().validFiles());
    put(env, "OUTPUT_DIR", spec.paths().output());
    put(env, "CACHE_DIR", spec.paths().cache());
    env.put("NODE_RANK", "<node rank>");
    env.put("LOCKSTEP_JOB", id.value());
    env.put("LOCKSTEP_ATTEMPT", "1");
    env.put("LOCKSTEP_NODE", "<node>");
    env.put("LOCKSTEP_RESUME_FROM", "<the checkpoint, or empty>");
    env.put("LOCKSTEP_RESTART_CAUSE", "");
    return env;
  }

  private static void put(Map<String, String> env, String name, Optional<String> value) {
    value.ifPresent(text -> env.put(name, text));
  }

  private static String resume(JobSpec spec) {
    if (spec.checkpoint().dir().isEmpty() || spec.checkpoint().format() == CheckpointFormat.NONE) {
      return "a fresh start: no checkpoint folder is looked into";
    }
    return "not known before the nodes have looked into "
        + spec.checkpoint().dir().get()
        + " (onExisting: "
        + spec.checkpoint().onExisting().text()
        + ")";
  }
}
