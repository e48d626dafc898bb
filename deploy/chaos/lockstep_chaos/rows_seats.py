"""Rows in which seats and the coordinator are broken."""

from __future__ import annotations

import json
import signal
import threading
import time

from lockstep_chaos import processes
from lockstep_chaos.cluster import Cluster, wait_until
from lockstep_chaos.network import Host
from lockstep_chaos.row import LEASE, MARGIN, NOISE, WAIT_SECONDS, NotRun, Run, row

FAILOVER_SECONDS = 10.0
HANDOVER_SECONDS = 2.0
# A request to a daemon that knows no coordinator is given up after so long, and sent again.
TRY_SECONDS = 1.0
FROZEN_SECONDS = 20
HEARD_SECONDS = 3.0  # heartbeats are 1 s apart


class WriteProbe:
    """Submits one held job again and again, by several hosts at once, until one of them says that it is stored."""

    def __init__(self, cluster: Cluster, hosts: list[Host], name: str) -> None:
        self._cluster, self._name, self._since = cluster, name, time.time()
        self._taken_at: float | None = None
        self._job_file = json.dumps({"name": "probe", "script": "/bin/true", "workdir": "/"})
        self._threads = [threading.Thread(target=self._try, args=(host,), daemon=True) for host in hosts]
        for thread in self._threads:
            thread.start()

    def _try(self, host: Host) -> None:
        path = f"/v1/jobs?id={self._name}&hold=true"
        while self._taken_at is None and time.time() < self._since + WAIT_SECONDS:
            if self._cluster.request("POST", path, self._job_file, [host], TRY_SECONDS) is not None:
                self._taken_at = self._taken_at or time.time()
            time.sleep(0.05)

    def seconds(self) -> float:
        """From the making of this object to the first answer; infinite when there was none."""
        for thread in self._threads:
            thread.join()
        self._cluster.cancel(self._name)
        return (self._taken_at or float("inf")) - self._since


def _probe(run: Run, without: Host) -> WriteProbe:
    hosts = [host for host in run.cluster.hosts if host != without]
    return WriteProbe(run.cluster, hosts, f"{run.row.name}-write-{int(time.time()) % 100_000}")


@row(
    "coordinator-killed",
    "death of the coordinator's host, which holds no rank",
    "0 steps lost, no pause beyond noise, a write is taken within 10 s",
    quick=True,
)
def coordinator_killed(run: Run) -> None:
    coordinator = run.coordinator()
    first, second, *_ = run.others(coordinator)
    job = run.train(first, second)
    since = time.time()
    run.cluster.kill_host(coordinator)
    run.within("write taken after", _probe(run, coordinator).seconds(), FAILOVER_SECONDS)
    run.say(f"{coordinator} killed, {run.coordinator()} coordinates")
    time.sleep(max(0.0, since + FAILOVER_SECONDS - time.time()))
    run.untouched(job, since)


@row(
    "coordinator-killed-with-rank",
    "death of the coordinator's host, which holds rank 0",
    "another coordinates, a spare takes the rank, nothing is lost beyond the checkpoint",
)
def coordinator_killed_with_rank(run: Run) -> None:
    coordinator = run.coordinator()
    other, *_ = run.others(coordinator)
    job = run.train(coordinator, other)
    since = time.time()
    run.cluster.kill_host(coordinator)
    run.within("write taken after", _probe(run, coordinator).seconds(), FAILOVER_SECONDS)
    run.goes_on(job, since, since)


@row("coordinator-leaves", "SIGTERM of the coordinator's daemon", "training untouched, a write is taken within 2 s")
def coordinator_leaves(run: Run) -> None:
    coordinator = run.coordinator()
    first, second, *_ = run.others(coordinator)
    job = run.train(first, second)
    since = time.time()
    processes.send(signal.SIGTERM, run.cluster.pid(coordinator))
    others = [seat for seat in run.cluster.seats if seat != coordinator]
    # not before another coordinates: until then the old one takes the write
    wait_until("another coordinates", WAIT_SECONDS, lambda: run.cluster.coordinator(others) not in (None, coordinator))
    taken = time.time() - since + _probe(run, coordinator).seconds()
    run.within("another coordinates and has taken a write after", taken, HANDOVER_SECONDS)
    run.cluster.stop_daemon(coordinator)
    run.say(f"the daemon has ended after {time.time() - since:.1f} s")
    run.untouched(job, since)


@row(
    "coordinator-stopped",
    "SIGSTOP of the coordinator's daemon for 20 s, then SIGCONT: two singletons",
    "training untouched, another coordinates and stays",
)
def coordinator_stopped(run: Run) -> None:
    coordinator = run.coordinator()
    first, second, *_ = run.others(coordinator)
    job = run.train(first, second)
    since, pid = time.time(), run.cluster.pid(coordinator)
    processes.send(signal.SIGSTOP, pid)
    run.within("write taken after", _probe(run, coordinator).seconds(), FAILOVER_SECONDS)
    others = [seat for seat in run.cluster.seats if seat != coordinator]
    now = run.cluster.coordinator(others)
    time.sleep(max(0.0, since + FROZEN_SECONDS - time.time()))
    processes.send(signal.SIGCONT, pid)
    time.sleep(5)
    run.untouched(job, since)
    run.must(run.cluster.coordinator(others) == now, f"{now} coordinated, now {run.cluster.coordinator(others)}")
    run.must(run.cluster.request("POST", f"/v1/nodes/{first.address}/resume", {}) is not None, "no write is taken")


@row(
    "seats-killed",
    "kill -9 of all three seats' daemons, started again when training has ended",
    "training ends within the lease + 1 s; goes on by itself from the checkpoint",
)
def seats_killed(run: Run) -> None:
    first, second, *_ = run.others()
    job = run.train(first, second, spares=0)
    workers = job.pids(first, "worker") + job.pids(second, "worker")
    since = time.time()
    run.cluster.kill_daemon(*run.cluster.seats)
    ended = job.await_end(workers, WAIT_SECONDS)
    run.within("all workers ended after", ended - since, LEASE + MARGIN)
    back = time.time()
    run.cluster.start(*run.cluster.seats)
    run.goes_on(job, back, ended)


@row(
    "seats-restarted",
    "kill -9 of all three seats' daemons, started again at once",
    "back within the lease: training untouched",
)
def seats_restarted(run: Run) -> None:
    first, second, *_ = run.others()
    job = run.train(first, second, spares=0)
    since = time.time()
    run.cluster.kill_daemon(*run.cluster.seats)
    run.cluster.start(*run.cluster.seats)
    wait_until("somebody coordinates", WAIT_SECONDS, run.cluster.coordinator)
    run.say(f"somebody coordinates after {time.time() - since:.1f} s")
    time.sleep(LEASE)
    run.untouched(job, since)
    # a group that ends before its agent is back cannot say so, and its node counts as lost
    run.cluster.await_ready(WAIT_SECONDS)
    run.say(f"all agents are back after {time.time() - since:.1f} s")


@row(
    "rolling-restart",
    "SIGTERM and start of every daemon, one after another, the coordinator last",
    "training untouched, by the same processes",
)
def rolling_restart(run: Run) -> None:
    coordinator = run.coordinator()
    first, second, *_ = run.others(coordinator)
    job = run.train(first, second)
    before = [one.pid for host in job.hosts for one in processes.of_group(host.address)]
    since = time.time()
    for host in [*run.others(coordinator), coordinator]:
        _restart(run, host)
    run.say(f"{time.time() - since:.0f} s for all daemons")
    run.must(
        before == [one.pid for host in job.hosts for one in processes.of_group(host.address)],
        "other processes than before",
    )
    run.untouched(job, since)


def _restart(run: Run, host: Host) -> None:
    run.cluster.stop_daemon(host)
    run.cluster.start(host)
    wait_until(f"{host} answers", WAIT_SECONDS, lambda: run.cluster.ask("/v1/nodes", [host]))
    run.cluster.await_ready(WAIT_SECONDS)


@row(
    "disk-full",
    "the disk of a seat has no byte free while jobs are submitted",
    "training untouched, writes are taken; with space and a restart the seat is back, and counts",
)
def disk_full(run: Run) -> None:
    full = run.cluster.small_disk
    first, second, *_ = run.others(full)
    job = run.train(first, second)
    since = time.time()
    run.cluster.fill_disk()
    _some_writes(run, full, since)
    time.sleep(LEASE)
    run.untouched(job, since)
    run.cluster.free_disk()
    if run.cluster.runs(full):
        run.cluster.stop_daemon(full)
    run.cluster.start(full)
    _counts(run, full)


@row(
    "disk-wiped",
    "a seat's daemon killed, its store deleted, started again",
    "training untouched, the others take the empty seat back in, and it counts",
)
def disk_wiped(run: Run) -> None:
    lost = next(seat for seat in run.cluster.seats if seat != run.coordinator())
    first, second, *_ = run.others(lost)
    job = run.train(first, second)
    since = time.time()
    run.cluster.kill_daemon(lost)
    run.cluster.wipe_seat(lost)
    run.cluster.start(lost)
    _some_writes(run, lost, since)
    _counts(run, lost)
    run.untouched(job, since)


@row(
    "seat-replaced",
    "a seat's host is dead, `lockstep seats replace` puts another host in its place",
    "training untouched, the new seat counts",
)
def seat_replaced(run: Run) -> None:
    asked = run.cluster.cli("seats", "--help")
    if asked.returncode != 0 or "replace" not in asked.stdout:
        raise NotRun("this distribution has no verb `lockstep seats replace`")
    dead, other = [seat for seat in run.cluster.seats if seat != run.coordinator()]
    elsewhere, new = run.others()[:2]
    job = run.train(elsewhere, other)
    since = time.time()
    run.cluster.kill_host(dead)
    _replace(run, dead, new)
    run.say(f"{new} is a seat in the place of {dead} after {time.time() - since:.1f} s")
    run.cluster.kill_daemon(other)
    run.within(f"with {other} down too, write taken after", _probe(run, other).seconds(), FAILOVER_SECONDS)
    run.cluster.start(other)
    run.untouched(job, since)
    job.finish()
    run.network.heal()
    run.cluster.start(dead)
    # its node may still count as READY from before, when the row was quick: ask itself
    wait_until(f"{dead} answers", WAIT_SECONDS, lambda: run.cluster.ask("/v1/nodes", [dead]))
    run.cluster.await_ready(WAIT_SECONDS)
    time.sleep(HEARD_SECONDS)
    _replace(run, new, dead)  # other rows count on it


def _replace(run: Run, old: Host, new: Host) -> None:
    said = run.cluster.cli("seats", "replace", old.address, new.address)
    run.must(said.returncode == 0, f"seats replace {old} {new} ended with {said.returncode}: {said.stderr.strip()}")

    def is_seat() -> bool:
        view = run.cluster.ask("/v1/seats") or {"seats": [], "answering": 0}
        names = {seat["seat"].partition(":")[0] for seat in view["seats"]}
        return new.address in names and old.address not in names and view["answering"] == len(names)

    wait_until(f"{new} is a seat and answers", WAIT_SECONDS, is_seat, lambda: run.cluster.ask("/v1/seats"))


def _some_writes(run: Run, without: Host, since: float) -> None:
    for turn in range(5):
        seconds = _probe(run, without).seconds()
        run.must(seconds < FAILOVER_SECONDS + run.slack, f"write {turn + 1} was taken after {seconds:.1f} s")
    run.say(f"5 writes taken {time.time() - since:.1f} s after the fault")


def _counts(run: Run, seat: Host) -> None:
    """Another seat is stopped: whatever is taken then, this one has accepted."""
    run.cluster.await_ready(WAIT_SECONDS)
    other = next(one for one in run.cluster.seats if one not in (seat, run.coordinator()))
    # before it is taken in it counts in no majority: then nobody may stop another one
    run.cluster.await_seats(WAIT_SECONDS)
    run.cluster.kill_daemon(other)
    run.within(f"with {other} down too, write taken after", _probe(run, other).seconds(), FAILOVER_SECONDS)
    run.cluster.start(other)
    run.cluster.await_ready(WAIT_SECONDS)
