package io.lockstep.coordinator.plan;

/** Something that will go otherwise than most people expect, and what to do about it. */
public record Warning(String code, String message) {}
