"""Rows that measure what leases and heartbeats cost."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

from lockstep_chaos import processes
from lockstep_chaos.network import Host
from lockstep_chaos.row import Run, row

MEASURE_SECONDS = 20

# With more hosts than these, agents are told of together.
HOSTS_NAMED = 5


@dataclass(frozen=True)
class Cost:
    """Of one host: what went over its link, both ways together, and its daemon's share of a core."""

    bytes_per_second: float
    packets_per_second: float
    core_percent: float

    def __str__(self) -> str:
        return (
            f"{self.bytes_per_second:.0f} B/s {self.packets_per_second:.0f} packets/s {self.core_percent:.1f} % of a core"
        )


def median(costs: list[Cost]) -> Cost:
    """Each part by itself."""
    return Cost(
        statistics.median(c.bytes_per_second for c in costs),
        statistics.median(c.packets_per_second for c in costs),
        statistics.median(c.core_percent for c in costs),
    )


def _cost(run: Run) -> None:
    hosts = run.cluster.hosts
    links = {host: run.network.traffic(host) for host in hosts}
    cpus = {host: processes.cpu_seconds(run.cluster.pid(host)) for host in hosts}
    began = time.monotonic()
    time.sleep(MEASURE_SECONDS)
    costs: dict[Host, Cost] = {}
    for host in hosts:
        seconds = time.monotonic() - began
        used = run.network.traffic(host) - links[host]
        cpu = processes.cpu_seconds(run.cluster.pid(host)) - cpus[host]
        costs[host] = Cost(used.bytes / seconds, used.packets / seconds, 100 * cpu / seconds)
    coordinator = run.coordinator()
    for host in hosts if len(hosts) <= HOSTS_NAMED else run.cluster.seats:
        role = "coordinator" if host == coordinator else "seat" if host in run.cluster.seats else "agent"
        ranks = ", a rank" if any(host in job.hosts for job in run.jobs) else ""
        run.say(f"{host} ({role}{ranks}) {costs[host]}")
    agents = [costs[host] for host in hosts if host not in run.cluster.seats]
    if len(hosts) > HOSTS_NAMED:
        most = max(agents, key=lambda cost: cost.bytes_per_second)
        run.say(f"{len(agents)} agents, median {median(agents)}, the busiest link {most}")


@row("cost-idle", "none: no job runs", "measured: both ways together on each host's link, and the daemon's CPU")
def cost_idle(run: Run) -> None:
    time.sleep(5)
    _cost(run)


@row(
    "cost-training",
    "none: one job with a rank on every host that is no seat",
    "measured: both ways together on each host's link, and the daemon's CPU",
)
def cost_training(run: Run) -> None:
    run.train(*(host for host in run.cluster.hosts if host not in run.cluster.seats), spares=0)
    time.sleep(5)
    _cost(run)
