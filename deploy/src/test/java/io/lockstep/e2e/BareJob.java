package io.lockstep.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A job file of the bare torch script, and what its ranks recorded of themselves. */
final class BareJob {
  private final Path dir;
  private final List<String> args = new ArrayList<>();
  private final List<String> lines = new ArrayList<>();
  private final String name;

  BareJob(Path dir, String name) {
    this.dir = dir.resolve(name);
    this.name = name;
    try {
      Files.createDirectories(this.dir);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    args("--cpu", "--output_dir", output().toString(), "--record", recordFile().toString());
  }

  BareJob args(String... more) {
    args.addAll(List.of(more));
    return this;
  }

  /** One more line of the job file. */
  BareJob with(String line) {
    lines.add(line);
    return this;
  }

  Path output() {
    return dir.resolve("output");
  }

  private Path recordFile() {
    return dir.resolve("record.jsonl");
  }

  Path file() {
    var text = new StringBuilder();
    text.append("name: ").append(name).append('\n');
    text.append("script: ").append(Installation.EXAMPLES.resolve("bare_train.py")).append('\n');
    text.append("workdir: ").append(dir).append('\n');
    text.append("paths: {output: ").append(output()).append("}\n");
    text.append("checkpoint: {format: hf-deepspeed}\n");
    lines.forEach(line -> text.append(line).append('\n'));
    text.append("args:\n");
    args.forEach(arg -> text.append("  - \"").append(arg).append("\"\n"));
    try {
      return Files.writeString(dir.resolve("job.yaml"), text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** One line per rank and step, as the ranks wrote them. */
  List<JsonNode> record() {
    return JsonLines.read(recordFile());
  }

  /** Steps that a rank made in an attempt, in their order. */
  List<Integer> steps(int attempt, int rank) {
    return record().stream()
        .filter(e -> e.path("attempt").asInt() == attempt && e.path("rank").asInt() == rank)
        .filter(e -> e.has("step"))
        .map(e -> e.path("step").asInt())
        .toList();
  }

  /** Loss of the last step that rank 0 printed is in its log; here the last step of all. */
  int lastStep() {
    return record().stream().mapToInt(e -> e.path("step").asInt(0)).max().orElse(0);
  }
}
