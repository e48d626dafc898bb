package io.lockstep.agent.host;

import com.fasterxml.jackson.core.type.TypeReference;
import io.lockstep.protocol.message.WireJson;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/** Real training on the CPU that writes checkpoints, and goes on from them. */
final class RealCheckpoints {
  private static final String SCRIPT = "src/test/python/real_checkpoints.py";
  private static final String LOSSES = "losses ";
  private static final int LIMIT_SECONDS = 180;

  private RealCheckpoints() {}

  /** The loss of each step. */
  static SortedMap<Integer, Double> train(String python, int ranks, String... arguments)
      throws IOException, InterruptedException {
    var command =
        new ArrayList<>(
            List.of(python, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"));
    command.add(String.valueOf(ranks));
    command.add(SCRIPT);
    command.addAll(List.of(arguments));
    String said = run(python, command);
    String losses = said.lines().filter(l -> l.startsWith(LOSSES)).findFirst().orElseThrow();
    return WireJson.json()
        .readValue(
            losses.substring(LOSSES.length()), new TypeReference<TreeMap<Integer, Double>>() {});
  }

  /** What it printed; fails when it fails. */
  static String run(String python, List<String> command) throws IOException, InterruptedException {
    var builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("DS_ACCELERATOR", "cpu");
    builder.environment().put("OMP_NUM_THREADS", "1");
    builder.environment().put("CUDA_VISIBLE_DEVICES", "");
    // ninja, which builds a small op of DeepSpeed's, lies beside the interpreter
    builder
        .environment()
        .merge("PATH", String.valueOf(Path.of(python).getParent()), (old, bin) -> bin + ":" + old);
    Process process = builder.start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (!process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS) || process.exitValue() != 0) {
      throw new IOException(String.join(" ", command) + " failed:\n" + said);
    }
    return said;
  }
}
