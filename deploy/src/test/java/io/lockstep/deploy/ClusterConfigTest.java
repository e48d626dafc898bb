package io.lockstep.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.ActorSystem;
import akka.management.AkkaManagementSettings;
import akka.management.NamedRouteProvider;
import akka.serialization.Serialization;
import akka.serialization.SerializationExtension;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.lockstep.coordinator.actor.CoordinatorAnswer;
import io.lockstep.coordinator.actor.CoordinatorRequest;
import io.lockstep.coordinator.actor.CoordinatorSerializer;
import io.lockstep.coordinator.core.QuarantinePolicy;
import io.lockstep.coordinator.seat.SeatCommand;
import io.lockstep.coordinator.seat.SeatLimits;
import io.lockstep.coordinator.seat.SeatReply;
import io.lockstep.protocol.message.AgentCommand;
import io.lockstep.protocol.message.AgentQuery;
import io.lockstep.protocol.message.AgentReport;
import io.lockstep.protocol.message.WireSerializer;
import io.lockstep.protocol.model.NodeId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a daemon opens to others, and what it is in the cluster. */
final class ClusterConfigTest {
  private static final List<Seat> SEATS =
      List.of(
          new Seat("10.0.0.1", 25_520), new Seat("10.0.0.2", 25_520), new Seat("10.0.0.3", 25_520));

  private static DaemonSettings daemon(String host, List<Seat> seats) {
    return new DaemonSettings(
        new NodeId(host),
        host,
        host.startsWith("127."),
        seats,
        Path.of("/data"),
        "python3",
        Path.of("/shim"),
        true,
        new DaemonSettings.Ports(25_520, 8_558, 7_733, 7_734, 29_500, 29_999),
        Duration.ofSeconds(10),
        Duration.ofSeconds(2),
        QuarantinePolicy.DEFAULT,
        DaemonSettings.Rules.shipped(),
        true,
        "1.2.3");
  }

  private static Config seat() {
    return ClusterConfig.of(daemon("10.0.0.2", SEATS));
  }

  private static Config agent() {
    return ClusterConfig.of(daemon("10.0.0.9", SEATS));
  }

  private static List<String> routes(Config config) {
    return new AkkaManagementSettings(config)
        .getHttpRouteProviders().stream().map(NamedRouteProvider::name).toList();
  }

  @Test
  void offLoopbackOnlyBootstrapAndHealthAreServed() {
    assertThat(routes(seat())).containsExactlyInAnyOrder("cluster-bootstrap", "health-checks");
    assertThat(routes(agent())).containsExactlyInAnyOrder("cluster-bootstrap", "health-checks");
  }

  @Test
  void onLoopbackTheMembersMayBeLookedAtButNotChanged() {
    Config config = ClusterConfig.of(daemon("127.0.0.1", List.of(new Seat("127.0.0.1", 25_520))));

    assertThat(routes(config))
        .containsExactlyInAnyOrder("cluster-bootstrap", "health-checks", "cluster-management");
    assertThat(config.getBoolean("akka.management.http.route-providers-read-only")).isTrue();
  }

  @Test
  void aSeatCoordinatesAndRunsJobsInTheDataCenterOfTheSeats() {
    assertThat(seat().getStringList("akka.cluster.roles")).containsExactly("coordinator", "agent");
    assertThat(seat().getString("akka.cluster.multi-data-center.self-data-center"))
        .isEqualTo("control");
    assertThat(seat().getBoolean("akka.management.cluster.bootstrap.new-cluster-enabled")).isTrue();
  }

  @Test
  void anAgentOnlyRunsJobsAndFoundsNoCluster() {
    assertThat(agent().getStringList("akka.cluster.roles")).containsExactly("agent");
    assertThat(agent().getString("akka.cluster.multi-data-center.self-data-center"))
        .isEqualTo("agents");
    assertThat(agent().getBoolean("akka.management.cluster.bootstrap.new-cluster-enabled"))
        .isFalse();
  }

  @Test
  void aMajorityOfSeatsMakesACluster() {
    assertThat(seat().getInt("akka.cluster.role.coordinator.min-nr-of-members")).isEqualTo(2);
    assertThat(
            seat()
                .getInt(
                    "akka.management.cluster.bootstrap.contact-point-discovery"
                        + ".required-contact-point-nr"))
        .isEqualTo(2);
    assertThat(seat().getConfigList("akka.discovery.config.services.lockstep-seats.endpoints"))
        .extracting(e -> e.getString("host") + ":" + e.getInt("port"))
        .containsExactly("10.0.0.1:8558", "10.0.0.2:8558", "10.0.0.3:8558");
  }

  /** Where more seats may be, each waits for the others before it founds a cluster. */
  @Test
  void onlyTheOnlySeatDoesNotWaitForOthers() {
    String margin = "akka.management.cluster.bootstrap.contact-point-discovery.stable-margin";
    var one = List.of(new Seat("10.0.0.1", 25_520));

    assertThat(ClusterConfig.of(daemon("10.0.0.1", one)).getDuration(margin))
        .isEqualTo(Duration.ofMillis(100));
    assertThat(ClusterConfig.of(daemon("10.0.0.9", one)).getDuration(margin))
        .isEqualTo(Duration.ofMillis(1_500));
    assertThat(seat().getDuration(margin)).isEqualTo(Duration.ofMillis(1_500));
  }

  @Test
  void everythingIsBoundToTheOneAddress() {
    assertThat(seat().getString("akka.remote.artery.canonical.hostname")).isEqualTo("10.0.0.2");
    assertThat(seat().getInt("akka.remote.artery.canonical.port")).isEqualTo(25_520);
    assertThat(seat().getString("akka.remote.artery.bind.hostname")).isEmpty();
    assertThat(seat().getString("akka.management.http.hostname")).isEqualTo("10.0.0.2");
    assertThat(seat().getInt("akka.management.http.port")).isEqualTo(8_558);
    assertThat(seat().getString("akka.management.http.bind-hostname")).isEmpty();
  }

  @Test
  void theLargestStateFitsAFrame() {
    assertThat(seat().getBytes("akka.remote.artery.advanced.maximum-frame-size"))
        .isGreaterThanOrEqualTo(SeatLimits.MAX_FRAME_BYTES);
  }

  @Test
  void nothingIsReadByJavaSerialization() {
    assertThat(seat().getBoolean("akka.actor.allow-java-serialization")).isFalse();
    assertThat(agent().getBoolean("akka.actor.allow-java-serialization")).isFalse();
  }

  @Test
  void everyMessageGoesThroughTheSerializerOfItsModule() {
    ActorSystem system =
        ActorSystem.create(
            "bindings",
            ConfigFactory.parseString("akka.actor.provider = local").withFallback(agent()));
    try {
      Serialization serialization = SerializationExtension.get(system);

      assertThat(leaves(AgentCommand.class, AgentReport.class, AgentQuery.class))
          .allSatisfy(
              type ->
                  assertThat(serialization.serializerFor(type)).isInstanceOf(WireSerializer.class));
      assertThat(
              leaves(
                  CoordinatorRequest.class,
                  CoordinatorAnswer.class,
                  SeatCommand.class,
                  SeatReply.class))
          .allSatisfy(
              type ->
                  assertThat(serialization.serializerFor(type))
                      .isInstanceOf(CoordinatorSerializer.class));
    } finally {
      system.terminate();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"cluster.conf", "seat.conf", "agent.conf"})
  void everyAkkaSettingIsOneThatAkkaReads(String file) {
    Config akka = ConfigFactory.defaultReference();

    assertThat(ConfigFactory.parseResources(ClusterConfig.class, file).entrySet())
        .isNotEmpty()
        .extracting(entry -> entry.getKey())
        .filteredOn(key -> !key.startsWith("akka.actor.seriali"))
        .allSatisfy(key -> assertThat(akka.hasPathOrNull(key)).as(key).isTrue());
  }

  private static Stream<Class<?>> leaves(Class<?>... families) {
    return Arrays.stream(families)
        .flatMap(
            family ->
                family.isSealed() ? leaves(family.getPermittedSubclasses()) : Stream.of(family));
  }
}
