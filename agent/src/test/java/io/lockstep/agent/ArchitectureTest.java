package io.lockstep.agent;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** Keeps the direction of dependencies. */
@AnalyzeClasses(
    packages = "io.lockstep.agent",
    importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
  @ArchTest
  static final ArchRule CORE_KNOWS_ONLY_THE_MODEL =
      classes()
          .that()
          .resideInAPackage("..agent.core..")
          .should()
          .onlyDependOnClassesThat()
          .resideInAnyPackage(
              "io.lockstep.agent.core..",
              "io.lockstep.protocol.model..",
              "java.lang..",
              "java.util",
              "java.util.function",
              "java.util.stream",
              "java.time..",
              "org.jspecify..");

  @ArchTest
  static final ArchRule CORE_HAS_NO_CLOCK =
      noClasses()
          .that()
          .resideInAPackage("..agent.core..")
          .should()
          .callMethod(java.time.Instant.class, "now")
          .orShould()
          .callMethod(System.class, "nanoTime")
          .orShould()
          .callMethod(System.class, "currentTimeMillis")
          .orShould()
          .callMethod(java.util.UUID.class, "randomUUID");

  @ArchTest
  static final ArchRule ONLY_PROCESS_STARTS_PROCESSES =
      noClasses()
          .that()
          .resideOutsideOfPackage("..agent.process..")
          .should()
          .dependOnClassesThat()
          .areAssignableTo(ProcessBuilder.class)
          .orShould()
          .callMethod(Runtime.class, "exec", String[].class)
          .orShould()
          .callMethod(Runtime.class, "exec", String.class);

  @ArchTest
  static final ArchRule ONLY_ACTOR_KNOWS_AKKA =
      noClasses()
          .that()
          .resideOutsideOfPackage("..agent.actor..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("akka..");

  @ArchTest
  static final ArchRule NO_CYCLES =
      slices().matching("io.lockstep.agent.(*)..").should().beFreeOfCycles();

  @ArchTest
  static final ArchRule PROCESS_DOES_NOT_KNOW_HOST =
      noClasses()
          .that()
          .resideInAPackage("..agent.process..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("..agent.host..", "..agent.actor..");
}
