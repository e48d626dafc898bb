package io.lockstep.agent.host;

import io.lockstep.agent.process.GroupFolder;
import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.JobId;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Reads workers' output by its place in the stream, over segments of which some are dropped. */
final class LogFiles {
  /** Most bytes of one read. */
  static final int MAX_BYTES = 131_072;

  private static final Pattern NAME = Pattern.compile("(.+)\\.(\\d{16})\\.log");

  private final Path dataDir;

  LogFiles(Path dataDir) {
    this.dataDir = dataDir;
  }

  /**
   * A piece of output.
   *
   * @param ended true when the attempt is over and nothing follows
   */
  record Piece(long offset, byte[] data, boolean ended, Optional<String> problem) {
    static Piece nothing(long offset, boolean ended, String problem) {
      return new Piece(offset, new byte[0], ended, Optional.of(problem));
    }
  }

  /**
   * Reads up to {@code maxBytes} that lie together; blocks.
   *
   * @param rank empty means torchrun's own output
   * @param offset negative counts back from the end
   */
  Piece read(JobId job, Attempt attempt, Optional<Integer> rank, long offset, int maxBytes) {
    Optional<GroupFolder> folder = GroupFolder.newest(dataDir, job, attempt);
    if (folder.isEmpty()) {
      return Piece.nothing(
          Math.max(0, offset), true, "no output of attempt " + attempt + " of " + job + " here");
    }
    // Looked at first: what is written after this line is found by the next read.
    boolean over = Files.exists(folder.get().report());
    String stream = rank.map(r -> "rank-" + r).orElse("torchrun");
    try {
      List<Segment> segments = segments(folder.get().logs(), stream);
      if (segments.isEmpty()) {
        return Piece.nothing(Math.max(0, offset), over, "no output of " + stream + " here yet");
      }
      return read(segments, offset, Math.min(Math.max(1, maxBytes), MAX_BYTES), over);
    } catch (IOException e) {
      return Piece.nothing(Math.max(0, offset), false, "cannot read the output: " + e.getMessage());
    }
  }

  private static Piece read(List<Segment> segments, long offset, int maxBytes, boolean over)
      throws IOException {
    long end = segments.get(segments.size() - 1).end();
    long wanted = offset >= 0 ? offset : Math.max(0, end + offset);
    var data = new ByteArrayOutputStream();
    long begin = -1;
    for (Segment segment : segments) {
      if (segment.end() <= wanted) {
        continue;
      }
      long from = Math.max(wanted, segment.start());
      if (begin < 0) {
        begin = from;
      } else if (from != begin + data.size()) {
        break; // dropped output lies between: the next read jumps over it
      }
      data.write(segment.read(from, maxBytes - data.size()));
      if (data.size() >= maxBytes) {
        break;
      }
    }
    if (begin < 0) {
      return new Piece(Math.min(wanted, end), new byte[0], over, Optional.empty());
    }
    boolean reachedEnd = begin + data.size() >= end;
    return new Piece(begin, data.toByteArray(), over && reachedEnd, Optional.empty());
  }

  private record Segment(Path path, long start, long size) {
    long end() {
      return start + size;
    }

    byte[] read(long from, int most) throws IOException {
      var buffer = ByteBuffer.allocate((int) Math.min(most, Math.max(0, end() - from)));
      try (var channel = FileChannel.open(path, StandardOpenOption.READ)) {
        channel.position(from - start);
        while (buffer.hasRemaining() && channel.read(buffer) >= 0) {
          // until full or at the end
        }
      } catch (NoSuchFileException e) {
        return new byte[0]; // dropped just now
      }
      return java.util.Arrays.copyOf(buffer.array(), buffer.position());
    }
  }

  private static List<Segment> segments(Path folder, String stream) throws IOException {
    var found = new ArrayList<Segment>();
    try (Stream<Path> list = Files.list(folder)) {
      for (Path path : list.toList()) {
        Matcher name = NAME.matcher(String.valueOf(path.getFileName()));
        if (name.matches() && name.group(1).equals(stream)) {
          found.add(new Segment(path, Long.parseLong(name.group(2)), sizeOf(path)));
        }
      }
    } catch (NoSuchFileException e) {
      return List.of(); // the shim has not come so far
    }
    found.sort(Comparator.comparingLong(Segment::start));
    return found;
  }

  private static long sizeOf(Path path) throws IOException {
    try {
      return Files.size(path);
    } catch (NoSuchFileException e) {
      return 0; // dropped just now
    }
  }
}
