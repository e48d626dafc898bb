package io.lockstep.coordinator.core;

import java.util.AbstractMap;
import java.util.AbstractSet;
import java.util.Arrays;
import java.util.Iterator;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * A map in the order of its keys that nobody changes any more: two arrays, so that one with one
 * entry more is a copy of memory. With a thousand nodes, copies of trees were most of what an event
 * cost.
 */
final class FrozenSorted<K extends Comparable<K>, V> extends AbstractMap<K, V> {
  private final Object[] keys;
  private final Object[] values;

  private FrozenSorted(Object[] keys, Object[] values) {
    this.keys = keys;
    this.values = values;
  }

  static <K extends Comparable<K>, V> FrozenSorted<K, V> of(Map<K, V> from) {
    if (from instanceof FrozenSorted<K, V> frozen) {
      return frozen;
    }
    var sorted = new TreeMap<>(from);
    return new FrozenSorted<>(sorted.keySet().toArray(), sorted.values().toArray());
  }

  /** The same with this entry, which may take another's place. */
  FrozenSorted<K, V> plus(K key, V value) {
    int at = Arrays.binarySearch(keys, key);
    if (at >= 0) {
      Object[] changed = values.clone();
      changed[at] = value;
      return new FrozenSorted<>(keys, changed);
    }
    return new FrozenSorted<>(inserted(keys, -at - 1, key), inserted(values, -at - 1, value));
  }

  static Object[] inserted(Object[] from, int at, Object one) {
    Object[] more = Arrays.copyOf(from, from.length + 1);
    System.arraycopy(from, at, more, at + 1, from.length - at);
    more[at] = one;
    return more;
  }

  static <T> Iterator<T> walk(int count, IntFunction<T> at) {
    return new Iterator<>() {
      private int next;

      @Override
      public boolean hasNext() {
        return next < count;
      }

      @Override
      public T next() {
        if (next >= count) {
          throw new NoSuchElementException();
        }
        return at.apply(next++);
      }
    };
  }

  @Override
  public @Nullable V get(Object key) {
    int at = Arrays.binarySearch(keys, key);
    return at >= 0 ? value(at) : null;
  }

  @Override
  public boolean containsKey(Object key) {
    return Arrays.binarySearch(keys, key) >= 0;
  }

  @Override
  public int size() {
    return keys.length;
  }

  @Override
  public Set<Entry<K, V>> entrySet() {
    return new AbstractSet<>() {
      @Override
      public Iterator<Entry<K, V>> iterator() {
        return walk(keys.length, FrozenSorted.this::entry);
      }

      @Override
      public int size() {
        return keys.length;
      }
    };
  }

  private Entry<K, V> entry(int at) {
    return Map.entry(key(at), value(at));
  }

  @SuppressWarnings("unchecked")
  private K key(int at) {
    return (K) keys[at];
  }

  @SuppressWarnings("unchecked")
  private V value(int at) {
    return (V) values[at];
  }
}
