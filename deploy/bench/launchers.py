"""Owns the launchers of the benchmarks: how each is started on the hosts of a box, and what is broken under it.

Hosts are network namespaces (deploy/chaos), one bridge between them; a host is killed by killing all its processes.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from lockstep_chaos.cluster import Cluster, NotSeen
from lockstep_chaos.network import Host, Network, command

HERE = Path(__file__).resolve().parent
RANKS = 2
HOSTS = 3
MAX_RESTARTS = 1_000
SETTLED_STEPS = 20
START_LIMIT_SECONDS = 120.0
END_LIMIT_SECONDS = 10.0
SPARE_SECONDS = 3.0
# The oldest daemon coordinates: that of the host with rank 0, which is first in the order of names.
ELDEST_SECONDS = 3.0
POLL_SECONDS = 0.02
RENDEZVOUS_PORT = 29_400


class Steps:
    """What the ranks of one launcher noted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)

    def processes(self) -> list[tuple[int, str, int, list[float]]]:
        """Rank, host, pid and the times of its steps, of every process that did one."""
        found = []
        for path in self.folder.glob("*.steps"):
            rank, host, pid = path.stem.split("-")
            lines = path.read_text(encoding="utf-8").split("\n")[:-1]
            if lines:
                found.append((int(rank), host, int(pid), [float(line.split()[0]) for line in lines]))
        return found

    def newest(self, rank: int, after: float = 0.0) -> tuple[str, int, list[float]] | None:
        """Host, pid and steps of the process of this rank that began last, if it began after a moment."""
        began = [one for one in self.processes() if one[0] == rank and one[3][0] > after]
        return max(began, key=lambda one: one[3][0])[1:] if began else None

    def settled(self, after: float) -> bool:
        """All ranks are past their first steps in processes that began after a moment."""
        found = [self.newest(rank, after) for rank in range(RANKS)]
        return all(one is not None and len(one[2]) >= SETTLED_STEPS for one in found)

    def recovered(self, broken: float) -> float | None:
        """Seconds until all ranks had done a step in a process that began after a moment."""
        firsts = [min((p[3][0] for p in self.processes() if p[0] == r and p[3][0] > broken), default=None)
                  for r in range(RANKS)]  # fmt: skip
        return max(one for one in firsts if one is not None) - broken if None not in firsts else None

    def kept(self) -> int:
        """The highest step that all ranks have done."""
        highest = [0] * RANKS
        for path in self.folder.glob("*.steps"):
            lines = path.read_text(encoding="utf-8").split("\n")[:-1]
            rank = int(path.stem.split("-")[0])
            highest[rank] = max([highest[rank], *(int(line.split()[1]) for line in lines[-1:])])
        return min(highest)


def until(holds: Callable[[], object], what: str, seconds: float) -> None:
    """Looks until it holds; NotSeen after the limit."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise NotSeen(f"waited {seconds:.0f} s for {what}")
        time.sleep(POLL_SECONDS)


class Launcher:
    """Two ranks on three hosts, the third one a spare."""

    name = ""

    def __init__(self, work: Path, network: Network, python: str, heavy: bool, save: int = 0) -> None:
        work.mkdir(parents=True)
        self.work, self.network, self.python = work, network, python
        self.steps = Steps(work / "steps")
        self.script = HERE / ("probe_heavy.py" if heavy else "probe.py")
        self.save = save
        self.began = 0.0  # when its job was started
        self._since = 0.0

    def start(self) -> None:
        """Until the ranks are under way and a spare waits."""
        raise NotImplementedError

    def await_settled(self) -> None:
        """Until it trains as before the last fault."""
        until(lambda: self.steps.settled(self._since), f"{self.name} to train", START_LIMIT_SECONDS)

    def return_host(self, host: Host) -> None:
        """A host that was killed or cut off is there again, as a spare."""
        raise NotImplementedError

    def store_host(self) -> Host:
        """Where the rendezvous store is."""
        return self.network.hosts[0]

    def other_host(self) -> Host:
        """A host that trains and holds no rendezvous store."""
        where = [self.steps.newest(rank) for rank in range(RANKS)]
        names = [one[0] for one in where if one is not None]
        return next(h for h in self.network.hosts if self._name(h) in names and h != self.store_host())

    def break_worker(self) -> float:
        """SIGKILL to rank 1's worker; when."""
        victim = self.steps.newest(1)
        assert victim is not None
        return self._note(lambda: os.kill(victim[1], signal.SIGKILL))

    def break_host(self, host: Host) -> float:
        """SIGKILL to all processes of a host; its kernel answers for their sockets."""
        return self._note(lambda: kill_all(host))

    def cut_host(self, host: Host) -> float:
        """Its link goes down: no packet in or out, no reset."""
        return self._note(lambda: self.network.unplug(host))

    def stop(self) -> None:
        """Ends everything of it."""
        self.network.heal()
        for host in self.network.hosts:
            kill_all(host)

    def _note(self, breaks: Callable[[], None]) -> float:
        self._since = time.time()
        breaks()
        return self._since

    def _name(self, host: Host) -> str:
        return host.address


class Lockstep(Launcher):
    """Three daemons, all of them seats; a job of two nodes and one spare, restarts without backoff."""

    warm = "auto"

    def __init__(self, work: Path, network: Network, python: str, heavy: bool, save: int = 0) -> None:
        super().__init__(work, network, python, heavy, save)
        self.cluster = Cluster(Path(os.environ["BENCH_HOME"]), python, work / "cluster", network)

    def start(self) -> None:
        first, *others = self.network.hosts
        self.cluster.start(first)
        time.sleep(ELDEST_SECONDS)
        self.cluster.start(*others)
        until(self._all_ready, "the daemons", START_LIMIT_SECONDS)
        job = {
            "name": "probe", "script": str(self.script), "workdir": str(self.work), "nodes": RANKS, "procsPerNode": 1,
            "spares": 1, "warm": self.warm,
            "restart": {"max": MAX_RESTARTS, "backoff": {"initial": "0s", "max": "0s"}},
            "env": {"PROBE_DIR": str(self.steps.folder), "PROBE_SAVE": str(self.save), "DS_ACCELERATOR": "cpu"},
        }  # fmt: skip
        self.began = time.time()
        self.cluster.submit(json.dumps(job), "probe")
        self.await_settled()

    def await_settled(self) -> None:
        super().await_settled()
        until(self._all_ready, "all nodes READY", START_LIMIT_SECONDS)
        until(self._pools_ready, "the warm pools, or torchrun", START_LIMIT_SECONDS)

    def return_host(self, host: Host) -> None:
        self.network.heal()
        if not self.cluster.runs(host):
            self.cluster.start(host)

    def store_host(self) -> Host:
        """That of rank 0, as torchrun's store is; it coordinates, too, until it is broken."""
        first = self.steps.newest(0)
        return next(h for h in self.network.hosts if first is not None and h.address == first[0])

    def stop(self) -> None:
        self.cluster.cancel("probe")
        super().stop()
        command("umount", str(self.cluster.data(self.cluster.small_disk)))

    def _all_ready(self) -> bool:
        return list(self.cluster.healths().values()) == ["READY"] * HOSTS

    def _pools_ready(self) -> bool:
        """Also the spare's: whoever is broken, what stands in starts warm."""
        nodes = self.cluster.ask("/v1/nodes") or []
        return [node.get("warmPool", {}).get("state") for node in nodes] == ["READY"] * HOSTS


class LockstepOff(Lockstep):
    """The same where nothing but torchrun is loaded before: workers start cold."""

    warm = "off"


class Torchrun(Launcher):
    """Elastic agents on all hosts, as torchrun's documentation starts them; the first one's host has the store."""

    words: tuple[str, ...] = ("-m", "torch.distributed.run")
    settings = "keep_alive_interval=1,last_call_timeout=1"

    def start(self) -> None:
        self.began = time.time()
        for host in self.network.hosts[:RANKS]:
            self._start(host)
        self.await_settled()
        self._start(self.network.hosts[-1])
        time.sleep(SPARE_SECONDS)

    def return_host(self, host: Host) -> None:
        self.network.heal()
        kill_all(host)
        self._start(host)
        time.sleep(SPARE_SECONDS)

    def _program(self) -> str:
        return self.python

    def _start(self, host: Host) -> None:
        # which host has the store is no guess by names, which namespaces do not have
        is_host = "1" if host == self.network.hosts[0] else "0"
        words = [
            "ip", "netns", "exec", host.namespace, self._program(), *self.words,
            "--nnodes", str(RANKS), "--nproc-per-node", "1", "--max-restarts", str(MAX_RESTARTS),
            "--monitor-interval", "0.1", "--rdzv-backend", "c10d", "--rdzv-id", "probe",
            "--rdzv-endpoint", f"{self.network.hosts[0].address}:{RENDEZVOUS_PORT}",
            "--rdzv-conf", f"{self.settings},is_host={is_host}",
            "--local-addr", host.address, str(self.script),
        ]  # fmt: skip
        environment = {
            **os.environ, "PROBE_DIR": str(self.steps.folder), "PROBE_HOST": host.address,
            "PROBE_SAVE": str(self.save), "GLOO_SOCKET_IFNAME": "eth0", "DS_ACCELERATOR": "cpu",
        }  # fmt: skip
        with open(self.work / f"{host}.log", "ab") as log:
            subprocess.Popen(
                words, env=environment, cwd=self.work, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip


class Nvrx(Torchrun):
    """The same with ft_launcher of nvidia-resiliency-ext: it keeps its launcher and looks for spares."""

    words = ("--ignore-missing-fault-tol-cfg", "--ft-restart-policy", "any-failed")
    settings = "last_call_timeout=1"

    def _program(self) -> str:
        return os.environ["BENCH_NVRX"]


LAUNCHERS: dict[str, type[Launcher]] = {
    "lockstep-warm": Lockstep,
    "lockstep-off": LockstepOff,
    "torchrun-c10d": Torchrun,
    "nvrx": Nvrx,
}
for _name, _type in LAUNCHERS.items():
    _type.name = _name


def kill_all(host: Host) -> None:
    """SIGKILL to everything in a host's network namespace, until nothing is left there."""
    deadline = time.monotonic() + END_LIMIT_SECONDS
    while pids := [int(pid) for pid in command("ip", "netns", "pids", host.namespace).split()]:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if time.monotonic() > deadline:
            raise RuntimeError(f"processes of {host} outlive SIGKILL: {pids}")
        time.sleep(POLL_SECONDS)


def install_nvrx(python: str) -> tuple[str | None, str]:
    """Path of ft_launcher in an environment of its own with the same torch, and what was found or why there is none."""
    name = hashlib.sha256(os.path.abspath(python).encode()).hexdigest()[:12]
    venv = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / f"lockstep/nvrx-{name}"
    try:
        if not (venv / "bin/ft_launcher").exists():
            subprocess.run([python, "-m", "venv", str(venv)], check=True, capture_output=True)
            packages = subprocess.run(
                [python, "-c", "import torch, pathlib; print(pathlib.Path(torch.__file__).parent.parent)"],
                check=True, capture_output=True, text=True,
            ).stdout  # fmt: skip
            [site] = venv.glob("lib/python*/site-packages")
            (site / "training.pth").write_text(packages, encoding="utf-8")
            pip = [str(venv / "bin/pip"), "install", "-q", "--no-deps"]
            wanted = ["nvidia-resiliency-ext", "defusedxml", "nvidia-ml-py", "pynvml"]
            subprocess.run([*pip, *wanted], check=True, capture_output=True, timeout=300)
        shown = subprocess.run(
            [str(venv / "bin/pip"), "show", "nvidia-resiliency-ext"], check=True, capture_output=True, text=True
        ).stdout
    except (subprocess.SubprocessError, OSError) as error:
        return None, f"cannot be installed here: {error}"
    return str(venv / "bin/ft_launcher"), next(line for line in shown.splitlines() if line.startswith("Version"))


def load() -> str:
    """What else the machine does: the mean number of running processes of the last minute."""
    return f"{os.getloadavg()[0]:.1f}"


def say(text: str) -> None:
    """Progress, for whoever waits."""
    print(text, file=sys.stderr, flush=True)
