package io.lockstep.coordinator.plan;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Every way to train this model on this hardware, best first, and the one to take.
 *
 * @param choices for each stage, offload and checkpointing the best micro batch; the samples of an
 *     optimizer step are always the job's
 * @param recommended empty when nothing fits
 * @param reason why that one, and how it stands to the guide's advice
 */
public record Advice(List<Choice> choices, Optional<Choice> recommended, String reason) {
  private static final int MAX_MICRO_BATCH = 64;

  /**
   * One way.
   *
   * @param relativeCost guessed time of a step, 1.0 for the fastest that fits; for the order only
   */
  public record Choice(
      int stage,
      Offload offload,
      boolean checkpointing,
      int microBatch,
      int accumulation,
      Fit fit,
      Range onCard,
      Range hostBytes,
      double relativeCost) {
    public String words() {
      return "ZeRO-"
          + stage
          + (checkpointing ? " + checkpointing" : "")
          + (offload == Offload.NONE ? "" : " + offload of " + offload.words())
          + ", micro batch "
          + microBatch
          + " x "
          + accumulation;
    }

    boolean isGood() {
      return fit.compareTo(Fit.TIGHT) <= 0;
    }
  }

  public Advice {
    choices = List.copyOf(choices);
  }

  /**
   * Tries them all.
   *
   * @param stages settings to try, of stages 1, 2 and 3
   */
  static Advice of(Setup job, List<ZeroSettings> stages, long cardBytes, OptionalLong hostBytes) {
    var choices = new ArrayList<Choice>();
    for (ZeroSettings settings : stages) {
      for (Offload offload : Offload.values()) {
        if (offload != Offload.OPTIMIZER_AND_PARAMETERS || settings.stage() == 3) {
          choices.add(best(job, settings.with(offload), true, cardBytes, hostBytes));
          choices.add(best(job, settings.with(offload), false, cardBytes, hostBytes));
        }
      }
    }
    choices.sort(ORDER);
    double fastest = choices.get(0).relativeCost();
    List<Choice> relative = choices.stream().map(choice -> scaled(choice, fastest)).toList();
    return recommend(job, relative, hostBytes);
  }

  private static final Comparator<Choice> ORDER =
      Comparator.comparing(Choice::fit)
          .thenComparing(Choice::relativeCost)
          .thenComparing(choice -> choice.onCard().highBytes());

  private static Choice best(
      Setup job, ZeroSettings settings, boolean recompute, long cardBytes, OptionalLong hostBytes) {
    var tried = new ArrayList<Choice>();
    long samples = (long) job.microBatch() * job.accumulation();
    for (int micro = 1; micro <= Math.min(samples, MAX_MICRO_BATCH); micro++) {
      if (samples % micro == 0) {
        Setup setup = job.with(settings, recompute, micro, (int) (samples / micro));
        tried.add(choice(setup, cardBytes, hostBytes));
      }
    }
    return tried.stream().min(ORDER).orElseThrow();
  }

  private static Choice choice(Setup setup, long cardBytes, OptionalLong hostBytes) {
    GpuMemory gpu = GpuMemory.of(setup);
    HostMemory host = HostMemory.of(setup);
    return new Choice(
        setup.stage(),
        setup.zero().offload(),
        setup.checkpointing(),
        setup.microBatch(),
        setup.accumulation(),
        Fit.of(gpu, host, cardBytes, hostBytes),
        gpu.onCard(),
        host.total(),
        StepCost.seconds(setup));
  }

  private static Choice scaled(Choice choice, double fastest) {
    return new Choice(
        choice.stage,
        choice.offload,
        choice.checkpointing,
        choice.microBatch,
        choice.accumulation,
        choice.fit,
        choice.onCard,
        choice.hostBytes,
        Math.round(choice.relativeCost / fastest * 100) / 100.0);
  }

  private static Advice recommend(Setup job, List<Choice> choices, OptionalLong hostBytes) {
    Optional<Choice> best = choices.stream().filter(Choice::isGood).findFirst();
    Optional<GuideAdvice> guide = GuideAdvice.of(job.total());
    if (guide.isEmpty()) {
      String reason =
          best.isEmpty() ? nothing(choices) : "the fastest that fits; the guide names no such size";
      return new Advice(choices, best, reason);
    }
    String says = "the guide's advice for this size, " + guide.get().words() + ", ";
    Optional<Choice> its =
        choices.stream().filter(guide.get()::isThat).filter(Choice::isGood).findFirst();
    if (its.isEmpty()) {
      Choice nearest = choices.stream().filter(guide.get()::isThat).findFirst().orElseThrow();
      String does =
          says
              + "does not hold here: it "
              + nearest.fit().words()
              + " ("
              + Words.range(nearest.onCard())
              + " per card, "
              + Words.range(nearest.hostBytes())
              + " per host)";
      return new Advice(
          choices, best, does + (best.isEmpty() ? "; " + nothing(choices) : "; this one fits"));
    }
    Optional<Choice> without = withoutOffload(choices, its.get());
    if (without.isPresent()) {
      return new Advice(
          choices, without, says + "would fit, but nothing needs to be offloaded on so many cards");
    }
    return new Advice(choices, its, says + "holds here" + besides(its.get(), best, hostBytes));
  }

  /** The same without the guide's offload, where that fits with room to spare. */
  private static Optional<Choice> withoutOffload(List<Choice> choices, Choice guides) {
    return guides.offload() == Offload.NONE
        ? Optional.empty()
        : choices.stream()
            .filter(choice -> choice.stage() == guides.stage())
            .filter(choice -> choice.offload() == Offload.NONE && choice.checkpointing())
            .filter(choice -> choice.fit() == Fit.FITS)
            .findFirst();
  }

  private static String besides(Choice taken, Optional<Choice> best, OptionalLong hostBytes) {
    String host =
        taken.offload() == Offload.NONE || hostBytes.isPresent()
            ? ""
            : "; each host needs "
                + Words.range(taken.hostBytes())
                + " of memory (say --host-memory to have that compared)";
    return host
        + best.filter(choice -> !choice.equals(taken))
            .map(choice -> "; by guess faster and fitting too: " + choice.words())
            .orElse("");
  }

  private static String nothing(List<Choice> choices) {
    Choice least =
        choices.stream()
            .min(Comparator.comparing(choice -> choice.onCard().highBytes()))
            .orElseThrow();
    return "nothing fits for sure; the least is "
        + least.words()
        + " with "
        + Words.range(least.onCard())
        + " per card: more or larger cards are needed";
  }
}
