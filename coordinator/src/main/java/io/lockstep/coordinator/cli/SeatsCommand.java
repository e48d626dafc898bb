package io.lockstep.coordinator.cli;

import io.lockstep.protocol.api.MessageResponse;
import io.lockstep.protocol.api.SeatsView;
import io.lockstep.protocol.api.SeatsView.SeatView;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Lists the seats, and changes who is one. */
@Command(
    name = "seats",
    description = {
      "List the seats, or change who is one, one at a time, while jobs run.",
      "Words: none lists; add HOST; remove HOST; replace OLD NEW."
    },
    footer = {
      "",
      "A HOST is a node or its address. Its lockstepd must run, but for one that leaves.",
      "",
      "Examples:",
      "  lockstep seats",
      "  lockstep seats replace 10.0.0.3 10.0.0.7"
    })
final class SeatsCommand extends Verb {
  private static final int ID_WIDTH = 8;

  @Parameters(
      arity = "0..3",
      paramLabel = "WORD",
      description = "add HOST, remove HOST, or replace OLD NEW.")
  private List<String> words = List.of();

  @Override
  ExitCode run(Session session) throws UsageMistake, ApiRefused, NoCoordinator {
    if (words.isEmpty()) {
      return list(session);
    }
    MessageResponse done = change(session.api());
    if (session.isJson()) {
      session.printJson(done);
    } else {
      session.print(Text.printable(done.message()));
    }
    session.suggest("lockstep seats; then write the new list into seats = [...] of each host");
    return ExitCode.DONE;
  }

  private MessageResponse change(ApiClient api) throws UsageMistake, ApiRefused, NoCoordinator {
    String verb = words.get(0);
    if (verb.equals("add") && words.size() == 2) {
      return api.addSeat(words.get(1));
    } else if (verb.equals("remove") && words.size() == 2) {
      return api.removeSeat(words.get(1));
    } else if (verb.equals("replace") && words.size() == 3) {
      return api.replaceSeat(words.get(1), words.get(2));
    }
    throw new UsageMistake(
        "seats takes no word, add HOST, remove HOST or replace OLD NEW, found: "
            + String.join(" ", words));
  }

  private static ExitCode list(Session session) throws ApiRefused, NoCoordinator {
    SeatsView seats = session.api().seats();
    if (session.isJson()) {
      session.printJson(seats);
      return ExitCode.DONE;
    }
    var table =
        new TableWriter(
            session.terminal().width(), "SEAT", "NODE", "STATE", "VERSION", "DISK", "DETAIL");
    for (SeatView seat : seats.seats()) {
      table.row(
          seat.seat(),
          seat.node().orElse("-"),
          seat.state(),
          Long.toString(seat.version()),
          seat.disk().map(d -> d.substring(0, Math.min(ID_WIDTH, d.length()))).orElse("-"),
          seat.detail().isEmpty() ? "-" : seat.detail());
    }
    session.print(table.lines());
    session
        .terminal()
        .say(
            "set %d: %d of %d seats answer, %d must%s"
                .formatted(
                    seats.set(),
                    seats.answering(),
                    seats.seats().size(),
                    seats.majority(),
                    spare(seats)));
    return ExitCode.DONE;
  }

  private static String spare(SeatsView seats) {
    int spare = seats.answering() - seats.majority();
    if (seats.seats().size() % 2 == 0) {
      return "; an even number bears no more losses than one less: add or remove one";
    }
    return spare == 0 && seats.seats().size() > 1 ? "; the next loss stops the cluster" : "";
  }
}
