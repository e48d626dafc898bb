package io.lockstep.coordinator.core;

import java.util.AbstractMap;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A map in the order that it was filled, which nobody changes any more, and that says so: a state
 * that shares it with the one before need not copy it.
 */
final class Frozen<K, V> extends AbstractMap<K, V> {
  private final Map<K, V> map;
  private final Set<Entry<K, V>> entries;

  private Frozen(Map<K, V> map) {
    this.map = map;
    this.entries = Collections.unmodifiableMap(map).entrySet();
  }

  static <K, V> Map<K, V> inOrder(Map<K, V> from) {
    return from instanceof Frozen ? from : new Frozen<>(new LinkedHashMap<>(from));
  }

  @Override
  public @Nullable V get(Object key) {
    return map.get(key);
  }

  @Override
  public boolean containsKey(Object key) {
    return map.containsKey(key);
  }

  @Override
  public int size() {
    return map.size();
  }

  @Override
  public Set<Entry<K, V>> entrySet() {
    return entries;
  }
}
