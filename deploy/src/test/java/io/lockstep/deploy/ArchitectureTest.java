package io.lockstep.deploy;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The direction of dependencies over all modules (docs/adr, architecture). */
@AnalyzeClasses(packages = "io.lockstep", importOptions = ImportOption.DoNotIncludeTests.class)
final class ArchitectureTest {
  /** What the command line is made of. */
  private static final String[] COMMAND = {
    "io.lockstep.coordinator.cli..",
    "io.lockstep.coordinator.jobfile..",
    "io.lockstep.coordinator.core..",
    "io.lockstep.coordinator.plan..",
    "io.lockstep.protocol.api..",
    "io.lockstep.protocol.model.."
  };

  @ArchTest
  static final ArchRule THE_COORDINATOR_DOES_NOT_KNOW_THE_AGENT =
      noClasses()
          .that()
          .resideInAPackage("io.lockstep.coordinator..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("io.lockstep.agent..", "io.lockstep.deploy..");

  @ArchTest
  static final ArchRule THE_AGENT_DOES_NOT_KNOW_THE_COORDINATOR =
      noClasses()
          .that()
          .resideInAPackage("io.lockstep.agent..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("io.lockstep.coordinator..", "io.lockstep.deploy..");

  @ArchTest
  static final ArchRule VALUES_KNOW_THE_JDK_ALONE =
      classes()
          .that()
          .resideInAPackage("io.lockstep.protocol.model..")
          .should()
          .onlyDependOnClassesThat()
          .resideInAnyPackage(
              "io.lockstep.protocol.model..",
              "java.lang..",
              "java.util..",
              "java.time..",
              "org.jspecify..",
              // the names of values on the wire
              "com.fasterxml.jackson.annotation..");

  @ArchTest
  static final ArchRule THE_COORDINATORS_CORE_IS_PURE =
      classes()
          .that()
          .resideInAPackage("io.lockstep.coordinator.core..")
          .should()
          .onlyDependOnClassesThat()
          .resideInAnyPackage(
              "io.lockstep.coordinator.core..",
              "io.lockstep.protocol.model..",
              "java.lang..",
              "java.math",
              "java.nio.charset",
              "java.util",
              "java.util.function",
              "java.util.regex",
              "java.util.stream",
              "java.time..",
              "org.jspecify..");

  @ArchTest
  static final ArchRule PLANS_ARE_PURE =
      classes()
          .that()
          .resideInAPackage("io.lockstep.coordinator.plan..")
          .should()
          .onlyDependOnClassesThat()
          .resideInAnyPackage(
              "io.lockstep.coordinator.plan..",
              "io.lockstep.coordinator.core..",
              "io.lockstep.protocol.model..",
              "java.lang..",
              "java.math",
              "java.util",
              "java.util.function",
              "java.util.regex",
              "java.util.stream",
              "java.time..",
              "org.jspecify..");

  @ArchTest
  static final ArchRule MACHINES_HAVE_NO_CLOCK_AND_NO_DICE =
      noClasses()
          .that()
          .resideInAPackage("io.lockstep.coordinator.core..")
          .or()
          .haveSimpleName("SeatMachine")
          .or()
          .haveSimpleName("QuorumMachine")
          .should()
          .callMethod(java.time.Instant.class, "now")
          .orShould()
          .callMethod(System.class, "nanoTime")
          .orShould()
          .callMethod(System.class, "currentTimeMillis")
          .orShould()
          .callMethod(java.util.UUID.class, "randomUUID")
          .orShould()
          .dependOnClassesThat()
          .haveFullyQualifiedName("java.util.Random")
          .orShould()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "java.util.concurrent..",
              "java.nio.file..",
              "java.nio.channels..",
              "java.io..",
              "org.slf4j..");

  @ArchTest
  static final ArchRule ACTORS_LIVE_IN_SHELLS =
      noClasses()
          .that()
          .resideInAnyPackage(
              "io.lockstep.coordinator.core..",
              "io.lockstep.coordinator.cli..",
              "io.lockstep.coordinator.jobfile..",
              "io.lockstep.agent.core..",
              "io.lockstep.agent.process..",
              "io.lockstep.agent.host..",
              "io.lockstep.protocol.model..",
              "io.lockstep.protocol.api..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("akka..");

  /** bin/lockstep gives the command a short class path: a long one costs it a tenth of a second. */
  @ArchTest
  static final ArchRule THE_COMMAND_NEEDS_FEW_LIBRARIES =
      classes()
          .that()
          .resideInAnyPackage(COMMAND)
          .should()
          .onlyDependOnClassesThat(
              resideInAnyPackage(COMMAND)
                  .or(
                      resideInAnyPackage(
                          "java..",
                          "picocli..",
                          "com.fasterxml.jackson.annotation..",
                          "com.fasterxml.jackson.core..",
                          "com.fasterxml.jackson.databind..",
                          "com.fasterxml.jackson.datatype.jdk8..",
                          "org.yaml.snakeyaml..",
                          "org.jspecify..")));

  @ArchTest
  static final ArchRule COORDINATOR_HAS_NO_CYCLES =
      slices().matching("io.lockstep.coordinator.(*)..").should().beFreeOfCycles();
}
