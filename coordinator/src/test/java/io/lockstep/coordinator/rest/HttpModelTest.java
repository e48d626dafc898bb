package io.lockstep.coordinator.rest;

import static org.assertj.core.api.Assertions.assertThat;

import akka.http.impl.util.JavaMapping;
import akka.http.scaladsl.model.Uri;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.RepeatedTest;

/** A daemon that starts while a client asks must not stop half-way: seen once in 46 starts. */
class HttpModelTest {
  private static final Duration LIMIT = Duration.ofSeconds(10);
  private static final int THREADS = 2;

  /** Each time in a new JVM, as a class is made ready once. Without the load half of them stop. */
  @RepeatedTest(5)
  void twoThreadsMayMeetInAkkasUri() throws IOException {
    Process meeting =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Meeting.class.getName())
            .redirectErrorStream(true)
            .start();

    String said = new String(meeting.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

    assertThat(said.strip()).endsWith("both came back");
  }

  /** What a request's thread and that of Akka Management do. */
  static final class Meeting {
    private static final AtomicInteger AT_THE_DOOR = new AtomicInteger();

    private Meeting() {}

    public static void main(String[] unused) throws InterruptedException {
      HttpModel.load();
      Uri asked = Uri.Empty$.MODULE$;
      Thread request = thread(() -> JavaMapping.Uri$.MODULE$.toJava(asked));
      Thread management = thread(() -> akka.http.javadsl.model.Uri.create("/"));
      request.join(LIMIT.toMillis());
      management.join(LIMIT.toMillis());
      boolean stuck = request.isAlive() || management.isAlive();
      System.out.println(stuck ? "each waits for the other" : "both came back");
      Runtime.getRuntime().halt(0);
    }

    private static Thread thread(Runnable work) {
      var thread =
          new Thread(
              () -> {
                AT_THE_DOOR.incrementAndGet();
                while (AT_THE_DOOR.get() < THREADS) {
                  Thread.onSpinWait();
                }
                work.run();
              });
      thread.start();
      return thread;
    }
  }
}
