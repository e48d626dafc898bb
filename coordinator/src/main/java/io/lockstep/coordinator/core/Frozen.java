package io.lockstep.coordinator.core;

import java.util.AbstractMap;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A map that nobody changes any more, and that says so: a state that shares it with the one before
 * need not copy it. With a thousand nodes those copies were most of what an event cost.
 */
final class Frozen<K, V> extends AbstractMap<K, V> {
  private final Map<K, V> map;
  private final Set<Entry<K, V>> entries;

  private Frozen(Map<K, V> map) {
    this.map = map;
    this.entries = Collections.unmodifiableMap(map).entrySet();
  }

  /** In the order of its keys. */
  static <K extends Comparable<K>, V> Map<K, V> sorted(Map<K, V> from) {
    return from instanceof Frozen ? from : new Frozen<>(new TreeMap<>(from));
  }

  /** The same with one more; one copy of the tree, without comparing its keys again. */
  static <K extends Comparable<K>, V> Map<K, V> sortedPlus(Map<K, V> from, K key, V value) {
    var more =
        from instanceof Frozen<K, V> frozen && frozen.map instanceof TreeMap<K, V> tree
            ? new TreeMap<>((SortedMap<K, V>) tree)
            : new TreeMap<>(from);
    more.put(key, value);
    return new Frozen<>(more);
  }

  /** In the order that they were put in. */
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
