package io.lockstep.coordinator.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

/** As a TreeMap and a TreeSet would be, and never changed. */
final class FrozenTest {
  @Property(tries = 300)
  void aMapIsWhatATreeWouldBe(@ForAll List<@IntRange(min = 0, max = 20) Integer> keys) {
    var tree = new TreeMap<Integer, Integer>();
    FrozenSorted<Integer, Integer> frozen = FrozenSorted.of(Map.<Integer, Integer>of());
    for (int i = 0; i < keys.size(); i++) {
      Map<Integer, Integer> before = new TreeMap<>(tree);
      FrozenSorted<Integer, Integer> was = frozen;
      frozen = frozen.plus(keys.get(i), i);
      tree.put(keys.get(i), i);
      assertThat(was).isEqualTo(before);
    }
    assertThat(frozen).isEqualTo(tree).hasSameHashCodeAs(tree);
    assertThat(List.copyOf(frozen.keySet())).isEqualTo(List.copyOf(tree.keySet()));
    assertThat(List.copyOf(frozen.values())).isEqualTo(List.copyOf(tree.values()));
    for (int key = -1; key <= 21; key++) {
      assertThat(frozen.get(key)).isEqualTo(tree.get(key));
      assertThat(frozen.containsKey(key)).isEqualTo(tree.containsKey(key));
    }
    assertThat(FrozenSorted.of(tree)).isEqualTo(frozen);
    assertThat(FrozenSorted.of(frozen)).isSameAs(frozen);
  }

  @Property(tries = 300)
  void aSetIsWhatATreeWouldBe(@ForAll List<@IntRange(min = 0, max = 20) Integer> elements) {
    var tree = new TreeSet<Integer>();
    FrozenSet<Integer> frozen = FrozenSet.of(Set.<Integer>of());
    for (Integer element : elements) {
      frozen = frozen.plus(element);
      tree.add(element);
    }
    assertThat(List.copyOf(frozen)).isEqualTo(List.copyOf(tree));
    assertThat(frozen).isEqualTo(tree);
    for (int element = -1; element <= 21; element++) {
      assertThat(frozen.contains(element)).isEqualTo(tree.contains(element));
    }
    assertThat(FrozenSet.of(tree)).isEqualTo(frozen);
  }

  @Test
  void nobodyChangesThem() {
    FrozenSorted<Integer, Integer> map = FrozenSorted.of(Map.of(1, 2));
    FrozenSet<Integer> set = FrozenSet.of(Set.of(1));

    assertThatThrownBy(() -> map.put(1, 3)).isInstanceOf(UnsupportedOperationException.class);
    assertThatThrownBy(map::clear).isInstanceOf(UnsupportedOperationException.class);
    assertThatThrownBy(() -> set.remove(1)).isInstanceOf(UnsupportedOperationException.class);
    assertThatThrownBy(() -> set.add(2)).isInstanceOf(UnsupportedOperationException.class);
    assertThatThrownBy(() -> set.iterator().remove())
        .isInstanceOf(UnsupportedOperationException.class);
  }
}
