"""Tests a shim that is there before its fence, with torch's own torchrun: adopted, refused, killed, frozen."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import SHIM, Fixture, process_lives, until
from lockstep_shim import pool, spec
from lockstep_shim.mark import ROOM_NAME
from lockstep_shim.pool import NotWarmError, Pool
from test_lease import Seat, leased, seats

__all__ = ["seats"]

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason=f"torch is not installed for {sys.executable}: nothing to preload"
)

REDUCE = """
import os, sys, time
import torch
import torch.distributed as dist
dist.init_process_group("gloo")
x = torch.ones(1)
dist.all_reduce(x)
print(int(x), os.environ["RANK"], os.environ["LOCKSTEP_ATTEMPT"], sys.argv[1:], flush=True)
"""


def wait_for(warm: Warm, name: str) -> str:
    """What a script does until there is this file."""
    return f"import os, time\nwhile not os.path.exists({str(warm.folder / name)!r}): time.sleep(0.05)\n"


class Warm(Fixture):
    """A standby for the next attempt of a job, and what the agent does with it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, 2)
        self.standby: subprocess.Popen[str] | None = None

    def wanted(self, script: str, number: int, procs: int = 2, **more: Any) -> Path:
        """SPEC.json of this attempt."""
        (self.folder / "train.py").write_text(script, encoding="utf-8")
        self.group_dir = self.folder / f"group{number}"
        self.marker = f"127.0.0.2:25520/{os.getpid()}/job-{self.folder.name}/{number}"
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        port = 20_000 + os.getpid() % 10_000 + number
        arguments = ["--nproc-per-node", str(procs), "--master-addr", "127.0.0.1", "--master-port", str(port)]
        arguments += ["--rdzv-id", self.marker.replace("/", "-"), "--log-dir", str(self.group_dir / "torch")]
        self.spec = {
            "version": 1,
            "marker": self.marker,
            "argv": [sys.executable, "-m", "torch.distributed.run", *arguments, "train.py", "--a", "b"],
            "env": {
                **kept,
                "LOCKSTEP_GROUP": self.marker,
                "LOCKSTEP_ATTEMPT": str(number),
                "GLOO_SOCKET_IFNAME": "lo",
                "TORCHELASTIC_ERROR_FILE": str(self.group_dir / "errors" / "torchrun.json"),
            },
            "cwd": str(self.folder),
            "localWorldSize": procs,
            "firstRank": 0,
            "groupDir": str(self.group_dir),
            "socket": self.socket,
            "python": sys.executable,
            "warm": {"script": "train.py", "modules": ["json"]},  # no more than there must be: it is quicker
            **more,
        }
        path = self.folder / f"spec{number}.json"
        path.write_text(json.dumps(self.spec), encoding="utf-8")
        return path

    def stand_by(self, path: Path) -> None:
        self.standby = subprocess.Popen(
            [sys.executable, "-I", str(SHIM), "--standby", str(path)],
            env={"PATH": os.environ["PATH"], ROOM_NAME: "-" * 1_000},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def hear(self) -> dict[str, Any]:
        assert self.standby is not None
        assert self.standby.stdout is not None
        line = self.standby.stdout.readline()
        found: dict[str, Any] = json.loads(line) if line else {}
        return found

    def say(self, line: str) -> None:
        assert self.standby is not None
        assert self.standby.stdin is not None
        self.standby.stdin.write(line + "\n")
        self.standby.stdin.flush()

    def adopt(self, path: Path) -> dict[str, Any]:
        self.say(f"adopt {path}")
        answer = self.hear()
        self.pid = answer.get("pid")
        return answer

    def preloads(self) -> list[int]:
        """Below the shim; nurses, which are forked from one, look like it."""
        shim = self.pid if self.standby is None else self.standby.pid
        text = Path(f"/proc/{shim}/task/{shim}/children").read_text()
        return [int(pid) for pid in text.split() if b"preload.py" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def preload(self) -> int:
        found = self.preloads()
        assert len(found) == 1
        return found[0]

    def run_warm(self, script: str, procs: int = 2, **more: Any) -> None:
        self.stand_by(self.wanted(script, 1, procs, **{k: v for k, v in more.items() if k == "warm"}))
        ready = self.hear()
        assert ready["type"] == "ready", ready
        assert ready["leftOut"] == []
        path = self.wanted(script, 2, procs, **more)
        assert "pid" in self.adopt(path)

    def launch_cold(self, path: Path) -> dict[str, Any]:
        self.clean()
        self.standby = None
        self.spec = json.loads(path.read_text(encoding="utf-8"))
        return self.launch_again()

    def shim_lives(self) -> bool:
        return self.standby.poll() is None if self.standby is not None else super().shim_lives()

    def log(self) -> str:
        return (self.group_dir / "shim.log").read_text(encoding="utf-8")

    def clean(self) -> None:
        if self.standby is not None:
            with contextlib.suppress(ProcessLookupError):
                self.standby.kill()
            self.standby.wait()
            for pipe in (self.standby.stdin, self.standby.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
        super().clean()


@pytest.fixture
def warm() -> Iterator[Warm]:
    folder = Path(tempfile.mkdtemp(prefix="warm-", dir="/tmp"))
    found = Warm(folder)
    yield found
    found.clean()
    shutil.rmtree(folder, ignore_errors=True)


def test_the_next_attempt_is_forked_and_leaves_nothing(warm: Warm) -> None:
    escape = "import subprocess\nsubprocess.run([sys.executable, '-c', '''\n" + ESCAPE + "'''])\n"
    wait = wait_for(warm, "go")
    warm.run_warm(REDUCE + escape + wait, warm={"script": "train.py"})
    preload = warm.preload()
    warm.say("go")
    status = warm.running()
    assert status["start"] == "warm"
    until(lambda: warm.output("rank-0") != b"" and (warm.folder / "escaped1").exists(), "output")
    assert procs_parent(status["torchrun"]["pid"]) == warm.pid
    until(lambda: not process_lives(preload), "its end: all workers are there, it is needed for nothing any more")
    (warm.folder / "go").touch()
    report = warm.report()
    assert (report["outcome"], report["exitCode"], report["treeGone"]) == ("succeeded", 0, True)
    assert warm.output("rank-0") == b"2 0 2 ['--a', 'b']\n"
    assert warm.output("rank-1") == b"2 1 2 ['--a', 'b']\n"
    assert "torchrun started warm" in warm.log()
    escaped = [int((warm.folder / f"escaped{rank}").read_text()) for rank in range(2)]
    assert [pid for pid in escaped if process_lives(pid)] == []
    assert warm.marked() == []
    assert sorted(p.name for p in warm.folder.iterdir() if p.is_socket()) == []


COLD_WORKERS = {"script": "train.py", "workers": "cold", "modules": ["no_such"]}  # nothing but torchrun is loaded


def test_cold_workers_are_started_by_a_torchrun_that_was_loaded_before(warm: Warm) -> None:
    wait = wait_for(warm, "go")
    warm.run_warm(REDUCE + "print(sys.path[0], sys.argv[0])\n" + wait, warm=COLD_WORKERS)
    preload = warm.preload()
    warm.say("go")
    status = warm.running()
    assert status["start"] == "torchrun warm"
    until(lambda: warm.output("rank-0") != b"", "output")
    assert "torchrun started warm, its workers cold" in warm.log()
    assert procs_parent(status["torchrun"]["pid"]) == warm.pid
    for worker in status["workers"]:
        assert procs_parent(worker["pid"]) == status["torchrun"]["pid"]
        command = Path(f"/proc/{worker['pid']}/cmdline").read_bytes().split(b"\0")
        assert command[:3] == [os.fsencode(sys.executable), b"-u", b"train.py"]
    until(lambda: not process_lives(preload), "its end: torchrun was all that came from it")
    (warm.folder / "go").touch()
    report = warm.report()
    assert (report["outcome"], report["exitCode"], report["treeGone"]) == ("succeeded", 0, True)
    for rank in range(2):
        assert warm.output(f"rank-{rank}").splitlines() == [
            b"2 %d 2 ['--a', 'b']" % rank,
            os.fsencode(f"{warm.folder} train.py"),
        ]
    assert warm.marked() == []


def program(warm: Warm, number: int, *words: str) -> Path:
    """SPEC.json of an attempt that runs a program, as the agent writes it."""
    path = warm.wanted("", number, procs=1, python="env", warm={"script": words[0], "workers": "cold"})
    found = json.loads(path.read_text(encoding="utf-8"))
    found["argv"][-3:] = ["--no-python", str(warm.group_dir / "worker"), *words]
    path.write_text(json.dumps(found), encoding="utf-8")
    return path


def environment_of(warm: Warm) -> dict[str, str]:
    """Of a worker, less what is the attempt's own."""
    entries = warm.output("rank-0").decode().split("\n")
    found = dict(entry.split("=", 1) for entry in entries if "=" in entry)
    own = ("MASTER_PORT", "LOCKSTEP_ATTEMPT", "LOCKSTEP_GROUP", "TORCHELASTIC_RUN_ID")
    return {k: v.replace(str(warm.group_dir), "GROUP") for k, v in found.items() if k not in own}


def test_a_program_cannot_tell_whether_torchrun_was_loaded_before(warm: Warm) -> None:
    """It is no Python that would add to its environment itself what torchrun's Python added to torchrun's."""
    warm.stand_by(program(warm, 1, "sh", "-c", "env"))
    assert warm.hear()["type"] == "ready"
    assert "pid" in warm.adopt(program(warm, 2, "sh", "-c", "env"))
    warm.say("go")
    assert warm.report()["outcome"] == "succeeded"
    assert "torchrun started warm, its workers cold" in warm.log()
    first = environment_of(warm)
    warm.answer = warm.launch_cold(program(warm, 3, "sh", "-c", "env"))
    assert warm.report()["outcome"] == "succeeded"
    second = environment_of(warm)
    error_file = "TORCHELASTIC_ERROR_FILE"  # torch names a folder at random
    assert first.pop(error_file).startswith("GROUP/torch/")
    assert second.pop(error_file).startswith("GROUP/torch/")
    assert first == second
    assert first["LC_CTYPE"] == "C.UTF-8"


def test_a_running_attempt_without_a_pool_says_why_there_is_none(warm: Warm) -> None:
    path = warm.wanted("", 1)
    found = json.loads(path.read_text(encoding="utf-8"))
    del found["warm"]
    path.write_text(json.dumps(found), encoding="utf-8")
    warm.stand_by(path)
    answer = warm.hear()
    assert (answer["type"], "without warm pools" in answer["why"]) == ("failed", True)


# A grandchild that forks twice, leaves the session and clears its environment.
ESCAPE = """
import os, sys
path = "escaped" + os.environ["RANK"]
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open(path + ".tmp", "w").write(str(os.getpid()))
        os.rename(path + ".tmp", path)
        os.execve(sys.executable, [sys.executable, "-c", "import time; time.sleep(60)"], {})
os._exit(0)
"""


def procs_parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[1])


def test_trainers_are_looked_at_when_the_preloaded_process_is_gone(warm: Warm) -> None:
    """torchrun's own children only relay: they idle while the script computes."""
    warm.run_warm("import os\nprint(os.getpid(), flush=True)\nwhile True: sum(range(10_000))\n", procs=1)
    preload = warm.preload()
    warm.say("go")
    status = warm.running()
    until(lambda: warm.output("rank-0").endswith(b"\n"), "the trainer's pid")
    trainer = int(warm.output("rank-0"))
    assert [worker["pid"] for worker in status["workers"]] != [trainer]
    until(lambda: not process_lives(preload), "its end")
    with warm.connect() as client:
        client.say({"op": "watch"})
        client.say({"op": "stacks"})
        found: dict[str, Any] = {}

        def look() -> bool:
            found.update((client.line() or {}).get("activity") or {})
            return bool(found.get("stacks")) and found["ranks"][0]["busyPermille"] > 100

        until(look, "stacks, and a sample of what trains", 40.0)
    assert f"pid {trainer}," in found["stacks"]["head"]


def test_without_its_preloaded_process_a_start_is_cold_and_says_so(warm: Warm) -> None:
    warm.run_warm("import os, sys; print(sys.argv[1:], os.environ['LOCKSTEP_ATTEMPT'])", procs=1)
    os.kill(warm.preload(), signal.SIGKILL)
    warm.say("go")
    report = warm.report()
    assert (report["outcome"], report["treeGone"]) == ("succeeded", True)
    assert warm.output("rank-0") == b"['--a', 'b'] 2\n"
    assert "a cold start: the preloaded process" in warm.log()
    assert "torchrun started cold" in warm.log()


def test_warm_workers_get_every_signal_whatever_the_daemon_blocks(warm: Warm) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGQUIT])  # as a JVM does
    try:
        warm.run_warm("import signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, []))", procs=1)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    warm.say("go")
    assert warm.report()["outcome"] == "succeeded"
    assert warm.output("rank-0") == b"set()\n"


def test_a_failure_is_explained_as_in_a_cold_start(warm: Warm) -> None:
    script = "from torch.distributed.elastic.multiprocessing.errors import record\n"
    script += "@record\ndef main():\n    print('up')\n    raise RuntimeError('boom')\nmain()\n"
    warm.run_warm(script, procs=1)
    warm.say("go")
    first = failure_of(warm.report(), warm)
    path = warm.wanted(script, 3, procs=1)
    warm.answer = warm.launch_cold(path)
    second = failure_of(warm.report(), warm)
    assert first == second
    assert first["firstFailure"]["message"] == "RuntimeError: boom"


def failure_of(report: dict[str, Any], warm: Warm) -> dict[str, Any]:
    """What must be the same, whatever the attempt; torchrun's own end is not: the shim may be sooner."""
    first = {**report["firstFailure"], "at": None}
    kept = {name: report[name] for name in ("outcome", "message", "treeGone")}
    workers = [{**worker, "pid": None, "startTime": None} for worker in report["workers"]]
    return {**kept, "firstFailure": first, "workers": workers, "output": warm.output("rank-0")}


def test_a_killed_shim_takes_all_of_it_along(warm: Warm, seats: list[Seat]) -> None:
    """The guard knows warm workers, their nurses and the preloaded process by the marks that they were given later."""
    ignore = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    warm.run_warm(ignore + "import os, time; print(os.getpid(), flush=True); time.sleep(60)", 1, **leased(seats, 5.0))
    preload = warm.preload()
    warm.say("go")
    warm.running()
    until(lambda: warm.output("rank-0").endswith(b"\n"), "the worker's pid")
    worker = int(warm.output("rank-0"))
    nurse = procs_parent(worker)
    assert {warm.pid, preload, nurse, worker} < set(warm.marked())
    assert warm.pid is not None
    os.kill(warm.pid, signal.SIGKILL)
    until(lambda: warm.marked() == [], "the guard to end them all")
    until(lambda: not process_lives(worker), "its end")  # the environment goes first, then the rest


def test_a_standby_ends_with_its_agent(warm: Warm) -> None:
    warm.stand_by(warm.wanted("import torch", 1))
    assert warm.hear()["type"] == "ready"
    preload = warm.preload()
    assert warm.standby is not None
    assert warm.standby.stdin is not None
    warm.standby.stdin.close()
    until(lambda: not warm.shim_lives() and not process_lives(preload), "both ends")


def test_an_agent_that_gives_up_after_the_adoption_leaves_nothing(warm: Warm) -> None:
    warm.run_warm("print(1)", procs=1)
    preload = warm.preload()
    assert warm.standby is not None
    assert warm.standby.stdin is not None
    warm.standby.stdin.close()
    until(lambda: not warm.shim_lives() and not process_lives(preload), "both ends")
    assert not (warm.group_dir / "started").exists()
    assert warm.marked() == []


def test_while_it_loads_it_is_not_adopted_and_goes_on_loading(warm: Warm) -> None:
    warm.stand_by(warm.wanted("import torch", 1))
    answer = warm.adopt(warm.wanted("import torch", 2))
    assert (answer["type"], answer["loading"]) == ("refused", True)
    assert "still loading" in answer["why"]
    assert warm.hear()["type"] == "ready"
    assert not (warm.group_dir / "started").exists()


def test_another_environment_needs_another_pool(warm: Warm) -> None:
    warm.stand_by(warm.wanted("import torch", 1))
    assert warm.hear()["type"] == "ready"
    path = warm.wanted("import torch", 2)
    changed = json.loads(path.read_text())
    changed["env"]["NCCL_DEBUG"] = "INFO"
    path.write_text(json.dumps(changed))
    answer = warm.adopt(path)
    assert answer == {
        "type": "refused",
        "loading": False,
        "why": "the environment (NCCL_DEBUG) changed since the warm pool was made",
    }
    until(lambda: not warm.shim_lives(), "its end")


def test_what_is_not_safe_is_left_out_with_the_reason_and_what_changed_is_not_used(warm: Warm) -> None:
    module = warm.folder / "extra_fine.py"
    module.write_text("X = 1")
    thread = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()"
    (warm.folder / "extra_threads.py").write_text(thread)
    (warm.folder / "extra_ends.py").write_text("import os; os._exit(5)")
    named: dict[str, Any] = {
        "warm": {"script": "train.py", "modules": ["extra_threads", "extra_fine", "extra_ends", "extra_no"]}
    }
    warm.stand_by(warm.wanted("pass", 1, **named))
    ready = warm.hear()
    left = {one["module"]: one["why"] for one in ready["leftOut"]}
    assert sorted(left) == ["extra_ends", "extra_no", "extra_threads"]
    assert "leaves 1 threads running" in left["extra_threads"]
    assert "ends Python (code 5)" in left["extra_ends"]
    assert "No module named 'extra_no'" in left["extra_no"]
    module.write_text("X = 22")
    answer = warm.adopt(warm.wanted("pass", 2, **named))
    assert answer["why"] == f"{module} has changed since it was loaded"


def test_a_frozen_process_is_not_waited_for(warm: Warm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "ANSWER_LIMIT_SECONDS", 0.3)
    wanted = spec.load(str(warm.wanted("pass", 1, warm={"script": "train.py", "modules": ["json"]})))
    found = Pool(wanted)
    while found.is_loading:
        found.take()
    os.kill(found.id.pid, signal.SIGSTOP)
    with pytest.raises(NotWarmError, match="cannot be asked: timed out"):
        found.belong(wanted)
    found.kill()
    until(lambda: not process_lives(found.id.pid), "its end")


def test_a_killed_torchrun_ends_the_group_as_in_a_cold_start(warm: Warm) -> None:
    warm.run_warm("import os, time; print(os.getpid(), flush=True); time.sleep(60)", 1)
    warm.say("go")
    status = warm.running()
    until(lambda: warm.output("rank-0").endswith(b"\n"), "the worker's pid")
    os.kill(status["torchrun"]["pid"], signal.SIGKILL)
    report = warm.report()
    assert (report["outcome"], report["signal"], report["treeGone"]) == ("failed", signal.SIGKILL, True)
    assert not process_lives(int(warm.output("rank-0")))
    assert warm.marked() == []
