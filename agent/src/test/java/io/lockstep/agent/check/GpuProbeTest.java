package io.lockstep.agent.check;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.Finding.Severity;
import io.lockstep.protocol.model.ReasonCode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What nvidia-smi says, and what it says when it or its GPU is ill. */
@NullUnmarked // JUnit fills the folder in
class GpuProbeTest {
  @TempDir Path dir;

  private GpuReading read(String said) throws Exception {
    return new FakeNvidiaSmi(dir).says(said).probe(true).look();
  }

  private Checks checks() {
    return new Checks(new VersionProbe(dir), new GpuMemoryHelper("python3", dir, Map.of()));
  }

  private Finding finding(ReasonCode code, GpuReading read) {
    var host = AHost.with(dir, dir, Map.of());
    var subject = new Subject(host, Optional.empty(), read, Optional.empty(), Optional.empty());
    return checks().doctor().stream()
        .filter(c -> c.code() == code)
        .map(c -> c.look(subject))
        .findFirst()
        .orElseThrow();
  }

  private Severity severity(ReasonCode code, String changed, String into) throws Exception {
    String ill = FakeNvidiaSmi.healthy().replace(changed, into);
    assertThat(ill).isNotEqualTo(FakeNvidiaSmi.healthy());
    return finding(code, read(ill)).severity();
  }

  @Test
  void aHealthyGpuIsReadAndPassesEveryCheck() throws Exception {
    GpuReading read = read(FakeNvidiaSmi.healthy());
    assertThat(read.problem()).isEmpty();
    assertThat(read.driver()).isEqualTo("580.159.04");
    assertThat(read.gpus()).hasSize(1);
    assertThat(read.gpus().get(0).memoryBytes()).isEqualTo(143_771L << 20);
    assertThat(read.gpus().get(0).celsiusLeft()).contains(51);
    for (Check check : checks().doctor()) {
      if (check.code().name().startsWith("GPU_")) {
        assertThat(finding(check.code(), read).severity())
            .as("%s", check.code())
            .isEqualTo(Severity.OK);
      }
    }
  }

  @Test
  void moreGpusThanTheDaemonBeganWithKeepTheNodeOut() throws Exception {
    Finding found = finding(ReasonCode.GPU_LOST, read(FakeNvidiaSmi.healthy(2)));
    assertThat(found.severity()).isEqualTo(Severity.FAIL);
    assertThat(found.todo()).contains("restart lockstepd");
  }

  @Test
  void uncorrectedErrorsFail() throws Exception {
    String clean = "<dram_uncorrectable>0<";
    assertThat(severity(ReasonCode.GPU_ECC, clean, "<dram_uncorrectable>3<"))
        .isEqualTo(Severity.FAIL);
  }

  @Test
  void aRepairThatWaitsOrFailedFails() throws Exception {
    for (String name : List.of("remapped_row_pending", "remapped_row_failure")) {
      String no = "<" + name + ">No<";
      assertThat(severity(ReasonCode.GPU_REMAP, no, no.replace("No", "Yes")))
          .isEqualTo(Severity.FAIL);
    }
  }

  @Test
  void whatTheDriverAsksForFails() throws Exception {
    String none = "<gpu_recovery_action>None<";
    assertThat(severity(ReasonCode.GPU_RECOVERY, none, none.replace("None", "Reset")))
        .isEqualTo(Severity.FAIL);
  }

  @Test
  void aGpuAtItsLimitFailsAndSoDoesOneHeldBackByItsHardware() throws Exception {
    String left = "<gpu_temp_tlimit>51 C<";
    assertThat(severity(ReasonCode.GPU_HOT, left, left.replace("51", "-1")))
        .isEqualTo(Severity.FAIL);
    String heat = "<clocks_event_reason_hw_thermal_slowdown>Not Active<";
    assertThat(severity(ReasonCode.GPU_THROTTLED, heat, heat.replace("Not ", "")))
        .isEqualTo(Severity.FAIL);
    String mild = "<clocks_event_reason_sw_thermal_slowdown>Not Active<";
    assertThat(severity(ReasonCode.GPU_THROTTLED, mild, mild.replace("Not ", "")))
        .isEqualTo(Severity.WARN);
  }

  @Test
  void aDriverOfAnotherReleaseIsReadByItsOlderNames() throws Exception {
    String old =
        FakeNvidiaSmi.healthy()
            .replace("clocks_event_reason", "clocks_throttle_reason")
            .replace("<gpu_temp_tlimit>51 C</gpu_temp_tlimit>", "")
            .replace(
                "</temperature>",
                "<gpu_temp_slow_threshold>36 C</gpu_temp_slow_threshold></temperature>");
    assertThat(finding(ReasonCode.GPU_HOT, read(old)).isFail()).isTrue();
  }

  @Test
  void aProcessOfAnotherIsNamedWhileItLives() throws Exception {
    String with =
        "<processes><process_info><pid>4711</pid><type>C</type>"
            + "<process_name>python</process_name><used_memory>900 MiB</used_memory></process_info>";
    GpuReading read = read(FakeNvidiaSmi.healthy().replace("<processes>", with));
    assertThat(finding(ReasonCode.GPU_PROCESSES, read).severity()).isEqualTo(Severity.OK);
    Files.createDirectories(dir.resolve("root/proc/4711"));
    Finding found = finding(ReasonCode.GPU_PROCESSES, read);
    assertThat(found.severity()).isEqualTo(Severity.WARN);
    assertThat(found.found()).contains("pid 4711");
    Files.writeString(dir.resolve("root/proc/4711/environ"), "A=1\0LOCKSTEP_GROUP=127.0.0.1:1/7\0");
    assertThat(finding(ReasonCode.GPU_PROCESSES, read).severity()).isEqualTo(Severity.OK);
  }

  @Test
  void absurdAnswersAreAProblemAndNoGpu() throws Exception {
    for (String said :
        List.of(
            "No devices were found",
            "",
            "<html/>",
            FakeNvidiaSmi.healthy().replace("143771 MiB", "0 MiB"),
            FakeNvidiaSmi.healthy().replace("36 C", "4096 C"),
            FakeNvidiaSmi.healthy().replace(">1</attached_gpus>", ">8</attached_gpus>"))) {
      GpuReading read = read(said);
      assertThat(read.problem()).isPresent();
      assertThat(read.gpus()).isEmpty();
      assertThat(finding(ReasonCode.GPU_DRIVER, read).isFail()).isTrue();
      assertThat(finding(ReasonCode.GPU_ECC, read).severity()).isEqualTo(Severity.SKIPPED);
    }
  }

  @Test
  void oneThatHangsIsGivenUp() throws Exception {
    GpuReading read = new FakeNvidiaSmi(dir).does("exec sleep 60").probe(true).look();
    assertThat(read.problem().orElse("")).contains("did not answer within 500 ms");
  }

  @Test
  void aDeviceWithoutTheToolOrWithAToolThatFailsIsAProblem() throws Exception {
    assertThat(new FakeNvidiaSmi(dir).probe(true).look().problem()).isPresent();
    assertThat(
            new FakeNvidiaSmi(dir)
                .does("echo no driver; exit 9")
                .probe(true)
                .look()
                .problem()
                .orElse(""))
        .contains("exit code 9: no driver");
  }

  @Test
  void theToolAloneIsNoGpu() throws Exception {
    GpuReading read = new FakeNvidiaSmi(dir).does("exit 9").probe(false).look();
    assertThat(read.problem()).isEmpty();
    assertThat(read.gpus()).isEmpty();
  }

  @Test
  void aDeviceOnPciNeedsADriverUnlessItsHostHasOneOrItIsGivenAway() throws Exception {
    Path device = Files.createDirectories(dir.resolve("root/sys/bus/pci/devices/0000:00:06.0"));
    Files.writeString(device.resolve("vendor"), "0x10de\n");
    Files.writeString(device.resolve("class"), "0x030200\n");
    var devices = new NvidiaDevices(dir.resolve("root"));
    assertThat(devices.why().orElse("")).contains("0000:00:06.0");
    Path given = Files.createDirectories(dir.resolve("root/drivers/vfio-pci"));
    Files.createSymbolicLink(device.resolve("driver"), given);
    assertThat(devices.why()).isEmpty();
    Files.delete(device.resolve("driver"));
    Files.createDirectories(dir.resolve("root/proc/driver/nvidia"));
    Files.writeString(dir.resolve("root/proc/driver/nvidia/version"), "580");
    assertThat(devices.why()).isEmpty();
  }
}
