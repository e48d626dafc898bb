package io.lockstep.agent.check;

import io.lockstep.protocol.model.NodeId;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A host for checks to look at. */
final class AHost {
  private AHost() {}

  static HostFacts with(Path dir, Path shim, Map<String, String> env) {
    return new HostFacts(
        new NodeId("n1"),
        "127.0.0.1",
        "127.0.0.1:1",
        dir,
        "python3",
        Optional.of("lo"),
        List.of(0),
        env,
        shim,
        29_500,
        dir.resolve("root"));
  }
}
