"""Rows that measure what leases and heartbeats cost."""

from __future__ import annotations

import time

from lockstep_chaos.row import Run, row

MEASURE_SECONDS = 20


def _cost(run: Run) -> None:
    before = {host: run.network.traffic(host) for host in run.cluster.hosts}
    began = time.monotonic()
    time.sleep(MEASURE_SECONDS)
    seconds = time.monotonic() - began
    coordinator = run.coordinator()
    for host in run.cluster.hosts:
        used = run.network.traffic(host) - before[host]
        role = "coordinator" if host == coordinator else "seat" if host in run.cluster.seats else "agent"
        ranks = ", a rank" if any(host in job.hosts for job in run.jobs) else ""
        run.say(f"{host} ({role}{ranks}) {used.bytes / seconds:.0f} B/s {used.packets / seconds:.0f} packets/s")


@row("cost-idle", "none: no job runs", "measured: both ways together on each host's link")
def cost_idle(run: Run) -> None:
    time.sleep(5)
    _cost(run)


@row(
    "cost-training",
    "none: one job with a rank on every host that is no seat",
    "measured: both ways together on each host's link",
)
def cost_training(run: Run) -> None:
    run.train(*(host for host in run.cluster.hosts if host not in run.cluster.seats), spares=0)
    time.sleep(5)
    _cost(run)
