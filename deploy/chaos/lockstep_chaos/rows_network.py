"""Rows in which the network is broken."""

from __future__ import annotations

import time

from lockstep_chaos.cluster import wait_until
from lockstep_chaos.network import Host
from lockstep_chaos.row import LEASE, MARGIN, WAIT_SECONDS, NotRun, Run, row
from lockstep_chaos.training import STEPS_AFTER, Training

IMPAIRED_SECONDS = 30


def _cut_off(run: Run, job: Training, victim: Host, since: float) -> None:
    """The victim's workers end with their lease, a spare takes the rank, and nothing of the old group is left."""
    workers = job.pids(victim, "worker")
    run.must(bool(workers), f"no worker on {victim}")
    ended = job.await_end(workers, WAIT_SECONDS)
    run.within("its worker ended after", ended - since, LEASE + MARGIN)
    run.goes_on(job, since, ended)


@row(
    "host-cut", "link of a rank's host down (no seat)", "its worker ends within the lease + 1 s, a spare takes the rank"
)
def host_cut(run: Run) -> None:
    coordinator = run.coordinator()
    victim, other, *_ = run.others(coordinator)
    job = run.train(other, victim)
    since = time.time()
    run.network.unplug(victim)
    _cut_off(run, job, victim, since)
    run.network.plug(victim)
    run.cluster.await_ready(WAIT_SECONDS, victim)
    run.say("the host is READY again")


@row(
    "split-2-1",
    "the coordinator's seat, with rank 0, and another host cut off from the two other seats",
    "the minority's worker ends within the lease + 1 s; the majority finds a coordinator and trains no earlier",
    quick=True,
)
def split_2_1(run: Run) -> None:
    coordinator = run.coordinator()
    with_it, against, *rest = run.others(coordinator)
    job = run.train(coordinator, against)
    minority = [coordinator, with_it]
    majority = [against, *rest]
    since = time.time()
    run.network.split(minority, majority)
    _cut_off(run, job, coordinator, since)
    now = run.cluster.coordinator([seat for seat in run.cluster.seats if seat != coordinator])
    run.must(now not in (None, coordinator), f"the majority names {now} as coordinator")


@row(
    "split-1-1-1",
    "each seat alone, ranks with the first and the second",
    "training ends within the lease + 1 s everywhere, no write is taken; healed, it goes on by itself",
)
def split_1_1_1(run: Run) -> None:
    first, second, third = run.cluster.seats
    fifth, fourth, *_ = run.others()
    job = run.train(fourth, fifth, spares=0)
    workers = job.pids(fourth, "worker") + job.pids(fifth, "worker")
    since = time.time()
    run.network.split([first, fourth], [second, fifth], [third])
    ended = job.await_end(workers, WAIT_SECONDS)
    run.within("all workers ended after", ended - since, LEASE + MARGIN)
    refused = run.cluster.request("POST", f"/v1/nodes/{fifth.address}/drain", {}, seconds=10)
    run.must(refused is None, "a write was taken without a majority")
    time.sleep(2)
    healed = time.time()
    run.network.heal()
    run.goes_on(job, healed, ended)


@row("one-way-out", "what a rank's host sends reaches nobody; it hears all", "as a host that is cut off")
def one_way_out(run: Run) -> None:
    victim, other, *_ = run.others(run.coordinator())
    job = run.train(other, victim)
    since = time.time()
    for receiver in run.others(victim):
        run.network.drop(victim, receiver)
    _cut_off(run, job, victim, since)


@row("one-way-in", "a rank's host hears nobody; what it sends arrives", "as a host that is cut off")
def one_way_in(run: Run) -> None:
    victim, other, *_ = run.others(run.coordinator())
    job = run.train(other, victim)
    since = time.time()
    for sender in run.others(victim):
        run.network.drop(sender, victim)
    _cut_off(run, job, victim, since)


@row(
    "one-way-coordinator",
    "what the coordinator's host sends reaches nobody; it hears all, and holds no rank",
    "training untouched, another coordinates",
)
def one_way_coordinator(run: Run) -> None:
    coordinator = run.coordinator()
    first, second, *_ = run.others(coordinator)
    job = run.train(first, second)
    since = time.time()
    others = run.others(coordinator)
    for receiver in others:
        run.network.drop(coordinator, receiver)
    seats = [seat for seat in run.cluster.seats if seat != coordinator]
    wait_until("another coordinates", WAIT_SECONDS, lambda: run.cluster.coordinator(seats) not in (None, coordinator))
    run.say(f"another coordinates after {time.time() - since:.1f} s")
    run.untouched(job, since)


def _impaired(run: Run, loss_percent: int, delay_ms: int) -> None:
    why_not = run.network.impairment_problem()
    if why_not:
        raise NotRun(why_not)
    first, second, *_ = run.others(run.coordinator())
    job = run.train(first, second)
    how = run.network.impair(loss_percent, delay_ms)
    time.sleep(IMPAIRED_SECONDS)
    run.say(f"by {how}; {job.attempt()} attempts in {IMPAIRED_SECONDS} s of it")
    run.network.heal()
    job.await_steps(job.attempt(), STEPS_AFTER)


@row("loss-30", "30 % of all packets lost for 30 s, each way", "nothing trains twice; afterwards it trains by itself")
def loss_30(run: Run) -> None:
    _impaired(run, 30, 0)


@row("delay-300", "all packets 300 ms late for 30 s, each way", "nothing trains twice; afterwards it trains by itself")
def delay_300(run: Run) -> None:
    _impaired(run, 0, 300)
