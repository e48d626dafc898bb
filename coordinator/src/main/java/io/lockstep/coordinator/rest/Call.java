package io.lockstep.coordinator.rest;

import akka.http.javadsl.model.HttpRequest;
import akka.http.javadsl.model.StatusCodes;
import akka.http.scaladsl.model.IllegalUriException;
import akka.util.ByteString;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lockstep.protocol.api.Problem.Mistake;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * One request with its variables, and its body already read.
 *
 * @param body empty for a GET
 */
record Call(
    HttpRequest request, Map<String, String> variables, ByteString body, ObjectMapper json) {

  JobId job() {
    String id = variables.getOrDefault("id", "");
    try {
      return new JobId(id);
    } catch (IllegalArgumentException e) {
      throw Refusal.unknownJob(id); // a name that no job can have
    }
  }

  NodeId node() {
    String node = variables.getOrDefault("node", "");
    try {
      return new NodeId(node);
    } catch (IllegalArgumentException e) {
      throw Refusal.of(new Reason(ReasonCode.UNKNOWN_NODE, "no node " + node));
    }
  }

  Optional<String> query(String name) {
    try {
      return request.getUri().query().get(name).filter(text -> !text.isEmpty());
    } catch (IllegalUriException e) {
      throw Refusal.invalid("the query is no query: " + e.info().summary(), List.of());
    }
  }

  /** A whole number from the query. */
  Optional<Long> number(String name, long min, long max) {
    Optional<String> text = query(name);
    if (text.isEmpty()) {
      return Optional.empty();
    }
    try {
      long number = Long.parseLong(text.get());
      if (number >= min && number <= max) {
        return Optional.of(number);
      }
    } catch (NumberFormatException e) {
      // refused below, as a number out of bounds is
    }
    throw wrong(name, "a whole number from " + min + " to " + max, text.get());
  }

  boolean flag(String name) {
    Optional<String> text = query(name);
    if (text.isEmpty()) {
      return false;
    }
    return switch (text.get()) {
      case "true" -> true;
      case "false" -> false;
      default -> throw wrong(name, "true or false", text.get());
    };
  }

  /** The body's media type in lower case, without parameters. */
  String mediaType() {
    return request.entity().getContentType().mediaType().toString().toLowerCase(Locale.ROOT);
  }

  boolean accepts(String mediaType) {
    return request
        .getHeader("Accept")
        .map(header -> header.value().toLowerCase(Locale.ROOT).contains(mediaType))
        .orElse(false);
  }

  /** The body as text; refused unless it is UTF-8. */
  String text() {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(body.toArray())).toString();
    } catch (CharacterCodingException e) {
      throw Refusal.invalid("the body must be UTF-8 text", List.of());
    }
  }

  /** The body as a record; refused with its place when it is none. */
  <T> T read(Class<T> type) {
    requireType("application/json");
    try {
      T value = json.readValue(text(), type);
      if (value != null) {
        return value;
      }
    } catch (JsonProcessingException e) {
      var at = e.getLocation();
      String field = e instanceof JsonMappingException mapping ? path(mapping) : "";
      var mistake =
          new Mistake(
              at == null ? 0 : Math.max(0, at.getLineNr()),
              at == null ? 0 : Math.max(0, at.getColumnNr()),
              field,
              e.getOriginalMessage().lines().findFirst().orElse("unreadable"));
      throw Refusal.invalid("the body is no " + type.getSimpleName(), List.of(mistake));
    }
    throw Refusal.invalid("the body is no " + type.getSimpleName(), List.of());
  }

  void requireType(String... allowed) {
    if (!List.of(allowed).contains(mediaType())) {
      throw Refusal.http(
          StatusCodes.UNSUPPORTED_MEDIA_TYPE,
          "Content-Type must be " + String.join(" or ", allowed) + ", found: " + mediaType());
    }
  }

  private static String path(JsonMappingException mapping) {
    return String.join(
        ".",
        mapping.getPath().stream()
            .map(step -> step.getFieldName() == null ? "[]" : step.getFieldName())
            .toList());
  }

  private static Refusal wrong(String name, String allowed, String found) {
    return Refusal.invalid(
        "the query is wrong",
        List.of(new Mistake(0, 0, name, "must be " + allowed + ", found: " + found)));
  }
}
