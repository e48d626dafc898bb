package io.lockstep.coordinator.cli;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** What the command, the job file and the routes may know. */
@AnalyzeClasses(packages = "io.lockstep", importOptions = DoNotIncludeTests.class)
class DoorsTest {
  @ArchTest
  static final ArchRule THE_COMMAND_KNOWS_ONLY_THE_API =
      noClasses()
          .that()
          .resideInAPackage("io.lockstep.coordinator.cli..")
          .should()
          .dependOnClassesThat(
              not(
                  resideInAnyPackage(
                      "io.lockstep.coordinator.cli..",
                      "io.lockstep.coordinator.jobfile..",
                      "io.lockstep.coordinator.plan..", // arithmetic; knows no cluster
                      "io.lockstep.protocol..",
                      "java..",
                      "picocli..",
                      "com.fasterxml.jackson..",
                      "org.jspecify..")));

  @ArchTest
  static final ArchRule THE_JOB_FILE_KNOWS_NO_SHELL =
      noClasses()
          .that()
          .resideInAPackage("io.lockstep.coordinator.jobfile..")
          .should()
          .dependOnClassesThat(
              not(
                  resideInAnyPackage(
                      "io.lockstep.coordinator.jobfile..",
                      "io.lockstep.coordinator.core..",
                      "io.lockstep.protocol.api..",
                      "io.lockstep.protocol.model..",
                      "java..",
                      "org.yaml.snakeyaml..",
                      "com.fasterxml.jackson..",
                      "org.jspecify..")));

  @ArchTest
  static final ArchRule THE_JOB_FILE_READS_NO_FILE =
      noClasses()
          .that()
          .resideInAPackage("io.lockstep.coordinator.jobfile..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("java.nio.file..", "java.net..");

  @ArchTest
  static final ArchRule ONLY_REST_MENTIONS_AKKA_HTTP =
      noClasses()
          .that()
          .resideOutsideOfPackage("io.lockstep.coordinator.rest..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("akka.http..");
}
