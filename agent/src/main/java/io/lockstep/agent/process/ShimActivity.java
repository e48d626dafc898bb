package io.lockstep.agent.process;

import com.fasterxml.jackson.databind.JsonNode;
import io.lockstep.protocol.model.GroupActivity;
import io.lockstep.protocol.model.RankActivity;
import java.util.ArrayList;
import java.util.Optional;

/** Translates what the shim says of its workers into the values that the coordinator knows. */
final class ShimActivity {
  private static final int MAX_TOP_CHARACTERS = 200;

  private ShimActivity() {}

  /** Empty where a beat says nothing: of an older shim, or before there are workers. */
  static Optional<GroupActivity> read(JsonNode beat) {
    JsonNode json = beat.path("activity");
    if (!json.isObject()) {
      return Optional.empty();
    }
    var ranks = new ArrayList<RankActivity>();
    for (JsonNode one : json.path("ranks")) {
      ranks.add(
          new RankActivity(
              one.path("rank").asInt(),
              one.path("step").asLong(-1),
              one.path("stillMillis").asLong(),
              one.path("busyPermille").asInt(),
              one.path("state").asText("?"),
              one.path("stepMillis").asLong(0),
              one.path("meanBusyPermille").asInt(0)));
    }
    return Optional.of(
        new GroupActivity(
            json.path("motionMillis").asLong(),
            json.path("lifeMillis").asLong(),
            json.path("gapMillis").asLong(),
            json.path("gaps").asLong(),
            json.path("sawEval").asBoolean(),
            json.path("totalSteps").asLong(),
            ranks.subList(0, Math.min(ranks.size(), GroupActivity.MAX_RANKS)),
            stacks(json.path("stacks"))));
  }

  private static Optional<GroupActivity.Stacks> stacks(JsonNode json) {
    if (!json.isObject()) {
      return Optional.empty();
    }
    var ranks = new ArrayList<GroupActivity.RankStack>();
    for (JsonNode one : json.path("ranks")) {
      ranks.add(
          new GroupActivity.RankStack(
              one.path("rank").asInt(),
              Optional.of(one.path("taken").asText("")).filter(how -> !how.isEmpty()),
              one.path("moved").asBoolean(),
              one.path("waits").asBoolean(),
              cut(one.path("top").asText(""), MAX_TOP_CHARACTERS)));
    }
    return Optional.of(
        new GroupActivity.Stacks(
            json.path("ageMillis").asLong(),
            ranks.subList(0, Math.min(ranks.size(), GroupActivity.MAX_RANKS)),
            cut(json.path("head").asText(""), GroupActivity.MAX_HEAD_CHARACTERS)));
  }

  private static String cut(String text, int most) {
    return text.length() <= most ? text : text.substring(0, most);
  }
}
