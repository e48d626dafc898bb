package io.lockstep.coordinator.rest;

import akka.http.javadsl.model.Uri;

/**
 * Makes a class of Akka HTTP ready before two threads need it at once.
 *
 * <p>RATIONALE. In Akka HTTP 10.5.3 {@code javadsl.model.Uri} and the class that implements it
 * initialise each other. When the first request and the start of Akka Management meet there, each
 * thread waits for the other's class for ever: the API is mute, and the daemon gives up its start.
 * Seen in one of 46 starts while a client asked; on one thread it cannot happen.
 */
final class HttpModel {
  private HttpModel() {}

  /** To be called before anything listens. */
  static void load() {
    Uri.create("/");
  }
}
