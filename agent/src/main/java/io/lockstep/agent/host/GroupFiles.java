package io.lockstep.agent.host;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.lockstep.agent.process.GroupFolder;
import io.lockstep.protocol.message.AgentQuery.GroupFile;
import io.lockstep.protocol.message.WireJson;
import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.JobId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Reads what a group left beside its output: its report, its launch without secrets, error files.
 */
final class GroupFiles {
  /** Longest file that is read; of a longer one nothing. */
  static final int MAX_BYTES = 1 << 20;

  private static final ObjectMapper JSON = WireJson.json();

  private final Path dataDir;

  GroupFiles(Path dataDir) {
    this.dataDir = dataDir;
  }

  /** The file's first {@code maxBytes}; blocks. */
  LogFiles.Piece read(
      JobId job, Attempt attempt, Optional<Integer> rank, GroupFile file, int maxBytes) {
    Optional<GroupFolder> folder = GroupFolder.newest(dataDir, job, attempt);
    if (folder.isEmpty()) {
      return nothing("no files of attempt " + attempt + " of " + job + " here");
    }
    try {
      byte[] all =
          switch (file) {
            case REPORT -> bytes(folder.get().report());
            case LAUNCH -> launch(folder.get());
            case ERROR -> error(folder.get(), rank.orElse(0));
          };
      int size = Math.min(all.length, Math.min(maxBytes, LogFiles.MAX_BYTES));
      return new LogFiles.Piece(
          0, java.util.Arrays.copyOf(all, size), size == all.length, Optional.empty());
    } catch (NoSuchFileException e) {
      return nothing("there is no " + file.word() + " file of it here");
    } catch (IOException e) {
      return nothing("cannot read the " + file.word() + " file: " + e.getMessage());
    }
  }

  private static LogFiles.Piece nothing(String problem) {
    return LogFiles.Piece.nothing(0, true, problem);
  }

  private static byte[] bytes(Path path) throws IOException {
    long size = Files.size(path);
    if (size > MAX_BYTES) {
      throw new IOException("it has " + size + " bytes, at most " + MAX_BYTES + " are read");
    }
    return Files.readAllBytes(path);
  }

  /** Secrets stay on the node: they are taken out here, not by who asks. */
  private static byte[] launch(GroupFolder folder) throws IOException {
    JsonNode spec = JSON.readTree(bytes(folder.spec()));
    var env = new LinkedHashMap<String, String>();
    spec.path("env").properties().forEach(e -> env.put(e.getKey(), e.getValue().asText()));
    var words = new ArrayList<String>();
    spec.path("argv").forEach(word -> words.add(word.asText()));
    ObjectNode clean = JSON.createObjectNode();
    clean.set("argv", JSON.valueToTree(Redaction.arguments(words)));
    clean.set("env", JSON.valueToTree(Redaction.environment(env)));
    clean.set("cwd", spec.path("cwd"));
    clean.set("localWorldSize", spec.path("localWorldSize"));
    clean.set("firstRank", spec.path("firstRank"));
    return JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(clean);
  }

  private static byte[] error(GroupFolder folder, int rank) throws IOException {
    int local = rank - JSON.readTree(bytes(folder.spec())).path("firstRank").asInt();
    Path wanted = Path.of("attempt_0", Integer.toString(local), "error.json");
    try (Stream<Path> all = Files.walk(folder.torch(), 5)) {
      Optional<Path> found = all.filter(path -> path.endsWith(wanted)).sorted().findFirst();
      return bytes(found.orElseThrow(() -> new NoSuchFileException(wanted.toString())));
    }
  }
}
