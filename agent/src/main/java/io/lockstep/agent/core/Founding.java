package io.lockstep.agent.core;

import java.util.List;

/**
 * The cluster that this memory belongs to: its terms and plans are numbers of that founding (A3).
 *
 * @param before foundings that this one came after, newest last, at most {@link #MAX_BEFORE}: what
 *     they still say is void
 */
public record Founding(String id, List<String> before) {
  static final int MAX_BEFORE = 8;

  public Founding {
    before = List.copyOf(before.subList(Math.max(0, before.size() - MAX_BEFORE), before.size()));
  }
}
