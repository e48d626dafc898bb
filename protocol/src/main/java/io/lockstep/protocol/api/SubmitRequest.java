package io.lockstep.protocol.api;

import java.util.Optional;

/**
 * A job to queue.
 *
 * @param jobFile the job file's text, YAML or JSON, every path in it absolute
 * @param id id asked for; empty takes the one in the file, or makes one
 */
public record SubmitRequest(String jobFile, Optional<String> id) {}
