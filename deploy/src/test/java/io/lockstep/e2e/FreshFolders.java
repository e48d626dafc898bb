package io.lockstep.e2e;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * A class that is run again after a failure begins with an empty folder too: the JVM is the same,
 * and a job that finds the checkpoints of the first run has nothing left to train. Registered for
 * every class by {@code META-INF/services}.
 */
public final class FreshFolders implements BeforeAllCallback {
  private static final Set<Class<?>> RUN = ConcurrentHashMap.newKeySet();

  @Override
  public void beforeAll(ExtensionContext context) {
    Class<?> test = context.getRequiredTestClass();
    if (!RUN.add(test)) {
      Installation.folderOf(test).ifPresent(Installation::putAside);
    }
  }
}
