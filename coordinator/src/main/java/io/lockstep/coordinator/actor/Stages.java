package io.lockstep.coordinator.actor;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** What the JDK has for futures only. */
public final class Stages {
  private Stages() {}

  /** All of them, in their order; fails as the first one that fails. */
  public static <T> CompletionStage<List<T>> all(List<CompletionStage<T>> stages) {
    CompletionStage<List<T>> done = CompletableFuture.completedStage(List.of());
    for (CompletionStage<T> stage : stages) {
      done =
          done.thenCombine(
              stage,
              (before, next) -> {
                var more = new ArrayList<>(before);
                more.add(next);
                return more;
              });
    }
    return done;
  }
}
