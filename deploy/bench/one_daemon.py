"""Owns the one daemon that some benchmarks measure: on loopback, with its own data folder, its own seat."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
UP_LIMIT_SECONDS = 60.0
STOP_LIMIT_SECONDS = 20.0


class Daemon:
    """One daemon that is its own seat."""

    def __init__(self, home: Path, data: Path, ports: list[int]) -> None:
        self.home, self.data = home, data
        names = ("AKKA", "MANAGEMENT", "HTTP", "LEASE")
        self.environment = {
            **os.environ, **{f"LOCKSTEP_PORTS_{name}": str(port) for name, port in zip(names, ports)},
            "LOCKSTEP_PYTHON": sys.executable, "XDG_CACHE_HOME": str(data.parent / "cache"),
        }  # fmt: skip
        self.api, self.lease_port = f"http://{HOST}:{ports[2]}", ports[3]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> list[float]:
        """Seconds until the door for leases is open, the API answers at all, and the cluster of one has a coordinator."""
        self.data.mkdir(exist_ok=True)
        began = time.monotonic()
        with open(self.data / "out.log", "ab") as log:
            self.process = subprocess.Popen(
                [str(self.home / "bin/lockstepd"), "--host", HOST, "--seats", HOST, "--data-dir", str(self.data)],
                env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        steps: list[tuple[Callable[[], object], str]] = [
            (lambda: listens(self.lease_port), "the door for leases"),
            (self.answers, "the API"),
            (lambda: self.ask("/v1/nodes") is not None, "the coordinator"),
        ]
        seconds = []
        for holds, what in steps:
            until(holds, what)
            seconds.append(time.monotonic() - began)
        return seconds

    def answers(self) -> bool:
        """Whatever it says: of a path that is not there it needs nobody else."""
        try:
            urllib.request.urlopen(self.api + "/v1/none", timeout=2)
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def await_ready(self) -> None:
        until(lambda: [n["health"] for n in self.ask("/v1/nodes") or []] == ["READY"], "the node to be READY")

    def ask(self, path: str) -> Any:
        try:
            with urllib.request.urlopen(self.api + path, timeout=2) as answer:
                return json.load(answer)
        except (OSError, ValueError):
            return None

    def cli(self, *words: str) -> float:
        began = time.monotonic()
        subprocess.run(
            [str(self.home / "bin/lockstep"), *words], env={**self.environment, "LOCKSTEP_API": self.api},
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return time.monotonic() - began

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(STOP_LIMIT_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(STOP_LIMIT_SECONDS)


def listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex((HOST, port)) == 0


def until(holds: Callable[[], object], what: str, limit_seconds: float = UP_LIMIT_SECONDS) -> None:
    deadline = time.monotonic() + limit_seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {limit_seconds:.0f} s for {what}")
        time.sleep(0.01)


def free_ports(count: int) -> list[int]:
    found: list[int] = []
    for port in range(23_000 + os.getpid() % 5_000, 32_000):
        with socket.socket() as tried:
            try:
                tried.bind((HOST, port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    sys.exit("benchmark: no free ports on loopback")
