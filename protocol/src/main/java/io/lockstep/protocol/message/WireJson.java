package io.lockstep.protocol.message;

import akka.serialization.jackson.AkkaTypedJacksonModule;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.KeyDeserializer;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.cfg.MapperBuilder;
import com.fasterxml.jackson.databind.deser.std.StdDeserializer;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.ser.std.StdSerializer;
import com.fasterxml.jackson.dataformat.cbor.databind.CBORMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.FailureCause;
import io.lockstep.protocol.model.FailureClass;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.RankTable;
import io.lockstep.protocol.model.ReasonCode;
import io.lockstep.protocol.model.Term;
import java.io.IOException;
import java.util.Arrays;
import java.util.function.Function;

/**
 * The two mappers: CBOR between daemons and in the store, JSON for people and programs.
 *
 * <p>Releases read each other: a field that is not known is ignored, an optional one that is
 * missing reads as empty. Any other object that is missing is refused here, before a null gets
 * further; so a field added to a record must be an Optional, or a primitive that may read as zero.
 */
public final class WireJson {
  private WireJson() {}

  /** CBOR; also writes actor references, where an actor system is serializing. */
  public static ObjectMapper cbor() {
    return configured(CBORMapper.builder()).addModule(new AkkaTypedJacksonModule()).build();
  }

  /** JSON with ISO-8601 times. */
  public static ObjectMapper json() {
    return configured(JsonMapper.builder()).build();
  }

  private static <M extends ObjectMapper, B extends MapperBuilder<M, B>> B configured(B builder) {
    return builder
        .addModule(new Jdk8Module())
        .addModule(new JavaTimeModule())
        .addModule(values())
        .disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS)
        .disable(SerializationFeature.WRITE_DURATIONS_AS_TIMESTAMPS)
        .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
        .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
        .disable(DeserializationFeature.ADJUST_DATES_TO_CONTEXT_TIME_ZONE);
  }

  private static SimpleModule values() {
    var module = new SimpleModule("lockstep-values");
    text(module, JobId.class, JobId::new);
    text(module, NodeId.class, NodeId::new);
    known(module, ReasonCode.class, ReasonCode.values(), ReasonCode.OTHER);
    known(module, FailureCause.class, FailureCause.values(), FailureCause.OTHER);
    known(module, FailureClass.class, FailureClass.values(), FailureClass.UNKNOWN);
    number(module, Attempt.class, Attempt::number, n -> new Attempt(Math.toIntExact(n)));
    number(module, Term.class, Term::number, Term::new);
    module.addSerializer(RankTable.class, new RankTableSerializer());
    return module;
  }

  private static <T> void text(SimpleModule module, Class<T> type, Function<String, T> read) {
    module.addSerializer(
        type,
        new StdSerializer<T>(type) {
          private static final long serialVersionUID = 1L;

          @Override
          public void serialize(T value, JsonGenerator out, SerializerProvider provider)
              throws IOException {
            out.writeString(value.toString());
          }
        });
    module.addKeySerializer(
        type,
        new StdSerializer<T>(type) {
          private static final long serialVersionUID = 1L;

          @Override
          public void serialize(T value, JsonGenerator out, SerializerProvider provider)
              throws IOException {
            out.writeFieldName(value.toString());
          }
        });
    module.addDeserializer(
        type, new ValueDeserializer<>(type, JsonToken.VALUE_STRING, p -> read.apply(p.getText())));
    module.addKeyDeserializer(
        type,
        new KeyDeserializer() {
          @Override
          public Object deserializeKey(String key, DeserializationContext context)
              throws IOException {
            try {
              return read.apply(key);
            } catch (IllegalArgumentException e) {
              throw context.weirdKeyException(type, key, e.getMessage());
            }
          }
        });
  }

  /** A name of a newer release reads as {@code other}: the rest of the message still counts. */
  private static <T extends Enum<T>> void known(
      SimpleModule module, Class<T> type, T[] values, T other) {
    module.addDeserializer(
        type,
        new ValueDeserializer<>(
            type,
            JsonToken.VALUE_STRING,
            p -> {
              String name = p.getText();
              return Arrays.stream(values)
                  .filter(v -> v.name().equals(name))
                  .findFirst()
                  .orElse(other);
            }));
  }

  private static <T> void number(
      SimpleModule module, Class<T> type, Function<T, Number> write, Function<Long, T> read) {
    module.addSerializer(
        type,
        new StdSerializer<T>(type) {
          private static final long serialVersionUID = 1L;

          @Override
          public void serialize(T value, JsonGenerator out, SerializerProvider provider)
              throws IOException {
            out.writeNumber(write.apply(value).longValue());
          }
        });
    module.addDeserializer(
        type,
        new ValueDeserializer<>(
            type, JsonToken.VALUE_NUMBER_INT, p -> read.apply(p.getLongValue())));
  }

  private interface Reader<T> {
    T read(JsonParser parser) throws IOException;
  }

  private static final class ValueDeserializer<T> extends StdDeserializer<T> {
    private static final long serialVersionUID = 1L;
    private final JsonToken form;
    private final transient Reader<T> reader;

    /** Nothing but this form is read: an odd term must not become term 0. */
    ValueDeserializer(Class<T> type, JsonToken form, Reader<T> reader) {
      super(type);
      this.form = form;
      this.reader = reader;
    }

    @Override
    public T deserialize(JsonParser parser, DeserializationContext context) throws IOException {
      if (!parser.hasToken(form)) {
        context.reportWrongTokenException(_valueClass, form, "found %s", parser.currentToken());
      }
      try {
        return reader.read(parser);
      } catch (IllegalArgumentException | ArithmeticException e) {
        throw context.weirdStringException(parser.getText(), _valueClass, e.getMessage());
      }
    }
  }
}
