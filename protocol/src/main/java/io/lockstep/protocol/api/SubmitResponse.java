package io.lockstep.protocol.api;

/** The job's id, and whether this request queued it or found it. */
public record SubmitResponse(String id, boolean created, JobView.ReasonView reason) {}
