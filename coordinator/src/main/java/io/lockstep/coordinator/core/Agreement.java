package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.CheckpointFormat;
import io.lockstep.protocol.model.CheckpointInventory;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.OnExisting;
import io.lockstep.protocol.model.OnResize;
import io.lockstep.protocol.model.RankTable;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import io.lockstep.protocol.model.UniversalCheckpoint;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Finds what all prepared nodes agree on: script, ZeRO configuration, checkpoint to go on from. */
final class Agreement {
  /** What a shell takes as it is. */
  private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9_@%+=:,./-]+");

  private Agreement() {}

  /** Agreed, or why not. */
  sealed interface Outcome {
    record Agreed(Optional<CompleteCheckpoint> resume, boolean moveAside) implements Outcome {}

    /** Agreed on one that has to be converted first. */
    record Convert(CompleteCheckpoint checkpoint) implements Outcome {}

    /** The job cannot run like this. */
    record Refused(Reason reason) implements Outcome {}

    /** Nodes see different things for now; another attempt may find them equal. */
    record NotYet(NodeId node, String message) implements Outcome {}
  }

  static Outcome of(Job job, AttemptState attempt) {
    Map<NodeId, PreparedNode> said = attempt.prepared();
    Optional<String> differ = different(said, PreparedNode::scriptSha256);
    if (differ.isPresent()) {
      return new Outcome.Refused(
          Reason.of(
              ReasonCode.DIFFERENT_SCRIPT,
              "%s is not the same file everywhere: %s; copy one version to all nodes",
              job.spec().script(),
              differ.get()));
    }
    Optional<String> zero = different(said, p -> p.zeroSha256().orElse("none"));
    if (zero.isPresent()) {
      return new Outcome.Refused(
          Reason.of(
              ReasonCode.DIFFERENT_ZERO_CONFIG,
              "the ZeRO configuration was not written alike: %s",
              zero.get()));
    }
    Optional<UnlikeNodes.Unlike> unlike = UnlikeNodes.first(job, attempt);
    if (unlike.isPresent()) {
      return unlike(job, unlike.get());
    }
    return checkpoint(job, attempt);
  }

  /** Another node may be like the first one; where this one comes again, there is no other. */
  private static Outcome unlike(Job job, UnlikeNodes.Unlike unlike) {
    String code = unlike.reason().code().name();
    boolean again =
        GangPlanner.refusals(job).stream()
            .filter(c -> c.node().filter(unlike.node()::equals).isPresent())
            .anyMatch(c -> c.message().startsWith(code));
    return again
        ? new Outcome.Refused(unlike.reason())
        : new Outcome.NotYet(unlike.node(), unlike.reason().toString());
  }

  private static Optional<String> different(
      Map<NodeId, PreparedNode> said, Function<PreparedNode, String> hash) {
    Map<String, List<String>> nodesByHash =
        said.entrySet().stream()
            .collect(
                Collectors.groupingBy(
                    e -> hash.apply(e.getValue()),
                    java.util.TreeMap::new,
                    Collectors.mapping(e -> e.getKey().value(), Collectors.toList())));
    return nodesByHash.size() <= 1
        ? Optional.empty()
        : Optional.of(
            nodesByHash.entrySet().stream()
                .map(e -> e.getValue() + " has sha256 " + shortened(e.getKey()))
                .collect(Collectors.joining(", ")));
  }

  static String shortened(String hash) {
    return hash.length() > 12 ? hash.substring(0, 12) : hash;
  }

  private static Outcome checkpoint(Job job, AttemptState attempt) {
    JobSpec.Checkpoint settings = job.spec().checkpoint();
    if (settings.dir().isEmpty() || settings.format() == CheckpointFormat.NONE) {
      return new Outcome.Agreed(Optional.empty(), false);
    }
    String dir = settings.dir().get();
    RankTable table = attempt.table();
    CheckpointInventory first = inventoryOf(attempt, table.master().node());
    if (isFirstStart(job)) {
      Optional<Outcome> existing = onExisting(job, settings, first, dir);
      if (existing.isPresent()) {
        return existing.get();
      }
    }
    if (first.complete().isEmpty()) {
      return elsewhere(attempt)
          .<Outcome>map(
              node ->
                  new Outcome.NotYet(
                      table.master().node(),
                      "%s holds complete checkpoints on %s and none on %s; checkpoint.dir must be one"
                              .formatted(dir, node, table.master().node())
                          + " folder shared by all"))
          .orElseGet(() -> fresh(job, dir, table.master().node()));
    }
    Optional<CompleteCheckpoint> newest =
        first.complete().stream()
            .filter(c -> attempt.prepared().values().stream().allMatch(p -> holds(p, c)))
            .findFirst();
    if (newest.isEmpty()) {
      NodeId without = nodeWithout(attempt, first.complete().get(0));
      return new Outcome.NotYet(
          without,
          first.complete().get(0).piece()
              ? ("%s is in pieces: %s holds its own ranks' shards, %s not; a node-local checkpoint"
                      + " cannot follow a rank to another node: bring that node back, copy its"
                      + " shards, or use one shared folder")
                  .formatted(first.complete().get(0).path(), table.master().node(), without)
              : "%s is complete on %s and not on %s; checkpoint.dir must be one folder shared by all"
                  .formatted(first.complete().get(0).path(), table.master().node(), without));
    }
    int wrote = newest.get().worldSize();
    if (wrote > 0 && wrote != table.worldSize()) {
      return resized(job, newest.get(), table.worldSize());
    }
    return new Outcome.Agreed(newest, false);
  }

  /** DeepSpeed loads its shards only at the number of ranks that wrote them. */
  private static Outcome resized(Job job, CompleteCheckpoint newest, int ranks) {
    CheckpointFormat format = job.spec().checkpoint().format();
    boolean isConvertible =
        format == CheckpointFormat.HF_DEEPSPEED || format == CheckpointFormat.DEEPSPEED;
    String wrote =
        "%s was written by %d ranks and the gang has %d"
            .formatted(newest.path(), newest.worldSize(), ranks);
    if (!isConvertible || newest.piece()) {
      return otherSize("%s; run it with %d ranks", wrote, newest.worldSize());
    }
    boolean converts =
        job.spec().checkpoint().onResize().filter(w -> w == OnResize.UNIVERSAL).isPresent();
    if ((newest.universal() || converts) && job.spec().zero().isEmpty()) {
      return otherSize(
          "%s. Converted, it could not be loaded: the job has no zero: for Lockstep to set"
              + " checkpoint.load_universal in; give DeepSpeed's configuration as zero: FILE, or run"
              + " it with %d ranks",
          wrote, newest.worldSize());
    }
    if (newest.universal()) {
      return new Outcome.Agreed(Optional.of(newest), false);
    }
    if (converts) {
      return new Outcome.Convert(newest);
    }
    return otherSize(
        "%s. Run it with %d ranks; or convert it once, where the folder is mounted, by `%s` and"
            + " submit the job again: it is then loaded with checkpoint.load_universal; or set"
            + " checkpoint.onResize: universal",
        wrote, newest.worldSize(), conversion(job, newest));
  }

  /** As a user types it. */
  private static String conversion(Job job, CompleteCheckpoint newest) {
    CheckpointFormat format = job.spec().checkpoint().format();
    return UniversalCheckpoint.command(
            job.spec().python().orElse("python"),
            UniversalCheckpoint.shards(newest.path(), format, newest.step()),
            UniversalCheckpoint.folder(newest.path(), format, newest.step()))
        .stream()
        .map(word -> PLAIN.matcher(word).matches() ? word : "'" + word.replace("'", "'\\''") + "'")
        .collect(Collectors.joining(" "));
  }

  private static Outcome otherSize(String format, Object... arguments) {
    return new Outcome.Refused(Reason.of(ReasonCode.CHECKPOINT_WORLD_SIZE, format, arguments));
  }

  /**
   * Nothing was ever saved; what was seen once and is gone is no reason to begin anew in silence.
   */
  private static Outcome fresh(Job job, String dir, NodeId first) {
    return job.lastCheckpoint()
        .<Outcome>map(
            c ->
                new Outcome.NotYet(
                    first,
                    "%s was complete, and now no node finds a complete checkpoint in %s; is it mounted?"
                            .formatted(c.path(), dir)
                        + " To begin anew, submit the job again"))
        .orElseGet(() -> new Outcome.Agreed(Optional.empty(), false));
  }

  private static boolean isFirstStart(Job job) {
    return !job.ran() && job.lastCheckpoint().isEmpty();
  }

  private static Optional<NodeId> elsewhere(AttemptState attempt) {
    return attempt.prepared().entrySet().stream()
        .filter(e -> !e.getValue().checkpoints().complete().isEmpty())
        .map(Map.Entry::getKey)
        .findFirst();
  }

  private static Optional<Outcome> onExisting(
      Job job, JobSpec.Checkpoint settings, CheckpointInventory found, String dir) {
    boolean empty = found.complete().isEmpty() && found.incomplete().isEmpty();
    OnExisting wish = settings.onExisting();
    if (empty || wish == OnExisting.RESUME) {
      return Optional.empty();
    }
    if (wish == OnExisting.OVERWRITE) {
      return Optional.of(new Outcome.Agreed(Optional.empty(), true));
    }
    boolean ours =
        found.owner().filter(o -> Objects.equals(o.name(), job.spec().name())).isPresent();
    boolean plainRun = found.owner().isEmpty() && settings.named();
    if (wish == OnExisting.AUTO && (ours || plainRun)) {
      return Optional.empty();
    }
    String whose =
        found.owner().map(o -> "of job " + o.job()).orElse("of a run that Lockstep does not know");
    return Optional.of(
        new Outcome.Refused(
            Reason.of(
                wish == OnExisting.REFUSE
                    ? ReasonCode.CHECKPOINTS_EXIST
                    : ReasonCode.CHECKPOINTS_OF_ANOTHER_JOB,
                "%s holds checkpoints %s; set checkpoint.onExisting to resume or overwrite, or"
                    + " choose another folder",
                dir,
                whose)));
  }

  private static CheckpointInventory inventoryOf(AttemptState attempt, NodeId node) {
    PreparedNode said = attempt.prepared().get(node);
    return said == null ? CheckpointInventory.EMPTY : said.checkpoints();
  }

  private static boolean holds(PreparedNode node, CompleteCheckpoint wanted) {
    return node.checkpoints().complete().stream()
        .anyMatch(c -> c.step() == wanted.step() && c.path().equals(wanted.path()));
  }

  private static NodeId nodeWithout(AttemptState attempt, CompleteCheckpoint wanted) {
    return new ArrayList<>(attempt.prepared().entrySet())
        .stream()
            .filter(e -> !holds(e.getValue(), wanted))
            .map(Map.Entry::getKey)
            .findFirst()
            .orElse(attempt.table().master().node());
  }
}
