package io.lockstep.protocol.message;

import akka.actor.ExtendedActorSystem;
import akka.serialization.SerializerWithStringManifest;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.EOFException;
import java.io.IOException;
import java.io.NotSerializableException;
import java.io.UncheckedIOException;

/** Writes {@link Wire} messages as CBOR under their {@link WireNames} name, for Akka. */
public class WireSerializer extends SerializerWithStringManifest {
  private final ObjectMapper mapper = WireJson.cbor();
  private final WireNames names;
  private final int identifier;

  public WireSerializer(ExtendedActorSystem system) {
    this(WireNames.protocol(), 77_330_001);
  }

  /** For a module with messages of its own; the identifier must be unique in the daemon. */
  protected WireSerializer(WireNames names, int identifier) {
    this.names = names;
    this.identifier = identifier;
  }

  @Override
  public int identifier() {
    return identifier;
  }

  @Override
  public String manifest(Object message) {
    return names
        .nameOf(message.getClass())
        .orElseThrow(() -> new IllegalArgumentException("no wire name for " + message.getClass()));
  }

  @Override
  public byte[] toBinary(Object message) {
    try {
      return mapper.writeValueAsBytes(message);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + message.getClass(), e);
    }
  }

  @Override
  public Object fromBinary(byte[] bytes, String manifest) throws NotSerializableException {
    Class<?> type =
        names
            .typeOf(manifest)
            .orElseThrow(
                () -> new NotSerializableException("unknown message on the wire: " + manifest));
    try {
      Object message = mapper.readValue(bytes, type);
      if (message == null) {
        throw new EOFException("nothing in it");
      }
      return message;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + manifest, e);
    }
  }
}
