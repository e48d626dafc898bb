"""Owns the life of one worker group, from the fence's only start to its final report.

The whole protocol of the shim reads in this one file; the parts are in the modules beside it.
"""

from __future__ import annotations

import ctypes
import json
import os
import selectors
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from lockstep_shim import capture, durable, failure, guard, lease, procfs, reports, workers
from lockstep_shim.activity import Activity
from lockstep_shim.capture import SegmentedLog, Stream
from lockstep_shim.control import Control, Kill, Stop, TakeStacks
from lockstep_shim.failure import Exit
from lockstep_shim.guard import Guard
from lockstep_shim.helper import Helper
from lockstep_shim.hostsigns import HostSigns
from lockstep_shim.lease import Lease
from lockstep_shim.pool import TORCHRUN, NotWarmError, Pool, client_command, socket_path
from lockstep_shim.procfs import ProcessId
from lockstep_shim.progress import Progress, ProgressReader
from lockstep_shim.rendezvous import Rendezvous
from lockstep_shim.spec import Spec
from lockstep_shim.stacks import Stacks
from lockstep_shim.tree import SCAN_INTERVAL_SECONDS, TreeEnd, TreeScan
from lockstep_shim.workers import Worker

WARM = "warm"
LOADED_NOW = "loaded now"  # what a warm pool imports before the start is imported in it, once for all that is forked
TORCHRUN_WARM = "torchrun warm"
SEARCH_INTERVAL_SECONDS = 0.050
# The preloaded process has answered by then, or its clients have become the workers themselves.
TRAINERS_LIMIT_SECONDS = 6.0
POLL_INTERVAL_SECONDS = 0.020
BEAT_SECONDS = 1.0
PROGRESS_INTERVAL_SECONDS = 0.5
PROGRESS_SILENCE_SECONDS = 0.2
REPORT_RETRY_SECONDS = 1.0
REPORT_RETRY_LIMIT_SECONDS = 60.0
FAREWELL_SECONDS = 2.0
GUARD_END_SECONDS = 0.001
GO_LIMIT_SECONDS = 10.0
FIRST_GRANT_LIMIT_SECONDS = 60.0
OWNER_INTERVAL_SECONDS = 1.0
HELPER_INTERVAL_SECONDS = 0.5
SAVE_POLL_SECONDS = 0.1
OWNER_GONE_GRACE_SECONDS = 5.0
MAX_SHIM_LOG_BYTES = 1 << 20
PR_SET_CHILD_SUBREAPER = 36


def run(spec: Spec, launcher_id: ProcessId, launcher: Launcher, pool: Pool | None = None) -> int:
    """The shim's own main: burn the fence, say who we are, wait for "go", then serve the group to its end.

    With a warm pool, which belongs to this fence already, torchrun and the workers are forked from it; without one, it
    may make one now.
    """
    signals = _Signals()
    signals.install()
    started = spec.group_dir / "started"
    try:
        become_subreaper()
        if not durable.create_once(started, spec.marker + "\n"):
            _tell(launcher, {"error": f"this fence was started already: {started} exists; plan a new attempt"})
            return 1
        try:
            group = _prepare(spec, launcher_id, signals, launcher, pool)
        except BaseException:
            durable.remove(started)  # nothing of the fence was forked: it is still unused
            raise
    except OSError as error:
        _tell(launcher, {"error": str(error)})
        return 1
    return group.serve()


def _prepare(spec: Spec, launcher_id: ProcessId, signals: _Signals, launcher: Launcher, pool: Pool | None) -> Group:
    identity = procfs.own_id()
    boot = procfs.boot_id()
    pool = pool or _new_pool(spec)
    try:
        group = Group(spec, identity, launcher_id, signals, pool)
    except BaseException:
        if pool is not None:
            pool.kill()
        raise
    try:
        handle = {"bootId": boot, "pid": identity.pid, "startTime": identity.start_time}
        durable.write_json(
            spec.group_dir / "handle.json",
            {"version": reports.VERSION, **handle, "marker": spec.marker, "socket": spec.socket},
        )
        _tell(launcher, handle)
        launcher.settimeout(GO_LIMIT_SECONDS)
        if not launcher.recv(16):
            raise OSError("the launcher ended before it said go")
    except BaseException:
        group.abandon()
        raise
    launcher.close()
    return group


def _new_pool(spec: Spec) -> Pool | None:
    """One that loads beside the wait for the lease: its imports serve torchrun and every worker."""
    if not may_await(spec) or spec.argv[1:][: len(TORCHRUN)] != TORCHRUN:
        return None
    try:
        return Pool(spec, tries_again=False)
    except OSError:
        return None  # torchrun's own start meets the same, and says so


def may_await(spec: Spec) -> bool:
    """Whether this start has time for a pool that is not ready yet: where only torchrun would come from it, a new one
    is there as soon."""
    return spec.warm is not None and spec.warm.load_seconds is not None and not spec.warm.cold_workers


class Launcher(Protocol):
    """Who asked for this shim: a socket, or what behaves like one."""

    def sendall(self, data: bytes, /) -> None:
        """Raises OSError when it is gone."""

    def settimeout(self, seconds: float, /) -> None:
        """For recv."""

    def recv(self, size: int, /) -> bytes:
        """Nothing when it is gone."""
        ...

    def close(self) -> None:
        """Lets go of it."""


def _tell(launcher: Launcher, message: dict[str, Any]) -> None:
    try:
        launcher.sendall((json.dumps(message) + "\n").encode())
    except OSError as error:
        raise OSError(f"the launcher is gone: {error}") from error


def become_subreaper() -> None:
    """Whatever loses its parent below this process becomes its child; twice is harmless."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "cannot become the subreaper of the group")


class _Signals:
    """Signal handlers that only set a flag, and a descriptor that wakes the loop."""

    def __init__(self) -> None:
        self.kill_asked = False
        self.wake_fd, self._write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def wake(self) -> None:
        """Makes the loop look, from any thread."""
        try:
            os.write(self._write_fd, b"\0")
        except BlockingIOError:
            return  # it will look anyhow

    def install(self) -> None:
        """Takes over from whatever the agent's JVM left set, so that torchrun inherits plain defaults."""
        signal.set_wakeup_fd(self._write_fd, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_kill)
        # Handlers, not SIG_IGN: what is ignored would be inherited by torchrun and every worker.
        for number in (signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, self._on_wake)
        for number in (signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])

    def drain(self, _events: int) -> None:
        """Empties the wake-up pipe."""
        try:
            while os.read(self.wake_fd, 4096):
                pass
        except BlockingIOError:
            return

    def _on_kill(self, _number: int, _frame: object) -> None:
        self.kill_asked = True

    def _on_wake(self, _number: int, _frame: object) -> None:
        return


@dataclass
class _SaveFirst:
    """A stop that waits for a checkpoint."""

    deadline: float
    grace_seconds: float


@dataclass
class _Torchrun:
    process: subprocess.Popen[bytes] | None  # None: the preloaded process forked it
    id: ProcessId
    exit: Exit | None = None


class Group:
    """torchrun, its workers and everything below them, as one unit with one end."""

    def __init__(
        self, spec: Spec, identity: ProcessId, launcher_id: ProcessId, signals: _Signals, pool: Pool | None = None
    ) -> None:
        self._spec = spec
        self._pool = pool
        self._start: str | None = None  # warm, torchrun warm, or cold and why; None: there was no choice
        self._signals = signals
        self._identity = identity
        self._scan = TreeScan(identity, os.fsencode(spec.marker), frozenset({launcher_id}))
        self._selector = selectors.DefaultSelector()
        self._selector.register(signals.wake_fd, selectors.EVENT_READ, signals.drain)
        self._host_signs = HostSigns()
        self._streams: dict[str, Stream] = {}
        self._open_streams: set[str] = set()
        self._workers: dict[int, Worker] = {}
        self._warm_trainers: dict[int, ProcessId] = {}  # by rank
        self._trainers_give_up: float | None = None
        self._torchrun: _Torchrun | None = None
        self._launch_error: str | None = None
        self._started_at = _wall()
        self._all_seen = False
        self._torchrun_is_closing = False
        self._stop_deadline: float | None = None
        self._stop_requested = False
        self._kill_at: float | None = None
        self._tree_end: TreeEnd | None = None
        self._failed_before_end: list[Worker] = []
        self._progress = ProgressReader(spec.step_pattern)
        self._readers: dict[str, ProgressReader] = {}
        self._activity = Activity(time.monotonic())
        self._rendezvous = Rendezvous(spec.master_port)
        self._progress_at: float | None = None
        self._helper = Helper(spec.group_dir / "helper")
        self._last_helper_look = 0.0
        self._save_first: _SaveFirst | None = None
        self._stacks = Stacks(spec.group_dir / "stacks", spec.python, spec.env.get("PATH", os.defpath), signals.wake)
        self._report: dict[str, Any] | None = None
        self._sequence = 0
        self._changed = False
        self._look_due = False
        self._progress_changed = False
        self._last_beat = self._last_progress = self._last_search = self._last_owner_look = time.monotonic()
        self._log_room = MAX_SHIM_LOG_BYTES
        self._guard: Guard | None = None
        self._lease: Lease | None = None
        self._lease_lost: str | None = None
        self._launcher_id = launcher_id
        self._make_folders()
        self._control = Control(spec.socket, self._selector, self._status)

    def serve(self) -> int:
        """Runs the group to its end, writes the report, says goodbye."""
        try:
            if self._may_start() and self._has_loaded():
                self._start_torchrun()
            while not self._is_over():
                self._turn()
            report = self._make_report(None)
        except Exception as error:  # a bug here must not leave a group running unwatched
            self._log(traceback.format_exc())
            self._end_tree_now()
            report = self._make_report(f"the shim failed: {type(error).__name__}: {error}")
        self._log("the tree is gone" if self._tree_end and self._tree_end.gone else "the tree outlives SIGKILL")
        self._give_lease_back()
        self._publish(report)
        self._farewell()
        if self._lease is not None:
            self._lease.await_return()
        return 0

    def abandon(self) -> None:
        """Takes back what was set up, before anything of the fence was forked."""
        if self._pool is not None:
            self._pool.kill()
        self._control.close()
        self._remove_fifos()

    # --- the lease -------------------------------------------------------------------------------------------------

    def _may_start(self) -> bool:
        """Waits for the first grant of a majority: nothing is forked before (A16)."""
        spec = self._spec.lease
        if spec is None:
            return True
        # before there are threads: what is forked then has one
        self._guard = guard.fork(self._spec.marker, self._identity, self._launcher_id)
        self._scan = TreeScan(
            self._identity, os.fsencode(self._spec.marker), frozenset({self._launcher_id, self._guard.id})
        )
        self._lease = Lease(spec, self._signals.wake, self._guard.shared.set_deadline)
        self._lease.start()
        give_up = time.monotonic() + FIRST_GRANT_LIMIT_SECONDS
        while self._lease.deadline is None and self._tree_end is None:
            now = time.monotonic()
            self._turn_before_start(now, min(SEARCH_INTERVAL_SECONDS, max(0.0, give_up - now)))
            if now >= give_up and self._tree_end is None:
                self._lose_lease(
                    now,
                    f"no majority of seats granted a lease within {FIRST_GRANT_LIMIT_SECONDS:.0f} s;"
                    f" the last: {self._lease.last_problem}",
                )
            self._tell_watchers(now)
        if self._tree_end is None:
            self._log("lease granted")
        return self._tree_end is None

    def _turn_before_start(self, now: float, seconds: float) -> None:
        """There is nothing to be stopped with grace yet."""
        self._wait(seconds)
        self._reap()
        self._obey(now)
        if self._stop_requested and self._tree_end is None:
            if self._pool is not None and self._pool.is_loading:
                self._pool.kill()  # there is time to take the lock of what it builds along
            self._begin_end(now)
        self._look_at_lease(now)

    def _may_fork(self) -> bool:
        """The last look before torchrun: what was done since the one before may have taken seconds."""
        self._turn_before_start(time.monotonic(), 0.0)
        return self._tree_end is None

    def _look_at_lease(self, now: float) -> None:
        """Ends the group when its lease is over, when a seat says so, or when the guard is gone (A14 to A17)."""
        spec = self._spec.lease
        if spec is None or self._lease is None or self._guard is None or self._tree_end is not None:
            return
        at = lease.clock()
        if self._lease.stop is not None:
            self._lose_lease(now, f"told to stop by the seat {self._lease.stop}")
        elif self._lease.has_run_out(at):
            self._lose_lease(
                now,
                f"the lease of {spec.length_seconds:g} s has run out: no majority of seats renewed it;"
                f" the last: {self._lease.last_problem}",
            )
        elif self._guard.is_gone():
            self._lose_lease(now, "the guard of the lease is gone")
        elif self._guard.is_late(at):
            self._lose_lease(now, "the guard of the lease is frozen")

    def _lose_lease(self, now: float, why: str) -> None:
        self._lease_lost = why
        self._log(f"ends the group: {why}")
        self._begin_end(now)

    def _give_lease_back(self) -> None:
        """The tree is gone, or nothing can end it: the guard has nothing left to do."""
        if self._lease is not None:
            if self._lease_lost is None:
                self._lease.give_back()
            else:
                self._lease.end()
        if self._guard is not None:
            self._end_guard(self._guard)

    def _end_guard(self, ended: Guard) -> None:
        ended.shared.set_done()
        procfs.send_signal(ended.id, signal.SIGKILL)  # it looks 20 times a second: nobody is to wait for that
        give_up = time.monotonic() + FAREWELL_SECONDS
        while not ended.is_gone() and time.monotonic() < give_up:
            time.sleep(GUARD_END_SECONDS)
        self._reap()

    # --- start -----------------------------------------------------------------------------------------------------

    def _has_loaded(self) -> bool:
        """Waits for a pool that is made for this very start, or was adopted while it loaded; False when the group has
        to end before."""
        pool, warm = self._pool, self._spec.warm
        if pool is None or warm is None or not pool.is_loading:
            return True
        limit = warm.load_seconds or 0
        give_up = time.monotonic() + limit
        while pool.is_loading and self._tree_end is None and (now := time.monotonic()) < give_up:
            self._turn_before_start(now, POLL_INTERVAL_SECONDS)
            pool.take_all(now)
            self._tell_watchers(now)
        if self._tree_end is not None:
            return False
        pool.give_up_building(f"it was not built within the {limit} s of a start")
        try:
            if pool.is_loading:
                raise NotWarmError(f"after {limit} s it was still {pool.doing}")
            pool.belong(self._spec)
            self._start = LOADED_NOW
            self._log(f"loaded: {pool.ready}")
        except NotWarmError as why:
            try:
                self._fall_cold(pool, why)
            except OSError as error:
                self._cannot_start(error)
        return self._may_fork()

    def _fall_cold(self, pool: Pool, why: NotWarmError) -> None:
        """Nothing is left that could still fork a torchrun of this fence."""
        self._start = f"cold: {why}"
        self._log(f"a cold start: {why}")
        pool.kill()  # what it builds goes with its lock, which the workers would wait for
        self._end_pool()
        self._pool = None

    def _make_folders(self) -> None:
        for name in ("logs", "errors", "torch", "fifo", "helper"):
            (self._spec.group_dir / name).mkdir(mode=0o700, exist_ok=True)
        if not self._spec.worker_exec:
            return
        for local_rank in range(self._spec.local_world_size):
            fd = capture.make_fifo(self._spec.group_dir / "fifo", local_rank)
            self._add_stream(f"rank-{self._spec.first_rank + local_rank}", fd)
        script = self._spec.group_dir / "worker"
        script.write_text(
            capture.worker_script(self._worker_command(), self._spec.group_dir / "fifo"),
            encoding="utf-8",
            errors="surrogateescape",
        )
        script.chmod(0o700)
        if not os.access(script, os.X_OK):
            raise OSError(f"{script} cannot be executed; put the group folder on a file system without noexec")

    def _start_torchrun(self) -> None:
        spec = self._spec
        environment = dict(spec.env)
        if spec.worker_exec:
            environment["PYTHON_EXEC"] = str(spec.group_dir / "worker")
        read_end, write_end = os.pipe2(os.O_CLOEXEC)
        self._add_stream("torchrun", read_end)
        started = None
        try:
            started = self._fork_warm(environment, write_end)
            if started is None and self._may_fork():
                started = self._start_cold(environment, write_end)
        except OSError as error:
            self._cannot_start(error)
            return
        finally:
            os.close(write_end)
        self._torchrun = started
        self._changed = True
        if started is None:
            return
        how = "cold" if started.process else "warm"
        alone = ", its workers cold" if self._start == TORCHRUN_WARM else ""
        self._log(f"marker={spec.marker} torchrun started {how}{alone} pid={started.id.pid}")

    def _cannot_start(self, error: OSError) -> None:
        self._launch_error = f"torchrun could not be started: {error}"
        self._log(self._launch_error)
        self._begin_end(time.monotonic())

    def _start_cold(self, environment: dict[str, str], output: int) -> _Torchrun:
        spec = self._spec
        process = subprocess.Popen(
            spec.argv,
            executable=spec.find(spec.argv[0]) or spec.argv[0],
            env=environment,
            cwd=spec.cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        found = procfs.read_process(process.pid)  # ours to reap, so still there even if it ended already
        assert found is not None
        return _Torchrun(process, found.id)

    def _fork_warm(self, environment: dict[str, str], output: int) -> _Torchrun | None:
        """None: a cold start is safe, since nothing is left that could still fork a torchrun of this fence."""
        if self._pool is None:
            return None
        try:
            pid = self._pool.fork_torchrun(environment, output)
        except NotWarmError as why:
            self._fall_cold(self._pool, why)
            return None
        found = procfs.read_process(pid)  # our child: a subreaper gets what its parent left
        if found is None or found.parent != self._identity.pid:
            raise OSError(f"pid {pid}, forked from the warm pool, is not this shim's child")
        self._start = self._start or (WARM if self._pool.forks_workers else TORCHRUN_WARM)
        return _Torchrun(None, found.id)

    def _end_pool(self) -> None:
        """One frozen in the midst of a fork must be gone before anything else may be started."""
        end = TreeEnd(self._scan, time.monotonic())
        while not end.step(time.monotonic()):
            time.sleep(SCAN_INTERVAL_SECONDS)
            self._reap()
        if not end.gone:
            raise OSError("the preloaded process outlives SIGKILL")

    def _worker_command(self) -> list[str]:
        forks = self._pool is not None and self._pool.forks_workers
        return client_command(self._spec) if forks else [self._spec.python]

    def _add_stream(self, name: str, fd: int) -> None:
        log = SegmentedLog(self._spec.group_dir / "logs", name, self._spec.segment_bytes, self._spec.max_log_bytes)
        stream = Stream(name, fd, log, self._spec.master_port)
        self._streams[name] = stream
        self._open_streams.add(name)
        self._selector.register(fd, selectors.EVENT_READ, lambda _events: self._take_output(stream))

    # --- the loop --------------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        """Waits for something to happen, then looks at everything once."""
        self._wait(self._wait_seconds(time.monotonic()))
        now = time.monotonic()
        self._reap()
        self._obey(now)
        self._look_at_lease(now)
        self._search_workers(now)
        self._search_trainers(now)
        self._look_for_rendezvous()
        self._look_at_workers()
        self._decide(now)
        self._settle_progress()
        if now - self._last_helper_look >= HELPER_INTERVAL_SECONDS:
            self._last_helper_look = now
            said_more = self._helper.look()
            self._note_progress(said_more)
            if said_more and self._helper.progress is not None:
                self._activity.said(self._spec.first_rank, self._helper.progress, now)
        self._look_at_activity(now)
        self._tell_watchers(now)

    def _wait(self, seconds: float) -> None:
        for key, events in self._selector.select(seconds):
            handler: Callable[[int], None] = key.data
            handler(events)

    def _wait_seconds(self, now: float) -> float:
        if self._tree_end is not None:
            return SCAN_INTERVAL_SECONDS
        wait = BEAT_SECONDS - (now - self._last_beat)
        if not self._all_seen or self._polls:
            wait = min(wait, POLL_INTERVAL_SECONDS)
        elif self._misses_trainers(now):
            wait = min(wait, SEARCH_INTERVAL_SECONDS)
        if self._rendezvous.wait_seconds is not None:
            wait = min(wait, self._rendezvous.wait_seconds)
        if self._progress_changed or self._has_pending_output:
            wait = min(wait, PROGRESS_SILENCE_SECONDS)
        if self._lease is not None and self._lease.deadline is not None:
            wait = min(wait, self._lease.deadline - lease.clock())
        if self._save_first is not None:
            wait = min(wait, SAVE_POLL_SECONDS)
        for deadline in (self._kill_at, self._stop_deadline):
            if deadline is not None:
                wait = min(wait, deadline - now)
        return max(0.0, wait)

    @property
    def _has_pending_output(self) -> bool:
        return self._progress.has_pending or any(r.has_pending for r in self._readers.values())

    @property
    def _polls(self) -> bool:
        return any(w.is_running and w.pidfd is None for w in self._workers.values())

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if self._torchrun is not None and self._torchrun.exit is None and pid == self._torchrun.id.pid:
                self._torchrun.exit = failure.exit_of_wait_status(status)
                if self._torchrun.process is not None:  # so that Popen waits for nobody
                    self._torchrun.process.returncode = os.waitstatus_to_exitcode(status)
                self._changed = True
                self._log(self._torchrun.exit.sentence("torchrun"))
                continue
            if self._pool is not None:
                self._pool.reaped(pid, status)
            for worker in self._workers.values():
                if worker.id.pid == pid and worker.exit is None:
                    worker.reaped(status, _wall(), self._tree_end is not None)
                    self._forget_pidfd(worker)
                    self._changed = True

    def _obey(self, now: float) -> None:
        if self._signals.kill_asked:
            self._signals.kill_asked = False
            self._kill(now)
        if now - self._last_owner_look >= OWNER_INTERVAL_SECONDS:
            self._last_owner_look = now
            self._look_at_owner(now)
        for command in self._control.take_commands():
            match command:
                case Kill():
                    self._kill(now)
                case Stop(grace, checkpoint):
                    self._stop_when_saved(now, grace, checkpoint)
                case TakeStacks():
                    self._take_stacks(now)

    def _take_stacks(self, now: float) -> None:
        if self._tree_end is None and self._stacks.take(self._trainers(), now):
            self._log("stacks asked for")

    def _look_at_owner(self, now: float) -> None:
        """A foreground command killed with -9 has no successor: nobody would ever end this group."""
        owner = self._spec.owner
        if owner is None or self._stop_deadline is not None or self._tree_end is not None:
            return
        if procfs.is_gone(owner):
            self._log(f"the command that owns this group, pid {owner.pid}, is gone")
            self._stop(now, OWNER_GONE_GRACE_SECONDS)

    def _kill(self, now: float) -> None:
        if self._tree_end is None:
            self._stop_requested = True
            self._log("kill asked for")
            self._begin_end(now)

    def _stop_when_saved(self, now: float, grace_seconds: float, checkpoint_seconds: float) -> None:
        """Asks for a checkpoint first, where the script listens; asked again without, it stops at once."""
        if self._save_first is not None and checkpoint_seconds > 0:
            self._save_first.deadline = min(self._save_first.deadline, now + checkpoint_seconds)
            return
        can_save = self._tree_end is None and self._stop_deadline is None and self._helper.is_present
        if checkpoint_seconds > 0 and can_save:
            try:
                self._helper.ask_for_checkpoint(checkpoint_seconds)
            except OSError as error:
                self._log(f"cannot ask for a checkpoint: {error}")
            else:
                self._log(f"stop asked for, after a checkpoint within {checkpoint_seconds:g} s")
                self._save_first = _SaveFirst(now + checkpoint_seconds, grace_seconds)
                self._stop_requested = True
                self._changed = True
                return
        self._save_first = None
        self._stop(now, grace_seconds)

    def _look_at_save(self, now: float) -> None:
        waits = self._save_first
        if waits is None or self._tree_end is not None:
            return
        step = self._helper.saved_step
        if step is not None:
            self._log(f"the checkpoint that was asked for is there, of step {step}")
        elif now >= waits.deadline:
            self._log("the checkpoint that was asked for did not come in time")
        elif not self._helper.is_present:
            self._log("training is over; no checkpoint comes any more")
        else:
            return
        self._save_first = None
        self._stop(now, waits.grace_seconds)

    def _stop(self, now: float, grace_seconds: float) -> None:
        """Asks with TERM; asked again, only the deadline moves, and only nearer."""
        if self._tree_end is not None:
            return
        deadline = now + grace_seconds
        if self._stop_deadline is not None:
            self._stop_deadline = min(self._stop_deadline, deadline)
            return
        self._log(f"stop asked for, grace {grace_seconds} s")
        self._stop_requested = True
        self._stop_deadline = deadline
        self._changed = True
        self._find_workers()
        if self._workers:
            for worker in self._workers.values():
                worker.signal_group(signal.SIGTERM)
        elif self._torchrun is not None:
            procfs.send_signal(self._torchrun.id, signal.SIGTERM)

    def _search_workers(self, now: float) -> None:
        if self._all_seen or self._tree_end is not None or now - self._last_search < SEARCH_INTERVAL_SECONDS * 0.9:
            return
        self._last_search = now
        for worker in self._find_workers():
            if self._stop_deadline is not None:
                worker.signal_group(signal.SIGTERM)

    def _find_workers(self) -> list[Worker]:
        if self._torchrun is None or self._torchrun.exit is not None or self._all_seen:
            return []
        spec = self._spec
        found = workers.find(
            self._torchrun.id.pid, spec.marker, spec.first_rank, self._workers.keys(), spec.local_world_size
        )
        for worker in found:
            self._workers[worker.local_rank] = worker
            self._changed = True
            fd = worker.open_pidfd()
            if fd is not None:
                self._selector.register(fd, selectors.EVENT_READ, self._on_worker_event)
        self._all_seen = len(self._workers) == spec.local_world_size
        if self._all_seen:
            self._log("all workers seen")
            self._rendezvous.forked({worker.rank: worker.id for worker in self._workers.values()})
            for stream in self._streams.values():
                # torchrun opens the port before it starts workers; a worker of torchrun's oldest form opens it itself,
                # as its first act. So torchrun has won the race now, and workers have until their first step.
                stream.looks_for_port = stream.looks_for_port and stream.name != "torchrun"
        return found

    def _on_worker_event(self, _events: int) -> None:
        self._look_due = True

    def _look_at_workers(self) -> None:
        if not (self._look_due or self._polls or self._tree_end is not None):
            return
        self._look_due = False
        for worker in self._workers.values():
            if worker.look(_wall(), self._tree_end is not None):
                self._forget_pidfd(worker)
                self._changed = True
                how = worker.exit.sentence(f"rank {worker.rank}") if worker.exit else f"rank {worker.rank} is gone"
                self._log(how)

    def _forget_pidfd(self, worker: Worker) -> None:
        if worker.pidfd is not None:
            self._selector.unregister(worker.pidfd)
            os.close(worker.pidfd)
            worker.pidfd = None

    def _decide(self, now: float) -> None:
        """When to end the tree."""
        self._look_at_save(now)
        if self._tree_end is not None:
            self._tree_end.step(now)
            return
        if self._torchrun is not None and self._torchrun.exit is not None:
            self._begin_end(now)
            return
        if self._stop_deadline is not None:
            if now >= self._stop_deadline:
                self._log("the grace is over")
                self._begin_end(now)
            return
        failed = [w for w in self._workers.values() if w.has_failed]
        if self._kill_at is None and (failed or self._lost_one_unseen()):
            # torchrun would wait up to 30 s for a stuck sibling
            self._kill_at = now + reports.wait_for_error_files([w.exit for w in failed])
        if self._kill_at is not None and now >= self._kill_at:
            self._begin_end(now)

    def _lost_one_unseen(self) -> bool:
        """Whether torchrun ends its workers over a failure whose exit status this shim did not get to see."""
        unknown = any(not w.is_running and w.exit is None for w in self._workers.values())
        return self._torchrun_is_closing and (unknown or not self._all_seen)

    def _begin_end(self, now: float) -> None:
        for worker in self._workers.values():  # what failed until now failed by itself
            if worker.look(_wall(), False):
                self._forget_pidfd(worker)
        self._failed_before_end = [w for w in self._workers.values() if not w.is_running]
        self._stop_deadline = None
        self._tree_end = TreeEnd(self._scan, now)
        self._tree_end.step(now)
        self._changed = True

    def _is_over(self) -> bool:
        return self._tree_end is not None and self._tree_end.gone is not None

    def _end_tree_now(self) -> None:
        if self._tree_end is None:
            self._tree_end = TreeEnd(self._scan, time.monotonic())
        while not self._tree_end.step(time.monotonic()):
            time.sleep(SCAN_INTERVAL_SECONDS)
            self._reap()

    # --- output ----------------------------------------------------------------------------------------------------

    def _take_output(self, stream: Stream) -> bool:
        """Takes one read's worth; True when there may be more."""
        data = stream.read(_wall())
        if data is None:
            self._selector.unregister(stream.fd)
            self._open_streams.discard(stream.name)
            return False
        if not data:
            return False
        if stream.name == "torchrun" and not self._torchrun_is_closing and failure.says_closing(data):
            self._torchrun_is_closing = True
        reader = self._reader_of(stream)
        if reader is not None:
            changed = reader.feed(data, _wall())
            self._note_reading(stream, reader, changed)
        return True

    def _reader_of(self, stream: Stream) -> ProgressReader | None:
        """Of each rank's own output; of torchrun's only where it is all there is."""
        if stream.name == self._progress_stream:
            return self._progress
        if stream.name == "torchrun":
            return None
        if stream.name not in self._readers:
            self._readers[stream.name] = ProgressReader(self._spec.step_pattern)
        return self._readers[stream.name]

    def _note_reading(self, stream: Stream, reader: ProgressReader, changed: bool) -> None:
        rank = int(stream.name.rpartition("-")[2]) if stream.name != "torchrun" else self._spec.first_rank
        self._activity.read(rank, reader, time.monotonic())
        if stream.name == self._progress_stream:
            self._note_progress(changed)

    @property
    def _progress_stream(self) -> str:
        return f"rank-{self._spec.progress_rank}" if self._spec.worker_exec else "torchrun"

    def _settle_progress(self) -> None:
        for stream in self._streams.values():
            reader = self._progress if stream.name == self._progress_stream else self._readers.get(stream.name)
            if reader is None or stream.last_output_at is None or not reader.has_pending:
                continue
            if _wall() - stream.last_output_at >= PROGRESS_SILENCE_SECONDS:
                self._note_reading(stream, reader, reader.settle())

    def _look_at_activity(self, now: float) -> None:
        self._activity.looked(now)
        if self._all_seen and self._tree_end is None and self._activity.is_due(now):
            self._activity.sample(self._trainers(), now)

    def _trainers(self) -> dict[int, ProcessId]:
        """By rank, the processes that train; of a warm start those are not torchrun's own children."""
        running = {w.rank: w.id for w in self._workers.values() if w.is_running}
        return {rank: self._warm_trainers.get(rank, process) for rank, process in running.items()}

    def _misses_trainers(self, now: float) -> bool:
        if self._start not in (WARM, LOADED_NOW) or not self._all_seen or self._tree_end is not None:
            return False
        if self._trainers_give_up is None:
            self._trainers_give_up = now + TRAINERS_LIMIT_SECONDS
        return len(self._warm_trainers) < len(self._workers) and now < self._trainers_give_up

    def _search_trainers(self, now: float) -> None:
        """Remembered, since the preloaded process ends and leaves what it forked to this shim, not to torchrun."""
        if self._misses_trainers(now) and now - self._last_search >= SEARCH_INTERVAL_SECONDS * 0.9:
            self._last_search = now
            self._find_trainers()

    def _find_trainers(self) -> None:
        spec = self._spec
        torchrun = self._torchrun.id.pid if self._torchrun is not None else 0
        roots = [pid for pid in procfs.children_of(self._identity.pid) if pid != torchrun]
        known = [rank - spec.first_rank for rank in self._warm_trainers]
        for worker in workers.find_below(roots, spec.marker, spec.first_rank, known, spec.local_world_size):
            self._warm_trainers[worker.rank] = worker.id

    def _look_for_rendezvous(self) -> None:
        if self._tree_end is None and self._rendezvous.look(self._trainers(), bool(self._progress_now().step)):
            self._changed = True

    def _note_progress(self, changed: bool) -> None:
        if changed:
            self._progress_changed = True
            self._progress_at = _wall()
            if self._all_seen and self._progress_now().step:
                for stream in self._streams.values():
                    stream.looks_for_port = False

    def _drain_output(self) -> None:
        for name in list(self._open_streams):
            for _ in range(capture.MAX_READS_AT_END):
                if not self._take_output(self._streams[name]):
                    break
        self._note_progress(self._progress.settle())
        self._note_progress(self._helper.look())

    # --- what watchers see -----------------------------------------------------------------------------------------

    def _status(self) -> dict[str, Any]:
        return {
            "type": "status",
            "seq": self._sequence,
            "phase": self._phase(),
            "start": self._start,
            "startLengths": self._rendezvous.to_json(),
            "marker": self._spec.marker,
            "torchrun": (
                {"pid": self._torchrun.id.pid, "startTime": self._torchrun.id.start_time} if self._torchrun else None
            ),
            "workers": self._workers_json(),
            "progress": self._progress_json(),
            "lastOutputAt": self._last_output_at(),
            "report": self._report,
        }

    def _last_output_at(self) -> float | None:
        return max((s.last_output_at for s in self._streams.values() if s.last_output_at is not None), default=None)

    def _phase(self) -> str:
        if self._report is not None:
            return "exited"
        if self._stop_requested or self._tree_end is not None:
            return "stopping"
        return "running" if self._all_seen else "starting"

    def _workers_json(self) -> list[dict[str, Any]]:
        return reports.workers_json(self._workers)

    def _progress_now(self) -> Progress:
        """What the script says itself counts; its output fills in the rest."""
        read, said = self._progress.progress, self._helper.progress
        if said is None or said.step is None:
            return read
        return Progress(
            said.step,
            said.total_steps or read.total_steps,
            read.loss if said.loss is None else said.loss,
            read.eval_loss if said.eval_loss is None else said.eval_loss,
        )

    def _progress_json(self) -> dict[str, Any] | None:
        now = self._progress_now()
        if now == Progress():
            return None
        return {
            "step": now.step,
            "totalSteps": now.total_steps,
            "loss": now.loss,
            "evalLoss": now.eval_loss,
            "at": self._progress_at,
        }

    def _activity_json(self, now: float) -> dict[str, Any] | None:
        found = self._activity.to_json(now)
        return {**found, "stacks": self._stacks.to_json(now)} if found else None

    def _tell_watchers(self, now: float) -> None:
        progress_is_due = self._progress_changed and now - self._last_progress >= PROGRESS_INTERVAL_SECONDS
        if self._changed or progress_is_due:
            self._sequence += 1
            if self._progress_changed:
                self._last_progress = now
            self._changed = self._progress_changed = False
            self._control.tell_watchers(self._status())
        if now - self._last_beat >= BEAT_SECONDS:
            self._last_beat = now
            beat = {
                "type": "beat",
                "seq": self._sequence,
                "phase": self._phase(),
                "lastOutputAt": self._last_output_at(),
                "activity": self._activity_json(now),
            }
            self._control.tell_watchers(beat)

    # --- the end ---------------------------------------------------------------------------------------------------

    def _make_report(self, shim_error: str | None) -> dict[str, Any]:
        self._reap()  # the last of the tree may have ended since the last look: how is told here or nowhere
        self._look_at_workers()
        self._drain_output()
        assert self._tree_end is not None
        report = reports.make(
            reports.Ended(
                spec=self._spec,
                streams=self._streams,
                workers=self._workers,
                failed_before_end=self._failed_before_end,
                torchrun=self._torchrun.exit if self._torchrun else None,
                torchrun_is_closing=self._torchrun_is_closing,
                tree=self._tree_end,
                shim_error=shim_error or self._launch_error,
                lease_lost=self._lease_lost,
                stop_requested=self._stop_requested,
                progress=self._progress_json(),
                started_at=self._started_at,
                ended_at=_wall(),
            )
        )
        report["hostSigns"] = self._signs_of_the_host(report) if report["outcome"] == "failed" else []
        return report

    def _signs_of_the_host(self, report: dict[str, Any]) -> list[str]:
        pids = [worker.id.pid for worker in self._workers.values()]
        pids += [trainer.pid for trainer in self._warm_trainers.values()]
        if self._torchrun is not None:
            pids.append(self._torchrun.id.pid)
        first = report["firstFailure"]
        was_killed = first is not None and (
            first["signal"] == signal.SIGKILL or "killed by signal" in str(first["message"])
        )
        return self._host_signs.lines(pids, was_killed)

    def _publish(self, report: dict[str, Any]) -> None:
        """Writes the report, then tells watchers. With a full disk it is served from memory while it is tried again."""
        give_up_at = time.monotonic() + REPORT_RETRY_LIMIT_SECONDS
        told = False
        while True:
            written = self._write_report(report)
            if written or not told:
                self._report = report
                self._changed = True
                self._tell_watchers(time.monotonic())
                told = True
            if written or time.monotonic() >= give_up_at:
                return
            self._serve_until(time.monotonic() + REPORT_RETRY_SECONDS, lambda: False)

    def _write_report(self, report: dict[str, Any]) -> bool:
        try:
            durable.write_json(self._spec.group_dir / "report.json", report)
        except OSError as error:
            self._log(f"the report cannot be written yet: {error}")
            return False
        return True

    def _farewell(self) -> None:
        self._serve_until(time.monotonic() + FAREWELL_SECONDS, lambda: not self._control.owes)
        self._control.close()
        for stream in self._streams.values():
            if stream.name in self._open_streams:
                self._selector.unregister(stream.fd)
            stream.close()
        self._remove_fifos()
        self._host_signs.close()
        self._log("reported and done")

    def _serve_until(self, deadline: float, is_enough: Callable[[], bool]) -> None:
        while not is_enough() and (left := deadline - time.monotonic()) > 0:
            self._wait(min(left, POLL_INTERVAL_SECONDS))
            self._control.take_commands()  # too late for any of them
            self._reap()
            self._tell_watchers(time.monotonic())

    def _remove_fifos(self) -> None:
        socket_path(self._spec).unlink(missing_ok=True)
        for local_rank in range(self._spec.local_world_size):
            capture.fifo_path(self._spec.group_dir / "fifo", local_rank).unlink(missing_ok=True)

    def _log(self, text: str) -> None:
        line = f"{_stamp(time.time())} {text}\n"
        if len(line) > self._log_room:
            return
        self._log_room -= len(line)
        try:
            sys.stderr.write(line)
            sys.stderr.flush()
        except OSError:
            return  # a full disk must not end the group


def _stamp(at: float) -> str:
    """Time in the log, with milliseconds as the daemon's log has."""
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at))}.{int(at % 1 * 1_000):03d}Z"


def _wall() -> float:
    """Wall clock for display, in epoch seconds."""
    return round(time.time(), 3)
