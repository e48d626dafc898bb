"""Owns ending all processes of a session."""

from __future__ import annotations

import os
import signal
import time

from lockstep_shim import procfs
from lockstep_shim.procfs import Process

EMPTY_SCANS_NEEDED = 2
SCAN_INTERVAL_SECONDS = 0.020


def living(session: int) -> list[Process]:
    """Who is in it and not gone, but for the process that asks."""
    everybody = procfs.all_processes().values()
    return [p for p in everybody if p.session == session and p.id.pid != os.getpid() and not p.is_gone]


def end(session: int, limit_seconds: float) -> bool:
    """Kills all others in it, and reaps those that are ours; whether two scans in a row found nobody."""
    give_up = time.monotonic() + limit_seconds
    empty = 0
    while empty < EMPTY_SCANS_NEEDED:
        left = living(session)
        empty = 0 if left else empty + 1
        if left:
            if time.monotonic() >= give_up:
                return False
            for process in left:
                procfs.send_signal(process.id, signal.SIGKILL)
            time.sleep(SCAN_INTERVAL_SECONDS)
        _reap(session)
    return True


def _reap(session: int) -> None:
    """A subreaper gets those whose parents were killed."""
    for process in procfs.all_processes().values():
        if process.session == session and process.parent == os.getpid() and process.is_gone:
            try:
                os.waitpid(process.id.pid, os.WNOHANG)
            except ChildProcessError:
                continue
