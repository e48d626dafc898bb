package io.lockstep.protocol.message;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.ser.std.StdSerializer;
import com.fasterxml.jackson.dataformat.cbor.CBORGenerator;
import com.fasterxml.jackson.dataformat.cbor.CBORWriteContext;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.RankTable;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Optional;

/**
 * Writes a rank table as any record, but that of a launch only once: it goes to each of the gang's
 * n nodes, and has n entries.
 */
final class RankTableSerializer extends StdSerializer<RankTable> {
  private static final long serialVersionUID = 1L;

  private record Written(RankTable table, byte[] bytes) {}

  /** The one that was written last; most often the next one is the same. */
  private transient volatile Optional<Written> last = Optional.empty();

  RankTableSerializer() {
    super(RankTable.class);
  }

  @Override
  public void serialize(RankTable table, JsonGenerator out, SerializerProvider provider)
      throws IOException {
    if (out instanceof CBORGenerator cbor
        && cbor.getOutputContext() instanceof CBORWriteContext context
        && context.getCurrentValue() instanceof LaunchSpec) {
      byte[] bytes = bytes(table, cbor, provider);
      context.writeValue(); // raw bytes are not seen to be a field's value
      cbor.writeBytes(bytes, 0, bytes.length);
    } else {
      write(table, out, provider);
    }
  }

  private byte[] bytes(RankTable table, CBORGenerator like, SerializerProvider provider)
      throws IOException {
    Optional<Written> known = last.filter(written -> written.table().equals(table));
    if (known.isPresent()) {
      return known.get().bytes();
    }
    var bytes = new ByteArrayOutputStream();
    try (JsonGenerator own = like.getCodec().getFactory().createGenerator(bytes)) {
      write(table, own, provider);
    }
    var written = new Written(table, bytes.toByteArray());
    last = Optional.of(written);
    return written.bytes();
  }

  private static void write(RankTable table, JsonGenerator out, SerializerProvider provider)
      throws IOException {
    out.writeStartObject(table);
    provider.defaultSerializeField("entries", table.entries(), out);
    out.writeNumberField("procsPerNode", table.procsPerNode());
    out.writeEndObject();
  }
}
