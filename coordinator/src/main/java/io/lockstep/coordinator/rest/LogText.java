package io.lockstep.coordinator.rest;

import io.lockstep.coordinator.actor.CoordinatorAnswer.LogPlace;
import io.lockstep.protocol.api.LogView;
import io.lockstep.protocol.message.AgentQuery.LogChunk;
import java.nio.charset.StandardCharsets;

/** Turns bytes of a log into text without cutting a character in two. */
final class LogText {
  private LogText() {}

  static LogView view(LogPlace place, LogChunk chunk) {
    if (chunk.problem().isPresent() && chunk.data().length == 0) {
      throw JobRoutes.noOutput(chunk.problem().get());
    }
    int length = chunk.ended() ? chunk.data().length : wholeCharacters(chunk.data());
    return new LogView(
        place.rank(),
        place.nodeRank(),
        place.attempt(),
        chunk.offset(),
        chunk.offset() + length,
        chunk.ended(),
        new String(chunk.data(), 0, length, StandardCharsets.UTF_8));
  }

  /** Length without a character at the end that is not all there; the next piece begins with it. */
  static int wholeCharacters(byte[] data) {
    int start = data.length - 1;
    int oldest = Math.max(0, data.length - 4);
    while (start > oldest && (data[start] & 0xC0) == 0x80) {
      start--;
    }
    if (start < 0) {
      return 0;
    }
    int first = data[start] & 0xFF;
    int needed = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1;
    boolean cut = data.length - start < needed;
    return cut && start > 0 ? start : data.length;
  }
}
