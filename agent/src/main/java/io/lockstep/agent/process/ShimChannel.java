package io.lockstep.agent.process;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lockstep.protocol.message.WireJson;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Talks lines of JSON with one shim over its Unix socket; reads on a thread of its own. */
final class ShimChannel implements Closeable {
  private static final Logger LOG = LoggerFactory.getLogger(ShimChannel.class);
  private static final ObjectMapper JSON = WireJson.json();
  private static final int MAX_LINE_BYTES = 1 << 20;
  private static final int READ_BYTES = 65_536;

  private final SocketChannel socket;
  private final Listener listener;

  /** Called on the reading thread; must not block and must not throw. */
  interface Listener {
    void onStatus(JsonNode status);

    /** A sign of life, about once a second. */
    void onBeat(JsonNode beat);

    /** Nothing more will come; called once. */
    void onClosed();
  }

  /** Connects and asks for everything that happens from now on. */
  static ShimChannel open(Path path, String name, Listener listener) throws IOException {
    var socket = SocketChannel.open(StandardProtocolFamily.UNIX);
    try {
      socket.connect(UnixDomainSocketAddress.of(path));
    } catch (IOException e) {
      socket.close();
      throw e;
    }
    var channel = new ShimChannel(socket, listener);
    var reader = new Thread(channel::read, "shim-" + name);
    reader.setDaemon(true);
    reader.start();
    try {
      channel.send("{\"op\":\"watch\"}");
    } catch (IOException e) {
      channel.close();
      throw e;
    }
    return channel;
  }

  private ShimChannel(SocketChannel socket, Listener listener) {
    this.socket = socket;
    this.listener = listener;
  }

  /**
   * Asks with TERM, kills after the grace; asked again, only a nearer end counts.
   *
   * @param saveWithin part of the grace for a checkpoint first, where the script listens
   */
  void stop(Duration grace, Optional<Duration> saveWithin) throws IOException {
    if (grace.isZero() || grace.isNegative()) {
      send("{\"op\":\"kill\"}");
      return;
    }
    long save = Math.min(saveWithin.orElse(Duration.ZERO).toMillis(), grace.toMillis());
    send(
        "{\"op\":\"stop\",\"graceSeconds\":"
            + (grace.toMillis() - save) / 1_000.0
            + (save > 0 ? ",\"checkpointSeconds\":" + save / 1_000.0 : "")
            + "}");
  }

  /** Looks what the workers do; a beat says it. */
  void takeStacks() throws IOException {
    send("{\"op\":\"stacks\"}");
  }

  private synchronized void send(String line) throws IOException {
    var bytes = ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.UTF_8));
    while (bytes.hasRemaining()) {
      socket.write(bytes);
    }
  }

  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      LOG.debug("closing a shim's socket: {}", e.toString());
    }
  }

  private void read() {
    var buffer = ByteBuffer.allocate(READ_BYTES);
    var line = new ByteArrayOutputStream();
    try {
      while (socket.read(buffer.clear()) >= 0) {
        buffer.flip();
        while (buffer.hasRemaining()) {
          byte next = buffer.get();
          if (next == '\n') {
            take(line.toByteArray());
            line.reset();
          } else if (line.size() < MAX_LINE_BYTES) {
            line.write(next);
          } else {
            throw new IOException("a line is longer than " + MAX_LINE_BYTES + " bytes");
          }
        }
      }
    } catch (IOException e) {
      LOG.debug("reading from a shim: {}", e.toString());
    } finally {
      close();
      listener.onClosed();
    }
  }

  private void take(byte[] line) throws IOException {
    JsonNode json = JSON.readTree(line);
    switch (json.path("type").asText()) {
      case "status" -> listener.onStatus(json);
      case "error" -> LOG.warn("a shim refuses: {}", json.path("message").asText());
      case "beat" -> listener.onBeat(json);
      default -> {} // of a newer shim
    }
  }
}
