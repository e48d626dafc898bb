package io.lockstep.coordinator.plan;

import java.util.LinkedHashMap;
import java.util.Map;

/** Turns a choice into a DeepSpeed configuration. */
public final class ZeroProposal {
  private ZeroProposal() {}

  /**
   * The shipped configuration of the choice's stage, changed to offload what the choice offloads.
   *
   * @param shipped configuration of that stage
   */
  public static Map<String, Object> of(Advice.Choice choice, Map<String, Object> shipped) {
    var config = new LinkedHashMap<>(shipped);
    Map<String, Object> zero = inner(shipped, "zero_optimization");
    zero.put("offload_optimizer", target(choice.offload().isOptimizer()));
    if (choice.stage() == 3) {
      zero.put("offload_param", target(choice.offload() == Offload.OPTIMIZER_AND_PARAMETERS));
    }
    config.put("zero_optimization", zero);
    if (choice.offload().isOptimizer()) {
      // torch's Adam on the host is far slower than DeepSpeedCPUAdam, which is taken without it
      Map<String, Object> optimizer = inner(shipped, "optimizer");
      Map<String, Object> params = inner(optimizer, "params");
      params.remove("torch_adam");
      optimizer.put("params", params);
      config.put("optimizer", optimizer);
    }
    return config;
  }

  private static Map<String, Object> target(boolean host) {
    var target = new LinkedHashMap<String, Object>();
    target.put("device", host ? "cpu" : "none");
    if (host) {
      target.put("pin_memory", true);
    }
    return target;
  }

  private static Map<String, Object> inner(Map<String, ?> config, String key) {
    var copy = new LinkedHashMap<String, Object>();
    if (config.get(key) instanceof Map<?, ?> found) {
      found.forEach((name, value) -> copy.put(String.valueOf(name), value));
    }
    return copy;
  }
}
