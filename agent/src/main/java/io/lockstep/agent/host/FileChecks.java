package io.lockstep.agent.host;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lockstep.protocol.message.WireJson;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalInt;
import java.util.TreeSet;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/**
 * Tells whole weight files from broken ones, without reading their tensors; remembers whole ones.
 */
final class FileChecks {
  private static final ObjectMapper JSON = WireJson.json();
  private static final int MAX_REMEMBERED = 16_384;
  private static final int MAX_HEADER_BYTES = 128 << 20;
  private static final int MAX_PICKLE_BYTES = 16 << 20;
  private static final byte[] WORLD_SIZE_KEY = "dp_world_size".getBytes(StandardCharsets.US_ASCII);

  private final Map<Path, Stamp> whole =
      new LinkedHashMap<>(64, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Path, Stamp> eldest) {
          return size() > MAX_REMEMBERED;
        }
      };

  private record Stamp(long size, FileTime modified) {}

  private interface Check {
    void run() throws IOException, IncompleteException;
  }

  /** Requires what torch.save wrote to have its end: a zip with its central directory. */
  void requireZip(Path file) throws IOException, IncompleteException {
    once(
        file,
        () -> {
          try (var zip = new ZipFile(file.toFile())) {
            if (zip.size() == 0) {
              throw new IncompleteException(file.getFileName() + " holds nothing");
            }
          } catch (ZipException e) {
            throw new IncompleteException(
                "%s is cut off: found %d bytes, wanted a zip directory at their end (%s)"
                    .formatted(file.getFileName(), Files.size(file), e.getMessage()));
          }
        });
  }

  /** Requires a file, with something in it. */
  static void requireContent(Path file) throws IOException, IncompleteException {
    BasicFileAttributes found;
    try {
      found = Files.readAttributes(file, BasicFileAttributes.class);
    } catch (NoSuchFileException e) {
      throw new IncompleteException(file.getFileName() + " is missing");
    }
    if (!found.isRegularFile()) {
      throw new IncompleteException(
          "%s is %s, wanted a file"
              .formatted(file.getFileName(), found.isDirectory() ? "a folder" : "no file"));
    }
    if (found.size() == 0) {
      throw new IncompleteException(file.getFileName() + " has 0 bytes");
    }
  }

  /** These sizes were written down when the file was whole: nothing in it need be looked at. */
  void requireSize(Path file, long wanted) throws IOException, IncompleteException {
    requireContent(file);
    BasicFileAttributes found = Files.readAttributes(file, BasicFileAttributes.class);
    if (found.size() != wanted) {
      throw new IncompleteException(
          "%s has %d bytes, wanted %d".formatted(file.getFileName(), found.size(), wanted));
    }
    synchronized (whole) {
      whole.put(file, new Stamp(found.size(), found.lastModifiedTime()));
    }
  }

  /** Requires the model's weights beside a trainer's state, in one file or in shards. */
  void requireModel(Path folder) throws IOException, IncompleteException {
    Path single = folder.resolve("model.safetensors");
    if (Files.exists(single)) {
      requireSafetensors(single);
      return;
    }
    Path index = folder.resolve("model.safetensors.index.json");
    if (Files.exists(index)) {
      for (String shard : shardsOf(index)) {
        requireSafetensors(folder.resolve(shard));
      }
      return;
    }
    Path pickled = folder.resolve("pytorch_model.bin");
    if (!Files.exists(pickled)) {
      throw new IncompleteException("model.safetensors is missing");
    }
    requireZip(pickled);
  }

  /** Number of data-parallel ranks as DeepSpeed wrote it into its own states. */
  OptionalInt worldSizeWrittenIn(Path modelStates) throws IOException {
    try (var zip = new ZipFile(modelStates.toFile())) {
      ZipEntry pickle =
          zip.stream().filter(e -> e.getName().endsWith("data.pkl")).findFirst().orElse(null);
      if (pickle == null) {
        return OptionalInt.empty();
      }
      try (var in = zip.getInputStream(pickle)) {
        return worldSize(in.readNBytes(MAX_PICKLE_BYTES));
      }
    }
  }

  private void once(Path file, Check check) throws IOException, IncompleteException {
    requireContent(file);
    BasicFileAttributes now = Files.readAttributes(file, BasicFileAttributes.class);
    var stamp = new Stamp(now.size(), now.lastModifiedTime());
    synchronized (whole) {
      if (stamp.equals(whole.get(file))) {
        return;
      }
    }
    check.run();
    synchronized (whole) {
      whole.put(file, stamp);
    }
  }

  private void requireSafetensors(Path file) throws IOException, IncompleteException {
    once(
        file,
        () -> {
          long size = Files.size(file);
          long wanted = Long.BYTES + headerAndData(file, size);
          if (wanted != size) {
            throw new IncompleteException(
                file.getFileName() + " has " + size + " bytes, wanted " + wanted);
          }
        });
  }

  private static long headerAndData(Path file, long size) throws IOException, IncompleteException {
    try (var channel = FileChannel.open(file, StandardOpenOption.READ)) {
      ByteBuffer length = read(channel, Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
      long header = length.remaining() == Long.BYTES ? length.getLong() : -1;
      if (header < 0 || header > Math.min(size, MAX_HEADER_BYTES)) {
        throw new IncompleteException(file.getFileName() + " is cut off in its header");
      }
      ByteBuffer text = read(channel, (int) header);
      JsonNode tensors = JSON.readTree(StandardCharsets.UTF_8.decode(text).toString());
      long end = 0;
      for (JsonNode tensor : tensors) {
        end = Math.max(end, tensor.path("data_offsets").path(1).asLong(0));
      }
      return header + end;
    } catch (JsonProcessingException e) {
      throw new IncompleteException(file.getFileName() + " has a broken header");
    }
  }

  private static ByteBuffer read(FileChannel channel, int bytes) throws IOException {
    var buffer = ByteBuffer.allocate(bytes);
    while (buffer.hasRemaining() && channel.read(buffer) >= 0) {
      // until full or at the end
    }
    return buffer.flip();
  }

  private static Iterable<String> shardsOf(Path index) throws IOException, IncompleteException {
    try {
      var names = new TreeSet<String>();
      JSON.readTree(Files.readAllBytes(index))
          .path("weight_map")
          .forEach(name -> names.add(name.asText()));
      if (names.isEmpty()) {
        throw new IncompleteException(index.getFileName() + " names no shard");
      }
      return names;
    } catch (JsonProcessingException e) {
      throw new IncompleteException(index.getFileName() + " is broken");
    }
  }

  /** Finds the key in the pickle and the small whole number that is pickled right after it. */
  private static OptionalInt worldSize(byte[] pickle) {
    for (int at = 0; at + WORLD_SIZE_KEY.length < pickle.length; at++) {
      if (!startsWith(pickle, at) || (at > 0 && Character.isLetter((char) pickle[at - 1]))) {
        continue;
      }
      var rest = ByteBuffer.wrap(pickle).order(ByteOrder.LITTLE_ENDIAN);
      rest.position(at + WORLD_SIZE_KEY.length);
      OptionalInt found = number(rest);
      if (found.isPresent()) {
        return found;
      }
    }
    return OptionalInt.empty();
  }

  private static boolean startsWith(byte[] text, int at) {
    return java.util.Arrays.equals(
        text, at, at + WORLD_SIZE_KEY.length, WORLD_SIZE_KEY, 0, WORLD_SIZE_KEY.length);
  }

  // Opcodes of Python's pickletools: the key is memoized (or not), then comes an int of 1, 2 or 4
  // bytes.
  private static OptionalInt number(ByteBuffer rest) {
    if (rest.remaining() < 10) {
      return OptionalInt.empty();
    }
    byte opcode = rest.get();
    if (opcode == 'q') {
      rest.get();
      opcode = rest.get();
    } else if (opcode == 'r') {
      rest.getInt();
      opcode = rest.get();
    } else if (opcode == (byte) 0x94) {
      opcode = rest.get();
    }
    return switch (opcode) {
      case 'K' -> OptionalInt.of(Byte.toUnsignedInt(rest.get()));
      case 'M' -> OptionalInt.of(Short.toUnsignedInt(rest.getShort()));
      case 'J' -> OptionalInt.of(rest.getInt());
      default -> OptionalInt.empty();
    };
  }
}
