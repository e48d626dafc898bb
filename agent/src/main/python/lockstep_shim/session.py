"""Owns ending all processes of a session."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from lockstep_shim import procfs
from lockstep_shim.procfs import Process
from lockstep_shim.tree import SCAN_INTERVAL_SECONDS, TreeEnd


@dataclass(frozen=True)
class SessionScan:
    """Finds who is in a session: compilers in process groups of their own too."""

    session: int

    def living(self) -> list[Process]:
        """Those that are not gone, but for the process that asks."""
        everybody = procfs.all_processes().values()
        return [p for p in everybody if p.session == self.session and p.id.pid != os.getpid() and not p.is_gone]


def end(session: int, limit_seconds: float) -> None:
    """Kills all others in it, and reaps those that are ours."""
    ending = TreeEnd(SessionScan(session), time.monotonic(), limit_seconds)
    while not ending.step(time.monotonic()):
        time.sleep(SCAN_INTERVAL_SECONDS)
        _reap(session)
    _reap(session)


def _reap(session: int) -> None:
    """A subreaper gets those whose parents were killed."""
    for process in procfs.all_processes().values():
        if process.session == session and process.parent == os.getpid() and process.is_gone:
            try:
                os.waitpid(process.id.pid, os.WNOHANG)
            except ChildProcessError:
                continue
