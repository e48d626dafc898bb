package io.lockstep.protocol.model;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What the checks of a node saw that is compared with the other nodes of a gang.
 *
 * @param versions of torch and the like, by name; empty where they were not told in time
 * @param gpus kinds of the GPUs used, each once; empty on a node without
 * @param folderId written once into the checkpoint folder, and the same wherever that is mounted;
 *     empty without a folder
 * @param warnings what may make the job suffer, at most {@link #MAX_WARNINGS}
 */
public record NodeReadings(
    Map<String, String> versions,
    List<String> gpus,
    Optional<String> folderId,
    List<Finding> warnings) {
  /** Told of one node. */
  public static final int MAX_WARNINGS = 8;

  public NodeReadings {
    versions = Collections.unmodifiableMap(new TreeMap<>(versions));
    gpus = List.copyOf(gpus);
    warnings = List.copyOf(warnings);
  }
}
