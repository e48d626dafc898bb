package io.lockstep.coordinator.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.ParentCommand;

/** A command: arguments, one call or a few, one rendering. */
abstract class Verb implements Callable<Integer> {
  @ParentCommand private Main main = Main.UNSET;

  @Override
  public final Integer call() throws Exception {
    return run(main.session()).number();
  }

  abstract ExitCode run(Session session) throws Exception;
}
