package io.lockstep.coordinator.jobfile;

import io.lockstep.coordinator.core.DeepSpeedConfig;
import io.lockstep.coordinator.jobfile.YamlValue.Mapping;
import io.lockstep.coordinator.jobfile.YamlValue.Mark;
import io.lockstep.coordinator.jobfile.YamlValue.Sequence;
import io.lockstep.protocol.api.Problem.Mistake;
import io.lockstep.protocol.model.CheckpointFormat;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.OnExisting;
import io.lockstep.protocol.model.OnResize;
import java.text.Normalizer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

/** Understands a job file: a complete job with every default filled in, or every mistake in it. */
public final class JobFile {
  /** Keys of a job file by the mapping that they stand in; "" is the file itself. */
  static final Map<String, Set<String>> KEYS =
      Map.of(
          "",
          keys(
              "name",
              "id",
              "script",
              "entry",
              "args",
              "workdir",
              "nodes",
              "procsPerNode",
              "devices",
              "spares",
              "priority",
              "zero",
              "zeroArgument",
              "paths",
              "env",
              "checkpoint",
              "restart",
              "deadlines",
              "progress",
              "preflight",
              "warm",
              "python"),
          "paths",
          keys("model", "tokenizer", "trainFiles", "validFiles", "output", "cache"),
          "checkpoint",
          keys("dir", "resumeArg", "format", "onExisting", "keep", "onResize", "onStop", "convert"),
          "restart",
          keys("max", "window", "backoff"),
          "backoff",
          keys("initial", "max"),
          "deadlines",
          keys("place", "prepare", "start", "firstStep", "noProgress", "lease"),
          "progress",
          keys("step", "factor", "floor"),
          "preflight",
          keys("gpuMemoryHeld"));

  /** Keys whose values are paths, dotted. */
  public static final List<String> PATH_KEYS =
      List.of(
          "paths.model",
          "paths.tokenizer",
          "paths.trainFiles",
          "paths.validFiles",
          "paths.output",
          "paths.cache",
          "checkpoint.dir");

  /** Most mistakes told of one file. */
  static final int MAX_MISTAKES = 100;

  private static final int MAX_NODES = 10_000;
  private static final int MAX_PROCS_PER_NODE = 1_024;
  private static final int MAX_ARGS = 10_000;
  private static final int MAX_ARG_CHARS = 100_000; // Linux takes 131072 bytes for one argument
  private static final int MAX_ENV = 1_000;
  private static final int MAX_NAME_CHARS = 200;
  private static final int ID_SUFFIX_CHARS = 6;
  private static final int MAX_STEP_RULE_CHARS = 500;
  private static final String STEP_RULE =
      "a regular expression with one group for the step, and maybe a second for the total";
  private static final Duration MIN_LEASE = Duration.ofSeconds(2);
  private static final Duration MAX_LEASE = Duration.ofMinutes(10);
  private static final Duration MAX_ON_STOP = Duration.ofHours(1);
  private static final Duration MAX_CONVERT = Duration.ofHours(24);
  private static final Pattern MEBIBYTES = Pattern.compile("([0-9]{1,7})(MiB|GiB)");
  private static final String MEMORY =
      "so much memory of one GPU, up to 1024GiB, as in 4GiB or 600MiB";
  private static final String ABSOLUTE = "an absolute path";

  private static final Pattern ENV_NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*");
  private static final Pattern MODULE = Pattern.compile("[A-Za-z_]\\w*(\\.[A-Za-z_]\\w*)*");
  private static final Pattern ARGUMENT = Pattern.compile("-{1,2}[A-Za-z][A-Za-z0-9_.-]*");
  private static final Pattern WITHOUT_SPACE = Pattern.compile("\\S*");
  private static final Pattern OWNED_ENV =
      Pattern.compile(
          "LOCKSTEP_.*|PET_.*|RANK|LOCAL_RANK|GROUP_RANK|ROLE_RANK|NODE_RANK|WORLD_SIZE"
              + "|LOCAL_WORLD_SIZE|GROUP_WORLD_SIZE|ROLE_WORLD_SIZE|MASTER_ADDR|MASTER_PORT"
              + "|TORCHELASTIC_(RUN_ID|ERROR_FILE|RESTART_COUNT|MAX_RESTARTS|USE_AGENT_STORE)");

  /** What is taken where a job file does not say. */
  public record Defaults(
      JobSpec.Restart restart, JobSpec.Deadlines deadlines, String resumeArg, String zeroArgument) {
    public static final Defaults STANDARD =
        new Defaults(
            JobSpec.Restart.DEFAULT,
            JobSpec.Deadlines.DEFAULT,
            "--resume_from_checkpoint",
            "--deepspeed");
  }

  /**
   * What a job file says.
   *
   * @param spec the job; empty exactly when there are mistakes
   * @param id the id that the file asks for
   * @param mistakes every mistake, in the order of the text
   */
  public record Parsed(Optional<JobSpec> spec, Optional<String> id, List<Mistake> mistakes) {
    public Parsed {
      mistakes = List.copyOf(mistakes);
    }
  }

  private final Defaults defaults;
  private final List<Mistake> mistakes;
  private final Fields file;

  private JobFile(JobDocument document, Defaults defaults) {
    this.defaults = defaults;
    this.mistakes = new ArrayList<>(document.mistakes());
    this.file = new Fields("", document.root(), mistakes);
  }

  /** Reads a job file's text; never throws, whatever the text. */
  public static Parsed parse(String text, Defaults defaults) {
    return parse(JobDocument.read(text), defaults);
  }

  /** Reads a job file's text after edits, each {@code dotted.key=YAML value}. */
  public static Parsed parse(String text, Defaults defaults, List<String> edits) {
    JobDocument document = JobDocument.read(text);
    for (String edit : edits) {
      document = document.edited(edit);
    }
    return parse(document, defaults);
  }

  public static Parsed parse(JobDocument document, Defaults defaults) {
    if (!document.mistakes().isEmpty() && document.root().entries().isEmpty()) {
      return new Parsed(Optional.empty(), Optional.empty(), inOrder(document.mistakes()));
    }
    return new JobFile(document, defaults).read();
  }

  /**
   * An id for a job of this name.
   *
   * @param random a text from which six letters and digits are taken; others are skipped
   */
  public static String idFor(String name, String random) {
    String suffix = random.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]", "");
    if (suffix.length() < ID_SUFFIX_CHARS) {
      throw new IllegalArgumentException("random must have 6 letters or digits, found: " + random);
    }
    String slug =
        Normalizer.normalize(name, Normalizer.Form.NFKD)
            .replaceAll("\\p{M}", "")
            .toLowerCase(Locale.ROOT)
            .replaceAll("[^a-z0-9._]+", "-")
            .replaceAll("^[^a-z0-9]+", "");
    int longest = JobId.MAX_LENGTH - ID_SUFFIX_CHARS - 1;
    slug = slug.substring(0, Math.min(slug.length(), longest)).replaceAll("[^a-z0-9]+$", "");
    return (slug.isEmpty() ? "job" : slug) + "-" + suffix.substring(0, ID_SUFFIX_CHARS);
  }

  private Parsed read() {
    file.onlyKnown(known(""));
    file.require("name", "a name for the job");
    file.require("script", "the Python script to run");
    file.require("workdir", "the folder to run in");
    Optional<String> name =
        file.text(
            "name",
            "a name of 1 to " + MAX_NAME_CHARS + " characters in one line",
            text -> !text.isBlank() && text.length() <= MAX_NAME_CHARS && isOneLine(text));
    Optional<String> id = id();
    Optional<String> workdir = file.text("workdir", ABSOLUTE, JobFile::isAbsolute);
    JobSpec.Entry entry = entry();
    Optional<String> script = script(workdir, entry);
    var args = file.words("args", MAX_ARGS, MAX_ARG_CHARS).orElse(List.of());
    List<NodeId> pins = pins();
    OptionalInt nodesFound =
        pins.isEmpty() ? file.number("nodes", 1, MAX_NODES) : OptionalInt.of(pins.size());
    int nodes = nodesFound.orElse(1);
    boolean nodesKnown = nodesFound.isPresent() || file.value("nodes").isEmpty();
    int procsPerNode = procsPerNode();
    List<Integer> devices = devices(procsPerNode);
    int spares = file.number("spares", 0, MAX_NODES).orElse(0);
    int priority = file.number("priority", -1_000_000, 1_000_000).orElse(0);
    JobSpec.Paths paths = paths();
    Optional<JobSpec.Zero> zero = zero(nodesKnown ? nodes * procsPerNode : 0);
    Map<String, String> env = env(paths);
    JobSpec.Checkpoint checkpoint = checkpoint(paths, file.value("zero").isPresent());
    JobSpec.Restart restart = restart();
    JobSpec.Deadlines deadlines = deadlines();
    Optional<JobSpec.ProgressRules> progress = progress();
    Optional<JobSpec.Preflight> preflight = preflight();
    String warm = warm();
    Optional<String> python =
        file.text(
            "python",
            ABSOLUTE + ", or a bare name such as python3.11",
            text -> isAbsolute(text) || (!text.contains("/") && !text.isBlank()));
    if (!mistakes.isEmpty()) {
      return new Parsed(Optional.empty(), id, inOrder(mistakes));
    }
    var spec =
        new JobSpec(
            name.orElseThrow(),
            script.orElseThrow(),
            args,
            workdir.orElseThrow(),
            nodes,
            procsPerNode,
            devices,
            spares,
            priority,
            zero,
            paths,
            env,
            checkpoint,
            restart,
            deadlines,
            warm,
            python,
            entry,
            pins,
            progress,
            preflight);
    return new Parsed(Optional.of(spec), id, List.of());
  }

  private Optional<String> id() {
    return file.text(
        "id",
        "1 to 80 of a-z, 0-9, '.', '_', '-', starting with a letter or digit",
        text -> {
          try {
            return new JobId(text).value().equals(text);
          } catch (IllegalArgumentException e) {
            return false;
          }
        });
  }

  private JobSpec.Entry entry() {
    return file.mapped(
            "entry",
            "file, module or program",
            text ->
                Arrays.stream(JobSpec.Entry.values())
                    .filter(e -> e.name().toLowerCase(Locale.ROOT).equals(text))
                    .findFirst())
        .orElse(JobSpec.Entry.FILE);
  }

  /** {@code nodes} as a list of names, by node rank. */
  private List<NodeId> pins() {
    if (!(file.value("nodes").orElse(null) instanceof Sequence list) || list.items().isEmpty()) {
      return List.of();
    }
    var pins = new LinkedHashSet<NodeId>();
    for (YamlValue item : list.items()) {
      Optional<String> name = Fields.word(item, Fields.MAX_TEXT_CHARS);
      try {
        if (name.isPresent() && !pins.add(new NodeId(name.get()))) {
          file.mistake(item.mark(), "nodes", "names " + name.get() + " twice");
        }
      } catch (IllegalArgumentException e) {
        name = Optional.empty();
      }
      if (name.isEmpty()) {
        file.wrong(item, "nodes", "a number, or a list of the names of nodes");
      }
    }
    return List.copyOf(pins);
  }

  private Optional<String> script(Optional<String> workdir, JobSpec.Entry entry) {
    if (entry == JobSpec.Entry.MODULE) {
      return file.text("script", "a module, as in package.train", m -> MODULE.matcher(m).matches());
    }
    Optional<String> script =
        file.text(
            "script", "a path, absolute or relative to workdir", s -> !s.isBlank() && isOneLine(s));
    return script.map(
        path ->
            isAbsolute(path)
                ? path
                : workdir.map(dir -> dir.replaceAll("/+$", "")).orElse("") + "/" + path);
  }

  private int procsPerNode() {
    return file.mapped(
            "procsPerNode",
            "auto or a whole number from 1 to " + MAX_PROCS_PER_NODE,
            text ->
                text.equals("auto")
                    ? Optional.of(0)
                    : Fields.wholeNumber(text, 1, MAX_PROCS_PER_NODE))
        .orElse(0);
  }

  private List<Integer> devices(int procsPerNode) {
    String allowed = "auto or a list of GPU numbers, as in [0, 1]";
    Optional<YamlValue> value = file.value("devices");
    if (value.isEmpty()
        || Fields.word(value.get(), Fields.MAX_TEXT_CHARS).filter("auto"::equals).isPresent()) {
      return List.of();
    }
    if (!(value.get() instanceof Sequence list) || list.items().isEmpty()) {
      file.wrong(value.get(), "devices", allowed);
      return List.of();
    }
    var devices = new LinkedHashSet<Integer>();
    for (YamlValue item : list.items()) {
      Optional<Integer> device =
          Fields.word(item, Fields.MAX_TEXT_CHARS)
              .flatMap(text -> Fields.wholeNumber(text, 0, MAX_PROCS_PER_NODE - 1));
      if (device.isEmpty()) {
        file.wrong(item, "devices", "GPU numbers from 0 to " + (MAX_PROCS_PER_NODE - 1));
      } else if (!devices.add(device.get())) {
        file.mistake(item.mark(), "devices", "names GPU " + device.get() + " twice");
      }
    }
    if (procsPerNode > list.items().size()) {
      file.mistake(
          list.mark(),
          "devices",
          "must name at least procsPerNode = "
              + procsPerNode
              + " GPUs, found: "
              + list.items().size());
    }
    return List.copyOf(devices);
  }

  private Optional<JobSpec.Zero> zero(int worldSize) {
    String argument =
        file.text(
                "zeroArgument",
                "the script's argument that takes the file, as in --deepspeed",
                text -> ARGUMENT.matcher(text).matches())
            .orElse(defaults.zeroArgument());
    Optional<YamlValue> value = file.value("zero");
    if (value.isEmpty()) {
      file.value("zeroArgument")
          .ifPresent(found -> file.mistake(found.mark(), "zeroArgument", "is given without zero"));
      return Optional.empty();
    }
    if (value.get() instanceof Mapping config) {
      return inlineZero(config, worldSize, argument);
    }
    Optional<Integer> stage =
        Fields.word(value.get(), Fields.MAX_TEXT_CHARS)
            .flatMap(text -> Fields.wholeNumber(text, 1, 3));
    if (stage.isEmpty() && mistakes.stream().noneMatch(known -> known.field().equals("zero"))) {
      file.wrong(
          value.get(),
          "zero",
          "1, 2, 3 or a DeepSpeed configuration inline (lockstep submit puts the content of a"
              + " file there)");
    }
    return stage.map(number -> new JobSpec.Zero(number, Optional.empty(), argument));
  }

  private Optional<JobSpec.Zero> inlineZero(Mapping config, int worldSize, String argument) {
    int before = mistakes.size();
    Map<String, Object> map = new LinkedHashMap<>();
    for (Mapping.Entry entry : config.entries()) {
      String key = entry.key().text();
      @Nullable Object value = JobDocument.jsonValue(entry.value(), "zero." + key, mistakes);
      if (value != null) {
        map.put(key, value);
      }
    }
    if (mistakes.size() > before) {
      return Optional.empty();
    }
    for (String problem : DeepSpeedConfig.checks(map, worldSize)) {
      file.mistake(markOf(config, problem), "zero", "does not fit: " + problem);
    }
    if (mistakes.size() > before) {
      return Optional.empty();
    }
    String json = ZeroJson.write(map);
    if (json.length() > ZeroJson.MAX_CHARS) {
      file.mistake(
          config.mark(), "zero", "is longer than " + ZeroJson.MAX_CHARS + " characters of JSON");
      return Optional.empty();
    }
    return Optional.of(new JobSpec.Zero(0, Optional.of(json), argument));
  }

  /** The place of the key that a problem begins with. */
  private static Mark markOf(Mapping config, String problem) {
    String key = problem.split("[ .]", 2)[0];
    return config.get(key).map(YamlValue::mark).orElse(config.mark());
  }

  private JobSpec.Paths paths() {
    Fields paths = file.inner("paths", known("paths"));
    return new JobSpec.Paths(
        path(paths, "model"),
        path(paths, "tokenizer"),
        path(paths, "trainFiles"),
        path(paths, "validFiles"),
        path(paths, "output"),
        path(paths, "cache"));
  }

  private static Optional<String> path(Fields paths, String key) {
    return paths.text(key, ABSOLUTE, JobFile::isAbsolute);
  }

  private Map<String, String> env(JobSpec.Paths paths) {
    Optional<YamlValue> value = file.value("env");
    if (value.isEmpty()) {
      return Map.of();
    }
    if (!(value.get() instanceof Mapping mapping)) {
      file.wrong(value.get(), "env", "a mapping of names to values");
      return Map.of();
    }
    if (mapping.entries().size() > MAX_ENV) {
      file.mistake(
          mapping.mark(),
          "env",
          "must have at most " + MAX_ENV + " names, found: " + mapping.entries().size());
      return Map.of();
    }
    var env = new TreeMap<String, String>();
    for (Mapping.Entry entry : mapping.entries()) {
      envEntry(entry, paths).ifPresent(text -> env.put(entry.key().text(), text));
    }
    return env;
  }

  private Optional<String> envEntry(Mapping.Entry entry, JobSpec.Paths paths) {
    String name = entry.key().text();
    String field = "env." + name;
    Mark mark = entry.key().mark();
    if (!ENV_NAME.matcher(name).matches()) {
      file.wrong(entry.key(), field, "a name of letters, digits and '_'");
    } else if (OWNED_ENV.matcher(name).matches()) {
      file.mistake(mark, field, "is set by torchrun or Lockstep; take it out");
    } else if (name.equals("CUDA_VISIBLE_DEVICES")) {
      file.mistake(mark, field, "is set from devices; write devices: [0, 1] instead");
    } else if (pathVariables(paths).contains(name)) {
      file.mistake(mark, field, "is set from paths as well; keep one of them");
    }
    Optional<String> text = Fields.word(entry.value(), MAX_ARG_CHARS);
    if (text.isEmpty()) {
      file.wrong(entry.value(), field, "a word of at most " + MAX_ARG_CHARS + " characters");
    }
    return text;
  }

  private static Set<String> pathVariables(JobSpec.Paths paths) {
    var names = new LinkedHashSet<String>();
    paths.model().ifPresent(path -> names.add("MODEL_PATH"));
    paths.tokenizer().ifPresent(path -> names.add("TOKENIZER_PATH"));
    paths.trainFiles().ifPresent(path -> names.add("TRAIN_FILE_DIR"));
    paths.validFiles().ifPresent(path -> names.add("VALID_FILE_DIR"));
    paths.output().ifPresent(path -> names.add("OUTPUT_DIR"));
    paths.cache().ifPresent(path -> names.add("CACHE_DIR"));
    return names;
  }

  private JobSpec.Checkpoint checkpoint(JobSpec.Paths paths, boolean hasZero) {
    Fields checkpoint = file.inner("checkpoint", known("checkpoint"));
    Optional<String> named = checkpoint.text("dir", ABSOLUTE, JobFile::isAbsolute);
    Optional<CheckpointFormat> format =
        checkpoint.oneOf("format", CheckpointFormat.values(), CheckpointFormat::text);
    Optional<OnExisting> onExisting =
        checkpoint.oneOf("onExisting", OnExisting.values(), OnExisting::text);
    Optional<String> resumeArg =
        checkpoint.text(
            "resumeArg",
            "one argument without spaces (empty: only LOCKSTEP_RESUME_FROM is set)",
            text -> WITHOUT_SPACE.matcher(text).matches());
    boolean isNamed = checkpoint.value("dir").isPresent();
    Optional<String> dir = isNamed ? named : paths.output();
    boolean hasDir =
        isNamed
            || (file.value("paths").orElse(null) instanceof Mapping mapping
                && mapping.get("output").isPresent());
    if (!hasDir && format.isPresent() && format.get() != CheckpointFormat.NONE) {
      checkpoint.mistake(
          checkpoint.mapping().mark(),
          "format",
          "is "
              + format.get().text()
              + ", but no folder is named; give checkpoint.dir or"
              + " paths.output");
    }
    CheckpointFormat unsaid =
        !hasDir
            ? CheckpointFormat.NONE
            : hasZero ? CheckpointFormat.HF_DEEPSPEED : CheckpointFormat.HF;
    return new JobSpec.Checkpoint(
        format.orElse(unsaid) == CheckpointFormat.NONE && !isNamed ? Optional.empty() : dir,
        isNamed,
        Optional.of(resumeArg.orElse(defaults.resumeArg())).filter(text -> !text.isEmpty()),
        format.orElse(unsaid),
        onExisting.orElse(OnExisting.AUTO),
        checkpoint.number("keep", 0, JobSpec.Checkpoint.MAX_KEEP).orElse(0),
        checkpoint.oneOf("onResize", OnResize.values(), OnResize::text),
        limit(checkpoint, "onStop", JobSpec.Checkpoint.ON_STOP, Duration.ZERO, MAX_ON_STOP),
        limit(
            checkpoint, "convert", JobSpec.Checkpoint.CONVERT, Duration.ofSeconds(1), MAX_CONVERT));
  }

  /** Empty where the file does not say, so that an older job reads alike. */
  private static Optional<Duration> limit(
      Fields fields, String key, Duration unsaid, Duration min, Duration max) {
    Duration said = fields.duration(key, unsaid, min, max);
    return fields.value(key).isPresent() ? Optional.of(said) : Optional.empty();
  }

  private JobSpec.Restart restart() {
    JobSpec.Restart unsaid = defaults.restart();
    Fields restart = file.inner("restart", known("restart"));
    Fields backoff = restart.inner("backoff", known("backoff"));
    int max = restart.number("max", 0, 1_000_000).orElse(unsaid.max());
    Duration window =
        restart.duration("window", unsaid.window(), Duration.ofSeconds(1), Durations.MAX);
    Duration initial = upTo(backoff, "initial", unsaid.backoffInitial());
    Duration longest = upTo(backoff, "max", unsaid.backoffMax());
    if (longest.compareTo(initial) < 0) {
      if (backoff.value("max").isPresent()) {
        backoff.mistake(
            backoff.value("max").orElseThrow().mark(),
            "max",
            "must be at least backoff.initial = "
                + Durations.text(initial)
                + ", found: "
                + Durations.text(longest));
      }
      longest = initial;
    }
    return new JobSpec.Restart(max, window, initial, longest);
  }

  private JobSpec.Deadlines deadlines() {
    JobSpec.Deadlines unsaid = defaults.deadlines();
    Fields deadlines = file.inner("deadlines", known("deadlines"));
    return new JobSpec.Deadlines(
        upTo(deadlines, "prepare", unsaid.prepare()),
        upTo(deadlines, "start", unsaid.start()),
        upTo(deadlines, "firstStep", unsaid.firstStep()),
        upTo(deadlines, "noProgress", unsaid.noProgress()),
        deadlines.duration("lease", unsaid.lease(), MIN_LEASE, MAX_LEASE),
        Optional.of(upTo(deadlines, "place", unsaid.place().orElse(Duration.ZERO)))
            .filter(limit -> !limit.isZero()));
  }

  private Optional<JobSpec.ProgressRules> progress() {
    Fields progress = file.inner("progress", known("progress"));
    if (file.value("progress").isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(
        new JobSpec.ProgressRules(
            progress.text("step", STEP_RULE, JobFile::isStepRule),
            progress.number("factor", 2, 1_000).orElse(JobSpec.ProgressRules.FACTOR),
            progress.duration(
                "floor", JobSpec.ProgressRules.FLOOR, Duration.ofSeconds(1), Durations.MAX)));
  }

  private Optional<JobSpec.Preflight> preflight() {
    return file.inner("preflight", known("preflight"))
        .mapped("gpuMemoryHeld", MEMORY, JobFile::mebibytes)
        .map(JobSpec.Preflight::new);
  }

  private static Optional<Integer> mebibytes(String text) {
    Matcher found = MEBIBYTES.matcher(text);
    return Optional.of(found)
        .filter(Matcher::matches)
        .map(m -> Long.parseLong(m.group(1)) << (text.endsWith("GiB") ? 10 : 0))
        .filter(mib -> mib <= JobSpec.Preflight.MAX_MIB)
        .map(Long::intValue);
  }

  /** Python reads it; what Java can read too is near enough to refuse mistakes at the door. */
  private static boolean isStepRule(String text) {
    try {
      int groups = Pattern.compile(text).matcher("").groupCount();
      return text.length() <= MAX_STEP_RULE_CHARS && groups >= 1 && groups <= 2;
    } catch (PatternSyntaxException e) {
      return false;
    }
  }

  private static Duration upTo(Fields fields, String key, Duration unsaid) {
    return fields.duration(key, unsaid, Duration.ZERO, Durations.MAX);
  }

  private String warm() {
    String allowed = "auto, off or a list of Python modules";
    if (file.value("warm").orElse(null) instanceof Sequence) {
      List<String> modules = file.words("warm", 100, 200).orElse(List.of());
      if (modules.isEmpty() || !modules.stream().allMatch(m -> MODULE.matcher(m).matches())) {
        file.wrong(file.value("warm").orElseThrow(), "warm", allowed);
      }
      return String.join(",", modules);
    }
    return file.text("warm", allowed, text -> text.equals("auto") || text.equals("off"))
        .orElse("auto");
  }

  private static boolean isAbsolute(String path) {
    return path.startsWith("/") && isOneLine(path);
  }

  private static boolean isOneLine(String text) {
    return text.chars().noneMatch(Character::isISOControl);
  }

  private static Set<String> known(String mapping) {
    return KEYS.getOrDefault(mapping, Set.of());
  }

  private static Set<String> keys(String... keys) {
    return java.util.Collections.unmodifiableSet(new LinkedHashSet<>(List.of(keys)));
  }

  /** In the order of the text, what has no place last. */
  private static List<Mistake> inOrder(List<Mistake> mistakes) {
    List<Mistake> sorted =
        mistakes.stream()
            .distinct()
            .sorted(
                Comparator.comparingInt((Mistake m) -> m.line() == 0 ? Integer.MAX_VALUE : m.line())
                    .thenComparingInt(Mistake::column))
            .toList();
    if (sorted.size() <= MAX_MISTAKES) {
      return sorted;
    }
    var shortened = new ArrayList<>(sorted.subList(0, MAX_MISTAKES));
    shortened.add(
        new Mistake(0, 0, "", "and " + (sorted.size() - MAX_MISTAKES) + " more mistakes"));
    return shortened;
  }
}
