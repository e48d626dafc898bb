package io.lockstep.coordinator.plan;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A kind of GPU.
 *
 * @param memoryBytes what nvidia-smi calls memory.total
 * @param bf16 compute capability 8.0 or more, which bf16 needs; true where only a size is known
 */
public record Card(String name, long memoryBytes, boolean bf16) {
  private static final Pattern SIZE =
      Pattern.compile("([0-9]+(?:\\.[0-9]+)?(?:e[0-9]+)?)(B|GB|GiB|MiB)?");

  /** Words in a driver's name of a card before Ampere. */
  private static final Pattern WITHOUT_BF16 =
      Pattern.compile("\\b(V100|P100|P40|P4|T4|TITAN|RTX 20\\d0|GTX|Quadro RTX)\\b");

  private static final long MIB = 1L << 20;

  /** Sizes as nvidia-smi gives them, MiB; by experience but for the two that were used here. */
  private static final Map<String, Card> KNOWN = known();

  /** The guide's card, taken where nobody names one. */
  public static final Card GUIDES = byName("H100-80GB");

  /** A card of that name, or any of so many bytes: {@code 80e9}, {@code 80GB}, {@code 81559MiB}. */
  public static Card parse(String text) throws Unplannable {
    for (Map.Entry<String, Card> entry : KNOWN.entrySet()) {
      if (entry.getKey().equalsIgnoreCase(text)) {
        return entry.getValue();
      }
    }
    return new Card(text, size(text, "a card (" + String.join(", ", KNOWN.keySet()) + ")"), true);
  }

  /** A size in bytes from {@code 1.5e12}, {@code 1500GB}, {@code 1400GiB}; at least 1 MB. */
  public static long size(String text, String orElse) throws Unplannable {
    Matcher matcher = SIZE.matcher(text);
    if (matcher.matches()) {
      double factor =
          switch (String.valueOf(matcher.group(2)).toLowerCase(Locale.ROOT)) {
            case "gb" -> 1e9;
            case "gib" -> 1024.0 * MIB;
            case "mib" -> MIB;
            default -> 1;
          };
      double bytes = Double.parseDouble(matcher.group(1)) * factor;
      if (bytes >= 1e6 && bytes <= 1e15) {
        return Math.round(bytes);
      }
    }
    throw new Unplannable(
        "\"" + text + "\" must be " + orElse + " or a size such as 80e9, 80GB or 81559MiB");
  }

  /** A card as a node's driver reports it. */
  public static Card reported(String name, long memoryBytes) {
    return new Card(name, memoryBytes, !WITHOUT_BF16.matcher(name).find());
  }

  private static Card byName(String name) {
    return java.util.Objects.requireNonNull(KNOWN.get(name));
  }

  private static Map<String, Card> known() {
    var cards = new LinkedHashMap<String, Card>();
    for (Card card :
        List.of(
            new Card("H100-80GB", 81_559 * MIB, true),
            new Card("H200-141GB", 143_771 * MIB, true),
            new Card("B200-180GB", 183_359 * MIB, true),
            new Card("A100-80GB", 81_920 * MIB, true),
            new Card("A100-40GB", 40_960 * MIB, true),
            new Card("L40S-48GB", 46_068 * MIB, true),
            new Card("A10-24GB", 23_028 * MIB, true),
            new Card("RTX4090-24GB", 24_564 * MIB, true),
            new Card("V100-32GB", 32_768 * MIB, false),
            new Card("T4-16GB", 15_360 * MIB, false))) {
      cards.put(card.name(), card);
    }
    return cards;
  }
}
