# Sourced by the launchers: sets java, or says what is missing and exits.

# Java reads file names and arguments by the locale, and a host without one (systemd, ssh, a container) takes ASCII
# alone: no path in Chinese could be opened. Python does the same for itself (PEP 538).
case ${LC_ALL:-${LC_CTYPE:-${LANG:-}}} in
  '' | C | POSIX)
    export LC_CTYPE=C.UTF-8
    [ -z "${LC_ALL:-}" ] || export LC_ALL=C.UTF-8
    ;;
esac
oldest_java=17

if [ -n "${JAVA_HOME:-}" ]; then
  java=$JAVA_HOME/bin/java
  [ -x "$java" ] || { echo "$(basename "$0"): JAVA_HOME=$JAVA_HOME has no bin/java; correct or unset it" >&2; exit 1; }
else
  java=$(command -v java) || { echo "$(basename "$0"): no Java found; install $oldest_java or newer, or set JAVA_HOME" >&2; exit 1; }
fi

# A JDK says its version in a file, which spares the start of a JVM.
java_folder=$(dirname "$(dirname "$(readlink -f "$java")")")
if [ -r "$java_folder/release" ]; then
  java_version=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$java_folder/release")
else
  java_version=$("$java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')
fi
case $java_version in
  '' | *[!0-9]*) ;;
  *)
    if [ "$java_version" -lt "$oldest_java" ]; then
      echo "$(basename "$0"): $java is Java $java_version; $oldest_java or newer is needed, set JAVA_HOME" >&2
      exit 1
    fi
    ;;
esac
