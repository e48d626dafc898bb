package io.lockstep.coordinator.seat;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.lockstep.protocol.message.WireJson;
import io.lockstep.protocol.model.Term;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32;
import org.h2.mvstore.DataUtils;
import org.h2.mvstore.MVMap;
import org.h2.mvstore.MVStore;
import org.h2.mvstore.MVStoreException;
import org.h2.mvstore.type.LongDataType;
import org.h2.mvstore.type.StringDataType;
import org.jspecify.annotations.Nullable;

/** One MVStore file with a seat's state: a head, a snapshot and the events since. */
final class SeatFile implements AutoCloseable {
  private static final String HEAD = "head";
  private static final String SNAPSHOT = "snapshot";
  private static final int CACHE_MEGABYTES = 1;

  /**
   * Every commit is synced before the next one begins, so a block that the commit before the last
   * freed is needed by no crash; MVStore's 45 s are for stores that are not synced.
   */
  private static final int RETENTION_MILLIS = 0;

  private static final ObjectMapper mapper = WireJson.cbor();

  private final MVStore store;
  private final MVMap<String, byte[]> blobs;
  private final MVMap<Long, byte[]> events;
  private SeatState state;
  private long saves;
  private long checksum;

  /**
   * All but snapshot and events.
   *
   * @param saves counts the states that were saved here
   * @param checksum of snapshot and events in order; MVStore does not check what is in its pages
   */
  private record Head(
      long saves,
      long checksum,
      DiskId disk,
      Optional<FoundingId> founding,
      boolean lostStore,
      Term promised,
      String promisedTo,
      Term acceptedTerm,
      Membership membership,
      long snapshotVersion,
      long version,
      Optional<FoundingId> replaces) {}

  /** The file is there and cannot be trusted. */
  static final class UnreadableException extends Exception {
    private static final long serialVersionUID = 1L;

    UnreadableException(String message, @Nullable Throwable cause) {
      super(message, cause);
    }
  }

  /**
   * Writes a new file and syncs it.
   *
   * @throws IOException when it cannot be written; a half of it may lie there
   */
  static void create(Path file, SeatState state, long saves) throws IOException {
    MVStore store = openStore(file);
    try (var made = new SeatFile(store, state.disk())) {
      made.save(state, saves);
    }
  }

  /**
   * Opens an existing file.
   *
   * @throws IOException when it may not be read, or another process has it
   */
  static SeatFile open(Path file) throws IOException, UnreadableException {
    if (!Files.isReadable(file) || !Files.isWritable(file)) {
      throw new IOException(file + " must be readable and writable by this user");
    }
    MVStore opened = null;
    try {
      opened = openStore(file);
      return new SeatFile(opened);
    } catch (MVStoreException e) {
      closeQuietly(opened);
      if (e.getErrorCode() == DataUtils.ERROR_FILE_LOCKED) {
        throw new IOException(
            file + " is in use by another process; only one daemon may use a data directory", e);
      }
      throw new UnreadableException(String.valueOf(e.getMessage()), e);
    } catch (UnreadableException e) {
      closeQuietly(opened);
      throw e;
    } catch (RuntimeException | AssertionError | StackOverflowError e) {
      // MVStore meets damaged pages with whatever its decoders throw
      closeQuietly(opened);
      throw new UnreadableException(e.toString(), e);
    }
  }

  private static void closeQuietly(@Nullable MVStore store) {
    if (store != null) {
      store.closeImmediately();
    }
  }

  private SeatFile(MVStore store, DiskId disk) {
    this.store = store;
    this.blobs = openBlobs(store);
    this.events = openEvents(store);
    this.state = SeatState.empty(disk, false);
    this.checksum = chained(0, state.stored().snapshot());
    blobs.put(SNAPSHOT, state.stored().snapshot());
  }

  private SeatFile(MVStore store) throws UnreadableException {
    this.store = store;
    this.blobs = openBlobs(store);
    this.events = openEvents(store);
    Head head = head();
    this.state = load(head);
    this.saves = head.saves();
    this.checksum = head.checksum();
  }

  private static MVStore openStore(Path file) {
    MVStore store =
        new MVStore.Builder()
            .fileName(file.toString())
            .autoCommitDisabled()
            .cacheSize(CACHE_MEGABYTES)
            .open();
    store.setRetentionTime(RETENTION_MILLIS);
    store.setVersionsToKeep(0);
    return store;
  }

  private static MVMap<String, byte[]> openBlobs(MVStore store) {
    return store.openMap(
        "blobs",
        new MVMap.Builder<String, byte[]>()
            .keyType(StringDataType.INSTANCE)
            .valueType(PageBytes.INSTANCE));
  }

  private static MVMap<Long, byte[]> openEvents(MVStore store) {
    return store.openMap(
        "events",
        new MVMap.Builder<Long, byte[]>()
            .keyType(LongDataType.INSTANCE)
            .valueType(PageBytes.INSTANCE));
  }

  private Head head() throws UnreadableException {
    byte[] sealed = found(blobs.get(HEAD), HEAD);
    if (sealed.length < Long.BYTES) {
      throw new UnreadableException("the head is cut off", null);
    }
    byte[] content = Arrays.copyOfRange(sealed, Long.BYTES, sealed.length);
    if (ByteBuffer.wrap(sealed).getLong() != chained(0, content)) {
      throw new UnreadableException("the head is damaged: its checksum differs", null);
    }
    try {
      return mapper.readValue(content, Head.class);
    } catch (IOException e) {
      throw new UnreadableException("the head is damaged: " + e.getMessage(), e);
    }
  }

  private SeatState load(Head head) throws UnreadableException {
    byte[] snapshot = found(blobs.get(SNAPSHOT), SNAPSHOT);
    long actual = chained(0, snapshot);
    var since = new ArrayList<byte[]>();
    for (long version = head.snapshotVersion() + 1; version <= head.version(); version++) {
      byte[] event = found(events.get(version), "event " + version);
      actual = chained(actual, event);
      since.add(event);
    }
    if (actual != head.checksum()) {
      throw new UnreadableException("snapshot or events are damaged: their checksum differs", null);
    }
    return new SeatState(
        head.disk(),
        head.founding(),
        head.lostStore(),
        head.promised(),
        head.promisedTo(),
        head.acceptedTerm(),
        new StoredState(head.membership(), head.snapshotVersion(), snapshot, since),
        head.replaces());
  }

  private static byte[] found(byte @Nullable [] bytes, String what) throws UnreadableException {
    if (bytes == null) {
      throw new UnreadableException(what + " is missing", null);
    }
    return bytes;
  }

  SeatState state() {
    return state;
  }

  long saves() {
    return saves;
  }

  long bytes() {
    return store.getFileStore().size();
  }

  /** Syncs {@code next} in place of {@link #state()}; after an exception the file is not used. */
  void save(SeatState next, long count) throws IOException {
    try {
      long after = write(state.stored(), next.stored());
      blobs.put(HEAD, sealed(mapper.writeValueAsBytes(head(next, count, after))));
      store.commit();
      store.sync();
      checksum = after;
    } catch (RuntimeException e) {
      throw new IOException("cannot write the seat store: " + e.getMessage(), e);
    }
    state = next;
    saves = count;
  }

  private static Head head(SeatState state, long saves, long checksum) {
    return new Head(
        saves,
        checksum,
        state.disk(),
        state.founding(),
        state.lostStore(),
        state.promised(),
        state.promisedTo(),
        state.acceptedTerm(),
        state.stored().membership(),
        state.stored().snapshotVersion(),
        state.stored().version(),
        state.replaces());
  }

  /** Returns the checksum afterwards. */
  private long write(StoredState old, StoredState next) {
    boolean appended = isAppended(old, next);
    int kept = appended ? old.events().size() : 0;
    long after = checksum;
    if (!appended) {
      blobs.put(SNAPSHOT, next.snapshot());
      events.clear();
      after = chained(0, next.snapshot());
    }
    List<byte[]> all = next.events();
    for (int i = kept; i < all.size(); i++) {
      events.put(next.snapshotVersion() + i + 1, all.get(i));
      after = chained(after, all.get(i));
    }
    return after;
  }

  /** The same objects and some more behind them. */
  @SuppressWarnings("ReferenceEquality") // bytes are never changed, and comparing them costs
  private static boolean isAppended(StoredState old, StoredState next) {
    if (next.snapshotVersion() != old.snapshotVersion()
        || next.snapshot() != old.snapshot()
        || next.events().size() < old.events().size()) {
      return false;
    }
    for (int i = 0; i < old.events().size(); i++) {
      if (next.events().get(i) != old.events().get(i)) {
        return false;
      }
    }
    return true;
  }

  @Override
  public void close() {
    // nothing to flush: what was answered for is synced
    store.closeImmediately();
  }

  private static byte[] sealed(byte[] content) {
    return ByteBuffer.allocate(content.length + Long.BYTES)
        .putLong(chained(0, content))
        .put(content)
        .array();
  }

  private static long chained(long before, byte[] content) {
    var crc = new CRC32();
    crc.update(
        ByteBuffer.allocate(Long.BYTES + Integer.BYTES)
            .putLong(before)
            .putInt(content.length)
            .array());
    crc.update(content);
    return crc.getValue();
  }
}
