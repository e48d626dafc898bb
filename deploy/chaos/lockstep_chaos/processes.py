"""Owns finding and signalling the processes of the hosts; all are in the box's own process namespace."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

AKKA_PORT = 25520
KILL_SECONDS = 20
_MARK = "LOCKSTEP_GROUP="


@dataclass(frozen=True)
class Found:
    """A living process of a worker group."""

    pid: int
    kind: str  # shim, guard, preload, torchrun or worker
    state: str  # as in /proc/PID/stat


def of_group(address: str) -> list[Found]:
    """Processes of worker groups on this host."""
    mark = f"{_MARK}{address}:{AKKA_PORT}/"
    found, shims = [], set()
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
        environment = _words(pid, "environ")
        state, parent = stat(pid)
        if state in "ZX" or not any(entry.startswith(mark) for entry in environment):
            continue
        line = " ".join(_words(pid, "cmdline"))
        if "preload.py" in line:  # in the shim's folder
            kind = "preload"
        elif "lockstep_shim" in line:
            kind = "guard" if parent in shims else "shim"
            shims.add(pid)
        elif "torch.distributed.run" in line:
            kind = "torchrun"
        else:
            kind = "worker"
        found.append(Found(pid, kind, state))
    return found


def is_alive(pid: int) -> bool:
    """Exists and is no zombie."""
    return stat(pid)[0] not in "ZX"


def send(number: int, *pids: int) -> None:
    """Sends a signal to each that is still there."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def kill_all(address: str) -> None:
    """Ends every process of worker groups on this host, as the death of the host does."""
    give_up = time.monotonic() + KILL_SECONDS
    while left := of_group(address):
        send(signal.SIGKILL, *(one.pid for one in left))
        if time.monotonic() > give_up:
            raise RuntimeError(f"processes of {address} outlive SIGKILL for {KILL_SECONDS} s: {left}")
        time.sleep(0.02)


def stat(pid: int) -> tuple[str, int]:
    """State and parent of a process; X when there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return "X", 0
    state, parent = text[text.rfind(")") + 2 :].split()[:2]
    return state, int(parent)


def cpu_seconds(pid: int) -> float:
    """User and system time since it began."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _words(pid: int, file: str) -> list[str]:
    try:
        return Path(f"/proc/{pid}/{file}").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return []
