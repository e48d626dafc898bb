"""Owns what the shim's tests share: a group that can be launched, watched and looked for in /proc."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
SHIM = HERE.parent.parent / "main" / "python" / "lockstep_shim"
sys.path.insert(0, str(SHIM.parent))
WAIT_SECONDS = 20.0
# Maven's JVM starts its children with SIGQUIT blocked; only the tests that mean it shall have that.
signal.pthread_sigmask(signal.SIG_SETMASK, set())


class Fixture:
    """One fence with its folder, spec and fake torchrun."""

    def __init__(self, folder: Path, number: int) -> None:
        self.folder = folder
        self.group_dir = folder / "group"
        self.socket = str(folder / "s.sock")
        self.marker = f"127.0.0.2:25520/{os.getpid()}/job-{folder.name}/{number}"
        self.pid: int | None = None
        self.answer: dict[str, Any] = {}
        self.spec: dict[str, Any] = {}

    def plan(self, *workers: str, **more: Any) -> dict[str, Any]:
        return {"workers": workers, "logDir": str(self.group_dir / "torch"), "firstRank": 2, **more}

    def launch(self, *workers: str, spec: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        self.plan_file(*workers, spec=spec, **more)
        return self.launch_again()

    def plan_file(self, *workers: str, spec: dict[str, Any] | None = None, **more: Any) -> None:
        plan = self.folder / "plan.json"
        plan.write_text(json.dumps(self.plan(*workers, **more)), encoding="utf-8")
        environment = {
            "PATH": os.environ["PATH"],
            "LOCKSTEP_GROUP": self.marker,
            "TORCHELASTIC_ERROR_FILE": str(self.group_dir / "errors" / "torchrun.json"),
        }
        self.spec = {
            "version": 1,
            "marker": self.marker,
            "argv": [sys.executable, str(HERE / "fake_torchrun.py"), str(plan), "--master-port", "29517"],
            "env": environment,
            "cwd": str(self.folder),
            "localWorldSize": max(1, len(workers)),
            "firstRank": 2,
            "groupDir": str(self.group_dir),
            "socket": self.socket,
            "python": sys.executable,
            "logs": {"segmentBytes": 1 << 20, "maxBytes": 4 << 20},
            "progressRank": 2,
            **(spec or {}),
        }
        (self.folder / "spec.json").write_text(json.dumps(self.spec), encoding="utf-8")

    def launch_again(self, environment: dict[str, str] | None = None) -> dict[str, Any]:
        path = self.folder / "spec.json"
        path.write_text(json.dumps(self.spec), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-I", str(SHIM), str(path)],
            env=environment or {"PATH": os.environ["PATH"], "LOCKSTEP_GROUP": self.marker},
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS,
            check=False,
        )
        lines = done.stdout.splitlines()
        assert len(lines) == 1, (done.stdout, done.stderr)
        answer: dict[str, Any] = json.loads(lines[0])
        assert done.returncode == (1 if "error" in answer else 0)
        if "pid" in answer:
            self.pid, self.answer = answer["pid"], answer
        return answer

    def report(self, seconds: float = WAIT_SECONDS) -> dict[str, Any]:
        path = self.group_dir / "report.json"
        until(path.exists, "the report", seconds)
        until(lambda: not self.shim_lives(), "the shim's end", seconds)
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return report

    def shim_lives(self) -> bool:
        return self.pid is not None and process_lives(self.pid)

    def status_when(self, holds: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        found: dict[str, Any] = {}

        def look() -> bool:
            with self.connect() as client:
                found.update(client.ask({"op": "status"}))
            return holds(found)

        until(look, what)
        return found

    def running(self) -> dict[str, Any]:
        return self.status_when(lambda s: bool(s.get("phase") == "running"), "phase running")

    def connect(self) -> Client:
        return Client(self.socket)

    def marked(self) -> list[int]:
        """Every process with this fence's marker, and every one that escaped it."""
        found = []
        for name in os.listdir("/proc"):
            if name.isdigit() and self._is_ours(int(name)):
                found.append(int(name))
        return found

    def _is_ours(self, pid: int) -> bool:
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            return False
        return f"LOCKSTEP_GROUP={self.marker}".encode() in environment

    def output(self, name: str) -> bytes:
        return b"".join(path.read_bytes() for path in self.segments(name))

    def segments(self, name: str) -> list[Path]:
        return sorted((self.group_dir / "logs").glob(f"{name}.*.log"))

    def clean(self) -> None:
        for pid in self.marked():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


class Client:
    """A line-delimited JSON client of the shim."""

    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(WAIT_SECONDS)
        self.socket.connect(path)
        self._lines = self.socket.makefile("rb")

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self.socket.close()

    def say(self, message: object) -> None:
        self.socket.sendall((json.dumps(message) + "\n").encode())

    def line(self) -> dict[str, Any] | None:
        text = self._lines.readline()
        found: dict[str, Any] | None = json.loads(text) if text else None
        return found

    def ask(self, message: object) -> dict[str, Any]:
        self.say(message)
        answer = self.line()
        assert answer is not None
        return answer


def until(holds: Callable[[], bool], what: str, seconds: float = WAIT_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.02)


def process_lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False


@pytest.fixture
def group(request: pytest.FixtureRequest) -> Iterator[Fixture]:
    # A short folder: a Unix socket's path holds 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="shim-", dir="/tmp"))
    fixture = Fixture(folder, 1)
    yield fixture
    fixture.clean()
    if hasattr(request.node, "rep_call") and request.node.rep_call.failed and (fixture.group_dir / "shim.log").exists():
        print((fixture.group_dir / "shim.log").read_text())
    shutil.rmtree(folder, ignore_errors=True)
