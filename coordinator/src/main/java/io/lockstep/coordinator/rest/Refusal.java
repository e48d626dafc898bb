package io.lockstep.coordinator.rest;

import akka.http.javadsl.model.StatusCode;
import akka.http.javadsl.model.StatusCodes;
import io.lockstep.protocol.api.Problem;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.util.List;

/** An expected refusal on its way out of a route; becomes a problem response. */
final class Refusal extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient Problem problem;

  Refusal(Problem problem) {
    super(problem.detail(), null, false, false);
    this.problem = problem;
  }

  /** Refused for a reason that the coordinator or a route gave. */
  static Refusal of(Reason reason) {
    return new Refusal(Problems.of(reason, List.of()));
  }

  /** Refused because what was sent is wrong. */
  static Refusal invalid(String detail, List<Problem.Mistake> mistakes) {
    return new Refusal(Problems.of(new Reason(ReasonCode.INVALID_SPEC, detail), mistakes));
  }

  /** Refused for a reason that only HTTP knows. */
  static Refusal http(StatusCode status, String detail) {
    return new Refusal(Problems.ofStatus(status, detail));
  }

  static Refusal unknownJob(String id) {
    return new Refusal(
        Problems.of(
            new Reason(ReasonCode.UNKNOWN_JOB, "no job " + id + "; lockstep list shows the jobs"),
            List.of()));
  }

  static Refusal tooLarge() {
    return http(
        StatusCodes.CONTENT_TOO_LARGE,
        "the request is larger than " + RouteTable.MAX_BODY_BYTES + " bytes");
  }

  Problem problem() {
    return problem;
  }
}
