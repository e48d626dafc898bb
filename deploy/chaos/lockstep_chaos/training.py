"""Owns one job of the probe and what its record says."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from lockstep_chaos import processes
from lockstep_chaos.cluster import Cluster, NotSeen, wait_until
from lockstep_chaos.network import Host
from lockstep_chaos.record import Kind, Line, read

PROBE = Path(__file__).resolve().parents[1] / "probe.py"
START_SECONDS = 90
FINISH_SECONDS = 120
# Steps of about 0.1 s that are made before a fault, and after it, before a row is over.
STEPS_BEFORE = 15
STEPS_AFTER = 15


class Training:
    """A job on these hosts, its ranks in their order."""

    def __init__(self, cluster: Cluster, name: str, hosts: list[Host], spares: int) -> None:
        self.cluster, self.id, self.hosts = cluster, name, hosts
        self.folder = cluster.folder / "jobs" / name
        self.folder.mkdir(parents=True)
        self.last_step: int | None = None
        job = {
            "name": name,
            "script": str(PROBE),
            "workdir": str(self.folder),
            "nodes": [host.address for host in hosts],
            "spares": spares,
            "procsPerNode": 1,
            "warm": "off",
            "paths": {"output": str(self.folder / "output")},
            "checkpoint": {"format": "hf"},
            "args": [
                "--record", str(self._record), "--finish", str(self._finish),
                "--output_dir", str(self.folder / "output"),
            ],
        }  # fmt: skip
        cluster.submit(json.dumps(job), name)
        self.await_steps(1, STEPS_BEFORE)

    @property
    def _record(self) -> Path:
        return self.folder / "record.jsonl"

    @property
    def _finish(self) -> Path:
        return self.folder / "finish"

    def lines(self) -> list[Line]:
        """The record so far."""
        return read(self._record)

    def attempt(self) -> int:
        """The newest attempt that has begun."""
        return max((line.attempt for line in self.lines()), default=0)

    def steps(self, attempt: int, rank: int) -> list[Line]:
        """Steps of one rank in one attempt."""
        return [
            line for line in self.lines() if line.kind is Kind.STEP and line.attempt == attempt and line.rank == rank
        ]

    def await_steps(self, attempt: int, count: int) -> None:
        """Waits until all ranks have made so many steps in this attempt or a later one."""

        def all_made() -> bool:
            newest = max(attempt, self.attempt())
            return all(len(self.steps(newest, rank)) >= count for rank in range(len(self.hosts)))

        wait_until(f"attempt {attempt} of {self.id} trains", START_SECONDS, all_made, self.state)

    def first_step(self, attempt: int) -> float:
        """When an attempt made its first step; seconds since 1970."""
        return min(line.time for line in self.lines() if line.kind is Kind.STEP and line.attempt == attempt)

    def last_step_at(self, attempt: int) -> float:
        """When an attempt made its last step so far; seconds since 1970."""
        return max(line.time for line in self.lines() if line.kind is Kind.STEP and line.attempt == attempt)

    def finish(self) -> None:
        """Lets all ranks go on for some steps, and waits until the job has succeeded; once."""
        if self.last_step is not None:
            return
        self.last_step = max((line.step for line in self.lines()), default=0) + STEPS_AFTER
        writing = self.folder / "finish.writing"
        writing.write_text(str(self.last_step), encoding="ascii")
        writing.rename(self._finish)
        wait_until(f"{self.id} succeeds", FINISH_SECONDS, lambda: self.view().get("phase") == "SUCCEEDED", self.state)

    def view(self) -> dict[str, Any]:
        """The job as the API has it; empty while nobody answers."""
        return self.cluster.ask(f"/v1/jobs/{self.id}") or {}

    def state(self) -> str:
        """Phase, attempt and reason, for messages."""
        view = self.view()
        causes = [
            f"{one['attempt']}: {one['cause']['message']}" for one in view.get("attempts", []) if one.get("cause")
        ]
        return f"(phase {view.get('phase')}, attempt {view.get('attempt')}, {view.get('reason')}, causes {causes})"

    def causes(self) -> list[str]:
        """Why its attempts ended, oldest first."""
        return [one["cause"]["code"] for one in self.view().get("attempts", []) if one.get("cause")]

    def pids(self, host: Host, kind: str) -> list[int]:
        """Its processes of a kind on a host."""
        return [one.pid for one in processes.of_group(host.address) if one.kind == kind]

    def pid(self, host: Host, kind: str) -> int:
        """Its only process of a kind on a host."""
        found = self.pids(host, kind)
        if len(found) != 1:
            raise NotSeen(f"one {kind} of {self.id} on {host}: there are {len(found)}; {self.state()}")
        return found[0]

    def await_end(self, pids: list[int], seconds: float) -> float:
        """Waits until these processes are gone; when that was seen, in seconds since 1970."""
        wait_until(f"processes {pids} end", seconds, lambda: not any(processes.is_alive(pid) for pid in pids))
        return time.time()
