"""Owns the shim's side of a warm pool: one preloaded process, which belongs to this shim and serves one fence.

Beside it, before the pool is ready, another process builds the DeepSpeed ops that the job needs and that are not there.
"""

from __future__ import annotations

import array
import json
import os
import select
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lockstep_shim import mark, procfs
from lockstep_shim.building import Ops
from lockstep_shim.control import listen
from lockstep_shim.procfs import ProcessId
from lockstep_shim.spec import Spec, WarmSpec

ANSWER_LIMIT_SECONDS = 5.0
END_LIMIT_SECONDS = 2.0
LOAD_LIMIT_SECONDS = 300.0
MAX_LEFT_OUT = 8
MAX_BACKLOG = 1_024
MAX_MESSAGE_BYTES = 1 << 20
TORCHRUN = ("-m", "torch.distributed.run")
SOCKET_SUFFIX = ".w"
GPU = "/dev/nvidiactl"
# What differs between the attempts of a job, and what nothing reads at import.
VOLATILE = frozenset(
    {"NODE_RANK", "TORCHELASTIC_ERROR_FILE", "LOCKSTEP_ATTEMPT", "LOCKSTEP_RESUME_FROM", "LOCKSTEP_RESTART_CAUSE"}
    | {"LOCKSTEP_HELPER_DIR"}
    | {"LOCKSTEP_GROUP"}
)


class NotWarmError(Exception):
    """This start is a cold one; the text says why."""


@dataclass(frozen=True)
class LeftOut:
    """A module that is not preloaded."""

    module: str
    why: str


class Pool:
    """Starts a preloaded process, again without what is not safe to preload, until one is ready."""

    def __init__(self, spec: Spec, tries_again: bool = True) -> None:
        """Starts to load what the spec's script needs; raises OSError if there is no such Python.

        Without trying again, the first module that is not safe to preload is the pool's failure. What is known to be
        unsafe is left out from the start then, and on a host where it is: to try it would be to load all twice.
        """
        self._spec = spec
        self._tries_again = tries_again
        self.left_out = _known_unsafe(spec) if not tries_again or os.path.exists(GPU) else []
        self.ready: dict[str, Any] | None = None
        self.failed: str | None = None
        self._loading: str | None = None
        self._loaded: dict[str, Any] | None = None
        self._give_up = time.monotonic() + LOAD_LIMIT_SECONDS
        assert spec.warm is not None
        self._ops: Ops | None = None
        self._start()
        try:
            if spec.warm.ops:
                self._ops = _build(spec, marked=not tries_again)  # a standby has no fence yet
        except OSError:
            self.kill()
            raise

    def fileno(self) -> int:
        """Readable when there is something to take."""
        return self._control.fileno()

    @property
    def building(self) -> Ops | None:
        """Readable when there is something for take_ops; None when there is nothing to build, any more."""
        return self._ops if self._ops is not None and self._ops.is_building else None

    @property
    def forks_workers(self) -> bool:
        """False where only torchrun comes from here, and starts its workers cold."""
        return self._spec.warm is not None and not self._spec.warm.cold_workers

    @property
    def is_loading(self) -> bool:
        """Neither ready nor failed yet."""
        return self.ready is None and self.failed is None

    def take(self) -> None:
        """Takes one message of a process that loads."""
        message = self._receive(None)
        if message is None:
            self._take_end()
        elif message["type"] == "loading":
            self._loading = message["module"]
        elif message["type"] == "unsafe":
            self._leave_out(message["module"], message["why"])
        elif message["type"] == "unusable":
            self._end_process()
            self._fail(message["why"])
        elif message["type"] == "ready":
            self._loaded = message
            self._look_if_ready()

    def take_ops(self) -> None:
        """Takes what the process that builds ops says, or its end."""
        if self.building is not None:
            self.building.take()
            self._look_if_ready()

    @property
    def sources(self) -> list[Any]:
        """Readable when there is something for take_all."""
        return [self, *([self.building] if self.building is not None else [])]

    def take_all(self, now: float) -> None:
        """Takes what was said until now, an end too, and waits for nothing."""
        while self.failed is None:
            ready, _, _ = select.select(self.sources, [], [], 0)
            if not ready:
                break
            if self in ready:
                self.take()
            if self.building in ready:
                self.take_ops()
        self.look(now)

    def give_up_building(self, why: str) -> None:
        """What is loaded is ready without the ops that are not there yet: the workers build them, as without a pool."""
        if self._loaded is not None and self.building is not None:
            self.building.give_up(why)
            self._look_if_ready()

    def look(self, now: float) -> None:
        """Gives up an import, or the build of an op, that does not end."""
        if self.building is not None:
            self.building.look(now)
            self._look_if_ready()
        if self.is_loading and self._loaded is None and now >= self._give_up:
            self._fail(f"the import of {self._loading} did not end within {LOAD_LIMIT_SECONDS:.0f} s")

    def belong(self, spec: Spec) -> None:
        """Gives the process to this fence, for good. Raises NotWarmError."""
        if self.failed is not None:
            raise NotWarmError(self.failed)
        if self.ready is None:
            raise NotWarmError(self.still)
        self.must_fit(spec)
        self._spec = spec
        path = socket_path(spec)
        try:
            listener = listen(str(path), socket.SOCK_SEQPACKET, MAX_BACKLOG)
        except OSError as error:
            raise NotWarmError(str(error)) from error
        with listener:
            workers = spec.local_world_size if self.forks_workers else 0
            order: dict[str, Any] = {"op": "belong", "marker": spec.marker, "workers": workers}
            order.update(stacks=str(spec.group_dir / "stacks"), firstRank=spec.first_rank)
            answer = self._ask(order, [listener.fileno()])
        if answer["type"] != "belongs":
            path.unlink(missing_ok=True)
            raise NotWarmError(answer["why"])
        # That it says so is not enough to prove an end later: what scans read must show it.
        if procfs.environment(self._process.pid).get(mark.MARKER_NAME.encode()) != os.fsencode(spec.marker):
            path.unlink(missing_ok=True)
            raise NotWarmError("the preloaded process does not carry the mark of its group")

    def must_fit(self, spec: Spec) -> None:
        """Raises NotWarmError when what is loaded, or being loaded, is not what this fence needs."""
        for what, before, now in _compared(self._spec, spec):
            if before != now:
                raise NotWarmError(f"{what} changed since the warm pool was made")

    def build_for(self, spec: Spec) -> None:
        """What still builds ops begins again under the mark of this fence, which finds it whoever loses it; what is
        compiled is kept. Raises OSError."""
        if self.building is not None:
            self.building.kill()
            self._ops = _build(spec, marked=True)

    def fork_torchrun(self, environment: dict[str, str], output: int) -> int:
        """Forks torchrun as a child of this very process; returns its pid. Raises NotWarmError when it may not have."""
        nothing = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        try:
            order = {
                "op": "torchrun",
                "arguments": list(self._spec.argv[1 + len(TORCHRUN) :]),
                "env": environment,
                "cwd": self._spec.cwd,
                "store": store_elsewhere(self._spec),
            }
            return int(self._ask(order, [nothing, output, output])["pid"])
        finally:
            os.close(nothing)

    def reaped(self, pid: int, status: int) -> None:
        """Whoever waits for all children says so here of each: no second wait can tell how one ended."""
        if pid == self._process.pid and self._process.returncode is None:
            self._process.returncode = os.waitstatus_to_exitcode(status)
        if self._ops is not None:
            self._ops.reaped(pid, status)

    def kill(self) -> None:
        """Ends the preloaded process, and what builds beside it; gone already counts as done."""
        procfs.send_signal(self._id, signal.SIGKILL)
        if self._ops is not None:
            self._ops.kill()

    @property
    def doing(self) -> str:
        """What it is at while it is loading."""
        if self._loaded is None or self.building is None:
            return f"loading {self._loading or 'Python'}"
        return f"building DeepSpeed's {self.building.current}"

    @property
    def still(self) -> str:
        """Why it cannot be used yet."""
        return f"the warm pool is still {self.doing}"

    def _look_if_ready(self) -> None:
        """An op that could not be built is the workers' to build, or to fail with, as without a pool."""
        if self._loaded is None or self.building is not None or self.failed is not None:
            return
        self.ready = {
            **self._loaded,
            "leftOut": [{"module": one.module, "why": one.why} for one in self.left_out],
            "ops": self._ops.results if self._ops is not None else [],
        }

    def _start(self) -> None:
        spec = self._spec
        assert spec.warm is not None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._control = ours
            self._process = subprocess.Popen(
                [
                    spec.argv[0],  # torchrun's own: a program's workers have no Python
                    "-u",
                    str(Path(__file__).with_name("preload.py")),
                    str(theirs.fileno()),
                    "-" * mark.TITLE_BYTES,
                ],
                executable=spec.find(spec.argv[0]) or spec.argv[0],
                env={**_environment(spec), **mark.room()},
                cwd=spec.cwd,
                stdin=subprocess.DEVNULL,
                stdout=2,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        found = procfs.read_process(self._process.pid)
        assert found is not None  # ours to reap
        self._id = found.id
        order = {
            "script": os.path.join(spec.cwd, spec.warm.script) if self.forks_workers else None,
            "modules": list(spec.warm.modules) if spec.warm.modules is not None else None,
            "arguments": list(spec.argv),
            "leftOut": [one.module for one in self.left_out],
        }
        self._control.sendall(json.dumps(order).encode())

    def _leave_out(self, module: str, why: str) -> None:
        self.left_out.append(LeftOut(module, why))
        self._end_process()
        if module == "torch" or module == TORCHRUN[1]:
            self._fail(f"{module} cannot be preloaded: {why}")
        elif not self._tries_again:
            self._fail(f"{module} is not safe to preload: {why}")
        elif len(self.left_out) > MAX_LEFT_OUT:
            self._fail(f"more than {MAX_LEFT_OUT} modules cannot be preloaded, the last one {module}: {why}")
        else:
            self._start()

    def _take_end(self) -> None:
        how = self._end_process()
        if self._loaded is not None:
            self.ready = None
            self._fail("the preloaded process has ended")
        elif self._loading is None:
            self._fail(f"the preloaded process ended at once ({how})")
        else:
            self._leave_out(self._loading, f"its import ends Python ({how})")

    def _end_process(self) -> str:
        self._control.close()
        self._process.kill()
        try:
            code = self._process.wait(END_LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            return "and it outlives SIGKILL"  # whoever proves the end of the group finds it
        return f"signal {-code}" if code < 0 else f"code {code}"

    def _fail(self, why: str) -> None:
        self.failed = why
        self.kill()

    def _ask(self, order: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
        """One order and its answer; whoever has no answer must take the process for frozen in the midst of it."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        try:
            self._control.settimeout(ANSWER_LIMIT_SECONDS)
            self._control.sendmsg([json.dumps(order).encode()], rights)
            answer = self._receive(ANSWER_LIMIT_SECONDS)
        except OSError as error:
            raise NotWarmError(f"the preloaded process cannot be asked: {error}") from error
        if answer is None:
            raise NotWarmError("the preloaded process has ended")
        return answer

    def _receive(self, limit: float | None) -> dict[str, Any] | None:
        self._control.settimeout(limit)
        try:
            text = self._control.recv(MAX_MESSAGE_BYTES)
        except ConnectionResetError:
            return None
        message: dict[str, Any] | None = json.loads(text) if text else None
        return message

    @property
    def id(self) -> ProcessId:
        """The preloaded process."""
        return self._id


def socket_path(spec: Spec) -> Path:
    """Where the clients of this fence connect."""
    return Path(spec.socket + SOCKET_SUFFIX)


def client_command(spec: Spec) -> list[str]:
    """What torchrun starts in Python's place: it becomes Python itself when there is nobody to fork for it."""
    return [spec.python, "-IS", str(Path(__file__).with_name("client.py")), str(socket_path(spec)), spec.python]


def store_elsewhere(spec: Spec) -> tuple[str, int] | None:
    """Where another node's torchrun opens the store; None where this node's does."""
    address, port = spec.option("--master-addr"), spec.master_port or ""
    is_elsewhere = spec.option("--node-rank") not in (None, "0")
    return (address, int(port)) if address and port.isdigit() and is_elsewhere else None


def _known_unsafe(spec: Spec) -> list[LeftOut]:
    """DeepSpeed 0.19 opens NVML when it is imported (accelerator/cuda_accelerator.py), unless it is told that there is
    no GPU. NVML has a thread, which outlives nvmlShutdown (driver 580), and no fork takes a thread along."""
    if spec.env.get("DS_ACCELERATOR") == "cpu":
        return []
    return [LeftOut("deepspeed", "it opens NVML when it is imported, but with DS_ACCELERATOR=cpu")]


def _build(spec: Spec, marked: bool) -> Ops:
    """By the mark of its fence it is found, whoever lost it. Raises OSError."""
    mine = {mark.MARKER_NAME: spec.marker} if marked else {}
    return Ops(spec, _ops(spec), {**_environment(spec), **mine})


def _environment(spec: Spec) -> dict[str, str]:
    """The job's own, with what must be settled before the imports."""
    environment = {name: value for name, value in spec.env.items() if name not in VOLATILE}
    if spec.local_world_size > 1:
        environment.setdefault("OMP_NUM_THREADS", "1")  # as torchrun sets it for its workers
    environment["TOKENIZERS_PARALLELISM"] = "false"
    # Else a mere is_available() of some library makes CUDA unusable in everything that is forked.
    environment["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"
    return environment


def _compared(before: Spec, now: Spec) -> list[tuple[str, object, object]]:
    def lasting(spec: Spec) -> dict[str, str]:
        return {name: value for name, value in spec.env.items() if name not in VOLATILE}

    changed = sorted(name for name, _ in lasting(before).items() ^ lasting(now).items())
    return [
        (f"the environment ({', '.join(changed[:3])})", [], changed),
        ("torchrun's Python", before.argv[0], now.argv[0]),
        ("the Python", before.python, now.python),
        ("the working folder", before.cwd, now.cwd),
        ("the number of workers", before.local_world_size, now.local_world_size),
        ("the list of DeepSpeed's ops", _ops(before), _ops(now)),
        ("the script", _loads(before), _loads(now)),
        ("the launcher", now.argv[1 : 1 + len(TORCHRUN)], TORCHRUN),
    ]


def _loads(spec: Spec) -> WarmSpec | None:
    """How long it may take is nothing that a pool has."""
    return replace(spec.warm, load_seconds=None) if spec.warm is not None else None


def _ops(spec: Spec) -> tuple[str, ...]:
    return spec.warm.ops if spec.warm is not None else ()
