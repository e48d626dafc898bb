package io.lockstep.coordinator.cli;

import io.lockstep.coordinator.plan.Advice;
import io.lockstep.coordinator.plan.CheckpointSize;
import io.lockstep.coordinator.plan.FailureRehearsal;
import io.lockstep.coordinator.plan.GuideTable;
import io.lockstep.coordinator.plan.Hardware;
import io.lockstep.coordinator.plan.Offload;
import io.lockstep.coordinator.plan.Part;
import io.lockstep.coordinator.plan.Plan;
import io.lockstep.coordinator.plan.Range;
import io.lockstep.coordinator.plan.TrainingLength;
import io.lockstep.coordinator.plan.Words;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;

/** A plan as people read it. */
final class PlanText {
  private static final int LABEL_WIDTH = 14;
  private static final int SOURCE_COLUMN = 44;

  private final int width;
  private final List<String> lines = new ArrayList<>();

  PlanText(int width) {
    this.width = width;
  }

  List<String> lines(Plan plan) {
    head(plan);
    parts(plan.hardware().card().isPresent() ? "PER GPU" : "PER WORKER", plan.gpu().parts());
    field("state", Words.range(plan.gpu().state()) + " (weights, gradients, optimizer)");
    field("peak", Words.range(plan.gpu().peak()) + " (torch.cuda.max_memory_allocated)");
    field("on the card", Words.range(plan.gpu().onCard()) + " (with the allocator's and CUDA's)");
    plan.fit()
        .ifPresent(
            fit ->
                field(
                    "verdict",
                    fit.words()
                        + plan.hardware()
                            .card()
                            .map(c -> ": " + c.name() + " has " + Words.bytes(c.memoryBytes()))
                            .orElse("")));
    parts("PER HOST", plan.host().parts());
    field("host", Words.range(plan.host().total()));
    length(plan);
    failures(plan.failures());
    plan.guide().ifPresent(this::guide);
    plan.advice().ifPresent(this::advice);
    said(plan);
    return List.copyOf(lines);
  }

  private void head(Plan plan) {
    Hardware hardware = plan.hardware();
    long total = plan.parameters().total();
    long active = plan.parameters().active();
    field(
        "model",
        Words.parameters(total)
            + " parameters"
            + (active == total ? "" : ", " + Words.parameters(active) + " active per token")
            + " ("
            + plan.model()
            + ")");
    field(
        "gang",
        hardware.nodes()
            + (hardware.nodes() == 1 ? " node x " : " nodes x ")
            + hardware.procsPerNode()
            + " workers, "
            + hardware
                .card()
                .map(c -> c.name() + " of " + Words.bytes(c.memoryBytes()))
                .orElse("no card named (--gpu)")
            + " ("
            + hardware.source()
            + ")");
    field(
        "training",
        (plan.stage() == 0 ? "no ZeRO" : "ZeRO-" + plan.stage())
            + (plan.offload() == Offload.NONE ? "" : ", offload of " + plan.offload().words())
            + ", "
            + plan.precision()
            + ", "
            + plan.sequence()
            + " tokens x micro batch "
            + plan.microBatch()
            + " x accumulation "
            + plan.accumulation()
            + (plan.checkpointing() ? ", activation checkpointing" : ""));
  }

  private void parts(String title, List<Part> parts) {
    lines.add("");
    var table = new TableWriter(width, title, "LOW", "HIGH", "FROM");
    for (Part part : parts) {
      Range most = part.most();
      if (most.highBytes() > 0 || part.name().equals("optimizer")) {
        String low = Words.bytes(most.lowBytes());
        String high = Words.bytes(most.highBytes());
        List<String> source = Text.wrap(part.source(), width - SOURCE_COLUMN);
        table.row(part.name(), low, high, source.get(0));
        source.stream().skip(1).forEach(more -> table.row("", "", "", more));
      }
    }
    lines.addAll(table.lines());
  }

  private void length(Plan plan) {
    TrainingLength length = plan.length();
    CheckpointSize checkpoint = plan.checkpoint();
    lines.add("");
    field(
        "steps",
        count(length.totalSteps())
            + " of "
            + length.samplesPerStep()
            + " samples, warm-up "
            + count(length.warmupSteps()));
    field(
        "checkpoints",
        count(length.checkpoints())
            + " written"
            + (length.saveEvery() > 0 ? ", every " + length.saveEvery() + " steps" : "")
            + ", each "
            + Words.bytes(checkpoint.eachBytes())
            + (checkpoint.kept().isEmpty()
                ? ", all kept"
                : "; at most "
                    + checkpoint.kept().getAsLong()
                    + " on disk at once, "
                    + Words.bytes(checkpoint.allBytes().orElse(0))));
    field(
        "sent per step",
        Words.bytes(plan.communication().bytesPerStep())
            + " by each worker ("
            + plan.communication().source()
            + ")");
  }

  private void failures(List<FailureRehearsal.Outcome> failures) {
    lines.add("");
    var table = new TableWriter(width, "IF", "THEN", "AFTER", "COUNTED", "STEPS LOST");
    for (FailureRehearsal.Outcome outcome : failures) {
      boolean isRunning = outcome.phase().equals("RUNNING");
      table.row(
          outcome.failure(),
          outcome.restarted() ? "restarts" : isRunning ? "trains on" : outcome.phase(),
          outcome.restarted() && outcome.millis().isPresent()
              ? String.format(Locale.ROOT, "%.1f s", outcome.millis().getAsLong() / 1000.0)
              : "-",
          Integer.toString(outcome.counted()),
          lost(outcome));
    }
    lines.addAll(table.lines());
    for (FailureRehearsal.Outcome outcome : failures) {
      if (!outcome.reason().isEmpty()) {
        paragraph("  " + outcome.failure() + ": " + outcome.reason());
      }
    }
    paragraph(
        "decided by the coordinator's own rules on imagined nodes; starting the script again comes"
            + " on top");
  }

  private static String lost(FailureRehearsal.Outcome outcome) {
    if (outcome.mostStepsLost().isPresent()) {
      return "about " + count(outcome.stepsLost()) + ", at most " + count(outcome.mostStepsLost());
    }
    return outcome.restarted() ? "all so far" : "-";
  }

  private void guide(GuideTable guide) {
    lines.add("");
    lines.add("the guide's table: 32e9 parameters, 8 GPUs, GB per GPU; without activations");
    var table = new TableWriter(width, "MODE", "GUIDE", "PARAMS/GRADS/OPT", "TRUE");
    for (GuideTable.Row row : guide.rows()) {
      table.row(
          row.mode(),
          (row.approximate() ? "≈ " : "") + row.totalGb(),
          row.parts()
              .map(p -> p.parametersGb() + "/" + p.gradientsGb() + "/" + p.optimizerGb())
              .orElse("-"),
          Words.range(row.actual()));
    }
    lines.addAll(table.lines());
    lines.add("why they differ:");
    for (GuideTable.Row row : guide.rows()) {
      paragraph("  " + row.mode() + ": " + row.why());
    }
    lines.add("");
    var activations = new TableWriter(width, "ACTIVATIONS", "GUIDE", "THIS JOB, WITH LOGITS");
    for (GuideTable.ActivationRow row : guide.activations()) {
      boolean isWithout = row.mode().startsWith("without");
      activations.row(
          row.mode(),
          row.lowGb() + "-" + row.highGb() + (row.rule().isEmpty() ? "" : " (" + row.rule() + ")"),
          Words.range(isWithout ? guide.ownActivations() : guide.ownCheckpointed()));
    }
    lines.addAll(activations.lines());
    paragraph(
        "  why they differ: activations follow from sequence, micro batch, width and layers, not"
            + " from the number of parameters; logits are not in the guide");
  }

  private void advice(Advice advice) {
    lines.add("");
    var table =
        new TableWriter(
            width, "", "ZERO", "OFFLOAD", "CKPT", "BATCH", "COST", "FIT", "ON THE CARD");
    for (Advice.Choice choice : advice.choices()) {
      table.row(
          advice.recommended().filter(choice::equals).isPresent() ? "->" : "",
          Integer.toString(choice.stage()),
          offload(choice.offload()),
          choice.checkpointing() ? "yes" : "no",
          choice.microBatch() + "x" + choice.accumulation(),
          String.format(Locale.ROOT, "%.2f", choice.relativeCost()),
          choice.fit().words(),
          Words.range(choice.onCard()));
    }
    lines.addAll(table.lines());
    paragraph(
        "cost: a guess from speeds that were not measured, 1.00 the first; good for the order only");
    field("recommended", advice.recommended().map(Advice.Choice::words).orElse("nothing"));
    field("reason", advice.reason());
  }

  private static String offload(Offload offload) {
    return switch (offload) {
      case NONE -> "-";
      case OPTIMIZER -> "opt";
      case OPTIMIZER_AND_PARAMETERS -> "opt+par";
    };
  }

  private void said(Plan plan) {
    if (!plan.warnings().isEmpty() || !plan.notes().isEmpty()) {
      lines.add("");
    }
    plan.warnings().forEach(w -> paragraph("warning " + w.code() + ": " + w.message()));
    plan.notes().forEach(note -> paragraph("note: " + note));
  }

  private static String count(OptionalLong number) {
    return number.isPresent() ? Long.toString(number.getAsLong()) : "?";
  }

  private void field(String label, String value) {
    String before = Text.pad(label, LABEL_WIDTH);
    for (String line : Text.wrap(value, width - LABEL_WIDTH)) {
      lines.add(before + line);
      before = " ".repeat(LABEL_WIDTH);
    }
  }

  private void paragraph(String text) {
    String indent = text.startsWith("  ") ? "  " : "";
    String before = indent;
    for (String line : Text.wrap(text.strip(), width - 4)) {
      lines.add(before + line);
      before = "    ";
    }
  }
}
