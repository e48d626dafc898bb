package io.lockstep.deploy.run;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Counts how often the caller asked to stop (Ctrl-C, TERM, HUP). By reflection, since the JDK's
 * signals are in a module that javac warns of.
 */
final class Signals {
  private static final List<String> NAMES = List.of("INT", "TERM", "HUP");

  private final AtomicInteger asked = new AtomicInteger();

  /** Takes the signals from the JVM, which would end at once. */
  static Signals install() {
    var signals = new Signals();
    try {
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> handler = Class.forName("sun.misc.SignalHandler");
      InvocationHandler count =
          (proxy, method, args) ->
              switch (method.getName()) {
                case "handle" -> signals.asked.incrementAndGet();
                case "hashCode" -> System.identityHashCode(proxy);
                case "equals" -> args != null && proxy == args[0];
                default -> "lockstep run";
              };
      Object counter =
          Proxy.newProxyInstance(Signals.class.getClassLoader(), new Class<?>[] {handler}, count);
      for (String name : NAMES) {
        Object one = signal.getConstructor(String.class).newInstance(name);
        signal.getMethod("handle", signal, handler).invoke(null, one, counter);
      }
    } catch (ReflectiveOperationException | IllegalArgumentException e) {
      throw new IllegalStateException("this JVM lets nobody handle signals", e);
    }
    return signals;
  }

  /** How often so far. */
  int asked() {
    return asked.get();
  }
}
