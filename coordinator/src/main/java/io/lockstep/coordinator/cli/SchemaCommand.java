package io.lockstep.coordinator.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine.Command;

/** Prints what a job file may say. */
@Command(
    name = "schema",
    description = "Print the JSON schema of job files, from which editors complete them.",
    footer = {
      "",
      "Examples:",
      "  lockstep schema > job.schema.json",
      "  # then, as the first line of a job file:",
      "  # yaml-language-server: $schema=job.schema.json"
    })
final class SchemaCommand extends Verb {
  @Override
  ExitCode run(Session session) throws IOException {
    try (InputStream in = SchemaCommand.class.getResourceAsStream("job.schema.json")) {
      if (in == null) {
        throw new IllegalStateException("the schema is not packed");
      }
      session.print(new String(in.readAllBytes(), StandardCharsets.UTF_8).strip());
    }
    return ExitCode.DONE;
  }
}
