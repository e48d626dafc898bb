package io.lockstep.agent.host;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.agent.Jobs;
import io.lockstep.agent.process.GroupFolder;
import io.lockstep.protocol.message.AgentQuery.GroupFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a group left beside its output, and no secret of it. */
final class GroupFilesTest {
  @TempDir Path dir = Path.of("unset");

  @Test
  void theLaunchIsToldWithoutItsSecrets() throws IOException {
    GroupFolder folder = folder();
    Files.writeString(
        folder.spec(),
        """
        {"argv": ["python", "train.py", "--hub_token", "hf_abc", "--api-key=k1", "--tokenizer", "t"],
         "env": {"WANDB_API_KEY": "w1", "HF_TOKEN": "hf_x", "TOKENIZERS_PARALLELISM": "false",
                 "DB": "postgres://me:pw@host/db", "NCCL_DEBUG": "WARN"},
         "cwd": "/data", "localWorldSize": 2, "firstRank": 2}
        """);

    String launch = read(GroupFile.LAUNCH, 2);

    assertThat(launch)
        .doesNotContain("hf_abc", "k1", "w1", "hf_x", "me:pw")
        .contains("\"--tokenizer\"", "\"t\"")
        .contains("--api-key=(left out)", "NCCL_DEBUG", "WARN", "://(left out)@host", "/data")
        .contains("\"TOKENIZERS_PARALLELISM\" : \"false\"");
  }

  @Test
  void namesTellWhatIsASecret() {
    assertThat(
            Redaction.environment(
                Map.of("AWS_SECRET_ACCESS_KEY", "a", "my_password", "b", "PATH", "/bin")))
        .containsEntry("AWS_SECRET_ACCESS_KEY", "(left out)")
        .containsEntry("my_password", "(left out)")
        .containsEntry("PATH", "/bin");
    assertThat(Redaction.arguments(List.of("--push_to_hub_token", "--seed", "42", "auth.py")))
        .containsExactly("--push_to_hub_token", "--seed", "42", "auth.py");
  }

  @Test
  void theErrorFileOfARankIsFoundByItsLocalRank() throws IOException {
    GroupFolder folder = folder();
    Files.writeString(folder.spec(), "{\"firstRank\": 2}");
    Path one = folder.torch().resolve("none_x").resolve("attempt_0").resolve("1");
    Files.createDirectories(one);
    Files.writeString(one.resolve("error.json"), "{\"message\": \"boom\"}");

    assertThat(read(GroupFile.ERROR, 3)).contains("boom");
    assertThat(problem(GroupFile.ERROR, 2)).contains("there is no error file of it here");
    assertThat(problem(GroupFile.REPORT, 2)).contains("there is no report file of it here");
  }

  @Test
  void aFileThatIsTooLargeIsNotRead() throws IOException {
    Files.writeString(folder().report(), "x".repeat(GroupFiles.MAX_BYTES + 1));

    assertThat(problem(GroupFile.REPORT, 0)).contains("at most 1048576 are read");
  }

  @Test
  void noFolderIsNoError() {
    assertThat(problem(GroupFile.REPORT, 0)).contains("no files of attempt");
  }

  private GroupFolder folder() throws IOException {
    GroupFolder folder = GroupFolder.of(dir, Jobs.fence(7));
    Files.createDirectories(folder.torch());
    return folder;
  }

  private LogFiles.Piece piece(GroupFile file, int rank) {
    return new GroupFiles(dir)
        .read(Jobs.fence(7).job(), Jobs.fence(7).attempt(), Optional.of(rank), file, 100_000);
  }

  private String read(GroupFile file, int rank) {
    LogFiles.Piece piece = piece(file, rank);
    assertThat(piece.problem()).isEmpty();
    return new String(piece.data(), StandardCharsets.UTF_8);
  }

  private String problem(GroupFile file, int rank) {
    return piece(file, rank).problem().orElseThrow();
  }
}
