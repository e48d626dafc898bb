"""Owns how long a start took, seen from outside: until the workers were forked, and until they had come to their store.

The store is torchrun's, at MASTER_ADDR:MASTER_PORT; init_process_group connects to it first and waits there for the
other ranks. So the moment at which the last rank of all nodes has come is when they have met. What a script does before
(imports, its data) and which part of init_process_group is left cannot be told from outside.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from lockstep_shim import procfs
from lockstep_shim.procfs import ProcessId

# A look may read the connections of the whole host: the longer it took already, the less a moment matters.
LEAST_SECONDS = 0.1
MOST_SECONDS = 10.0
SHARE = 0.05
# Who meets no sooner has met in some other way, or prepares its data for hours.
LIMIT_SECONDS = 900.0
_TICKS = os.sysconf("SC_CLK_TCK")


def clock() -> float:
    """Seconds since boot, as processes' start times count them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Rendezvous:
    """That of the workers of one node; from when their order was read."""

    def __init__(self, port: str | None) -> None:
        self._port = int(port) if port is not None and port.isdigit() else None
        self._began = clock()
        self._forked: float | None = None
        self._met: float | None = None
        self._missing: set[int] = set()
        self._looked = 0.0
        self._over = False

    def forked(self, workers: Mapping[int, ProcessId]) -> None:
        """All workers are there, by rank."""
        self._forked = max(self._began, *(process.start_time / _TICKS for process in workers.values()))
        self._missing = set(workers)

    @property
    def wait_seconds(self) -> float | None:
        """Until the next look; None when there is nothing to look for."""
        if self._forked is None or self._port is None or self._over:
            return None
        interval = min(max(LEAST_SECONDS, SHARE * (self._looked - self._forked)), MOST_SECONDS)
        return max(0.0, self._looked + interval - clock())

    def look(self, trainers: Mapping[int, ProcessId], trains: bool) -> bool:
        """Looks when it is time, and once more when a step was seen; True when something is new."""
        wait = self.wait_seconds
        if wait is None or self._port is None or self._forked is None or (wait > 0 and not trains):
            return False
        self._looked = clock()
        self._missing -= self._come(trainers)
        if not self._missing:
            self._met = self._looked
        self._over = trains or self._met is not None or self._looked - self._forked > LIMIT_SECONDS
        return self._met is not None

    def _come(self, trainers: Mapping[int, ProcessId]) -> set[int]:
        held = {rank: procfs.sockets_of(trainers[rank].pid) for rank in self._missing if rank in trainers}
        if self._port is None or not any(held.values()):
            return set()  # most have no socket at all before
        store = procfs.sockets_to(self._port)
        return {rank for rank, sockets in held.items() if not sockets.isdisjoint(store)}

    def to_json(self) -> dict[str, int | None] | None:
        """Lengths in milliseconds; None before the workers are there."""
        if self._forked is None:
            return None
        return {
            "forkMillis": round(1_000 * (self._forked - self._began)),
            "rendezvousMillis": None if self._met is None else max(0, round(1_000 * (self._met - self._forked))),
        }
