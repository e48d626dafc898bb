package io.lockstep.deploy;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.lockstep.coordinator.seat.SeatLimits;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The actor system's configuration: what is fixed is in cluster.conf, the rest is derived here. */
final class ClusterConfig {
  static final String SYSTEM = "lockstep";
  private static final String SERVICE = "lockstep-seats";

  /** How long the only seat waits for seats that cannot be. */
  private static final Duration ALONE_MARGIN = Duration.ofMillis(100);

  private ClusterConfig() {}

  static Config of(DaemonSettings settings) {
    boolean isSeat = settings.seat().isPresent();
    var derived = new HashMap<String, Object>();
    derived.put("akka.remote.artery.canonical.hostname", settings.host());
    derived.put("akka.remote.artery.canonical.port", settings.ports().akka());
    derived.put("akka.remote.artery.advanced.maximum-frame-size", SeatLimits.MAX_FRAME_BYTES);
    derived.put("akka.cluster.roles", isSeat ? List.of("coordinator", "agent") : List.of("agent"));
    derived.put("akka.cluster.role.coordinator.min-nr-of-members", settings.majority());
    derived.put("akka.cluster.app-version", settings.version());
    derived.put("akka.management.http.hostname", settings.host());
    derived.put("akka.management.http.port", settings.ports().management());
    derived.put("akka.management.cluster.bootstrap.new-cluster-enabled", isSeat);
    String discovery = "akka.management.cluster.bootstrap.contact-point-discovery.";
    derived.put(discovery + "service-name", SERVICE);
    derived.put(discovery + "required-contact-point-nr", settings.majority());
    derived.put(
        "akka.discovery.config.services." + SERVICE + ".endpoints",
        settings.seats().stream()
            .map(seat -> Map.of("host", seat.host(), "port", settings.ports().management()))
            .toList());
    if (isSeat && settings.seats().size() == 1) {
      String bootstrap = "akka.management.cluster.bootstrap.";
      derived.put(bootstrap + "contact-point-discovery.stable-margin", ALONE_MARGIN);
      derived.put(bootstrap + "contact-point-discovery.interval", ALONE_MARGIN);
      derived.put(bootstrap + "contact-point.probe-interval", ALONE_MARGIN);
    }
    if (!settings.isLoopback()) {
      // without TLS nobody off this machine may look at members, or change them
      derived.put("akka.management.http.routes.cluster-management", "");
    }
    return ConfigFactory.parseMap(derived, "settings")
        .withFallback(resource(isSeat ? "seat.conf" : "agent.conf"))
        .withFallback(resource("cluster.conf"))
        .withFallback(ConfigFactory.defaultReference())
        .resolve();
  }

  private static Config resource(String name) {
    return ConfigFactory.parseResources(ClusterConfig.class, name);
  }
}
