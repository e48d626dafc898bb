"""Owns the shim's side of the throwaway process that builds a job's DeepSpeed ops: see ops.py."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from lockstep_shim import session
from lockstep_shim.spec import Spec

OPS_LIMIT_SECONDS = 600.0
END_LIMIT_SECONDS = 2.0
KILL_LIMIT_SECONDS = 3.0
READ_BYTES = 65_536


class Ops:
    """Ops that are being built, or what became of them."""

    def __init__(self, spec: Spec, names: tuple[str, ...], environment: dict[str, str]) -> None:
        """Starts the build of all of them; raises OSError if there is no such Python."""
        self.results: list[dict[str, Any]] = []
        self._names = names
        self._folder = environment.get("TORCH_EXTENSIONS_DIR")
        self._output = b""
        self._give_up = time.monotonic() + OPS_LIMIT_SECONDS
        self.is_building = True
        self._results_fd, theirs = os.pipe()
        try:
            self._process = subprocess.Popen(
                [spec.python, "-u", str(Path(__file__).with_name("ops.py")), str(theirs), *names],
                executable=spec.find(spec.python) or spec.python,
                env=environment,
                cwd=spec.cwd,
                stdin=subprocess.DEVNULL,
                stdout=2,
                pass_fds=[theirs],
                start_new_session=True,
            )
        finally:
            os.close(theirs)

    def fileno(self) -> int:
        """Readable when there is something to take."""
        return self._results_fd

    @property
    def current(self) -> str:
        """The op that is being built."""
        return self._names[min(len(self.results), len(self._names) - 1)]

    def take(self) -> None:
        """Takes what there is, or the end."""
        data = os.read(self._results_fd, READ_BYTES)
        self._output += data
        *lines, self._output = self._output.split(b"\n")
        self.results.extend(json.loads(line) for line in lines)
        if not data:
            self.give_up("its process has ended")

    def look(self, now: float) -> None:
        """Gives up a build that does not end."""
        if self.is_building and now >= self._give_up:
            self.kill()  # with its own lock, if it has one
            self.give_up(f"it was not built within {OPS_LIMIT_SECONDS:.0f} s{self._lock()}")

    def reaped(self, pid: int, status: int) -> None:
        """As of the pool's process; that it is over shows at the end of its output."""
        if pid == self._process.pid and self._process.returncode is None:
            self._process.returncode = os.waitstatus_to_exitcode(status)

    def kill(self) -> None:
        """Ends the process with its compilers, without leaving its lock where it can; over already counts as done."""
        if not self.is_building:
            return
        self.is_building = False
        self._process.terminate()
        if not self._has_ended():
            self._process.kill()
            self._has_ended()  # if it outlives that, whoever proves the end of the group finds it
        session.end(self._process.pid, KILL_LIMIT_SECONDS)
        os.close(self._results_fd)

    def _has_ended(self) -> bool:
        try:
            self._process.wait(END_LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            return False
        return True

    def give_up(self, why: str) -> None:
        """Ends the build of what is not there yet."""
        self.kill()
        code = self._process.returncode
        how = f" ({f'signal {-code}' if code < 0 else f'code {code}'})" if code else ""
        done = len(self.results)
        self.results.extend({"op": name, "state": "failed", "why": why + how} for name in self._names[done:])

    def _lock(self) -> str:
        lock = Path(self._folder or "", self.current, "lock")
        return f"; if nobody builds it elsewhere, delete {lock}" if self._folder and lock.exists() else ""
