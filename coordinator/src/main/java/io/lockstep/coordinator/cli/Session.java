package io.lockstep.coordinator.cli;

import com.fasterxml.jackson.databind.ObjectMapper;

/** What a verb works with: the API, the terminal, and the form of the output. */
public record Session(ApiClient api, Terminal terminal, OutputForm form, ObjectMapper json) {
  /** Form of results on stdout. */
  public enum OutputForm {
    table,
    json
  }

  boolean isJson() {
    return form == OutputForm.json;
  }

  /** A result as one indented JSON document. */
  void printJson(Object value) {
    print(CliJson.pretty(json, value));
  }

  /** A result as one line of JSON, for results that come one after another. */
  void printJsonLine(Object value) {
    terminal.out().println(CliJson.line(json, value));
    terminal.out().flush();
  }

  void print(Iterable<String> lines) {
    lines.forEach(terminal.out()::println);
    terminal.out().flush();
  }

  void print(String line) {
    terminal.out().println(line);
    terminal.out().flush();
  }

  /** The command to type next, for a person; not for a program. */
  void suggest(String command) {
    if (!isJson()) {
      terminal.say("next: " + command);
    }
  }
}
