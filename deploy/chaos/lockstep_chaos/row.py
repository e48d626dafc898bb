"""Owns what a row of the table is, and what a row may use while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from lockstep_chaos.checker import findings, longest_pause, repeated_steps
from lockstep_chaos.cluster import Cluster, wait_until
from lockstep_chaos.network import Host, Network
from lockstep_chaos.record import Line
from lockstep_chaos.training import STEPS_AFTER, Training

LEASE = 6.0  # seconds: deadlines.lease unless a job sets it
MARGIN = 1.0  # seconds: what the kill may take
# A step takes 0.1 s. On a machine that also runs five JVMs a rank now and then waits for a core.
NOISE = 2.0
WAIT_SECONDS = 60


class NotRun(Exception):
    """This machine or this distribution lacks what the row needs; the text says what."""


class Run:
    """One row while it runs: the cluster, and what was seen."""

    def __init__(self, row: Row, cluster: Cluster, slack: float, long: bool) -> None:
        self.row, self.cluster, self.slack, self.long = row, cluster, slack, long
        self.seen: list[str] = []
        self.problems: list[str] = []
        self.jobs: list[Training] = []
        self._began = time.time()
        self._untouched: list[Training] = []
        self._forgiven: tuple[str, float, float] | None = None

    @property
    def network(self) -> Network:
        """The hosts' network."""
        return self.cluster.network

    def say(self, text: str) -> None:
        """One more thing that was seen."""
        self.seen.append(text)

    def must(self, condition: bool, otherwise: str) -> None:
        """What the row promises; otherwise: what was found instead."""
        if not condition:
            self.problems.append(otherwise)

    def within(self, what: str, seconds: float, limit: float) -> None:
        """A figure that has a limit (widened by --slack)."""
        self.say(f"{what} {seconds:.1f} s")
        self.must(seconds <= limit + self.slack, f"{what} {seconds:.1f} s, limit {limit + self.slack:.1f} s")

    def train(self, *hosts: Host, spares: int = 2) -> Training:
        """A job of one rank on each of these hosts, which has made its first steps."""
        job = Training(self.cluster, f"{self.row.name}-{int(self._began) % 100_000}", list(hosts), spares)
        self.jobs.append(job)
        return job

    def coordinator(self) -> Host:
        """Who coordinates now."""
        host: Host = wait_until("somebody coordinates", WAIT_SECONDS, self.cluster.coordinator)
        return host

    def others(self, *hosts: Host) -> list[Host]:
        """All hosts but these, those that are no seat first."""
        return [host for host in reversed(self.cluster.hosts) if host not in hosts]

    def untouched(self, job: Training, since: float) -> None:
        """The job has trained since then as if nothing had been."""
        now = time.time()
        self._untouched.append(job)
        self.within("longest pause", longest_pause(job.lines(), since, now), NOISE)

    def goes_on(self, job: Training, since: float, ended: float | None = None) -> None:
        """The next attempt trains, by itself, and no earlier than the old workers had ended."""
        before = job.attempt() if ended is None else 1
        job.await_steps(max(2, before), STEPS_AFTER)
        newest = job.attempt()
        again = job.first_step(newest)
        self.say(f"trains again after {again - since:.1f} s as attempt {newest}")
        if ended is not None:
            self.must(again >= ended - 0.2, f"attempt {newest} trained {ended - again:.1f} s before the old one ended")

    def forgive(self, host: Host, since: float, until: float) -> None:
        """Lines that this host's workers wrote then are left out of the judgement, and counted in what was seen."""
        self._forgiven = (host.address, since, until)

    def _counting(self, job: Training) -> list[Line]:
        if self._forgiven is None:
            return job.lines()
        node, since, until = self._forgiven
        kept = [line for line in job.lines() if line.node != node or not since <= line.time <= until]
        self.say(f"{len(job.lines()) - len(kept)} steps by the thawed worker in the first {until - since:.1f} s")
        return kept

    def judge(self) -> None:
        """What the workers' own records say."""
        for job in self.jobs:
            found = findings(self._counting(job), job.last_step)
            self.problems += found
            self.must(job not in self._untouched or job.attempt() == 1, f"began again: attempt {job.attempt()}")
            causes = ", ".join(job.causes()) or "none"
            if not found:
                self.say(
                    f"record whole: {len(job.lines())} lines, {job.attempt()} attempts,"
                    f" {repeated_steps(job.lines())} steps made again; failures: {causes}"
                )


@dataclass(frozen=True)
class Row:
    """A fault and what must come of it."""

    name: str
    fault: str
    expectation: str
    quick: bool
    do: Callable[[Run], None]


ROWS: list[Row] = []


def row(
    name: str, fault: str, expectation: str, quick: bool = False
) -> Callable[[Callable[[Run], None]], Callable[[Run], None]]:
    """Puts a function into the table."""

    def put(do: Callable[[Run], None]) -> Callable[[Run], None]:
        ROWS.append(Row(name, fault, expectation, quick, do))
        return do

    return put
