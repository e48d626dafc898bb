package io.lockstep.agent.check;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What an interpreter has.
 *
 * @param versions of itself and of what ranks must have alike, by name
 * @param hasHeaders Python.h is there, without which no op is built
 * @param include where it should be
 * @param folders where packages lie
 */
public record InterpreterFacts(
    Map<String, String> versions, boolean hasHeaders, String include, List<String> folders) {
  public InterpreterFacts {
    versions = Collections.unmodifiableMap(new TreeMap<>(versions));
    folders = List.copyOf(folders);
  }
}
