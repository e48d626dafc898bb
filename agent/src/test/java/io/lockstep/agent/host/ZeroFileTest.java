package io.lockstep.agent.host;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** "auto" needs somebody who fills it in. */
class ZeroFileTest {
  private static final String AUTO = "{\"optimizer\": {\"params\": {\"lr\": \"auto\"}}}";

  @Test
  void autoNeedsAScriptThatFillsItIn() {
    assertThat(
            ZeroFile.problem(AUTO, Optional.of("import torch, deepspeed"), "bare.py")
                .map(Reason::code))
        .contains(ReasonCode.ZERO_AUTO_WITHOUT_HF);
    assertThat(ZeroFile.problem(AUTO, Optional.of("from transformers import Trainer"), "hf.py"))
        .isEmpty();
    assertThat(ZeroFile.problem("{\"a\": [1]}", Optional.of("import torch"), "bare.py")).isEmpty();
  }

  @Test
  void onlyAnObjectIsAConfiguration() {
    for (String bad : new String[] {"{", "[]", "3"}) {
      assertThat(ZeroFile.problem(bad, Optional.of(""), "x.py").map(Reason::code))
          .contains(ReasonCode.ZERO_CONFIG_INVALID);
    }
  }

  @Test
  void theHashIsOfWhatWasWritten(@TempDir Path dir) throws IOException {
    Path file = dir.resolve("zero.json");
    String hash = ZeroFile.write(file, "{}");
    assertThat(hash).isEqualTo(Hashes.sha256(Files.readAllBytes(file)));
  }
}
