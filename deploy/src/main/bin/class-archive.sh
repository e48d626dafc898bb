# Sourced by the launchers: classes of an earlier start, ready to be mapped, are a third to half of a start's CPU time.
# One archive for each installation and Java, made once, in the background; LOCKSTEP_CLASS_CACHE=off does without.

# One takes minutes at most: what is older was left by one that was killed, and would keep others from it for ever.
forget_killed_maker() {
  find "$making" -maxdepth 0 -mmin +60 -exec rm -rf {} + 2>/dev/null || :
}

classes=-Xshare:auto
is_making=no

# use_archive KIND: sets classes to the flag that maps the archive; is_making=yes where there is none and it is made now,
# by the launcher's make_archive, which leaves it in $making/jsa.
use_archive() {
  if [ "${LOCKSTEP_CLASS_CACHE:-on}" = off ] || [ -z "${HOME:-}" ]; then
    return
  fi
  cache=${XDG_CACHE_HOME:-$HOME/.cache}/lockstep
  key=$(printf '%s' "$home $java" | cksum)
  archive=$cache/$1-${key%% *}.jsa
  making=$archive.making
  if [ "$archive" -nt "$home/lib" ]; then
    classes=-XX:SharedArchiveFile=$archive
  elif mkdir -p "$cache" 2>/dev/null && forget_killed_maker && mkdir "$making" 2>/dev/null; then
    is_making=yes
    # Nobody's child: this process becomes Java, which waits for none that it does not know.
    (
      (
        trap 'rm -rf "$making"' EXIT
        make_archive && mv -f "$making/jsa" "$archive"
        # those of installations that are gone: the newest few are kept
        ls -t "$cache/$1"-*.jsa | tail -n +4 | xargs rm -f
      ) </dev/null >/dev/null 2>&1 &
    )
  fi
}

# Mapped where it was made for: at another address, as newer JDKs do it, each start writes to every page of it (0.07 s,
# and 40 MB that are this process's own).
archive_flags='-XX:+UnlockDiagnosticVMOptions -XX:ArchiveRelocationMode=0'
