package io.lockstep.coordinator.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;

/**
 * Goes once the way of the common verbs, against answers of its own and for nobody to see, so that
 * bin/lockstep learns which classes a command needs.
 */
final class Rehearsal {
  private static final int CALLS = 2;
  private static final int REQUEST_BYTES = 8_192;
  private static final String REASON =
      "\"reason\":{\"code\":\"ALL_STARTED\",\"message\":\"all run\"}";
  private static final String JOB =
      "{\"id\":\"a-1\",\"name\":\"a\",\"phase\":\"RUNNING\","
          + REASON
          + ",\"attempt\":1,\"restarts\":{\"counted\":0,\"uncounted\":0,\"budget\":10},\"nodes\":1,"
          + "\"procsPerNode\":1,\"rankTable\":[{\"nodeRank\":0,\"node\":\"n\",\"address\":\"n\"}],"
          + "\"progress\":{\"step\":1,\"totalSteps\":2,\"loss\":1.5},\"attempts\":[],\"spareNodes\":[],"
          + "\"waits\":[],\"submittedAt\":\"2026-01-01T00:00:00Z\"}";
  private static final String NODE =
      "{\"node\":\"n\",\"address\":\"n\",\"health\":\"READY\",\"seat\":true,\"coordinator\":true,"
          + "\"procs\":1,\"gpus\":[],\"workerPids\":[],"
          + REASON
          + "}";

  private Rehearsal() {}

  public static void main(String[] args) throws IOException {
    try (var server = new ServerSocket(0, CALLS, InetAddress.getLoopbackAddress())) {
      var answers = new Thread(() -> answer(server), "answers");
      answers.setDaemon(true);
      answers.start();
      String api = "http://127.0.0.1:" + server.getLocalPort();
      var nowhere = new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);
      var terminal =
          new Terminal(
              InputStream.nullInputStream(),
              nowhere,
              nowhere,
              Map.of(Main.API_VARIABLE, api),
              Path.of("").toAbsolutePath(),
              false,
              duration -> {});
      if (Main.run(terminal, "list") != 0 || Main.run(terminal, "nodes") != 0) {
        throw new IOException("the rehearsal failed");
      }
    }
  }

  private static void answer(ServerSocket server) {
    try {
      for (int call = 0; call < CALLS; call++) {
        try (Socket socket = server.accept()) {
          byte[] request = new byte[REQUEST_BYTES];
          int length = Math.max(0, socket.getInputStream().read(request));
          boolean isJobs =
              new String(request, 0, length, StandardCharsets.UTF_8).startsWith("GET /v1/jobs");
          String body = "[" + (isJobs ? JOB : NODE) + "]";
          String head =
              "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
                  + "Content-Length: "
                  + body.length()
                  + "\r\n\r\n";
          socket.getOutputStream().write((head + body).getBytes(StandardCharsets.UTF_8));
        }
      }
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e); // then the command fails too, and nothing is kept
    }
  }
}
