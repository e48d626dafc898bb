package io.lockstep.deploy;

import com.typesafe.config.ConfigFactory;
import io.lockstep.agent.process.DaemonThreads;
import io.lockstep.coordinator.failure.RuleSet;
import java.security.NoSuchAlgorithmException;
import javax.net.ssl.SSLContext;

/**
 * What a start needs whatever its settings say, done beside their reading. Each of it is kept by
 * its own library or class, so who needs it early waits for it, and one that fails here fails
 * there. Nothing here may log: where the log lies is not known yet.
 */
final class StartAhead {
  private StartAhead() {}

  static void begin() {
    DaemonThreads.of(StartAhead::akka, "lockstep-start-ahead").start();
  }

  private static void akka() {
    ConfigFactory.defaultReference();
    RuleSet.shipped();
    try {
      SSLContext.getDefault(); // Akka HTTP takes it whether or not there is TLS
    } catch (NoSuchAlgorithmException e) {
      // said again by Akka HTTP
    }
  }
}
