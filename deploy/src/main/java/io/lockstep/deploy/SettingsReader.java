package io.lockstep.deploy;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigParseOptions;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueFactory;
import com.typesafe.config.ConfigValueType;
import io.lockstep.coordinator.core.QuarantinePolicy;
import io.lockstep.coordinator.failure.RuleSet;
import io.lockstep.coordinator.jobfile.NearestName;
import io.lockstep.protocol.model.NodeId;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.ServerSocket;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads the settings of one daemon: flags, then environment, then file, then defaults. */
final class SettingsReader {
  private static final String ENV_PREFIX = "LOCKSTEP_";
  private static final String LOOPBACK = "127.0.0.1";
  private static final Set<Integer> SEAT_COUNTS = Set.of(1, 3, 5);
  private static final int DEFAULT_AKKA_PORT = 25_520;

  /** Stands for a port that was refused already. */
  private static final int UNREAD = 0;

  private static final Duration LEAST_SILENCE = Duration.ofSeconds(2);
  private static final Duration LEAST_SUSPICION = Duration.ofSeconds(1);
  private static final Pattern RANGE = Pattern.compile("([0-9]{1,5})\\s*-\\s*([0-9]{1,5})");
  private static final List<String> KEYS =
      List.of(
          "node.id",
          "host",
          "seats",
          "data-dir",
          "python",
          "shim",
          "insecure",
          "node-silent-after",
          "node-suspect-after",
          "quarantine.losses",
          "quarantine.length",
          "quarantine.check",
          "failure-rules",
          "warm",
          "ports.akka",
          "ports.management",
          "ports.http",
          "ports.lease",
          "ports.master");

  private final Map<String, String> env;
  private final Optional<Path> home;
  private final List<String> problems = new ArrayList<>();

  private SettingsReader(Map<String, String> env, Optional<Path> home) {
    this.env = env;
    this.home = home;
  }

  /**
   * Reads and checks them.
   *
   * @param home the unpacked distribution, if there is one
   * @throws SettingsException with every mistake
   */
  static DaemonSettings read(
      Flags flags, Map<String, String> env, Optional<Path> home, String version)
      throws SettingsException {
    var reader = new SettingsReader(env, home);
    Config config = reader.merged(flags);
    DaemonSettings settings = reader.settings(config, version);
    if (!reader.problems.isEmpty()) {
      throw new SettingsException(reader.problems);
    }
    return settings;
  }

  /** What an environment variable for this setting is called. */
  static String envName(String key) {
    return ENV_PREFIX + key.toUpperCase(Locale.ROOT).replace('.', '_').replace('-', '_');
  }

  private Config merged(Flags flags) {
    Config said = ConfigFactory.empty();
    said = with(said, "host", flags.host(), "--host");
    said = with(said, "seats", flags.seats(), "--seats");
    said = with(said, "data-dir", flags.dataDir(), "--data-dir");
    for (String key : KEYS) {
      if (!said.hasPath(key)) {
        said = with(said, key, fromEnv(envName(key)), "env " + envName(key));
      }
    }
    return said.withFallback(file(flags)).withFallback(defaults());
  }

  private static Config with(Config config, String key, Optional<String> value, String origin) {
    return value
        .map(text -> config.withValue(key, ConfigValueFactory.fromAnyRef(text, origin)))
        .orElse(config);
  }

  private Optional<String> fromEnv(String name) {
    return Optional.ofNullable(env.get(name)).filter(text -> !text.isBlank());
  }

  private Config file(Flags flags) {
    Optional<Path> named = flags.config().or(() -> fromEnv(ENV_PREFIX + "CONFIG").map(Path::of));
    Optional<Path> shipped =
        home.map(dir -> dir.resolve("conf").resolve("lockstep.conf")).filter(Files::isRegularFile);
    Optional<Path> path = named.or(() -> shipped);
    if (path.isEmpty()) {
      return ConfigFactory.empty();
    }
    try {
      Config read =
          ConfigFactory.parseFile(
                  path.get().toFile(), ConfigParseOptions.defaults().setAllowMissing(false))
              .resolve();
      for (Map.Entry<String, ConfigValue> entry : read.entrySet()) {
        String key = entry.getKey().replace("\"", "");
        if (!KEYS.contains(key)) {
          problems.add(
              entry.getValue().origin().description()
                  + ": unknown setting '"
                  + key
                  + "'"
                  + NearestName.hint(key, KEYS));
        }
      }
      return read;
    } catch (ConfigException e) {
      problems.add("settings file: " + e.getMessage());
      return ConfigFactory.empty();
    }
  }

  private static Config defaults() {
    return ConfigFactory.parseMap(
        Map.ofEntries(
            Map.entry("python", "python3"),
            Map.entry("insecure", false),
            Map.entry("node-silent-after", DaemonSettings.NODE_SILENT_AFTER),
            Map.entry("node-suspect-after", DaemonSettings.NODE_SUSPECT_AFTER),
            Map.entry("quarantine.losses", QuarantinePolicy.DEFAULT.losses()),
            Map.entry("quarantine.length", QuarantinePolicy.DEFAULT.length()),
            Map.entry("quarantine.check", QuarantinePolicy.DEFAULT.check()),
            Map.entry("warm", true),
            Map.entry("ports.akka", DEFAULT_AKKA_PORT),
            Map.entry("ports.management", 8_558),
            Map.entry("ports.http", 7_733),
            Map.entry("ports.lease", 7_734),
            Map.entry("ports.master", "29500-29999")),
        "default");
  }

  private DaemonSettings settings(Config config, String version) {
    int akkaPort = port(config, "ports.akka");
    int management = port(config, "ports.management");
    int http = port(config, "ports.http");
    int lease = port(config, "ports.lease");
    List<Integer> ports = List.of(akkaPort, management, http, lease);
    if (!ports.contains(UNREAD) && Set.copyOf(ports).size() < ports.size()) {
      problems.add(
          "ports.akka, ports.management, ports.http and ports.lease must differ, found: "
              + String.join(", ", ports.stream().map(String::valueOf).toList()));
    }
    int[] master = masterPorts(config);
    List<Seat> seats = seats(config, isPort(akkaPort) ? akkaPort : DEFAULT_AKKA_PORT);
    String host = text(config, "host").orElseGet(() -> ownAddress(seats));
    List<Seat> effectiveSeats = seats.isEmpty() ? List.of(new Seat(host, akkaPort)) : seats;
    boolean insecure = get(config, "insecure", Config::getBoolean).orElse(false);
    Optional<InetAddress> address = address(host, insecure);
    address.ifPresent(own -> checkSpelling(own, host, akkaPort, effectiveSeats));
    return new DaemonSettings(
        node(config, host),
        host,
        address.map(InetAddress::isLoopbackAddress).orElse(false),
        effectiveSeats,
        dataDir(config, host),
        python(config),
        shim(config),
        insecure,
        new DaemonSettings.Ports(akkaPort, management, http, lease, master[0], master[1]),
        silence(config, "node-silent-after", LEAST_SILENCE),
        silence(config, "node-suspect-after", LEAST_SUSPICION),
        quarantine(config),
        rules(config),
        get(config, "warm", Config::getBoolean).orElse(true),
        version);
  }

  private NodeId node(Config config, String host) {
    String id = text(config, "node.id").orElse(host);
    try {
      return new NodeId(id);
    } catch (RuntimeException e) {
      problems.add("node.id: " + e.getMessage());
      return new NodeId("unknown");
    }
  }

  private List<Seat> seats(Config config, int akkaPort) {
    if (!config.hasPath("seats")) {
      return List.of();
    }
    int before = problems.size();
    List<String> texts =
        config.getValue("seats").valueType() == ConfigValueType.LIST
            ? get(config, "seats", Config::getStringList).orElse(List.of())
            : List.of(get(config, "seats", Config::getString).orElse("").split(",", -1));
    var seats = new LinkedHashSet<Seat>();
    for (String text : texts) {
      if (text.isBlank()) {
        continue;
      }
      try {
        if (!seats.add(Seat.parse(text.strip(), akkaPort))) {
          problems.add("seats: '" + text.strip() + "' is there twice");
        }
      } catch (IllegalArgumentException e) {
        problems.add("seats: " + e.getMessage());
      }
    }
    if (seats.isEmpty() && problems.size() == before) {
      problems.add("seats: at least one is needed, for example seats = [10.0.0.1]");
    }
    if (!seats.isEmpty() && !SEAT_COUNTS.contains(seats.size())) {
      problems.add(
          "seats: 1, 3 or 5 (a majority of 2 or 4 bears no more losses than one of 1 or 3),"
              + " found: "
              + seats.size());
    }
    return List.copyOf(seats);
  }

  /** A seat that is this machine, else the address that leads to the first seat. */
  private String ownAddress(List<Seat> seats) {
    if (seats.isEmpty()) {
      return LOOPBACK;
    }
    List<String> here = seats.stream().map(Seat::host).distinct().filter(this::isHere).toList();
    if (here.size() == 1) {
      return here.get(0);
    }
    try (var socket = new DatagramSocket()) {
      socket.connect(new InetSocketAddress(seats.get(0).host(), seats.get(0).port()));
      return socket.getLocalAddress().getHostAddress();
    } catch (SocketException | RuntimeException e) {
      problems.add(
          "host: which address of this machine leads to seat %s is not known (%s); set host"
              .formatted(seats.get(0), e.getMessage()));
      return LOOPBACK;
    }
  }

  private boolean isHere(String host) {
    try {
      return NetworkInterface.getByInetAddress(InetAddress.getByName(host)) != null;
    } catch (UnknownHostException | SocketException e) {
      return false;
    }
  }

  private Optional<InetAddress> address(String host, boolean insecure) {
    InetAddress address;
    try {
      address = InetAddress.getByName(host);
    } catch (UnknownHostException e) {
      problems.add("host: '" + host + "' is not known to this machine's resolver");
      return Optional.empty();
    }
    if (address.isAnyLocalAddress()) {
      problems.add("host: one address that others can reach is needed, found: " + host);
      return Optional.empty();
    }
    if (!address.isLoopbackAddress() && !insecure) {
      problems.add(
          "host: %s can be reached from other machines, and TLS is not configured; set insecure ="
                  .formatted(host)
              + " true (env LOCKSTEP_INSECURE=true) if you trust everybody in that network");
    }
    try (var probe = new ServerSocket(0, 1, address)) {
      return Optional.of(probe.getInetAddress());
    } catch (IOException e) {
      problems.add("host: %s is no address of this machine (%s)".formatted(host, e.getMessage()));
      return Optional.of(address);
    }
  }

  /** Seats are compared by their spelling: one that is meant to be this daemon must match. */
  private void checkSpelling(InetAddress own, String host, int akkaPort, List<Seat> seats) {
    for (Seat seat : seats) {
      if (seat.port() != akkaPort || seat.host().equals(host)) {
        continue;
      }
      try {
        if (InetAddress.getByName(seat.host()).equals(own)) {
          problems.add(
              "seats: '%s' is this daemon, whose host is spelled '%s'; spell both alike"
                  .formatted(seat.host(), host));
        }
      } catch (UnknownHostException e) {
        // may become known later
      }
    }
  }

  private Path dataDir(Config config, String host) {
    String text = text(config, "data-dir").orElse("~/.lockstep/" + host.replace(':', '_'));
    try {
      String userHome = System.getProperty("user.home", "");
      Path path = text.startsWith("~/") ? Path.of(userHome, text.substring(2)) : Path.of(text);
      return path.toAbsolutePath().normalize();
    } catch (InvalidPathException e) {
      problems.add("data-dir: " + e.getMessage());
      return Path.of("/");
    }
  }

  private String python(Config config) {
    String name = text(config, "python").orElse("python3");
    boolean isThere =
        name.contains("/")
            ? Files.isExecutable(Path.of(name))
            : List.of(env.getOrDefault("PATH", "").split(":", -1)).stream()
                .anyMatch(folder -> Files.isExecutable(Path.of(folder, name)));
    if (!isThere) {
      problems.add(
          "python: '%s' is no program that can be run; set it, or env LOCKSTEP_PYTHON, to the"
                  .formatted(name)
              + " interpreter that has torch");
    }
    return name;
  }

  private Path shim(Config config) {
    Path shim =
        text(config, "shim")
            .map(Path::of)
            .or(() -> home.map(dir -> dir.resolve("python").resolve("lockstep_shim")))
            .orElse(Path.of("python", "lockstep_shim"));
    if (!Files.isRegularFile(shim.resolve("__main__.py"))) {
      problems.add("shim: no Python package at " + shim + "; is the distribution whole?");
    }
    return shim;
  }

  private Duration silence(Config config, String key, Duration least) {
    Duration after = get(config, key, Config::getDuration).orElse(least);
    if (after.compareTo(least) < 0) {
      problems.add(
          "%s: at least %d s, found: %d ms".formatted(key, least.toSeconds(), after.toMillis()));
    }
    return after;
  }

  private QuarantinePolicy quarantine(Config config) {
    int losses = get(config, "quarantine.losses", Config::getInt).orElse(0);
    Duration length = get(config, "quarantine.length", Config::getDuration).orElse(Duration.ZERO);
    boolean check = get(config, "quarantine.check", Config::getBoolean).orElse(true);
    try {
      return new QuarantinePolicy(losses, length, check);
    } catch (IllegalArgumentException e) {
      problems.add("quarantine: " + e.getMessage());
      return QuarantinePolicy.NEVER;
    }
  }

  private DaemonSettings.Rules rules(Config config) {
    Optional<String> name = text(config, "failure-rules");
    if (name.isEmpty()) {
      return DaemonSettings.Rules.shipped();
    }
    try {
      Path file = Path.of(name.get()).toAbsolutePath().normalize();
      return new DaemonSettings.Rules(Optional.of(file), RuleSet.with(file));
    } catch (RuleSet.Unusable e) {
      e.problems().forEach(problem -> problems.add("failure-rules: " + problem));
    } catch (InvalidPathException e) {
      problems.add("failure-rules: " + e.getMessage());
    }
    return DaemonSettings.Rules.shipped();
  }

  private int port(Config config, String key) {
    Optional<Integer> port = get(config, key, Config::getInt);
    if (port.isPresent() && !isPort(port.get())) {
      problems.add(key + ": 1 to 65535, found: " + port.get());
    }
    return port.filter(SettingsReader::isPort).orElse(UNREAD);
  }

  private static boolean isPort(int number) {
    return number >= 1 && number <= 65_535;
  }

  private int[] masterPorts(Config config) {
    String text = get(config, "ports.master", Config::getString).orElse("");
    Matcher range = RANGE.matcher(text.strip());
    if (range.matches()) {
      int low = Integer.parseInt(range.group(1));
      int high = Integer.parseInt(range.group(2));
      if (low >= 1 && low <= high && high <= 65_535) {
        return new int[] {low, high};
      }
    }
    problems.add("ports.master: a range within 1-65535 like 29500-29999, found: '" + text + "'");
    return new int[] {1, 1};
  }

  private Optional<String> text(Config config, String key) {
    return config.hasPath(key)
        ? get(config, key, Config::getString).filter(value -> !value.isBlank())
        : Optional.empty();
  }

  private <T> Optional<T> get(Config config, String key, BiFunction<Config, String, T> getter) {
    try {
      return Optional.of(getter.apply(config, key));
    } catch (ConfigException e) {
      problems.add(key + ": " + e.getMessage());
      return Optional.empty();
    }
  }
}
