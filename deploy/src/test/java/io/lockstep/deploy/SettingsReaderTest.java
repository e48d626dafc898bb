package io.lockstep.deploy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Flags come before the environment, the environment before the file, the file before defaults. */
final class SettingsReaderTest {
  @TempDir Path home = Path.of("unset");
  private final Map<String, String> env = new HashMap<>();

  @BeforeEach
  void anUnpackedDistributionAndAPython() throws IOException {
    Path shim = Files.createDirectories(home.resolve("python/lockstep_shim"));
    Files.createFile(shim.resolve("__main__.py"));
    program("python3");
    env.put("PATH", home.resolve("bin").toString());
  }

  @Test
  void theDefaultsAreThese() throws SettingsException {
    DaemonSettings settings = read(Flags.NONE);

    assertThat(settings.describe())
        .isEqualTo(
            """
            # version 1.2.3, a seat
            node.id = "127.0.0.1"
            host = "127.0.0.1"
            seats = ["127.0.0.1:25520"]
            data-dir = "%s/.lockstep/127.0.0.1"
            python = "python3"
            shim = "%s/python/lockstep_shim"
            insecure = false
            node-silent-after = 10000ms
            node-suspect-after = 2000ms
            quarantine.losses = 3
            quarantine.length = 900000ms
            quarantine.check = true
            failure-rules = ""
            warm = true
            ports.akka = 25520
            ports.management = 8558
            ports.http = 7733
            ports.lease = 7734
            ports.master = "29500-29999\""""
                .formatted(System.getProperty("user.home"), home));
    assertThat(settings.isLoopback()).isTrue();
  }

  @Test
  void theShippedFileChangesNoDefault() throws IOException, SettingsException {
    String before = read(Flags.NONE).describe();

    conf(Files.readString(Path.of("src/main/conf/lockstep.conf")));

    assertThat(read(Flags.NONE).describe()).isEqualTo(before);
  }

  @Test
  void whatTheShippedFileShowsInCommentsIsKnown() throws IOException {
    String shown =
        Pattern.compile("^# (?=[a-z][a-z.-]* [={])", Pattern.MULTILINE)
            .matcher(Files.readString(Path.of("src/main/conf/lockstep.conf")))
            .replaceAll("");
    conf(shown);

    assertThat(shown).contains("\nports {", "\nseats =", "\nnode.id =");
    assertThat(problems(Flags.NONE)).noneMatch(problem -> problem.contains("unknown setting"));
  }

  @Test
  void aFlagComesBeforeTheEnvironmentAndThatBeforeTheFile() throws Exception {
    conf("data-dir = /file\nhost = 127.0.0.2\nports.http = 7001");
    assertThat(read(Flags.NONE).dataDir()).isEqualTo(Path.of("/file"));

    env.put("LOCKSTEP_DATA_DIR", "/env");
    env.put("LOCKSTEP_PORTS_HTTP", "7002");
    assertThat(read(Flags.NONE).dataDir()).isEqualTo(Path.of("/env"));

    DaemonSettings settings =
        read(
            new Flags(
                Optional.empty(),
                Optional.of("127.0.0.3"),
                Optional.of("127.0.0.3,127.0.0.4:26000,127.0.0.5"),
                Optional.of("/flag")));
    assertThat(settings.dataDir()).isEqualTo(Path.of("/flag"));
    assertThat(settings.host()).isEqualTo("127.0.0.3");
    assertThat(settings.seats())
        .containsExactly(
            new Seat("127.0.0.3", 25_520),
            new Seat("127.0.0.4", 26_000),
            new Seat("127.0.0.5", 25_520));
    assertThat(settings.ports().http()).isEqualTo(7_002);
  }

  @Test
  void everySettingMayComeFromTheFile() throws Exception {
    program("torch-python");
    Path shim = Files.createDirectories(home.resolve("other-shim"));
    Files.createFile(shim.resolve("__main__.py"));
    conf(
        """
        node.id = gpu-01
        host = 127.0.0.5
        seats = [127.0.0.5, "127.0.0.6:26000", 127.0.0.7]
        data-dir = "~/x"
        python = torch-python
        shim = "%s"
        insecure = yes
        node-silent-after = 3s
        node-suspect-after = 1500ms
        quarantine { losses = 5, length = 1m, check = no }
        warm = no
        ports { akka = 1001, management = 1002, http = 1003, lease = 1004, master = 2000 - 2009 }
        """
            .formatted(shim));

    DaemonSettings settings = read(Flags.NONE);

    assertThat(settings.describe())
        .isEqualTo(
            """
            # version 1.2.3, a seat
            node.id = "gpu-01"
            host = "127.0.0.5"
            seats = ["127.0.0.5:1001", "127.0.0.6:26000", "127.0.0.7:1001"]
            data-dir = "%s/x"
            python = "torch-python"
            shim = "%s"
            insecure = true
            node-silent-after = 3000ms
            node-suspect-after = 1500ms
            quarantine.losses = 5
            quarantine.length = 60000ms
            quarantine.check = false
            failure-rules = ""
            warm = false
            ports.akka = 1001
            ports.management = 1002
            ports.http = 1003
            ports.lease = 1004
            ports.master = "2000-2009\""""
                .formatted(System.getProperty("user.home"), shim));
  }

  @Test
  void whatIsDescribedReadsBackAsTheSame() throws Exception {
    env.put("LOCKSTEP_NODE_ID", "gpu-7");
    env.put("LOCKSTEP_SEATS", "127.0.0.1,127.0.0.2:26000,127.0.0.3");
    String described = read(Flags.NONE).describe();
    env.keySet().removeIf(name -> name.startsWith("LOCKSTEP_"));

    conf(described);

    assertThat(read(Flags.NONE).describe()).isEqualTo(described);
  }

  @Test
  void mistakesInTheFailureRulesAreToldWithTheirLines() throws Exception {
    Path rules = Files.writeString(home.resolve("rules.yaml"), "rules:\n  - id: X\n");
    conf("failure-rules = \"" + rules + "\"");

    assertThat(problems(Flags.NONE))
        .anyMatch(p -> p.startsWith("failure-rules: " + rules + ":2: rules[0].id must be"));
    Files.writeString(
        rules,
        "rules: [{id: x, class: STORAGE, contains: [lake], means: m, do: d, fits: [the lake]}]");
    assertThat(read(Flags.NONE).rules().file()).contains(rules);
  }

  @ParameterizedTest
  @CsvSource({
    "node.id, LOCKSTEP_NODE_ID",
    "data-dir, LOCKSTEP_DATA_DIR",
    "python, LOCKSTEP_PYTHON",
    "node-silent-after, LOCKSTEP_NODE_SILENT_AFTER",
    "quarantine.losses, LOCKSTEP_QUARANTINE_LOSSES",
    "ports.http, LOCKSTEP_PORTS_HTTP"
  })
  void aSettingHasItsNameInTheEnvironment(String key, String name) {
    assertThat(SettingsReader.envName(key)).isEqualTo(name);
  }

  @Test
  void aBlankVariableSaysNothing() throws SettingsException {
    env.put("LOCKSTEP_PORTS_HTTP", " ");

    assertThat(read(Flags.NONE).ports().http()).isEqualTo(7_733);
  }

  @Test
  void aNamedFileComesBeforeTheShippedOne() throws Exception {
    conf("ports.http = 7001");
    Path named = Files.writeString(home.resolve("named.conf"), "ports.http = 7005");

    env.put("LOCKSTEP_CONFIG", named.toString());

    assertThat(read(Flags.NONE).ports().http()).isEqualTo(7_005);
  }

  @Test
  void aNamedFileThatIsNotThereIsAMistake() {
    var flags =
        new Flags(
            Optional.of(home.resolve("none.conf")),
            Optional.empty(),
            Optional.empty(),
            Optional.empty());

    assertThat(problems(flags)).singleElement().asString().contains("none.conf");
  }

  @ParameterizedTest
  @CsvSource({
    "prots.http = 1, prots.http, ports.http",
    "datadir = /x, datadir, data-dir",
    "ports.htpp = 1, ports.htpp, ports.http",
    "pyhton = python3, pyhton, python"
  })
  void anUnknownSettingIsRefusedWithTheNearestName(String line, String key, String nearest)
      throws IOException {
    conf("insecure = false\n" + line);

    assertThat(problems(Flags.NONE))
        .singleElement()
        .asString()
        .contains("lockstep.conf: 2: unknown setting '" + key + "'; did you mean " + nearest + "?");
  }

  @Test
  void anUnknownSettingThatIsNearNothingIsNamed() throws IOException {
    conf("zookeeper.quorum = x");

    assertThat(problems(Flags.NONE))
        .singleElement()
        .asString()
        .endsWith("unknown setting 'zookeeper.quorum'");
  }

  @Test
  void allMistakesAreReportedAtOnce() throws IOException {
    conf(
        """
        node.id = "gpu 01"
        seats = []
        python = no-such-python
        shim = /no/such/shim
        insecure = maybe
        node-silent-after = 1s
        ports { akka = 70000, management = eight, http = -1, master = 30000-29000 }
        colour = blue
        """);

    assertThat(problems(Flags.NONE))
        .satisfiesExactlyInAnyOrder(
            p -> assertThat(p).startsWith("node.id: node id must be"),
            p -> assertThat(p).startsWith("seats: at least one is needed"),
            p -> assertThat(p).startsWith("python: 'no-such-python' is no program"),
            p -> assertThat(p).startsWith("shim: no Python package at /no/such/shim"),
            p -> assertThat(p).startsWith("insecure: "),
            p -> assertThat(p).isEqualTo("node-silent-after: at least 2 s, found: 1000 ms"),
            p -> assertThat(p).isEqualTo("ports.akka: 1 to 65535, found: 70000"),
            p -> assertThat(p).startsWith("ports.management: "),
            p -> assertThat(p).isEqualTo("ports.http: 1 to 65535, found: -1"),
            p -> assertThat(p).startsWith("ports.master: a range within 1-65535"),
            p -> assertThat(p).contains("unknown setting 'colour'"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"-1", "0", "65536"})
  void aPortOutOfRangeIsRefused(String port) {
    env.put("LOCKSTEP_PORTS_AKKA", port);

    assertThat(problems(Flags.NONE)).containsExactly("ports.akka: 1 to 65535, found: " + port);
  }

  @Test
  void theOwnPortsDiffer() {
    env.put("LOCKSTEP_PORTS_HTTP", "8558");

    assertThat(problems(Flags.NONE))
        .containsExactly(
            "ports.akka, ports.management, ports.http and ports.lease must differ, found: 25520,"
                + " 8558, 8558, 7734");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"29500", "30000-29500", "0-10", "65000-65536", "a-b", "-", "1-2-3", "29500-"})
  void aWrongRangeOfMasterPortsIsRefused(String range) {
    env.put("LOCKSTEP_PORTS_MASTER", range);

    assertThat(problems(Flags.NONE))
        .containsExactly(
            "ports.master: a range within 1-65535 like 29500-29999, found: '" + range + "'");
  }

  @Test
  void oneMasterPortIsARangeToo() throws SettingsException {
    env.put("LOCKSTEP_PORTS_MASTER", "29500-29500");

    assertThat(read(Flags.NONE).ports().masterHigh()).isEqualTo(29_500);
  }

  @Test
  void offLoopbackNothingListensUnlessItIsSaidToBeInsecure() {
    env.put("LOCKSTEP_HOST", "198.51.100.1"); // reserved for documentation: nobody has it
    assertThat(problems(Flags.NONE))
        .anyMatch(
            p ->
                p.startsWith("host: 198.51.100.1 can be reached from other machines")
                    && p.contains("insecure = true (env LOCKSTEP_INSECURE=true)"));

    env.put("LOCKSTEP_INSECURE", "true");
    assertThat(problems(Flags.NONE))
        .singleElement()
        .asString()
        .startsWith("host: 198.51.100.1 is no address of this machine");
  }

  @Test
  void theWildcardIsNoAddressThatOthersCanReach() {
    env.put("LOCKSTEP_HOST", "0.0.0.0");

    assertThat(problems(Flags.NONE))
        .containsExactly("host: one address that others can reach is needed, found: 0.0.0.0");
  }

  @Test
  void withoutAHostItIsTheSeatThatIsHere() throws SettingsException {
    env.put("LOCKSTEP_SEATS", "198.51.100.1,127.0.0.1,198.51.100.2");

    DaemonSettings settings = read(Flags.NONE);

    assertThat(settings.host()).isEqualTo("127.0.0.1");
    assertThat(settings.seat()).isPresent();
    assertThat(settings.majority()).isEqualTo(2);
  }

  @Test
  void aDaemonThatIsNoSeatIsAnAgentOnly() throws SettingsException {
    env.put("LOCKSTEP_HOST", "127.0.0.9");
    env.put("LOCKSTEP_SEATS", "127.0.0.1");

    DaemonSettings settings = read(Flags.NONE);

    assertThat(settings.seat()).isEmpty();
    assertThat(settings.describe()).startsWith("# version 1.2.3, an agent only");
  }

  @Test
  void aSeatThatIsThisDaemonIsSpelledAsItsHost() {
    env.put("LOCKSTEP_HOST", "127.0.0.1");
    env.put("LOCKSTEP_SEATS", "localhost");

    assertThat(problems(Flags.NONE))
        .containsExactly(
            "seats: 'localhost' is this daemon, whose host is spelled '127.0.0.1'; spell both"
                + " alike");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "127.0.0.1,127.0.0.1|seats: '127.0.0.1' is there twice",
        "127.0.0.1,a:b|seats: a seat is host or host:port, found: 'a:b'",
        "127.0.0.1,a:70000|seats: a seat's port is 1 to 65535, found: 'a:70000'",
        "127.0.0.1,b|seats: 1, 3 or 5 (a majority of 2 or 4 bears no more losses than one of 1 or"
            + " 3), found: 2"
      })
  void aWrongSeatIsNamed(String seats, String problem) {
    env.put("LOCKSTEP_SEATS", seats);

    assertThat(problems(Flags.NONE)).containsExactly(problem);
  }

  @Test
  void aPythonThatCannotBeRunIsAMistake() throws IOException {
    Path notExecutable = Files.createFile(home.resolve("not-executable"));
    env.put("LOCKSTEP_PYTHON", notExecutable.toString());

    assertThat(problems(Flags.NONE))
        .singleElement()
        .asString()
        .startsWith("python: '" + notExecutable + "' is no program that can be run; set it, or env")
        .contains("LOCKSTEP_PYTHON");
  }

  @Test
  void withoutAPythonOnThePathThereIsNone() {
    env.put("PATH", home.resolve("empty").toString());

    assertThat(problems(Flags.NONE))
        .singleElement()
        .asString()
        .startsWith("python: 'python3' is no program");
  }

  @Test
  void aFileThatIsNoHoconSaysWhere() throws IOException {
    conf("host = {");

    assertThat(problems(Flags.NONE))
        .singleElement()
        .asString()
        .startsWith("settings file: ")
        .contains("lockstep.conf: 1");
  }

  private DaemonSettings read(Flags flags) throws SettingsException {
    return SettingsReader.read(flags, env, Optional.of(home), "1.2.3");
  }

  private List<String> problems(Flags flags) {
    return catchThrowableOfType(SettingsException.class, () -> read(flags)).problems();
  }

  private void conf(String text) throws IOException {
    Files.createDirectories(home.resolve("conf"));
    Files.writeString(home.resolve("conf/lockstep.conf"), text);
  }

  private void program(String name) throws IOException {
    Files.createDirectories(home.resolve("bin"));
    Path file = Files.createFile(home.resolve("bin").resolve(name));
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }
}
