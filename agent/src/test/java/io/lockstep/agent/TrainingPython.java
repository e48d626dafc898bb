package io.lockstep.agent;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;

/** An interpreter with torch, made once by the script that users have too. */
public final class TrainingPython {
  private static final int LIMIT_MINUTES = 30;

  private TrainingPython() {}

  /** Its path; the first call on a machine takes minutes. */
  public static String path() throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder("../deploy/bin/prepare-python")
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    String path = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (!process.waitFor(LIMIT_MINUTES, TimeUnit.MINUTES) || process.exitValue() != 0) {
      throw new IOException("deploy/bin/prepare-python failed; what it said is above");
    }
    return path.strip();
  }
}
