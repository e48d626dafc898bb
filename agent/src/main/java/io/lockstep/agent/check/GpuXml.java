package io.lockstep.agent.check;

import java.io.IOException;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.jspecify.annotations.Nullable;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.xml.sax.InputSource;
import org.xml.sax.SAXException;

/**
 * Reads {@code nvidia-smi -q -x}: one call has all that the checks look at, and a field that a
 * driver does not know is left out of it, where a query by names is refused as a whole.
 */
final class GpuXml {
  private static final Pattern NUMBER = Pattern.compile("(-?\\d+)(?: .*)?");
  private static final long MAX_MEMORY_MIB = 16L << 20;
  private static final int MIN_CELSIUS = -60;
  private static final int MAX_CELSIUS = 200;
  private static final int MAX_SHOWN = 120;
  // Idle clocks, and those that a user or the power budget sets, are no illness.
  private static final Set<String> HARMFUL =
      Set.of(
          "hw_slowdown", "hw_thermal_slowdown", "hw_power_brake_slowdown", "sw_thermal_slowdown");
  private static final List<String> REPAIRS =
      List.of(
          "remapped_row_pending",
          "remapped_row_failure",
          "channel_repair_pending",
          "tpc_repair_pending",
          "unrepairable_memory",
          "pending_retirement");

  private GpuXml() {}

  /** Never throws: what cannot be read, or cannot be true, is a problem. */
  static GpuReading read(String xml, long atNanos) {
    try {
      Element log = root(xml);
      var gpus = new ArrayList<GpuState>();
      for (Element gpu : children(log, "gpu")) {
        gpus.add(gpu(gpus.size(), gpu));
      }
      Optional<Long> attached = number(text(log, "attached_gpus"));
      if (attached.isPresent() && attached.get() != gpus.size()) {
        throw new Absurd("attached_gpus is " + attached.get() + " with " + gpus.size() + " GPUs");
      }
      return new GpuReading(gpus, text(log, "driver_version"), Optional.empty(), atNanos);
    } catch (Absurd e) {
      return GpuReading.broken("nvidia-smi says what cannot be: " + e.getMessage(), atNanos);
    } catch (SAXException | IOException e) {
      return GpuReading.broken("nvidia-smi said: " + shown(xml), atNanos);
    }
  }

  /** A value outside of what there is. */
  private static final class Absurd extends Exception {
    private static final long serialVersionUID = 1L;

    Absurd(String message) {
      super(message);
    }
  }

  private static Element root(String xml) throws SAXException, IOException {
    var factory = DocumentBuilderFactory.newInstance();
    try {
      // its document type lies on nobody's disk
      factory.setFeature("http://apache.org/xml/features/nonvalidating/load-external-dtd", false);
      factory.setFeature("http://xml.org/sax/features/external-general-entities", false);
      factory.setFeature("http://xml.org/sax/features/external-parameter-entities", false);
      var builder = factory.newDocumentBuilder();
      builder.setErrorHandler(null);
      Element root = builder.parse(new InputSource(new StringReader(xml))).getDocumentElement();
      if (!root.getTagName().equals("nvidia_smi_log")) {
        throw new SAXException("another document: " + root.getTagName());
      }
      return root;
    } catch (ParserConfigurationException e) {
      throw new IllegalStateException("this Java reads no XML", e);
    }
  }

  private static GpuState gpu(int index, Element gpu) throws Absurd {
    String uuid = text(gpu, "uuid");
    long total = number(text(gpu, "fb_memory_usage", "total")).orElse(0L);
    if (uuid.isEmpty()) {
      throw new Absurd("GPU " + index + " has no uuid");
    }
    if (total < 1 || total > MAX_MEMORY_MIB) {
      throw new Absurd("GPU " + index + " has a memory of " + total + " MiB");
    }
    Optional<Integer> celsius = celsius(index, text(gpu, "temperature", "gpu_temp"));
    Element ecc = child(gpu, "ecc_errors");
    return new GpuState(
        index,
        uuid,
        text(gpu, "product_name"),
        text(gpu, "product_architecture"),
        total << 20,
        number(text(gpu, "fb_memory_usage", "used")).orElse(0L) << 20,
        celsius,
        left(gpu, celsius),
        uncorrected(ecc == null ? null : child(ecc, "volatile")),
        uncorrected(ecc == null ? null : child(ecc, "aggregate")),
        repairs(gpu),
        Optional.of(text(gpu, "gpu_recovery_action")).filter(GpuXml::isSaid),
        slowdowns(gpu),
        text(gpu, "mig_mode", "current_mig").equals("Enabled"),
        processes(gpu));
  }

  private static Optional<Integer> celsius(int index, String text) throws Absurd {
    Optional<Long> found = number(text);
    if (found.filter(c -> c < MIN_CELSIUS || c > MAX_CELSIUS).isPresent()) {
      throw new Absurd("GPU " + index + " has " + text);
    }
    return found.map(Long::intValue);
  }

  /** Newer drivers tell what is left, older ones tell the threshold. */
  private static Optional<Integer> left(Element gpu, Optional<Integer> celsius) {
    Optional<Long> left = number(text(gpu, "temperature", "gpu_temp_tlimit"));
    if (left.isPresent()) {
      return left.map(Long::intValue);
    }
    Optional<Long> slow = number(text(gpu, "temperature", "gpu_temp_slow_threshold"));
    return celsius.flatMap(now -> slow.map(at -> at.intValue() - now));
  }

  /** Older drivers have other names for them, and a total. */
  private static long uncorrected(@Nullable Element errors) {
    if (errors == null) {
      return 0;
    }
    long sum = 0;
    for (Element each : children(errors, null)) {
      String name = each.getTagName();
      if (name.contains("uncorrectable") || name.contains("double_bit")) {
        Element total = child(each, "total");
        sum += number((total == null ? each : total).getTextContent().strip()).orElse(0L);
      }
    }
    return sum;
  }

  private static List<String> repairs(Element gpu) {
    var wanted = new ArrayList<String>();
    for (String name : REPAIRS) {
      var found = gpu.getElementsByTagName(name);
      if (found.getLength() > 0 && found.item(0).getTextContent().strip().equals("Yes")) {
        wanted.add(name.replace('_', ' '));
      }
    }
    return wanted;
  }

  private static Set<String> slowdowns(Element gpu) {
    var active = new TreeSet<String>();
    for (String family : List.of("clocks_event_reason", "clocks_throttle_reason")) {
      @Nullable Element reasons = child(gpu, family + "s");
      if (reasons != null) {
        for (Element reason : children(reasons, null)) {
          String name = reason.getTagName().replace(family + "_", "");
          if (HARMFUL.contains(name) && reason.getTextContent().strip().equals("Active")) {
            active.add(name);
          }
        }
      }
    }
    return active;
  }

  private static List<GpuState.GpuProcess> processes(Element gpu) {
    var found = new ArrayList<GpuState.GpuProcess>();
    @Nullable Element all = child(gpu, "processes");
    if (all != null) {
      for (Element process : children(all, "process_info")) {
        Optional<Long> pid = number(text(process, "pid"));
        // G is a screen's
        if (pid.isPresent() && text(process, "type").contains("C")) {
          found.add(
              new GpuState.GpuProcess(
                  pid.get(), text(process, "process_name"), text(process, "used_memory")));
        }
      }
    }
    return found;
  }

  private static boolean isSaid(String text) {
    String plain = text.toLowerCase(Locale.ROOT);
    return !plain.isEmpty() && !plain.equals("none") && !plain.equals("n/a");
  }

  private static Optional<Long> number(String text) {
    Matcher number = NUMBER.matcher(text);
    try {
      return number.matches() ? Optional.of(Long.valueOf(number.group(1))) : Optional.empty();
    } catch (NumberFormatException e) {
      return Optional.empty(); // more digits than anything here has
    }
  }

  private static String text(Element from, String... path) {
    @Nullable Element at = from;
    for (String name : path) {
      at = at == null ? null : child(at, name);
    }
    return at == null ? "" : at.getTextContent().strip();
  }

  private static @Nullable Element child(Element of, String name) {
    List<Element> found = children(of, name);
    return found.isEmpty() ? null : found.get(0);
  }

  private static List<Element> children(Element of, @Nullable String name) {
    var found = new ArrayList<Element>();
    for (Node at = of.getFirstChild(); at != null; at = at.getNextSibling()) {
      if (at instanceof Element element && (name == null || element.getTagName().equals(name))) {
        found.add(element);
      }
    }
    return found;
  }

  static String shown(String text) {
    String line = text.strip().replaceAll("\\s+", " ");
    return line.isEmpty()
        ? "nothing"
        : line.length() > MAX_SHOWN ? line.substring(0, MAX_SHOWN) + "…" : line;
  }
}
