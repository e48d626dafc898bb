"""Owns knowing the workers of this node: finding them below torchrun, and how each one ended."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lockstep_shim import procfs
from lockstep_shim.failure import Exit, exit_of_wait_status
from lockstep_shim.procfs import ProcessId
from lockstep_shim.spec import MARKER_NAME

MAX_SEARCH_DEPTH = 4


@dataclass
class Worker:
    """One training process, from when it was first seen."""

    local_rank: int
    rank: int
    id: ProcessId
    error_file: Path | None
    pidfd: int | None = None
    exited_at: float | None = None
    exit: Exit | None = None
    ended_by_us: bool = False

    @property
    def is_running(self) -> bool:
        """Not seen to have ended."""
        return self.exited_at is None

    @property
    def has_failed(self) -> bool:
        """Known to have ended badly, by itself or by somebody other than this shim."""
        return self.exit is not None and not self.exit.is_success and not self.ended_by_us

    def look(self, now: float, ending: bool) -> bool:
        """Notices the end of this worker, and its status while it is a zombie; True when something is new."""
        if not self.is_running:
            return False
        process = procfs.read_process(self.id.pid)
        if process is None or process.id != self.id:
            self._ended(now, None, ending)
            return True
        if process.is_gone:
            status = process.wait_status
            self._ended(now, exit_of_wait_status(status) if status is not None else None, ending)
            return True
        return False

    def reaped(self, status: int, now: float, ending: bool) -> None:
        """Takes the status that this shim reaped, torchrun being dead: always right."""
        if self.is_running:
            self._ended(now, None, ending)
        if self.exit is None:
            self.exit = exit_of_wait_status(status)

    def signal_group(self, number: signal.Signals) -> None:
        """Signals the worker's process group, as torchrun does; gone already counts as done."""
        process = procfs.read_process(self.id.pid)
        if process is None or process.id != self.id or process.is_gone:
            return
        try:
            if os.getpgid(self.id.pid) == self.id.pid:
                os.killpg(self.id.pid, number)
            else:
                os.kill(self.id.pid, number)
        except (ProcessLookupError, PermissionError):
            return

    def open_pidfd(self) -> int | None:
        """A descriptor that becomes readable at the end; None where the kernel has none, then look() must be polled."""
        try:
            self.pidfd = os.pidfd_open(self.id.pid)
        except (AttributeError, OSError):
            self.pidfd = None
        return self.pidfd

    def to_json(self) -> dict[str, Any]:
        """As status lines and the report show it."""
        return {
            "localRank": self.local_rank,
            "rank": self.rank,
            "pid": self.id.pid,
            "startTime": self.id.start_time,
            "state": "running" if self.is_running else "exited",
            "exitCode": self.exit.code if self.exit else None,
            "signal": self.exit.signal if self.exit else None,
        }

    def _ended(self, now: float, how: Exit | None, ending: bool) -> None:
        self.exited_at = now
        self.exit = how
        self.ended_by_us = ending


def find(torchrun: int, marker: str, first_rank: int, known: Iterable[int], local_world_size: int) -> list[Worker]:
    """Workers below torchrun that are not known yet: processes with LOCAL_RANK and the marker in their environment,
    nearest first. A worker's own children carry both as well, so nothing below a worker is looked at."""
    return find_below([torchrun], marker, first_rank, known, local_world_size)


def find_below(
    roots: Iterable[int], marker: str, first_rank: int, known: Iterable[int], local_world_size: int
) -> list[Worker]:
    """As find(), below any of several processes; one that is like a worker itself was left by a worker."""
    seen = set(known)
    found: list[Worker] = []
    level = [pid for pid in roots if _as_worker(pid, marker, first_rank, local_world_size) is None]
    for _ in range(MAX_SEARCH_DEPTH):
        below = [child for pid in level for child in procfs.children_of(pid)]
        level = []
        for pid in below:
            worker = _as_worker(pid, marker, first_rank, local_world_size)
            if worker is None:
                level.append(pid)
            elif worker.local_rank not in seen:
                seen.add(worker.local_rank)
                found.append(worker)
        if not level:
            break
    return found


def _as_worker(pid: int, marker: str, first_rank: int, local_world_size: int) -> Worker | None:
    process = procfs.read_process(pid)
    environment = procfs.environment(pid)
    local_rank = environment.get(b"LOCAL_RANK", b"")
    if process is None or environment.get(MARKER_NAME.encode()) != os.fsencode(marker) or not local_rank.isdigit():
        return None
    if int(local_rank) >= local_world_size:
        return None
    error_file = environment.get(b"TORCHELASTIC_ERROR_FILE")
    return Worker(
        local_rank=int(local_rank),
        rank=first_rank + int(local_rank),
        id=process.id,
        error_file=Path(os.fsdecode(error_file)) if error_file else None,
    )
