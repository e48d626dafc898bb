"""Owns looking what the workers are doing: stacks by py-spy, else by faulthandler where the worker armed it.

Each rank is looked at twice, so that one that goes on is told from one that stands still. Bounded in time and size;
the files stay in the group's folder, the head of their text goes to the coordinator.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lockstep_shim import procfs
from lockstep_shim.procfs import ProcessId

# Nobody else's: glibc keeps the first two real-time signals for itself, libraries take them from the low end.
STACK_SIGNAL = signal.SIGRTMAX - 2
PAUSE_SECONDS = 2.0
PY_SPY_LIMIT_SECONDS = 4.0
FAULTHANDLER_LIMIT_SECONDS = 1.0
# For all ranks of a node together; the coordinator waits 20 s.
TOTAL_LIMIT_SECONDS = 14.0
AGAIN_AFTER_SECONDS = 20.0
MAX_LOOKS = 20
MAX_DUMP_BYTES = 256 << 10
MAX_HEAD_CHARACTERS = 3_000
MAX_HEAD_LINES_PER_RANK = 40
MAX_RANKS_TOLD = 16
# Where the main thread of a rank is when it waits for the others.
_COLLECTIVE = re.compile(
    r"distributed_c10d\.py|deepspeed/comm|c10d_logger\.py|torch/distributed/(tensor|nn|fsdp|_functional)"
    r"|\b(all_reduce|all_gather\w*|reduce_scatter\w*|barrier|broadcast|monitored_barrier)\b"
)
_THREAD = re.compile(r"^(?:Current thread|Thread) ", re.MULTILINE)


@dataclass(frozen=True)
class _Dump:
    how: str | None
    text: str

    @property
    def main_thread(self) -> str:
        """Its frames alone, innermost first."""
        if self.how == "py-spy":
            main = [block for block in _blocks(self.text) if '"MainThread"' in block.split("\n", 1)[0]]
            return _frames(main[0]) if main else ""
        blocks = _blocks(self.text)
        return _frames(blocks[-1]) if blocks else ""  # faulthandler shows the main thread last


def _blocks(text: str) -> list[str]:
    starts = [found.start() for found in _THREAD.finditer(text)]
    ends = [*starts[1:], len(text)]
    return [text[start:end] for start, end in zip(starts, ends)]  # noqa: B905, where there is none, ends has one


def _frames(block: str) -> str:
    return "\n".join(line.strip() for line in block.split("\n")[1:] if line.strip())


class Stacks:
    """Takes stacks on a thread of its own: the loop that renews the lease never waits for it."""

    def __init__(self, folder: Path, python: str, path: str, wake: Callable[[], None]) -> None:
        """Looks for py-spy beside the workers' Python, then on their PATH."""
        self._folder = folder
        self._py_spy = _find_py_spy(python, path)
        self._wake = wake
        self._thread: threading.Thread | None = None
        self._ended_at: float | None = None
        self._looks = 0
        self._result: dict[str, Any] | None = None

    def take(self, trainers: Mapping[int, ProcessId], now: float) -> bool:
        """Begins to look; False while it looks, shortly after, and when it looked often enough."""
        if self._thread is not None and self._thread.is_alive():
            return False
        if self._ended_at is not None and now - self._ended_at < AGAIN_AFTER_SECONDS:
            return False
        if self._looks >= MAX_LOOKS:
            return False
        self._looks += 1
        self._thread = threading.Thread(target=self._look, args=(dict(trainers), self._looks), daemon=True)
        self._thread.start()
        return True

    def to_json(self, now: float) -> dict[str, Any] | None:
        """What was found last; None before."""
        if self._result is None or self._ended_at is None:
            return None
        return {**self._result, "ageMillis": max(0, round((now - self._ended_at) * 1_000))}

    # --- on its own thread -----------------------------------------------------------------------------------------

    def _look(self, trainers: dict[int, ProcessId], number: int) -> None:
        try:
            self._look_twice(trainers, number)
        except Exception as error:  # what is found in /proc may be anything; the verdict must not wait for it
            self._result = {"ranks": [], "head": f"stacks could not be taken: {type(error).__name__}: {error}"}
        self._ended_at = time.monotonic()
        self._wake()

    def _look_twice(self, trainers: dict[int, ProcessId], number: int) -> None:
        give_up = time.monotonic() + TOTAL_LIMIT_SECONDS
        first = {rank: self._dump(rank, process, give_up) for rank, process in trainers.items()}
        time.sleep(max(0.0, min(PAUSE_SECONDS, give_up - time.monotonic())))
        second = {rank: self._dump(rank, process, give_up) for rank, process in trainers.items()}
        ranks, texts = [], []
        for rank in sorted(trainers):
            one, two = first[rank], second[rank]
            latest = two if two.how else one
            main = latest.main_thread
            ranks.append(
                {
                    "rank": rank,
                    "taken": latest.how,
                    "moved": bool(one.how and one.how == two.how and one.main_thread != two.main_thread),
                    "waits": bool(_COLLECTIVE.search("\n".join(main.split("\n")[:8]))),
                    "top": main.split("\n", 1)[0],
                }
            )
            state = procfs.read_process(trainers[rank].pid)
            title = f"rank {rank}, pid {trainers[rank].pid}, state {state.state if state else 'gone'}"
            texts.append((f"{title}{_kernel(trainers[rank].pid)}", latest, one if ranks[-1]["moved"] else None))
            self._keep(rank, number, title, (one, two))
        # a stopped or idle rank first: the head is all that people see at once
        self._result = {"ranks": ranks[:MAX_RANKS_TOLD], "head": _head(texts)}

    def _keep(self, rank: int, number: int, title: str, dumps: Sequence[_Dump]) -> None:
        text = f"{title}\n\n" + "\n\n".join(f"{dump.how or 'not taken'}:\n{dump.text}" for dump in dumps)
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            path = self._folder / f"rank-{rank}.{number}.txt"
            path.write_bytes(text.encode(errors="replace")[:MAX_DUMP_BYTES])
        except OSError:
            return  # a full disk: the head is told all the same

    def _dump(self, rank: int, process: ProcessId, give_up: float) -> _Dump:
        left = give_up - time.monotonic()
        if left <= 0:
            return _Dump(None, "no time was left")
        if procfs.is_gone(process):
            return _Dump(None, "it has ended")
        why = "py-spy is not installed beside the workers' Python"
        if self._py_spy is not None:
            done = _run_py_spy(self._py_spy, process.pid, min(left, PY_SPY_LIMIT_SECONDS))
            if done.how:
                return done
            why = done.text
        by_signal = self._by_signal(
            rank, process, min(max(0.0, give_up - time.monotonic()), FAULTHANDLER_LIMIT_SECONDS)
        )
        return by_signal if by_signal.how else _Dump(None, f"{why}; {by_signal.text}")

    def _by_signal(self, rank: int, process: ProcessId, seconds: float) -> _Dump:
        path = armed_file(self._folder, rank)
        if not path.exists() or not catches(process.pid):
            return _Dump(None, "faulthandler was not armed (only workers of a warm start have it)")
        before = path.stat().st_size
        if before > MAX_DUMP_BYTES:
            return _Dump(None, f"{path} is full")
        if not procfs.send_signal(process, STACK_SIGNAL):
            return _Dump(None, "the signal for faulthandler was refused")
        end = time.monotonic() + seconds
        size = before
        while time.monotonic() < end:
            time.sleep(0.05)
            now = path.stat().st_size
            if now > before and now == size:
                break
            size = now
        if size == before:
            return _Dump(None, "faulthandler did not answer: the process is stopped, or waits in the kernel")
        with open(path, "rb") as file:
            file.seek(before)
            return _Dump("faulthandler", file.read(MAX_DUMP_BYTES).decode("utf-8", "replace"))


def armed_file(folder: Path, rank: int) -> Path:
    """Where a worker's faulthandler writes."""
    return folder / f"faulthandler-{rank}.txt"


def catches(pid: int) -> bool:
    """Whether a process has a handler for our signal: without one it would die of it."""
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            for line in file:
                if line.startswith(b"SigCgt:"):
                    return bool(int(line.split()[1], 16) >> (STACK_SIGNAL - 1) & 1)
    except OSError:
        return False
    return False


def _find_py_spy(python: str, path: str) -> str | None:
    program = shutil.which(python, path=path) or python
    return shutil.which("py-spy", path=os.path.dirname(program)) or shutil.which("py-spy", path=path)


def _run_py_spy(program: str, pid: int, seconds: float) -> _Dump:
    """Does not stop the process for it, and asks for no more rights than this user has."""
    try:
        done = subprocess.run(
            [program, "dump", "--nonblocking", "--pid", str(pid)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return _Dump(None, f"py-spy did not answer within {seconds:.0f} s")
    except OSError as error:
        return _Dump(None, f"py-spy could not be run: {error}")
    text = done.stdout[:MAX_DUMP_BYTES].decode("utf-8", "replace")
    # the shim reaps every child of its own, so the exit code may be lost: the text tells
    if "Thread " in text:
        return _Dump("py-spy", text)
    return _Dump(None, "py-spy failed: " + " ".join(text.split())[:300])


def _kernel(pid: int) -> str:
    """Where the kernel has it, as far as this user may know."""
    try:
        with open(f"/proc/{pid}/wchan", "rb") as file:
            where = file.read(200).decode("ascii", "replace").strip("\0 0")
    except OSError:
        return ""
    return f", in the kernel at {where}" if where else ""


def _head(texts: Sequence[tuple[str, _Dump, _Dump | None]]) -> str:
    parts = []
    room = MAX_HEAD_CHARACTERS
    for title, dump, before in sorted(texts, key=lambda text: text[1].how is not None):
        lines = dump.main_thread.split("\n") if dump.how else [dump.text]
        shown = [f"{title}{f', by {dump.how}' if dump.how else ''}:", *lines[:MAX_HEAD_LINES_PER_RANK]]
        if before is not None:
            shown.append(f"(two seconds before it was at {before.main_thread.split(chr(10), 1)[0]})")
        part = "\n  ".join(shown)[:room]
        parts.append(part)
        room -= len(part) + 1
        if room <= 0:
            break
    return "\n".join(parts)
