"""Tests that DeepSpeed's ops are built before a warm pool is ready, by a process that leaves nothing.

DeepSpeed is a fake, which builds as torch does: with a lock, and with compilers in a process group of their own.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time
from pathlib import Path

import pytest

from conftest import process_lives, until
from lockstep_shim import building, session, spec
from lockstep_shim.building import Ops
from test_standby import Warm, pytestmark, warm

__all__ = ["pytestmark", "warm"]

DEEPSPEED = """
import os, subprocess, time
from pathlib import Path
from types import SimpleNamespace
accelerator_name = "cpu"
here = Path(os.environ["TORCH_EXTENSIONS_DIR"])

def quick():
    pass

def slow():
    while not (here / "go").exists():
        time.sleep(0.02)

def broken():
    raise RuntimeError("Error building extension 'broken': [1/3] c++ -MMD\\nshm.cpp:7:1: error: no such type")

def endless():
    compiler = f"echo $$ >> {here}/pids; sleep 600 & echo $! >> {here}/pids; touch {here}/begun; wait"
    subprocess.run(["sh", "-c", compiler], preexec_fn=os.setpgrp)

class Builder:
    def __init__(self, build):
        self.build = build

    def load(self):
        library = here / f"{self.build.__name__}.so"
        if not library.exists():
            lock = here / self.build.__name__ / "lock"
            lock.parent.mkdir(exist_ok=True)
            lock.touch()
            try:
                self.build()
                library.touch()
            finally:
                lock.unlink()
        return SimpleNamespace(__file__=str(library))

ALL_OPS = {build.__name__: Builder(build) for build in (quick, slow, broken, endless)}
"""


def wanted(warm: Warm, number: int, *ops: str) -> Path:
    """SPEC.json of this attempt, which needs these ops of the fake."""
    package = warm.folder / "site" / "deepspeed" / "ops" / "op_builder"
    package.mkdir(parents=True, exist_ok=True)
    for folder in (package, package.parent, package.parent.parent):
        (folder / "__init__.py").touch()
    (package / "all_ops.py").write_text(DEEPSPEED, encoding="utf-8")
    path = warm.wanted("print(1)", number, 1, warm={"script": "train.py", "modules": ["json"], "ops": list(ops)})
    found = json.loads(path.read_text(encoding="utf-8"))
    cache = warm.folder / "cache"
    cache.mkdir(exist_ok=True)
    found["env"].update(PYTHONPATH=str(package.parent.parent.parent), TORCH_EXTENSIONS_DIR=str(cache))
    path.write_text(json.dumps(found), encoding="utf-8")
    return path


def builds(warm: Warm, *ops: str) -> Ops:
    """The process that builds them, without a pool."""
    found = spec.load(str(wanted(warm, 1, *ops)))
    return Ops(found, ops, found.env)


def finish(ops: Ops) -> list[tuple[str, str]]:
    while ops.is_building:
        if select.select([ops], [], [], 0.1)[0]:
            ops.take()
        ops.look(time.monotonic())
    return [(one["op"], one["state"]) for one in ops.results]


def begun(warm: Warm) -> list[int]:
    """The compilers, once they are at work."""
    until((warm.folder / "cache" / "begun").exists, "compilers")
    return [int(pid) for pid in (warm.folder / "cache" / "pids").read_text(encoding="utf-8").split()]


def children(pid: int) -> list[bytes]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [Path(f"/proc/{child}/cmdline").read_bytes() for child in text.split()]


def test_the_pool_is_ready_when_the_ops_are_built(warm: Warm) -> None:
    warm.stand_by(wanted(warm, 1, "quick", "slow"))
    until(
        lambda: "still building DeepSpeed's slow" in warm.adopt(wanted(warm, 2, "quick", "slow"))["why"],
        "everything to be loaded but the op to be built",
    )
    (warm.folder / "cache" / "go").touch()
    ready = warm.hear()
    assert ready["type"] == "ready"
    assert [(one["op"], one["state"]) for one in ready["ops"]] == [("quick", "built"), ("slow", "built")]
    assert ready["ops"][1]["seconds"] > 0
    assert warm.standby is not None
    assert [line for line in children(warm.standby.pid) if b"ops.py" in line] == []
    assert "pid" in warm.adopt(wanted(warm, 2, "quick", "slow"))
    warm.say("go")
    assert warm.report()["outcome"] == "succeeded"
    assert "torchrun started warm" in warm.log()


def test_a_failed_build_is_said_and_the_pool_is_ready(warm: Warm) -> None:
    warm.stand_by(wanted(warm, 1, "broken", "unknown", "quick"))
    ready = warm.hear()
    assert (ready["type"], ready["leftOut"]) == ("ready", [])
    broken, unknown, quick = ready["ops"]
    assert (broken["state"], unknown["state"], quick["state"]) == ("failed", "failed", "built")
    assert broken["why"].endswith(
        "RuntimeError: Error building extension 'broken': [1/3] c++ -MMD: shm.cpp:7:1: error: no such type"
    )
    assert unknown["why"] == "LookupError: DeepSpeed has no op unknown for the accelerator cpu"


def imports(warm: Warm) -> None:
    """From now on whoever imports the fake is seen."""
    builders = warm.folder / "site/deepspeed/ops/op_builder/all_ops.py"
    builders.write_text(DEEPSPEED + "(here / 'imported').touch()\n", encoding="utf-8")


def test_what_is_built_is_found_without_deepspeed(warm: Warm) -> None:
    found = spec.load(str(wanted(warm, 1, "quick")))
    assert finish(Ops(found, ("quick",), found.env)) == [("quick", "built")]
    imports(warm)
    again = {**found.env, "LOCKSTEP_GROUP": "another attempt"}
    assert finish(Ops(found, ("quick",), again)) == [("quick", "there")]
    assert not (warm.folder / "cache" / "imported").exists()


@pytest.mark.parametrize("what", ["library", "lock", "deepspeed", "environment", "note"])
def test_what_may_have_changed_since_is_looked_at_by_deepspeed(warm: Warm, what: str) -> None:
    found = spec.load(str(wanted(warm, 1, "quick")))
    assert finish(Ops(found, ("quick",), found.env)) == [("quick", "built")]
    imports(warm)
    environment = dict(found.env)
    cache = warm.folder / "cache"
    if what == "library":
        os.utime(cache / "quick.so", (1, 1))
    elif what == "lock":
        (cache / "lock").touch()
    elif what == "deepspeed":
        (warm.folder / "site/deepspeed/__init__.py").write_text("# another version\n", encoding="utf-8")
    elif what == "environment":
        environment["CXXFLAGS"] = "-O0"
    else:
        (cache / "lockstep-ops.json").write_bytes(b'{"quick": ["no", "note"]')
    [(op, state)] = finish(Ops(found, ("quick",), environment))
    assert op == "quick"
    assert state in ("there", "built"), "so soon after it was built either may be said"
    assert (cache / "imported").exists()


def test_where_no_note_can_be_written_the_op_is_built_all_the_same(warm: Warm) -> None:
    found = spec.load(str(wanted(warm, 1, "quick")))
    (warm.folder / "cache" / "lockstep-ops.json").mkdir()
    assert finish(Ops(found, ("quick",), found.env)) == [("quick", "built")]
    assert [p.name for p in (warm.folder / "cache").iterdir() if p.name.startswith("lockstep-ops.json.")] == []


def test_without_ops_no_process_is_started(warm: Warm) -> None:
    warm.stand_by(wanted(warm, 1))
    ready = warm.hear()
    assert (ready["type"], ready["ops"]) == ("ready", [])
    assert warm.standby is not None
    assert [b"preload.py" in line for line in children(warm.standby.pid)] == [True]
    answer = warm.adopt(wanted(warm, 2, "quick"))
    assert answer["why"] == "the list of DeepSpeed's ops changed since the warm pool was made"


@pytest.mark.parametrize("how", ["agent ends", "shim killed"])
def test_a_pool_that_ends_during_the_build_leaves_neither_processes_nor_a_lock(warm: Warm, how: str) -> None:
    warm.stand_by(wanted(warm, 1, "endless"))
    compilers = begun(warm)
    assert warm.standby is not None
    builder = os.getsid(compilers[0])
    if how == "agent ends":
        assert warm.standby.stdin is not None
        warm.standby.stdin.close()
    else:
        warm.standby.kill()
    until(lambda: not warm.shim_lives(), "the shim's end")
    until(lambda: not any(process_lives(pid) for pid in [builder, *compilers]), "all ends")
    assert session.SessionScan(builder).living() == []
    assert not (warm.folder / "cache" / "endless" / "lock").exists()


def test_a_build_that_does_not_end_is_given_up(warm: Warm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "OPS_LIMIT_SECONDS", 1.0)
    ops = builds(warm, "quick", "endless", "slow")
    assert finish(ops) == [("quick", "built"), ("endless", "failed"), ("slow", "failed")]
    assert ops.results[1]["why"].startswith("it was not built within 1 s")
    assert [pid for pid in begun(warm) if process_lives(pid)] == []
    assert not (warm.folder / "cache" / "endless" / "lock").exists()


def test_a_killed_builder_takes_its_compilers_along_and_is_said(warm: Warm) -> None:
    ops = builds(warm, "endless")
    compilers = begun(warm)
    os.kill(os.getsid(compilers[0]), signal.SIGKILL)
    assert finish(ops) == [("endless", "failed")]
    assert ops.results[0]["why"] == "its process has ended (signal 9)"
    assert [pid for pid in compilers if process_lives(pid)] == []


def test_what_is_there_is_not_built_again(warm: Warm) -> None:
    assert finish(builds(warm, "quick")) == [("quick", "built")]
    library = warm.folder / "cache" / "quick.so"
    os.utime(library, (time.time() - 60, time.time() - 60))
    assert finish(builds(warm, "quick")) == [("quick", "there")]


def test_what_is_missing_on_the_host_is_named(warm: Warm) -> None:
    found = spec.load(str(wanted(warm, 1, "broken")))
    ops = Ops(found, ("broken",), {**found.env, "PATH": "/nowhere"})
    assert finish(ops) == [("broken", "failed")]
    compiler, _, rest = ops.results[0]["why"].partition("; ninja ")
    assert compiler == "the C++ compiler c++ is not there; install it or set CXX"
    assert rest.startswith("is not on the PATH of the job; install it there; RuntimeError: ")


def start(warm: Warm, seconds: int, *ops: str) -> None:
    """As an agent does that has no pool for this attempt."""
    assert "pid" in warm.launch_cold(awaited(warm, 1, seconds, *ops))


def awaited(warm: Warm, number: int, seconds: int, *ops: str) -> Path:
    """SPEC.json of an attempt that has time for a pool."""
    path = wanted(warm, number, *ops)
    found = json.loads(path.read_text(encoding="utf-8"))
    found["warm"]["loadSeconds"] = seconds
    path.write_text(json.dumps(found), encoding="utf-8")
    return path


def test_a_start_that_loads_has_the_ops_built_first(warm: Warm) -> None:
    start(warm, 60, "slow")
    until((warm.folder / "cache" / "slow" / "lock").exists, "the build")
    assert "torchrun started" not in warm.log()
    (warm.folder / "cache" / "go").touch()
    assert warm.report()["outcome"] == "succeeded"
    assert "'op': 'slow', 'state': 'built'" in warm.log()
    assert "torchrun started warm" in warm.log()


def test_a_build_that_outlasts_the_start_is_ended_and_what_was_loaded_is_used(warm: Warm) -> None:
    start(warm, 15, "endless")
    compilers = begun(warm)
    assert warm.report()["outcome"] == "succeeded"
    assert "'op': 'endless', 'state': 'failed', 'why': 'it was not built within the 15 s of a start" in warm.log()
    assert "torchrun started warm" in warm.log()
    assert not any(process_lives(pid) for pid in compilers)
    assert not (warm.folder / "cache" / "endless" / "lock").exists()


def test_a_stop_while_a_start_builds_takes_the_lock_along(warm: Warm) -> None:
    start(warm, 60, "endless")
    compilers = begun(warm)
    with warm.connect() as client:
        client.say({"op": "stop", "graceSeconds": 30})
        assert warm.report()["treeGone"]
    assert "torchrun started" not in warm.log()
    assert not any(process_lives(pid) for pid in compilers)
    assert not (warm.folder / "cache" / "endless" / "lock").exists()


def assert_found_by_the_mark(warm: Warm) -> None:
    """The compilers carry it, and end with the group."""
    compilers = begun(warm)
    assert set(compilers) < set(warm.marked())
    with warm.connect() as client:
        client.say({"op": "kill"})
        assert warm.report()["treeGone"]
    assert not any(process_lives(pid) for pid in compilers)


def test_what_an_adopted_standby_builds_is_found_by_the_mark_of_its_fence_too(warm: Warm) -> None:
    warm.stand_by(awaited(warm, 1, 60, "endless"))
    before = begun(warm)
    for left in ("begun", "pids"):
        (warm.folder / "cache" / left).unlink()
    assert "pid" in warm.adopt(awaited(warm, 2, 60, "endless"))
    warm.say("go")
    assert not any(process_lives(pid) for pid in before), "begun again"
    assert_found_by_the_mark(warm)


def test_a_damaged_note_is_no_reason_not_to_ask_deepspeed(warm: Warm) -> None:
    found = spec.load(str(wanted(warm, 1, "quick")))
    note = {"quick": {"library": "a\0b", "is": [], "builtWith": ""}}
    (warm.folder / "cache" / "lockstep-ops.json").write_text(json.dumps(note), encoding="utf-8")
    assert finish(Ops(found, ("quick",), found.env)) == [("quick", "built")]


def test_what_a_start_builds_is_found_by_the_mark_of_its_fence(warm: Warm) -> None:
    start(warm, 60, "endless")
    assert_found_by_the_mark(warm)
