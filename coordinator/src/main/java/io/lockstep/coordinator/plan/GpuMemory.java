package io.lockstep.coordinator.plan;

import java.util.List;
import java.util.function.Function;

/**
 * What one worker needs on its GPU.
 *
 * @param state weights, gradients and optimizer, the figure that ZeRO's tables have; of the
 *     gradients as many as are sure to be there at one time
 * @param peak what torch.cuda.max_memory_allocated will say
 * @param onCard what the card must have: peak, what the allocator keeps of one moment while it
 *     serves the other, fragmentation, and the context
 */
public record GpuMemory(List<Part> parts, Range state, Range peak, Range onCard) {
  /**
   * Of what comes and goes: gaps between blocks. Ten cases on two H200 needed 13 to 40
   * (docs/memory-model.md); 5 to 10 of all is the usual experience (training.md 4.3).
   */
  private static final long GAPS_PERCENT = 45;

  public GpuMemory {
    parts = List.copyOf(parts);
  }

  static GpuMemory of(Setup setup) {
    Part weights = Weights.of(setup);
    Part gradients = Gradients.of(setup);
    Part optimizer = OptimizerState.of(setup);
    List<Part> allocated =
        List.of(
            weights,
            gradients,
            optimizer,
            StepTransients.of(setup),
            LiveParameters.of(setup),
            Buckets.of(setup),
            Activations.of(setup),
            Logits.of(setup),
            Workspaces.of());
    Range state =
        weights.update().plus(Range.exactly(gradients.most().lowBytes())).plus(optimizer.update());
    Range peak = sum(allocated, Part::backward).max(sum(allocated, Part::update));
    Part context = Context.of();
    var parts = new java.util.ArrayList<>(allocated);
    parts.add(context);
    return new GpuMemory(
        parts, state, peak, onCard(allocated, weights, optimizer, peak).plus(context.most()));
  }

  /**
   * Blocks that served backward may be too small for the step and stay with the allocator: at most
   * every part has its own (on the H200 18.9 to 19.3 GB were reserved at peaks of 13.2 to 15.4).
   * The allocator gives them back when the card is full, so the low bound has none of it.
   */
  private static Range onCard(List<Part> allocated, Part weights, Part optimizer, Range peak) {
    long apart = sum(allocated, Part::most).highBytes();
    long stays = weights.most().highBytes() + optimizer.most().highBytes();
    return new Range(peak.lowBytes(), apart + (apart - stays) * GAPS_PERCENT / 100);
  }

  private static Range sum(List<Part> parts, Function<Part, Range> moment) {
    return parts.stream().map(moment).reduce(Range.NONE, Range::plus);
  }
}
