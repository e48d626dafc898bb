"""Tests a start that finds no warm pool and loads one first, with torch's own torchrun: what it does when that fails,
takes too long, or is to end meanwhile."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from conftest import process_lives, until
from lockstep_shim import pool, spec
from test_lease import Seat, all_say, leased, seats
from test_standby import REDUCE, Warm, procs_parent, wait_for, warm

__all__ = ["seats", "warm"]

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason=f"torch is not installed for {sys.executable}: nothing to preload"
)

THREAD = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n"
SLOW = "import os, pathlib, time\npathlib.Path('loads').write_text(str(os.getpid()))\ntime.sleep(60)\n"


def start(
    warm: Warm, script: str, procs: int = 1, seconds: int = 60, modules: tuple[str, ...] = ("json",), **more: Any
) -> None:
    """As an agent does that has no pool for this attempt."""
    loads = {"script": "train.py", "modules": list(modules), "loadSeconds": seconds}
    warm.answer = warm.launch_cold(warm.wanted(script, 1, procs, warm=loads, **more))
    assert "pid" in warm.answer


def preload(warm: Warm) -> int:
    """The process that loads; to be asked while it does."""
    until(lambda: len(warm.preloads()) == 1, "the process that loads")
    return warm.preload()


@pytest.fixture
def slow(warm: Warm) -> Path:
    """An import that takes a minute; the file that names the process once it has begun."""
    (warm.folder / "slow.py").write_text(SLOW)
    return warm.folder / "loads"


def loading(slow: Path) -> int:
    until(lambda: slow.exists() and slow.read_text() != "", "an import that takes long")
    return int(slow.read_text())


def succeeds_without(warm: Warm, loads: int) -> None:
    """A script that waits for a file named go: by then what was loaded is needed for nothing any more."""
    until(lambda: warm.output("rank-0") != b"", "output")
    until(lambda: not process_lives(loads), "its end: all workers are there")
    (warm.folder / "go").touch()
    report = warm.report()
    assert (report["outcome"], report["exitCode"], report["treeGone"]) == ("succeeded", 0, True)


def test_torchrun_and_all_workers_are_forked_from_what_was_imported_once(warm: Warm) -> None:
    count = "open('imports', 'a').write('one\\n')\n"
    (warm.folder / "counted.py").write_text(count)
    start(warm, "import counted\n" + REDUCE + wait_for(warm, "go"), procs=2, modules=("counted",))
    loads = preload(warm)
    status = warm.running()
    assert status["start"] == "loaded now"
    assert procs_parent(status["torchrun"]["pid"]) == warm.pid
    succeeds_without(warm, loads)
    assert warm.output("rank-0") == b"2 0 1 ['--a', 'b']\n"
    assert warm.output("rank-1") == b"2 1 1 ['--a', 'b']\n"
    assert (warm.folder / "imports").read_text() == "one\n"
    assert "torchrun started warm" in warm.log()
    assert warm.marked() == []
    assert sorted(p.name for p in warm.folder.iterdir() if p.is_socket()) == []


AWAITED = {"script": "train.py", "loadSeconds": 60}


def test_a_standby_that_still_loads_is_adopted_and_awaited(warm: Warm) -> None:
    (warm.folder / "counted.py").write_text("open('imports', 'a').write('one\\n')\n" + wait_for(warm, "load"))
    warm_spec = {**AWAITED, "modules": ["counted"]}
    warm.stand_by(warm.wanted(REDUCE, 1, warm=warm_spec))
    until((warm.folder / "imports").exists, "an import that takes long")
    loads = warm.preload()
    assert "pid" in warm.adopt(warm.wanted(REDUCE + wait_for(warm, "go"), 2, warm=warm_spec))
    warm.say("go")
    (warm.folder / "load").touch()
    status = warm.running()
    assert status["start"] == "loaded now"
    succeeds_without(warm, loads)
    assert warm.output("rank-1") == b"2 1 2 ['--a', 'b']\n"
    assert (warm.folder / "imports").read_text() == "one\n"
    assert warm.marked() == []


def test_one_that_loads_what_is_not_wanted_any_more_is_not_awaited(warm: Warm, slow: Path) -> None:
    warm_spec = {**AWAITED, "modules": ["slow"]}
    warm.stand_by(warm.wanted("", 1, warm=warm_spec))
    loads = loading(slow)
    answer = warm.adopt(warm.wanted("", 2, warm={**warm_spec, "modules": ["json"]}))
    why = "the script changed since the warm pool was made"
    assert answer == {"type": "refused", "loading": False, "why": why}
    assert warm.standby is not None
    assert warm.standby.wait(10) == 1
    until(lambda: not process_lives(loads), "its end")
    assert not (warm.group_dir / "started").exists()


def test_a_group_that_is_ended_while_its_standby_loads_never_starts_torchrun(warm: Warm, slow: Path) -> None:
    warm_spec = {**AWAITED, "modules": ["slow"]}
    warm.stand_by(warm.wanted("print('never')", 1, warm=warm_spec))
    loads = loading(slow)
    assert "pid" in warm.adopt(warm.wanted("print('never')", 2, warm=warm_spec))
    warm.say("go")
    with warm.connect() as client:
        client.say({"op": "kill"})
        report = warm.report()
    assert (report["outcome"], report["treeGone"]) == ("stopped", True)
    assert not process_lives(loads)
    assert "torchrun started" not in warm.log()
    assert warm.marked() == []


def test_what_is_not_safe_to_load_costs_one_try_and_the_start_is_cold(warm: Warm) -> None:
    (warm.folder / "threads.py").write_text(THREAD)
    (warm.folder / "ends.py").write_text("import os; os._exit(5)")
    start(warm, "import sys; print(sys.argv[1:], flush=True)", modules=("ends", "threads"))
    report = warm.report()
    assert (report["outcome"], report["treeGone"]) == ("succeeded", True)
    assert warm.output("rank-0") == b"['--a', 'b']\n"
    assert "a cold start: ends is not safe to preload: its import ends Python (code 5)" in warm.log()
    assert "torchrun started cold" in warm.log()


@pytest.mark.parametrize("has_gpu", [False, True])
def test_a_standby_does_not_try_it_where_there_is_a_gpu(
    warm: Warm, monkeypatch: pytest.MonkeyPatch, has_gpu: bool
) -> None:
    monkeypatch.setattr(pool, "GPU", str(warm.folder if has_gpu else warm.folder / "none"))
    found = pool.Pool(spec.load(str(warm.wanted("", 1))))
    found.kill()
    assert [one.module for one in found.left_out] == (["deepspeed"] if has_gpu else [])
    until(lambda: not process_lives(found.id.pid), "its end")


def test_what_is_known_to_be_unsafe_is_not_tried(warm: Warm) -> None:
    """As on a host with a GPU, where importing DeepSpeed opens NVML."""
    (warm.folder / "deepspeed").mkdir()
    (warm.folder / "deepspeed" / "__init__.py").write_text(THREAD)
    (warm.folder / "deepspeed" / "comm.py").write_text("")
    start(warm, "import sys; print('deepspeed' in sys.modules)", modules=("json", "deepspeed.comm", "deepspeed"))
    assert warm.report()["outcome"] == "succeeded"
    assert warm.output("rank-0") == b"False\n"
    assert "torchrun started warm" in warm.log()


@pytest.mark.usefixtures("slow")
def test_what_does_not_load_in_time_is_ended_and_the_start_is_cold(warm: Warm) -> None:
    start(warm, "import os, time; print(os.getppid(), flush=True); time.sleep(60)", modules=("slow",), seconds=3)
    loads = preload(warm)
    status = warm.running()
    assert status["start"].startswith("cold: after 3 s it was still loading ")
    assert not process_lives(loads)
    with warm.connect() as client:
        client.say({"op": "kill"})
        assert warm.report()["treeGone"]


def test_a_group_that_is_ended_while_it_loads_never_starts_torchrun(warm: Warm, slow: Path) -> None:
    start(warm, "print('never')", modules=("slow",))
    loads = loading(slow)
    with warm.connect() as client:
        client.say({"op": "stop", "graceSeconds": 30})
        report = warm.report()
    assert (report["outcome"], report["treeGone"]) == ("stopped", True)
    assert not process_lives(loads)
    assert "torchrun started" not in warm.log()
    assert warm.output("rank-0") == b""


def test_a_lease_that_ends_while_it_loads_ends_the_group(warm: Warm, slow: Path, seats: list[Seat]) -> None:
    start(warm, "print('never')", modules=("slow",), **leased(seats, 5.0))
    loads = loading(slow)
    until(lambda: "lease granted" in warm.log(), "the lease")
    all_say(seats, "STOP")
    report = warm.report()
    assert report["treeGone"]
    assert not process_lives(loads)
    assert "torchrun started" not in warm.log()


def test_a_shim_killed_while_it_loads_takes_what_loads_along(warm: Warm, slow: Path) -> None:
    start(warm, "print('never')", modules=("slow",))
    loads = loading(slow)
    assert warm.pid is not None
    os.kill(warm.pid, signal.SIGKILL)
    until(lambda: not process_lives(loads), "its end")
    assert warm.marked() == []


@pytest.mark.usefixtures("slow")
def test_a_frozen_load_is_given_up(warm: Warm) -> None:
    start(warm, "print('on')", modules=("slow",), seconds=4)
    os.kill(preload(warm), signal.SIGSTOP)
    assert warm.report()["outcome"] == "succeeded"
    assert warm.output("rank-0") == b"on\n"


def test_a_start_that_may_not_load_is_cold_at_once(warm: Warm) -> None:
    warm.answer = warm.launch_cold(warm.wanted("print('on')", 1, 1))
    assert warm.report()["outcome"] == "succeeded"
    assert "torchrun started cold" in warm.log()
