"""Owns the second life of a lease: a small process that ends the group when its shim cannot (A17)."""

from __future__ import annotations

import ctypes
import mmap
import os
import selectors
import signal
import time
from dataclasses import dataclass

from lockstep_shim import procfs
from lockstep_shim.lease import clock
from lockstep_shim.procfs import ProcessId
from lockstep_shim.tree import SCAN_INTERVAL_SECONDS, TreeEnd, TreeScan

LOOK_SECONDS = 0.05
# The shim goes first: it knows how its group ends and can report it.
SHIM_FIRST_SECONDS = 0.25
LATE_SECONDS = 6.0


class _Fields(ctypes.Structure):
    """Each is stored and read in one aligned word: struct.pack_into clears the bytes first, which the other may see."""

    _fields_ = [("deadline", ctypes.c_double), ("beat", ctypes.c_double), ("done", ctypes.c_uint64)]


class Shared:
    """What shim and guard tell each other; memory, so that a frozen one holds up nobody."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, ctypes.sizeof(_Fields))
        self._fields = _Fields.from_buffer(self._memory)

    def set_deadline(self, at: float) -> None:
        """The shim: the lease ends then, in seconds of `clock()`."""
        self._fields.deadline = at

    @property
    def deadline(self) -> float:
        """When the lease ends; 0 before there is one."""
        return float(self._fields.deadline)

    def beat(self, at: float) -> None:
        """The guard: it looked then."""
        self._fields.beat = at

    @property
    def last_beat(self) -> float:
        """When the guard looked last."""
        return float(self._fields.beat)

    def set_done(self) -> None:
        """The shim: the tree is gone, there is nothing left to guard."""
        self._fields.done = 1

    @property
    def is_done(self) -> bool:
        """Whether the guard may go."""
        return bool(self._fields.done)


@dataclass
class Guard:
    """The shim's side."""

    id: ProcessId
    shared: Shared

    def is_late(self, now: float) -> bool:
        """Whether it has not looked for so long that it must be frozen."""
        return now - self.shared.last_beat > LATE_SECONDS

    def is_gone(self) -> bool:
        """Whether it ended before its time."""
        return procfs.is_gone(self.id)


def fork(marker: str, shim: ProcessId, launcher: ProcessId) -> Guard:
    """Starts the guard; to be called before the shim has threads, or children of the fence."""
    shared = Shared()
    shared.beat(clock())
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = _serve(marker, shim, launcher, shared)
        finally:
            os._exit(status)
    found = procfs.read_process(pid)
    if found is None:
        raise OSError("the guard of the lease ended at once")
    return Guard(found.id, shared)


def _serve(marker: str, shim: ProcessId, launcher: ProcessId, shared: Shared) -> int:
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    nothing = os.open("/dev/null", os.O_RDWR)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) != nothing:
            _close(int(name))
    os.dup2(nothing, 0)
    watch = _watch(shim)
    over_since: float | None = None  # seen by this process: after a thaw the shim is given its moment, too
    while True:
        now = clock()
        shared.beat(now)
        if shared.is_done:
            return 0
        gone = procfs.is_gone(shim) and not shared.is_done
        is_over = 0 < shared.deadline <= now
        over_since = (over_since or now) if is_over else None
        if gone or (over_since is not None and now - over_since >= SHIM_FIRST_SECONDS):
            _say(f"the {'shim is gone' if gone else 'lease is over and the shim is late'}: ends {marker}")
            _end(marker, shim, launcher)
            return 0
        watch.select(LOOK_SECONDS)


def _watch(shim: ProcessId) -> selectors.BaseSelector:
    """Wakes as soon as the shim is gone, where the kernel can tell."""
    selector = selectors.DefaultSelector()
    try:
        selector.register(os.pidfd_open(shim.pid), selectors.EVENT_READ)
    except (AttributeError, OSError):
        pass
    return selector


def _end(marker: str, shim: ProcessId, launcher: ProcessId) -> None:
    """Ends the shim, so that it cannot start anything, and whatever is below it or carries the mark."""
    below = TreeScan(shim, os.fsencode(marker), frozenset({launcher, procfs.own_id()}))
    members = below.living()  # while the shim is there: its children are its own until then
    for member in (shim, *(process.id for process in members)):
        procfs.send_signal(member, signal.SIGKILL)
    end = TreeEnd(below, time.monotonic())
    while not end.step(time.monotonic()):
        time.sleep(SCAN_INTERVAL_SECONDS)


def _close(fd: int) -> None:
    try:
        os.close(fd)
    except OSError:
        return


def _say(text: str) -> None:
    try:
        os.write(2, f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} guard: {text}\n".encode())
    except OSError:
        return
