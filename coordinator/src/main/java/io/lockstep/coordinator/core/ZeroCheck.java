package io.lockstep.coordinator.core;

import java.util.List;

/** Reads a DeepSpeed configuration, which the core cannot; must not block, and is a function. */
@FunctionalInterface
public interface ZeroCheck {
  ZeroCheck NONE = (json, worldSize) -> List.of();

  /** Every reason why this configuration cannot run with so many workers; empty when it can. */
  List<String> problems(String json, int worldSize);
}
