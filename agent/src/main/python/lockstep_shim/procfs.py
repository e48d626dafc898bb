"""Owns reading /proc: who lives, who is whose child, how a process ended."""

from __future__ import annotations

import functools
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class ProcessId(NamedTuple):
    """A process that cannot be mistaken for a later one with the same pid (on this boot)."""

    pid: int
    start_time: int  # clock ticks since boot, field 22 of /proc/PID/stat


@dataclass(frozen=True)
class Process:
    """One line of /proc/PID/stat."""

    id: ProcessId
    parent: int
    session: int
    state: str
    threads: int
    wait_status: int | None  # only of a zombie, and only where the kernel shows it
    command: str

    @property
    def is_gone(self) -> bool:
        """A zombie is gone, unless only its first thread has ended."""
        return self.state in "ZX" and self.threads <= 1


@dataclass(frozen=True)
class Usage:
    """What a process has used so far."""

    id: ProcessId
    state: str
    ticks: int  # CPU of all its threads, and of children that it has reaped
    read_bytes: int  # by system calls, whatever the page cache did
    written_bytes: int

    def since(self, before: Usage | None) -> Usage:
        """What it used since an earlier look; all of it when it is new."""
        if before is None:
            return self
        return Usage(
            self.id,
            self.state,
            max(0, self.ticks - before.ticks),
            max(0, self.read_bytes - before.read_bytes),
            max(0, self.written_bytes - before.written_bytes),
        )


def usage(pid: int) -> Usage | None:
    """Looks at what a process has used; I/O is 0 where it may not be read. None when there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            text = file.read()
    except OSError:
        return None
    fields = text[text.rfind(b")") + 2 :].split()
    if len(fields) < 20:
        return None
    found = {}
    try:
        with open(f"/proc/{pid}/io", "rb") as file:
            for line in file:
                name, _, value = line.partition(b":")
                found[name] = int(value)
    except OSError:
        pass
    return Usage(
        id=ProcessId(pid, int(fields[19])),
        state=fields[0].decode("ascii"),
        ticks=sum(int(field) for field in fields[11:15]),
        read_bytes=max(found.get(b"rchar", 0), found.get(b"read_bytes", 0)),
        written_bytes=max(found.get(b"wchar", 0), found.get(b"write_bytes", 0)),
    )


def boot_id() -> str:
    """Names this boot of the host."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def read_process(pid: int) -> Process | None:
    """Looks at one process; None when there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            text = file.read()
    except OSError:
        return None
    # The command stands in parentheses and may contain anything, also parentheses and spaces.
    opening, closing = text.find(b"("), text.rfind(b")")
    fields = text[closing + 2 :].split()
    if opening < 0 or len(fields) < 20:
        return None
    state = fields[0].decode("ascii")
    return Process(
        id=ProcessId(pid, int(fields[19])),
        parent=int(fields[1]),
        session=int(fields[3]),
        state=state,
        threads=int(fields[17]),
        wait_status=int(fields[49]) if state == "Z" and len(fields) > 49 else None,
        command=text[opening + 1 : closing].decode("utf-8", "replace"),
    )


def own_id() -> ProcessId:
    """The process that asks."""
    process = read_process(os.getpid())
    if process is None:
        raise OSError("cannot read /proc/self/stat: mount /proc")
    return process.id


def is_gone(process: ProcessId) -> bool:
    """Whether this very process has ended, whoever has its pid now."""
    found = read_process(process.pid)
    return found is None or found.id != process or found.is_gone


def all_processes() -> dict[int, Process]:
    """Every process that is visible here."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            process = read_process(int(name))
            if process is not None:
                found[process.id.pid] = process
    return found


def environment(pid: int) -> dict[bytes, bytes]:
    """The environment that a process was started with; empty when it cannot be read."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            entries = file.read().split(b"\0")
    except OSError:
        return {}
    return {name: value for name, equals, value in (entry.partition(b"=") for entry in entries) if equals}


def owner(pid: int) -> int | None:
    """The user id of a process."""
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None


def children_of(pid: int) -> list[int]:
    """The direct children of a process."""
    if not _knows_children():
        return [process.id.pid for process in all_processes().values() if process.parent == pid]
    found: list[int] = []
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for task in tasks:
        try:
            with open(f"/proc/{pid}/task/{task}/children", "rb") as file:
                found.extend(int(word) for word in file.read().split())
        except OSError:
            continue  # it ended just now
    return found


@functools.cache
def _knows_children() -> bool:
    """Whether this kernel has CONFIG_PROC_CHILDREN; without it everybody must be looked at."""
    return os.path.exists(f"/proc/self/task/{os.getpid()}/children")


def send_signal(target: ProcessId, number: int) -> bool:
    """Signals exactly this process, never a later one with its pid; gone already counts as done."""
    try:
        fd = os.pidfd_open(target.pid)
    except ProcessLookupError:
        return True
    except (AttributeError, OSError):  # Linux < 5.3, or refused by a seccomp profile
        return _send_by_pid(target, number)
    try:
        process = read_process(target.pid)
        if process is not None and process.id == target:
            signal.pidfd_send_signal(fd, number)
        return True
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    finally:
        os.close(fd)


def _send_by_pid(target: ProcessId, number: int) -> bool:
    process = read_process(target.pid)
    if process is None or process.id != target:
        return True
    try:
        os.kill(target.pid, number)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return True


def sockets_to(port: int) -> set[int]:
    """Inodes of this network's TCP connections to a port, whoever holds them."""
    found: set[int] = set()
    remote = b":%04X" % port
    for name in ("tcp", "tcp6"):
        try:
            with open(f"/proc/self/net/{name}", "rb") as file:
                for line in file:
                    fields = line.split()
                    if len(fields) > 9 and fields[3] == b"01" and fields[2].endswith(remote):
                        found.add(int(fields[9]))
        except OSError:
            continue  # no IPv6 here
    return found


def sockets_of(pid: int) -> set[int]:
    """Inodes of the sockets that a process holds; empty when that may not be read."""
    found: set[int] = set()
    try:
        with os.scandir(f"/proc/{pid}/fd") as entries:
            for entry in entries:
                try:
                    target = os.readlink(entry.path)
                except OSError:
                    continue  # closed just now
                if target.startswith("socket:["):
                    found.add(int(target[8:-1]))
    except OSError:
        pass
    return found
