"""Owns ending a process tree and proving that nothing of it is left."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field
from typing import Any, Protocol

from lockstep_shim import procfs
from lockstep_shim.procfs import Process, ProcessId
from lockstep_shim.spec import MARKER_NAME

SCAN_INTERVAL_SECONDS = 0.020
EMPTY_SCANS_NEEDED = 2
KILL_LIMIT_SECONDS = 10.0
MAX_LEFTOVERS_REPORTED = 64


@dataclass(frozen=True)
class TreeScan:
    """Finds what belongs to a group: descendants of the root, and whoever carries the marker."""

    root: ProcessId
    marker: bytes
    spared: frozenset[ProcessId] = frozenset()

    def living(self) -> list[Process]:
        """All members that are not gone, without the root."""
        processes = procfs.all_processes()
        members = self._descendants(processes)
        for process in processes.values():
            if process.id.pid not in members and self._carries_marker(process):
                members.add(process.id.pid)
        found = [processes[pid] for pid in members]
        return [p for p in found if not p.is_gone and p.id != self.root and p.id not in self.spared]

    def _descendants(self, processes: dict[int, Process]) -> set[int]:
        children: dict[int, list[int]] = {}
        for process in processes.values():
            children.setdefault(process.parent, []).append(process.id.pid)
        found: set[int] = set()
        pending = list(children.get(self.root.pid, []))
        while pending:
            pid = pending.pop()
            if pid not in found:
                found.add(pid)
                pending.extend(children.get(pid, []))
        return found

    def _carries_marker(self, process: Process) -> bool:
        # The marker is younger than the root; and reading the environment of a process that is stuck in the kernel
        # with its memory locked would hang us too, so no stranger is read that need not be.
        if process.id.start_time < self.root.start_time or process.is_gone:
            return False
        if procfs.owner(process.id.pid) != os.getuid():
            return False
        return procfs.environment(process.id.pid).get(MARKER_NAME.encode()) == self.marker


class Scan(Protocol):
    """Finds what is to end."""

    def living(self) -> list[Process]:
        """All members that are not gone, without whoever asks."""


@dataclass
class TreeEnd:
    """Kills what a scan finds, until two scans in a row find nobody or the limit is reached."""

    scan: Scan
    began: float
    limit_seconds: float = KILL_LIMIT_SECONDS
    gone: bool | None = None
    left: list[Process] = field(default_factory=list)

    def step(self, now: float) -> bool:
        """Scans and kills; True when it is over. Call again after SCAN_INTERVAL_SECONDS, and reap in between."""
        if self.gone is not None:
            return True
        for _ in range(EMPTY_SCANS_NEEDED):  # at once: what was forked while a scan went by is there for the next one
            self.left = self.scan.living()
            if self.left:
                break
        else:
            self.gone = True
            return True
        if now - self.began > self.limit_seconds:
            self.gone = False
            return True
        for process in self.left:
            procfs.send_signal(process.id, signal.SIGKILL)
        return False

    def leftovers(self) -> list[dict[str, Any]]:
        """Who is still there although it was killed (in uninterruptible sleep, as a rule)."""
        return [{"pid": p.id.pid, "state": p.state, "command": p.command} for p in self.left[:MAX_LEFTOVERS_REPORTED]]
