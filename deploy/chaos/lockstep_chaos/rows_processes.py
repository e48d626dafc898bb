"""Rows in which one process is killed or stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from lockstep_chaos import processes
from lockstep_chaos.checker import longest_pause
from lockstep_chaos.row import LEASE, MARGIN, WAIT_SECONDS, Run, row
from lockstep_chaos.training import STEPS_AFTER, Training

FROZEN_SECONDS = 10
BUSY_PER_CORE = 4
THAW_SECONDS = 0.5


def _gang(run: Run) -> Training:
    """Two ranks on hosts that do not coordinate; rank 1 is where things break."""
    first, second, *_ = run.others(run.coordinator())
    return run.train(first, second)


def _hit(run: Run, kind: str, number: int) -> tuple[Training, float, list[int]]:
    job = _gang(run)
    victim = job.hosts[1]
    workers = job.pids(victim, "worker")
    processes.send(number, job.pid(victim, kind))
    return job, time.time(), workers


def _killed(run: Run, kind: str) -> None:
    job, since, workers = _hit(run, kind, signal.SIGKILL)
    ended = job.await_end(workers, WAIT_SECONDS)
    run.within("its worker ended after", ended - since, LEASE + MARGIN)
    run.goes_on(job, since, ended)


@row("worker-killed", "kill -9 of a worker", "the gang ends at once and trains again from its checkpoint")
def worker_killed(run: Run) -> None:
    _killed(run, "worker")


@row("torchrun-killed", "kill -9 of torchrun", "its worker ends, the gang trains again from its checkpoint")
def torchrun_killed(run: Run) -> None:
    _killed(run, "torchrun")


@row("shim-killed", "kill -9 of the shim", "the guard ends the group, the gang trains again")
def shim_killed(run: Run) -> None:
    _killed(run, "shim")


@row("guard-killed", "kill -9 of the guard", "the shim ends the group, the gang trains again")
def guard_killed(run: Run) -> None:
    _killed(run, "guard")


@row("daemon-killed", "kill -9 of a daemon under a rank; started again after 5 s", "training untouched")
def daemon_killed(run: Run) -> None:
    job = _gang(run)
    victim, since = job.hosts[1], time.time()
    pids = sorted(one.pid for one in processes.of_group(victim.address))
    run.cluster.kill_daemon(victim)
    time.sleep(5)
    run.cluster.start(victim)
    run.cluster.await_ready(WAIT_SECONDS, victim)
    run.must(pids == sorted(one.pid for one in processes.of_group(victim.address)), "other processes than before")
    run.untouched(job, since)


@row("shim-stopped", "SIGSTOP of the shim", "the guard ends the group by the lease's end + 1 s; trains again")
def shim_stopped(run: Run) -> None:
    job, since, workers = _hit(run, "shim", signal.SIGSTOP)
    ended = job.await_end(workers, WAIT_SECONDS)
    run.within("its worker ended after", ended - since, LEASE + MARGIN)
    run.goes_on(job, since, ended)


@row("guard-stopped", "SIGSTOP of the guard", "the shim ends the group within the lease + 1 s; trains again")
def guard_stopped(run: Run) -> None:
    job, since, workers = _hit(run, "guard", signal.SIGSTOP)
    ended = job.await_end(workers, WAIT_SECONDS)
    run.within("its worker ended after", ended - since, LEASE + MARGIN)
    run.goes_on(job, since, ended)


@row("torchrun-stopped", "SIGSTOP of torchrun for 10 s", "its workers train on, nothing trains twice, nothing is left")
def torchrun_stopped(run: Run) -> None:
    job, since, _ = _hit(run, "torchrun", signal.SIGSTOP)
    target = job.pid(job.hosts[1], "torchrun")
    time.sleep(FROZEN_SECONDS)
    run.untouched(job, since)
    processes.send(signal.SIGCONT, target)


@row(
    "worker-stopped",
    "SIGSTOP of a worker for 10 s",
    "nothing trains twice (that it hangs is seen by deadlines.noProgress, 15 min unless set, not by the lease)",
)
def worker_stopped(run: Run) -> None:
    job, since, [worker] = _hit(run, "worker", signal.SIGSTOP)
    time.sleep(FROZEN_SECONDS)
    run.must(job.attempt() == 1, f"began again, as attempt {job.attempt()} {job.state()}")
    rank = next(line.rank for line in job.lines() if line.pid == worker)
    run.must(job.steps(1, rank)[-1].time < since + 1, "the stopped worker made steps")
    processes.send(signal.SIGCONT, worker)
    job.await_steps(1, len(job.steps(1, rank)) + STEPS_AFTER)
    run.say("it stood still, and went on with SIGCONT")


@row("daemon-stopped", "SIGSTOP of a daemon under a rank for 10 s", "training untouched")
def daemon_stopped(run: Run) -> None:
    job = _gang(run)
    since, pid = time.time(), run.cluster.pid(job.hosts[1])
    processes.send(signal.SIGSTOP, pid)
    time.sleep(FROZEN_SECONDS)
    processes.send(signal.SIGCONT, pid)
    run.untouched(job, since)


@row(
    "host-frozen",
    "SIGSTOP of everything on a rank's host until the gang trains elsewhere, then SIGCONT",
    "a spare takes the rank; thawed, the old group ends within 1 s, and makes no step after half a second",
)
def host_frozen(run: Run) -> None:
    job = _gang(run)
    victim, since = job.hosts[1], time.time()
    frozen = [run.cluster.pid(victim), *(one.pid for one in processes.of_group(victim.address))]
    processes.send(signal.SIGSTOP, *frozen)
    run.goes_on(job, since, since)
    thawed = time.time()
    processes.send(signal.SIGCONT, *frozen)
    run.within("what was frozen ended after", job.await_end(frozen[1:], WAIT_SECONDS) - thawed, MARGIN)
    # it runs until its shim or guard is scheduled: docs/authority.md, what is left over
    run.forgive(victim, thawed, thawed + THAW_SECONDS)


@row(
    "agents-stopped",
    "SIGSTOP of three daemons in turn, 5 s each: two that are no seat, and a seat that does not coordinate",
    "seats stay, the same one coordinates, training untouched",
    quick=True,
)
def agents_stopped(run: Run) -> None:
    before = run.coordinator()
    victims = run.others(before)[:3]
    job = run.train(victims[0], victims[1])
    since = time.time()
    until = since + (120 if run.long else 15)
    turns = 0
    while time.time() < until:
        pid = run.cluster.pid(victims[turns % len(victims)])
        processes.send(signal.SIGSTOP, pid)
        time.sleep(5)
        processes.send(signal.SIGCONT, pid)
        turns += 1
    run.say(f"{turns} turns")
    run.untouched(job, since)
    run.must(run.coordinator() == before, f"{before} coordinated before, now {run.coordinator()}")
    run.must(all(run.cluster.runs(seat) for seat in run.cluster.seats), "a seat's daemon has ended")


@row(
    "cores-busy",
    "four busy processes for each core",
    "no false alarm: nothing is restarted, nobody else coordinates",
)
def cores_busy(run: Run) -> None:
    before = run.coordinator()
    job = _gang(run)
    since = time.time()
    count = BUSY_PER_CORE * len(os.sched_getaffinity(0))
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        time.sleep(300 if run.long else 20)
        load = os.getloadavg()[0]
    finally:
        for one in busy:
            one.kill()
            one.wait()
    pause = longest_pause(job.lines(), since, time.time())
    run.say(f"{time.time() - since:.0f} s of {count} busy processes, load {load:.0f}; longest pause {pause:.1f} s")
    run.must(job.attempt() == 1, f"began again: attempt {job.attempt()}")
    run.must(run.coordinator() == before, f"{before} coordinated before, now {run.coordinator()}")
