package io.lockstep.deploy.run;

import java.io.PrintStream;

/** Says things to the caller on stderr, each once until something else was said. */
final class Talk {
  private final PrintStream err;
  private String last = "";

  Talk(PrintStream err) {
    this.err = err;
  }

  void say(String text) {
    if (!text.equals(last)) {
      last = text;
      err.println("lockstep: " + text.replaceAll("[\\p{Cntrl}]+", " "));
      err.flush();
    }
  }

  /** Several lines as they are. */
  void quote(String text) {
    text.lines().forEach(line -> err.println("  " + line));
    err.flush();
  }
}
