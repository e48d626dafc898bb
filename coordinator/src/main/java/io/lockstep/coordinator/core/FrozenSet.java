package io.lockstep.coordinator.core;

import java.util.AbstractSet;
import java.util.Arrays;
import java.util.Collection;
import java.util.Iterator;
import java.util.TreeSet;

/** A set in order that nobody changes any more, as {@link FrozenSorted} is a map. */
final class FrozenSet<E extends Comparable<E>> extends AbstractSet<E> {
  private final Object[] sorted;

  private FrozenSet(Object[] sorted) {
    this.sorted = sorted;
  }

  static <E extends Comparable<E>> FrozenSet<E> of(Collection<E> from) {
    return from instanceof FrozenSet<E> frozen
        ? frozen
        : new FrozenSet<>(new TreeSet<>(from).toArray());
  }

  FrozenSet<E> plus(E one) {
    int at = Arrays.binarySearch(sorted, one);
    return at >= 0 ? this : new FrozenSet<>(FrozenSorted.inserted(sorted, -at - 1, one));
  }

  @Override
  public boolean contains(Object one) {
    return Arrays.binarySearch(sorted, one) >= 0;
  }

  @Override
  @SuppressWarnings("unchecked")
  public Iterator<E> iterator() {
    return FrozenSorted.walk(sorted.length, at -> (E) sorted[at]);
  }

  @Override
  public int size() {
    return sorted.length;
  }
}
