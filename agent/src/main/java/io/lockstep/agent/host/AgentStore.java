package io.lockstep.agent.host;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.lockstep.agent.core.AgentState;
import io.lockstep.agent.process.PrivateFile;
import io.lockstep.protocol.message.WireJson;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps the agent's memory in one file, whole or not at all, for one process at a time. */
public final class AgentStore implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(AgentStore.class);
  private static final ObjectMapper JSON = WireJson.json();

  private final Path file;
  private final FileChannel lock;
  private volatile AgentState stored;

  /** Reads the memory, or begins a new one under a new disk id when there is none to be read. */
  public static AgentStore open(Path dataDir) throws IOException {
    Files.createDirectories(dataDir);
    FileChannel lock = lock(dataDir.resolve("agent.lock"));
    try {
      Path file = dataDir.resolve("agent.json");
      return new AgentStore(file, lock, read(file));
    } catch (IOException e) {
      lock.close();
      throw e;
    }
  }

  private AgentStore(Path file, FileChannel lock, AgentState stored) throws IOException {
    this.file = file;
    this.lock = lock;
    this.stored = stored;
    save(stored);
  }

  /** What is on disk. */
  public AgentState stored() {
    return stored;
  }

  /** Returns when it is on disk; blocks. */
  public void save(AgentState state) throws IOException {
    PrivateFile.write(file, JSON.writeValueAsBytes(state));
    stored = state;
  }

  @Override
  public void close() throws IOException {
    lock.close();
  }

  private static AgentState read(Path file) throws IOException {
    byte[] bytes;
    try {
      bytes = Files.readAllBytes(file);
    } catch (NoSuchFileException e) {
      return AgentState.empty(UUID.randomUUID().toString());
    }
    try {
      AgentState state = JSON.readValue(bytes, AgentState.class);
      if (state != null && state.disk() != null) {
        return state;
      }
    } catch (IOException e) {
      LOG.warn("the agent's memory {} cannot be read: {}", file, e.toString());
    }
    // Kept for people; nothing that it said counts any more, so the id must be new (A12).
    AgentState fresh = AgentState.empty(UUID.randomUUID().toString());
    Path aside = file.resolveSibling("agent.json.unreadable-before-" + fresh.disk());
    Files.move(file, aside);
    LOG.warn("moved to {}; this node begins a new memory with disk id {}", aside, fresh.disk());
    return fresh;
  }

  private static FileChannel lock(Path path) throws IOException {
    FileChannel channel =
        FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    try {
      FileLock held = channel.tryLock();
      if (held != null) {
        return channel;
      }
    } catch (OverlappingFileLockException e) {
      channel.close();
      throw new IOException(path + " is held by this very process; close the other agent", e);
    }
    channel.close();
    throw new IOException(
        path + " is held by another daemon; stop it, or give this one a data dir of its own");
  }
}
