"""Owns what the workers do lately, seen from outside: steps of each rank, CPU and I/O of each process tree.

All ages are by this shim's monotonic clock, which stands still while the host is suspended; a time in which the shim
itself did not run is taken out of them, since its workers may have stood still with it.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lockstep_shim import procfs
from lockstep_shim.procfs import ProcessId, Usage
from lockstep_shim.progress import Progress, ProgressReader

SAMPLE_SECONDS = 5.0
# The loop turns at least once a second: after so long without a turn it was frozen.
STALL_SECONDS = 5.0
# A process that only waits uses less: heartbeat threads, allocators, monitors.
LIFE_CPU_SHARE = 0.02
LIFE_IO_BYTES_PER_SECOND = 16 << 10
# A checkpoint being written; logs and event files are far below.
WRITING_BYTES_PER_SECOND = 1 << 20
MAX_TREE_PROCESSES = 256
MAX_RANKS_TOLD = 16
RECENT_STEPS = 20
RECENT_SAMPLES = 12
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class _Rank:
    moved_at: float
    step: int | None = None
    total: int | None = None
    moves: int = 0
    steps: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=RECENT_STEPS + 1))
    tree: dict[ProcessId, Usage] = field(default_factory=dict)
    busy: float = 0.0
    shares: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT_SAMPLES))
    state: str = "?"

    def mean_busy_permille(self) -> int:
        """Over the last samples; 0 before there are as many."""
        full = len(self.shares) == RECENT_SAMPLES
        return round(1_000 * sum(self.shares) / RECENT_SAMPLES) if full else 0

    def step_seconds(self) -> float:
        """Of the last steps, on the average; 0 when unknown."""
        if len(self.steps) < 3:
            return 0.0
        (first_at, first), (last_at, last) = self.steps[0], self.steps[-1]
        return (last_at - first_at) / (last - first)


class Activity:
    """Marks of when things moved, kept for the life of one group."""

    def __init__(self, now: float) -> None:
        self._ranks: dict[int, _Rank] = {}
        self._motion_at = self._life_at = self._sampled_at = self._looked_at = now
        self._step: int = 0
        self._step_at: float | None = None
        self._gap_seconds = 0.0
        self._gaps = 0
        self._saw_eval = False
        self._has_sample = False

    def looked(self, now: float) -> None:
        """To be called on every turn of the loop: a time in which it did not turn is nobody's fault."""
        stalled = now - self._looked_at
        self._looked_at = now
        if stalled < STALL_SECONDS:
            return
        self._motion_at += stalled
        self._life_at += stalled
        self._sampled_at += stalled
        self._has_sample = False  # what was used meanwhile is of an unknown time
        if self._step_at is not None:
            self._step_at += stalled
        for rank in self._ranks.values():
            rank.moved_at += stalled
            rank.steps.clear()
            rank.shares.clear()

    def read(self, rank: int, reader: ProgressReader, now: float) -> None:
        """Takes what a rank's output said, after its reader was fed."""
        one = self._of(rank, now)
        self._saw_eval = self._saw_eval or reader.saw_eval
        if reader.moves == one.moves:
            return
        one.moves = reader.moves
        self._moved(one, reader.progress, now)

    def said(self, rank: int, progress: Progress, now: float) -> None:
        """Takes what a script said of itself, when that has changed."""
        self._saw_eval = self._saw_eval or progress.eval_loss is not None
        self._moved(self._of(rank, now), progress, now)

    def _moved(self, one: _Rank, progress: Progress, now: float) -> None:
        one.moved_at = self._motion_at = self._life_at = now
        one.total = progress.total_steps or one.total
        step = progress.step
        if step is None or step == one.step:
            return
        one.step = step
        if step > 0:
            one.steps.append((now, step))
            self._stepped(step, now)

    def _stepped(self, step: int, now: float) -> None:
        """Pauses are those of the gang: ranks that all print a step print it at about the same time."""
        if step <= self._step:
            return
        if self._step_at is not None:
            self._gap_seconds = max(self._gap_seconds, now - self._step_at)
            self._gaps += 1
        self._step, self._step_at = step, now

    def is_due(self, now: float) -> bool:
        """Whether it is time for a sample."""
        return now - self._sampled_at >= SAMPLE_SECONDS

    def sample(self, trainers: Mapping[int, ProcessId], now: float) -> None:
        """Looks at the process tree of each rank."""
        seconds = max(now - self._sampled_at, 0.001)
        counts = self._has_sample
        self._sampled_at, self._has_sample = now, True
        for rank, process in trainers.items():
            one = self._of(rank, now)
            before, one.tree = one.tree, _tree(process)
            one.state = one.tree[process].state if process in one.tree else "?"
            if not counts or not before:
                continue
            used = [usage.since(before.get(pid)) for pid, usage in one.tree.items()]
            one.busy = sum(u.ticks for u in used) / _TICKS / seconds
            one.shares.append(one.busy)
            moved_bytes = sum(u.read_bytes + u.written_bytes for u in used)
            if one.busy >= LIFE_CPU_SHARE or moved_bytes >= LIFE_IO_BYTES_PER_SECOND * seconds:
                self._life_at = now
            if sum(u.written_bytes for u in used) >= WRITING_BYTES_PER_SECOND * seconds:
                one.moved_at = self._motion_at = now

    def to_json(self, now: float) -> dict[str, Any] | None:
        """As a beat says it; None before there is a worker."""
        if not self._ranks:
            return None
        ranks = sorted(self._ranks.items(), key=lambda item: (item[1].state not in "TtD", -_age(item[1], now), item[0]))
        return {
            "motionMillis": _millis(now - self._motion_at),
            "lifeMillis": _millis(now - self._life_at),
            "gapMillis": _millis(self._gap_seconds),
            "gaps": self._gaps,
            "sawEval": self._saw_eval,
            "totalSteps": max((one.total or 0 for one in self._ranks.values()), default=0),
            "ranks": [
                {
                    "rank": rank,
                    "step": -1 if one.step is None else one.step,
                    "stillMillis": _millis(now - one.moved_at),
                    "busyPermille": round(one.busy * 1_000),
                    "state": one.state,
                    "stepMillis": _millis(one.step_seconds()),
                    "meanBusyPermille": one.mean_busy_permille(),
                }
                for rank, one in ranks[:MAX_RANKS_TOLD]
            ],
        }

    def _of(self, rank: int, now: float) -> _Rank:
        if rank not in self._ranks:
            self._ranks[rank] = _Rank(moved_at=now)
        return self._ranks[rank]


def _age(one: _Rank, now: float) -> int:
    return int(now - one.moved_at)


def _millis(seconds: float) -> int:
    return max(0, round(seconds * 1_000))


def _tree(root: ProcessId) -> dict[ProcessId, Usage]:
    """A process and what is below it, such as data loaders; of very many the first."""
    found: dict[ProcessId, Usage] = {}
    level = [root.pid]
    while level and len(found) < MAX_TREE_PROCESSES:
        below: list[int] = []
        for pid in level:
            usage = procfs.usage(pid)
            if usage is not None and len(found) < MAX_TREE_PROCESSES:
                found[usage.id] = usage
                below.extend(procfs.children_of(pid))
        level = below
    return found
