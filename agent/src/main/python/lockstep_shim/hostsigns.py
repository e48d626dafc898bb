"""Owns what the host says of a group's end: the kernel's log and the cgroup's count of processes killed for memory.

Both may be unreadable (no root, a container); then they say nothing. Reading never blocks.
"""

from __future__ import annotations

import os
import re
import time
from collections import deque
from collections.abc import Collection
from pathlib import Path

MAX_SIGNS = 8
MAX_RECORDS = 4_000  # of the kernel's log, the newest since the group began
MAX_READ_SECONDS = 1.0
MAX_RECORD_BYTES = 8_192
MAX_SIGN_CHARACTERS = 500
MAX_EVENTS_BYTES = 4_096

_KMSG = "/dev/kmsg"
_CGROUPS = Path("/sys/fs/cgroup")
_KILLED = re.compile(r"[Oo]ut of memory: Killed process (\d+) ")
_VICTIM = re.compile(r"^oom-kill:.*\btask_memcg=([^,]*),.*\bpid=(\d+)\b")
_FAULT = re.compile(r"NVRM: Xid |\[Hardware Error\]|Uncorrected hardware memory error|EDAC .*\bUE\b")
_COUNT = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)


class HostSigns:
    """Remembers where the log and the count stood when the group began."""

    def __init__(self) -> None:
        self._log = _open_at_end(_KMSG)
        self._cgroup = own_memory_cgroup()
        self._events = events_file(self._cgroup)
        self._kills_before = kills(self._events)

    def close(self) -> None:
        """Lets go of the log."""
        if self._log is not None:
            os.close(self._log)
            self._log = None

    def lines(self, pids: Collection[int], was_killed: bool) -> list[str]:
        """What bears on the end of these processes, newest last.

        A count of the cgroup tells only with a process that was killed: others may live in it.
        """
        signs = of_records(self._records(), pids, self._cgroup)
        count = kills(self._events)
        if was_killed and count is not None and self._kills_before is not None and count > self._kills_before:
            signs.append(f"cgroup: oom_kill {count - self._kills_before} in {self._events} since the group began")
        return signs[-MAX_SIGNS:]

    def _records(self) -> list[str]:
        if self._log is None:
            return []
        records: deque[str] = deque(maxlen=MAX_RECORDS)
        give_up = time.monotonic() + MAX_READ_SECONDS
        while time.monotonic() < give_up:
            try:
                raw = os.read(self._log, MAX_RECORD_BYTES)
            except BrokenPipeError:
                continue  # the oldest were overwritten: the next one is there
            except OSError:
                break  # nothing more
            if not raw:
                break
            records.append(text_of(raw))
        return list(records)


def of_records(records: Collection[str], pids: Collection[int], cgroup: str | None) -> list[str]:
    """The lines that are about these processes, or about the hardware."""
    ours = {str(pid) for pid in pids}
    signs = []
    for text in records:
        victim = _VICTIM.search(text)
        if victim and cgroup not in (None, "/") and victim[1] == cgroup:
            ours.add(victim[2])  # a child of a worker: the line that says so comes next
        killed = _KILLED.search(text)
        if (killed and killed[1] in ours) or _FAULT.search(text):
            signs.append(f"kernel: {text}"[:MAX_SIGN_CHARACTERS])
    return signs


def text_of(record: bytes) -> str:
    """The text of one record of /dev/kmsg, without its head and its properties."""
    _, _, text = record.partition(b";")
    return text.split(b"\n", 1)[0].decode("utf-8", "replace")


def own_memory_cgroup() -> str | None:
    """As /proc/self/cgroup has it: version 1's memory controller, else version 2's."""
    try:
        text = Path("/proc/self/cgroup").read_text(encoding="utf-8")
    except OSError:
        return None
    unified = None
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            return path
        if not controllers:
            unified = path
    return unified


def events_file(cgroup: str | None) -> Path | None:
    """Where the count stands; a container may see its own cgroup as the root of all."""
    if cgroup is None:
        return None
    inside = cgroup.lstrip("/")
    for folder in (_CGROUPS / "memory" / inside, _CGROUPS / inside, _CGROUPS / "memory", _CGROUPS):
        for name in ("memory.oom_control", "memory.events"):
            if kills(folder / name) is not None:
                return folder / name
    return None


def kills(events: Path | None) -> int | None:
    """How many processes of this cgroup the kernel has killed for memory so far."""
    if events is None:
        return None
    try:
        with open(events, encoding="ascii", errors="replace") as file:
            found = _COUNT.search(file.read(MAX_EVENTS_BYTES))
    except OSError:
        return None
    return int(found[1]) if found else None


def _open_at_end(path: str) -> int | None:
    try:
        log = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        os.lseek(log, 0, os.SEEK_END)
    except OSError:
        os.close(log)
        return None
    return log
