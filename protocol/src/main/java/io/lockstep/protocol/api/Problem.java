package io.lockstep.protocol.api;

import java.util.List;

/**
 * An error as RFC 9457 writes it ({@code application/problem+json}).
 *
 * @param code our reason code
 * @param problems every mistake found, when there are several
 */
public record Problem(
    String type, String title, int status, String detail, String code, List<Mistake> problems) {
  public Problem {
    problems = List.copyOf(problems);
  }

  /** One mistake in what was sent; line and column count from 1, 0 when unknown. */
  public record Mistake(int line, int column, String field, String message) {}
}
