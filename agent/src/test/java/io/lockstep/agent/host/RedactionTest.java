package io.lockstep.agent.host;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class RedactionTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "AZURE_STORAGE_CONNECTION_STRING",
        "DB_PASS",
        "SMTP_PASS",
        "MYSQL_PWD",
        "GITHUB_PAT",
        "BLOB_SAS",
        "HF_TOKEN"
      })
  void namesOfSecretsAreKnown(String name) {
    assertThat(Redaction.environment(Map.of(name, "x1"))).containsEntry(name, Redaction.LEFT_OUT);
  }

  @ParameterizedTest
  @ValueSource(strings = {"PWD", "OLDPWD", "PATH", "COMPASS", "TOKENIZERS_PARALLELISM"})
  void otherNamesStay(String name) {
    assertThat(Redaction.environment(Map.of(name, "x1"))).containsEntry(name, "x1");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "https://a.blob/c?sv=1&sig=S3CRET",
        "https://a/?access_token=S3CRET&x=1",
        "Endpoint=a;AccountKey=S3CRET;x=1",
        "Authorization: Bearer S3CRET",
        "http://u:p@S3CRET@host/x",
        "{\"api_key\": \"S3CRET\"}"
      })
  void valuesThatHoldSecretsLoseThem(String value) {
    assertThat(Redaction.environment(Map.of("URL", value)).get("URL")).doesNotContain("S3CRET");
    assertThat(Redaction.arguments(List.of("--url", value)).get(1)).doesNotContain("S3CRET");
  }

  @Test
  void aValueMayBeginLikeAFlag() {
    assertThat(Redaction.arguments(List.of("--hub_token", "-S3CRET", "--lr", "1")))
        .containsExactly("--hub_token", Redaction.LEFT_OUT, "--lr", "1");
  }
}
