"""Owns the mark of a process that lives before its fence is known: written in place where /proc shows it."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping

MARKER_NAME = "LOCKSTEP_GROUP"
ROOM_NAME = "LOCKSTEP_ROOM"
ROOM_BYTES = 32 << 10
TITLE_BYTES = 2_000
# Fields 48 to 51 of /proc/PID/stat, counted from the state.
_ARGUMENTS_START, _ARGUMENTS_END, _ENVIRONMENT_START, _ENVIRONMENT_END = 45, 46, 47, 48


def room(size: int = ROOM_BYTES) -> dict[str, str]:
    """What a process must be started with to be marked later."""
    return {ROOM_NAME: "-" * size}


class Room:
    """A piece of this process's first environment, which the kernel shows in /proc/PID/environ as it is now.

    RATIONALE. Scans know a group's processes by LOCKSTEP_GROUP in /proc/PID/environ, and the kernel reads that from
    the process's own stack. So a process can be marked after its start, by writing there, and whatever it forks from
    then on is born with the mark. No privilege is needed; the result is read back before anybody relies on it.
    """

    def __init__(self) -> None:
        """Takes the room out of the environment, so that nothing points into it. Raises OSError without one."""
        value = os.environ.pop(ROOM_NAME, None)
        if value is None:
            raise OSError(f"this process was started without {ROOM_NAME}")
        start, end = _places()[2:]
        block = ctypes.string_at(start, end - start)
        entry = f"{ROOM_NAME}={value}".encode()
        at = 0 if block.startswith(entry) else block.find(b"\0" + entry) + 1
        if not block.startswith(entry, at):
            raise OSError(f"{ROOM_NAME} is not where /proc/self/stat says")
        self._address = start + at
        self._bytes = len(entry)

    def write(self, marker: str, others: Mapping[str, str]) -> None:
        """Marks this process; of the others, for people, as many as fit. Raises OSError if /proc does not show it."""
        text = f"{MARKER_NAME}={marker}".encode(errors="surrogateescape")
        if len(text) > self._bytes:
            raise OSError(f"the mark {marker} does not fit into {self._bytes} bytes")
        for name, value in others.items():
            entry = f"\0{name}={value}".encode(errors="surrogateescape")
            if name != MARKER_NAME and len(text) + len(entry) <= self._bytes:
                text += entry
        ctypes.memmove(self._address, text.ljust(self._bytes, b"\0"), self._bytes)
        if shown() != marker.encode(errors="surrogateescape"):
            raise OSError(f"/proc/self/environ does not show the mark {marker}")


def show_title(words: list[str]) -> None:
    """What `ps` shows: of a forked process else the command line of the one that it was forked from."""
    start, end = _places()[:2]
    text = " ".join(words).encode(errors="surrogateescape")[: max(0, end - start - 2)]
    # Without the last NUL the kernel takes it for a title and ends it at its first NUL.
    ctypes.memmove(start, text.ljust(end - start - 1, b"\0") + b".", end - start)


def _places() -> tuple[int, int, int, int]:
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    if len(fields) <= _ENVIRONMENT_END:
        raise OSError("/proc/self/stat does not tell where the environment lies (Linux before 3.5)")
    found = tuple(int(fields[at]) for at in (_ARGUMENTS_START, _ARGUMENTS_END, _ENVIRONMENT_START, _ENVIRONMENT_END))
    if not 0 < found[0] < found[1] <= found[2] < found[3]:
        raise OSError(f"/proc/self/stat does not tell where the environment lies: {found}")
    return found  # type: ignore[return-value]


def shown() -> bytes | None:
    """The first mark that a scan reads of this process."""
    with open("/proc/self/environ", "rb") as file:
        for entry in file.read().split(b"\0"):
            name, _, value = entry.partition(b"=")
            if name == MARKER_NAME.encode():
                return value
    return None
