package io.lockstep.coordinator.rest;

import akka.http.javadsl.model.ContentType;
import akka.http.javadsl.model.ContentTypes;
import akka.http.javadsl.model.HttpCharsets;
import akka.http.javadsl.model.HttpEntities;
import akka.http.javadsl.model.HttpResponse;
import akka.http.javadsl.model.MediaTypes;
import akka.http.javadsl.model.headers.RawHeader;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.lockstep.protocol.api.LastKnownView;
import io.lockstep.protocol.api.Problem;
import java.util.List;
import java.util.Map;

/** Writes records as HTTP responses. */
final class Replies {
  private static final ContentType PROBLEM =
      ContentTypes.create(
          MediaTypes.customWithFixedCharset(
              "application", "problem+json", HttpCharsets.UTF_8, Map.of(), false));

  private final ObjectMapper json;

  Replies(ObjectMapper json) {
    this.json = json;
  }

  HttpResponse ok(Object value) {
    return json(200, value);
  }

  /** Marks the answer, and each object in it, as what a seat last knew. */
  HttpResponse lastKnown(Object value, LastKnownView about) {
    JsonNode tree = json.valueToTree(value);
    JsonNode mark = json.valueToTree(about);
    for (JsonNode each : tree.isArray() ? tree : List.of(tree)) {
      if (each instanceof ObjectNode object) {
        object.set("lastKnown", mark);
      }
    }
    return ok(tree)
        .addHeader(RawHeader.create(LastKnownView.HEADER, LastKnownView.sentence(about)));
  }

  HttpResponse json(int status, Object value) {
    return HttpResponse.create()
        .withStatus(status)
        .withEntity(HttpEntities.create(ContentTypes.APPLICATION_JSON, bytes(value)));
  }

  HttpResponse problem(Problem problem) {
    return HttpResponse.create()
        .withStatus(problem.status())
        .addHeaders(Problems.headers(problem))
        .withEntity(HttpEntities.create(PROBLEM, bytes(problem)));
  }

  String text(Object value) {
    return new String(bytes(value), java.nio.charset.StandardCharsets.UTF_8);
  }

  private byte[] bytes(Object value) {
    try {
      return json.writeValueAsBytes(value);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a record that JSON cannot hold: " + value, e);
    }
  }
}
