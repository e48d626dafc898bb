package io.lockstep.protocol.model;

/** One GPU as the driver reports it. */
public record GpuInfo(int index, String uuid, String name, long memoryBytes) {}
