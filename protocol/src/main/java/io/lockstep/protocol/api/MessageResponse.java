package io.lockstep.protocol.api;

/** What a request that changes something did. */
public record MessageResponse(String code, String message) {}
