package io.lockstep.protocol.model;

import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a node sees in a job's checkpoint folder.
 *
 * @param owner the job that left its mark in the folder; empty when nobody did
 * @param complete complete checkpoints, newest first, at most {@link #MAX_LISTED}
 * @param incomplete what did not pass, each with the reason, at most {@link #MAX_LISTED}
 */
public record CheckpointInventory(
    Optional<Owner> owner, List<CompleteCheckpoint> complete, List<String> incomplete) {
  private static final Pattern NAMED =
      Pattern.compile("(?:lockstep-kept/)?(?:checkpoint-|global_step)(\\d{1,18}):");

  /** Longest list sent, in checkpoints. */
  public static final int MAX_LISTED = 8;

  public static final CheckpointInventory EMPTY =
      new CheckpointInventory(Optional.empty(), List.of(), List.of());

  /** Who writes its checkpoints here. */
  public record Owner(String job, String name) {}

  /** The step of one of {@code incomplete}; empty when it does not begin with such a name. */
  public static OptionalLong stepOf(String incomplete) {
    Matcher name = NAMED.matcher(incomplete);
    return name.lookingAt() ? OptionalLong.of(Long.parseLong(name.group(1))) : OptionalLong.empty();
  }

  public CheckpointInventory {
    complete = List.copyOf(complete);
    incomplete = List.copyOf(incomplete);
  }
}
