from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lockstep_chaos import sandbox

FOLDER = Path(__file__).resolve().parents[1]
WAIT_SECONDS = 30

# The main of a box: a process of its own session, as a shim is one, whose name can be looked for.
PROGRAM = """
import subprocess, sys, time
sys.path.insert(0, {folder!r})
from lockstep_chaos import sandbox
from lockstep_chaos.network import Network

def main():
    Network(2)
    subprocess.Popen(["sleep", {seconds!r}], start_new_session=True)
    print("made", flush=True)
    {then}

sys.exit(sandbox.enter(main))
"""


@pytest.fixture
def seconds() -> str:
    """An argument that no other process has."""
    return f"10{os.getpid()}.{time.time_ns() % 1_000_000}"


pytestmark = pytest.mark.skipif(sandbox.problem() is not None, reason=f"no box here: {sandbox.problem()}")


def start(seconds: str, then: str, folder: Path) -> subprocess.Popen[str]:
    program = folder / "program.py"  # the box begins with the same command line again
    program.write_text(PROGRAM.format(folder=str(FOLDER), seconds=seconds, then=then), encoding="utf-8")
    return subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True)


def is_left(seconds: str) -> bool:
    lines = [file.read_bytes() for file in Path("/proc").glob("[0-9]*/cmdline") if file.exists()]
    return any(line == f"sleep\0{seconds}\0".encode() for line in lines)


def await_there(seconds: str, there: bool) -> None:
    give_up = time.monotonic() + WAIT_SECONDS
    while is_left(seconds) != there:
        assert time.monotonic() < give_up, f"a process of the box is there: {not there}"
        time.sleep(0.05)


def test_the_exit_code_is_mains_and_nothing_is_left(seconds, tmp_path):
    box = start(seconds, "return 7", tmp_path)

    assert box.communicate(timeout=WAIT_SECONDS)[0] == "made\n"
    assert box.returncode == 7
    await_there(seconds, False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_whatever_ends_it_nothing_is_left(seconds, tmp_path, number):
    box = start(seconds, "time.sleep(600)", tmp_path)
    assert box.stdout.readline() == "made\n"
    await_there(seconds, True)

    box.send_signal(number)

    assert box.wait(WAIT_SECONDS) == (-number if number == signal.SIGKILL else 128 + number)
    await_there(seconds, False)
    assert "hosts" not in os.listdir("/sys/class/net")


def test_an_error_is_printed_and_told_by_the_exit_code(seconds, tmp_path):
    box = start(seconds, "raise SystemExit('no distribution')", tmp_path)

    assert box.wait(WAIT_SECONDS) == 1
    await_there(seconds, False)
