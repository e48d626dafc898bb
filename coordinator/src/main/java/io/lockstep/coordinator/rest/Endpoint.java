package io.lockstep.coordinator.rest;

import akka.http.javadsl.model.HttpMethod;
import akka.http.javadsl.model.HttpMethods;
import akka.http.javadsl.model.HttpResponse;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionStage;

/**
 * One method on one path of the public API.
 *
 * @param template path with variables in braces, as docs/openapi.yaml writes it
 */
record Endpoint(HttpMethod method, String template, Handler handler) {
  /** Answers a call; a refusal is thrown or fails the stage. */
  interface Handler {
    CompletionStage<HttpResponse> answer(Call call);
  }

  static Endpoint get(String template, Handler handler) {
    return new Endpoint(HttpMethods.GET, template, handler);
  }

  static Endpoint post(String template, Handler handler) {
    return new Endpoint(HttpMethods.POST, template, handler);
  }

  /** The path's variables, or empty when this is another path. */
  Optional<Map<String, String>> match(List<String> segments) {
    String[] wanted = template.substring(1).split("/", -1);
    if (wanted.length != segments.size()) {
      return Optional.empty();
    }
    var variables = new LinkedHashMap<String, String>();
    for (int i = 0; i < wanted.length; i++) {
      String found = segments.get(i);
      if (wanted[i].startsWith("{") && !found.isEmpty()) {
        variables.put(wanted[i].substring(1, wanted[i].length() - 1), found);
      } else if (!wanted[i].equals(found)) {
        return Optional.empty();
      }
    }
    return Optional.of(variables);
  }
}
