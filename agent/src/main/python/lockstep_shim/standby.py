"""Owns a shim before it has a fence: it makes a warm pool, then becomes the shim of the one fence that it is given.

`python3 -I DIR/lockstep_shim --standby SPEC.json`, as a child of the agent. SPEC.json is that of the attempt that runs
now. Lines on stdin: `adopt SPEC.json` (the next attempt's) and then `go`; the end of stdin before that ends it all.
Lines on stdout, JSON: {"type": "ready" | "failed" | "refused", ...}, and to `adopt` what a launcher prints. One that is
adopted while it loads is awaited by the start.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time
from typing import Any

from lockstep_shim import mark, procfs, shim, spec
from lockstep_shim.launcher import make_group_folder
from lockstep_shim.pool import NotWarmError, Pool
from lockstep_shim.spec import Spec, SpecError

LOOK_SECONDS = 1.0
MAX_LINE_BYTES = 65_536


def main(path: str) -> int:
    """Until it is adopted and its group has ended, or the agent is gone."""
    os.setsid()
    os.chdir("/")
    room = mark.Room()
    shim.become_subreaper()
    agent = Agent()
    try:
        running = spec.load(path)
        if running.warm is None:
            raise SpecError("the attempt that runs was started by a release, or a host, without warm pools")
        pool = Pool(running)
    except (SpecError, OSError) as error:
        agent.say({"type": "failed", "why": str(error)})
        return 1
    return Standby(agent, room, pool).serve()


class Agent:
    """The other end, as shim.run wants its launcher."""

    def __init__(self) -> None:
        self._received = b""
        self._limit: float | None = None

    def say(self, message: dict[str, Any]) -> None:
        """One line."""
        self.sendall((json.dumps(message) + "\n").encode())

    def sendall(self, data: bytes) -> None:
        """Raises OSError when nobody reads."""
        view = memoryview(data)
        while view:
            view = view[os.write(1, view) :]

    def settimeout(self, seconds: float) -> None:
        """For recv."""
        self._limit = seconds

    def recv(self, _size: int) -> bytes:
        """The next line, or nothing when there will be none. Raises TimeoutError, which is an OSError."""
        give_up = time.monotonic() + (self._limit or 0.0)
        while b"\n" not in self._received:
            if len(self._received) > MAX_LINE_BYTES:
                return b""
            ready, _, _ = select.select([0], [], [], max(0.0, give_up - time.monotonic()))
            if not ready:
                raise TimeoutError("the agent said nothing")
            data = os.read(0, 4096)
            if not data:
                return b""
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        return line + b"\n"

    def close(self) -> None:
        """Lets go of the agent: the group outlives it."""
        nothing = os.open("/dev/null", os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(2, 1)
        os.close(nothing)


class Standby:
    """Waits for the pool and for the agent at once."""

    def __init__(self, agent: Agent, room: mark.Room, pool: Pool) -> None:
        self._agent = agent
        self._room = room
        self._pool = pool

    def serve(self) -> int:
        """Its exit status."""
        while True:
            ready, _, _ = select.select([0, *self._pool.sources], [], [], LOOK_SECONDS)
            self._look_at_pool()
            if self._pool.failed is not None:
                self._agent.say({"type": "failed", "why": self._pool.failed})
                return 1
            if 0 in ready:
                word, _, rest = self._agent_line().partition(" ")
                if word != "adopt":
                    self._pool.kill()
                    return 0
                status = self._adopt(rest)
                if status is not None:
                    return status

    def _agent_line(self) -> str:
        self._agent.settimeout(LOOK_SECONDS)
        try:
            return os.fsdecode(self._agent.recv(MAX_LINE_BYTES)).rstrip("\n")
        except TimeoutError:
            return ""

    def _look_at_pool(self) -> None:
        was_ready = self._pool.ready is not None
        self._pool.take_all(time.monotonic())
        if self._pool.ready is not None and not was_ready:
            self._agent.say(self._pool.ready)
            sys.stderr.write(f"warm pool ready: {self._pool.ready}\n")
            sys.stderr.flush()

    def _adopt(self, path: str) -> int | None:
        """Becomes the shim of this fence; None when it could not and nothing of it was begun."""
        try:
            wanted = spec.load(path)
            spec.check_host(wanted)
            make_group_folder(wanted)
            if self._pool.is_loading and not shim.may_await(wanted):
                self._agent.say({"type": "refused", "loading": True, "why": self._pool.still})
                return None
            # Marked before it can fork anything for this fence, and before the agent counts on it.
            self._room.write(wanted.marker, {})
            if self._pool.is_loading:
                self._pool.must_fit(wanted)  # the start waits for it
                self._pool.build_for(wanted)
            else:
                self._pool.belong(wanted)
        except (SpecError, NotWarmError, OSError) as error:
            self._pool.kill()  # what it builds goes with its lock
            self._agent.say({"type": "refused", "loading": False, "why": str(error)})
            return 1
        self._take_log(wanted)
        return shim.run(wanted, procfs.own_id(), self._agent, self._pool)

    def _take_log(self, wanted: Spec) -> None:
        log = os.open(wanted.group_dir / "shim.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.dup2(log, 2)
        os.close(log)
        sys.stderr.flush()
