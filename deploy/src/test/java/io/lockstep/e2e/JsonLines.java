package io.lockstep.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Reads what the ranks of bare_train.py recorded of themselves. */
final class JsonLines {
  private static final ObjectMapper JSON = JsonMapper.builder().build();

  private JsonLines() {}

  /** One object per line; none while the file is not there. */
  static List<JsonNode> read(Path file) {
    var found = new ArrayList<JsonNode>();
    try {
      if (Files.exists(file)) {
        for (String line : Files.readAllLines(file)) {
          found.add(JSON.readTree(line));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return found;
  }
}
