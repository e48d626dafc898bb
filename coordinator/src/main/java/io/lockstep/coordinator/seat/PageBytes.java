package io.lockstep.coordinator.seat;

import java.nio.ByteBuffer;
import org.h2.mvstore.DataUtils;
import org.h2.mvstore.WriteBuffer;
import org.h2.mvstore.type.BasicDataType;
import org.h2.mvstore.type.ByteArrayDataType;

/**
 * Byte arrays as MVStore writes them, read without trust in their length: a damaged one would ask
 * for gigabytes, and the daemon ends when memory does, at every start.
 */
final class PageBytes extends BasicDataType<byte[]> {
  static final PageBytes INSTANCE = new PageBytes();

  private PageBytes() {}

  @Override
  public int getMemory(byte[] value) {
    return ByteArrayDataType.INSTANCE.getMemory(value);
  }

  @Override
  public void write(WriteBuffer out, byte[] value) {
    ByteArrayDataType.INSTANCE.write(out, value);
  }

  @Override
  public byte[] read(ByteBuffer page) {
    int length = DataUtils.readVarInt(page);
    if (length < 0 || length > page.remaining()) {
      throw new IllegalStateException(
          "a value of %d bytes in a page that has %d left".formatted(length, page.remaining()));
    }
    var value = new byte[length];
    page.get(value);
    return value;
  }

  @Override
  public byte[][] createStorage(int size) {
    return new byte[size][];
  }
}
