"""Owns the daemons of the hosts: starting, stopping, breaking, asking them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lockstep_chaos import processes
from lockstep_chaos.network import Host, Network, command

HTTP_PORT = 7733
SEATS = 3
READY_SECONDS = 90
STOP_SECONDS = 40
ASK_SECONDS = 3.0
CLI_SECONDS = 90
POLL_SECONDS = 0.1
# The last seat's data dir is a small disk of its own, so that it can be filled.
SMALL_DISK = "64m"
_BLOCK = bytes(1 << 16)


class NotSeen(Exception):
    """What was waited for did not come; the text says what was seen instead."""


def wait_until(what: str, seconds: float, look: Callable[[], Any], seen: Callable[[], Any] = lambda: "") -> Any:
    """Looks until there is something true, and returns it; NotSeen when the time is over."""
    give_up = time.monotonic() + seconds
    while True:
        if found := look():
            return found
        if time.monotonic() > give_up:
            raise NotSeen(f"{what}: not within {seconds:.0f} s {seen()}".strip())
        time.sleep(POLL_SECONDS)


class Cluster:
    """Daemons of a distribution, one on each host, the first three of them seats."""

    def __init__(self, home: Path, python: str, folder: Path, network: Network) -> None:
        self.home, self.python, self.folder, self.network = home, python, folder, network
        self.hosts, self.seats = network.hosts, network.hosts[:SEATS]
        self.small_disk = self.seats[-1]
        self._daemons: dict[Host, subprocess.Popen[bytes]] = {}
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
        for host in self.hosts:
            self.data(host).mkdir(parents=True)
        (folder / "tmp").mkdir()
        command("mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "none", str(self.data(self.small_disk)))

    def data(self, host: Host) -> Path:
        """The data dir of a host's daemon."""
        return self.folder / str(host)

    # daemons

    def start(self, *hosts: Host) -> None:
        """Starts the daemons of these hosts; does not wait."""
        for host in hosts:
            environment = {
                **{name: value for name, value in os.environ.items() if not name.startswith("LOCKSTEP_")},
                "LOCKSTEP_INSECURE": "true",
                "LOCKSTEP_CLASS_CACHE": "off",  # this installation lives for one run
                "LOCKSTEP_PYTHON": self.python,
                "LOCKSTEP_JAVA_OPTS": f"-Djava.io.tmpdir={self.folder / 'tmp'}",
                "TMPDIR": str(self.folder / "tmp"),
            }
            words = [
                "ip", "netns", "exec", host.namespace, str(self.home / "bin" / "lockstepd"),
                "--host", host.address, "--seats", ",".join(seat.address for seat in self.seats),
                "--data-dir", str(self.data(host)),
            ]  # fmt: skip
            with open(self.folder / f"{host}.log", "ab") as log:
                self._daemons[host] = subprocess.Popen(
                    words, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )

    def _start_by_waves(self, hosts: list[Host]) -> None:
        """A hundred daemons that start at once on a few cores take each other's time until all are late."""
        wave = max(len(self.seats) + 2, len(os.sched_getaffinity(0)))
        for first in range(0, len(hosts), wave):
            started = hosts[first : first + wave]
            self.start(*started)
            if len(hosts) > wave:
                wait_until("a wave of daemons is READY", READY_SECONDS, lambda: self._ready(started), self.healths)

    def _ready(self, hosts: list[Host]) -> bool:
        healths = self.healths()
        return all(healths.get(host.address) == "READY" for host in hosts)

    def runs(self, host: Host) -> bool:
        """Whether its daemon has been started and has not ended."""
        return host in self._daemons and self._daemons[host].poll() is None

    def pid(self, host: Host) -> int:
        """The daemon's process."""
        return self._daemons[host].pid

    def kill_daemon(self, *hosts: Host) -> None:
        """kill -9 of daemons alone; their groups go on."""
        for host in hosts:
            self._daemons[host].kill()
        for host in hosts:
            self._daemons.pop(host).wait()

    def stop_daemon(self, host: Host) -> None:
        """Asks a daemon to leave, as an upgrade does."""
        daemon = self._daemons.pop(host)
        daemon.terminate()
        daemon.wait(STOP_SECONDS)

    def kill_host(self, host: Host) -> None:
        """The death of a host: nothing answers for it any more, not even its kernel."""
        self.network.unplug(host)
        self.kill_daemon(host)
        processes.kill_all(host.address)

    def whole(self) -> None:
        """Takes back every fault; waits until all is READY, seats too, no job is left and no process of one."""
        self.network.heal()
        self.free_disk()
        for host in self.hosts:
            if self.runs(host):
                processes.send(signal.SIGCONT, self.pid(host))
            processes.send(signal.SIGCONT, *(one.pid for one in processes.of_group(host.address)))
        self._start_by_waves([host for host in self.hosts if not self.runs(host)])
        wait_until("all nodes READY", READY_SECONDS, self._all_ready, self.healths)
        # A row is one fault: a seat that is still behind would make it two.
        self.await_seats(READY_SECONDS)
        for job in self.ask("/v1/jobs") or []:
            if job["phase"] not in ("SUCCEEDED", "FAILED", "CANCELED"):
                self.cancel(job["id"])
        wait_until("no process of a job is left", READY_SECONDS, lambda: not self._left(), self._left)

    def _left(self) -> list[processes.Found]:
        return [one for host in self.hosts for one in processes.of_group(host.address)]

    def _all_ready(self) -> bool:
        healths = self._put_back()
        return len(healths) == len(self.hosts) and set(healths.values()) == {"READY"}

    def _put_back(self) -> dict[str, str]:
        """How the nodes are, after those that the rows before took down too often are asked to come back."""
        healths = self.healths()
        for node, health in healths.items():
            if health in ("QUARANTINED", "DRAINING"):
                self.request("POST", f"/v1/nodes/{node}/resume", {})
        return healths

    def await_ready(self, seconds: float, host: Host | None = None) -> None:
        """Until this host's node is READY, or all that are known are."""
        if host is not None:
            wait_until(f"{host} is READY", seconds, lambda: self.healths().get(host.address) == "READY")
        else:
            wait_until("all nodes READY", seconds, lambda: set(self._put_back().values()) == {"READY"}, self.healths)

    def await_seats(self, seconds: float) -> None:
        """Until every seat follows and counts."""
        wait_until("all seats follow", seconds, self._all_seats_follow, lambda: self.ask("/v1/seats"))

    def _all_seats_follow(self) -> bool:
        view = self.ask("/v1/seats") or {}
        seats = view.get("seats", [])
        return bool(seats) and view["answering"] == len(seats) and all(one["state"] == "FOLLOWS" for one in seats)

    # disks

    def fill_disk(self) -> None:
        """Leaves no byte free in the data dir of the host `small_disk`."""
        with open(self.data(self.small_disk) / "filler", "wb", buffering=0) as filler:
            for block in (_BLOCK, _BLOCK[:1]):
                try:
                    while filler.write(block):
                        pass
                except OSError:
                    continue  # full for blocks of this size

    def free_disk(self) -> None:
        """Takes back `fill_disk`."""
        (self.data(self.small_disk) / "filler").unlink(missing_ok=True)

    def wipe_seat(self, host: Host) -> None:
        """The seat's disk is lost; its daemon must not run."""
        shutil.rmtree(self.data(host) / "seat")

    # asking

    def request(
        self, method: str, path: str, body: Any = None, hosts: list[Host] | None = None, seconds: float = ASK_SECONDS
    ) -> Any:
        """What the first of the hosts says that answers with 2xx; None when none does."""
        text = isinstance(body, str)
        data = None if body is None else (body if text else json.dumps(body)).encode()
        headers = {"Content-Type": "application/yaml" if text else "application/json"} if data is not None else {}
        for host in hosts or [host for host in self.hosts if self.runs(host)]:
            url = f"http://{host.address}:{HTTP_PORT}{path}"
            try:
                with self._open(urllib.request.Request(url, data, headers, method=method), timeout=seconds) as answer:
                    if answer.headers.get("Lockstep-Last-Known") is None:  # only what a seat last knew
                        return json.loads(answer.read() or b"{}")
            except (OSError, ValueError):  # also HTTPError and time-outs
                continue
        return None

    def ask(self, path: str, hosts: list[Host] | None = None) -> Any:
        """GET; None when no host answers."""
        return self.request("GET", path, hosts=hosts)

    def healths(self) -> dict[str, str]:
        """Node to health."""
        return {node["node"]: node["health"] for node in self.ask("/v1/nodes") or []}

    def coordinator(self, hosts: list[Host] | None = None) -> Host | None:
        """Who coordinates, as these hosts say (the newest term counts); None when none of them knows."""
        views = [self.ask("/v1/cluster", [host]) for host in hosts or self.seats if self.runs(host)]
        known = [view for view in views if view and view.get("coordinator")]
        if not known:
            return None
        newest = max(known, key=lambda view: view["term"])["coordinator"]
        return next((host for host in self.hosts if host.address == newest), None)

    def cli(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs the command `lockstep`, as a user does."""
        apis = ",".join(f"http://{host.address}:{HTTP_PORT}" for host in self.hosts)
        return subprocess.run(
            [str(self.home / "bin" / "lockstep"), *words],
            env={**os.environ, "LOCKSTEP_API": apis},
            capture_output=True,
            text=True,
            timeout=CLI_SECONDS,
            check=False,
        )

    def submit(self, job_file: str, job: str, hold: bool = False) -> None:
        """Submits a job under this id; RuntimeError when no daemon takes it."""
        path = f"/v1/jobs?id={job}" + ("&hold=true" if hold else "")
        give_up = time.monotonic() + READY_SECONDS
        while self.request("POST", path, job_file) is None:
            if time.monotonic() > give_up:
                raise RuntimeError(f"no daemon took job {job} within {READY_SECONDS} s; logs in {self.folder}")
            time.sleep(POLL_SECONDS)

    def cancel(self, job: str) -> None:
        """Ends a job without grace, if there is somebody who answers."""
        self.request("POST", f"/v1/jobs/{job}/cancel", {"graceSeconds": 0})
