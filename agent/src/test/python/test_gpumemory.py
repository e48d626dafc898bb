"""The wait for GPU memory, against a small library in C that stands in for NVIDIA's."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import HERE, SHIM

FAKE = HERE.parent / "resources" / "fake" / "nvml.c"


@pytest.fixture(name="nvml")
def build(tmp_path: Path) -> Path:
    library = tmp_path / "libnvml.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-w", f'-DFOLDER="{tmp_path}"', "-o", library, FAKE], check=True)
    return library


def ask(library: Path, wait: str, devices: str = "0,1") -> tuple[int, dict[str, Any]]:
    argv = [sys.executable, "-IS", str(SHIM / "gpumemory.py"), devices, "1024", wait, str(library)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
    return done.returncode, json.loads(done.stdout)


def test_free_memory_is_not_waited_for(nvml: Path) -> None:
    (nvml.parent / "used").write_text("600")
    assert ask(nvml, "5") == (0, {"waitedSeconds": 0.0, "held": []})


def test_memory_that_comes_back_is_waited_for(nvml: Path) -> None:
    used = nvml.parent / "used"
    used.write_text("70000")
    timer = threading.Timer(0.5, lambda: used.write_text("0"))
    timer.start()
    began = time.monotonic()
    code, said = ask(nvml, "20")
    assert (code, said["held"]) == (0, [])
    assert 0.1 < said["waitedSeconds"] < 10
    assert time.monotonic() - began < 15
    timer.join()


def test_who_holds_it_is_named(nvml: Path) -> None:
    (nvml.parent / "used").write_text("70000")
    assert ask(nvml, "0.2")[1]["held"] == [{"gpu": 0, "mib": 70000, "pids": [4711]}]


def serve(library: Path) -> subprocess.Popen[str]:
    argv = [sys.executable, "-IS", str(SHIM / "gpumemory.py"), "serve", str(library)]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)


def asked(process: subprocess.Popen[str], question: str) -> dict[str, Any]:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(question + "\n")
    return dict(json.loads(process.stdout.readline()))


def test_one_process_answers_again_and_again_and_holds_no_device_between(nvml: Path) -> None:
    used = nvml.parent / "used"
    with serve(nvml) as process:
        used.write_text("70000")
        assert asked(process, "0,1 1024 0")["held"][0]["mib"] == 70000
        used.write_text("0")
        assert asked(process, "0,1 1024 5") == {"waitedSeconds": 0.0, "held": []}
        process.send_signal(signal.SIGINT)  # Ctrl-C in the terminal of `lockstep run`
        assert asked(process, "0 1024 0")["held"] == []
        assert (nvml.parent / "calls").read_text() == "open\nshut\n" * 3
        assert process.stdin is not None
        process.stdin.close()  # whoever asks is gone, also by kill -9
        assert process.wait(5) == 0


def test_it_ends_after_a_problem_so_that_the_library_is_loaded_anew(nvml: Path) -> None:
    with serve(nvml) as process:
        assert asked(process, "7 1024 0") == {"problem": "nvmlDeviceGetHandleByIndex_v2 answers 2"}
        assert process.wait(5) == 3


def test_no_library_and_no_device_are_told(nvml: Path) -> None:
    assert ask(Path("/no/such.so"), "1")[0] == 3
    assert ask(nvml, "1", "7")[1] == {"problem": "nvmlDeviceGetHandleByIndex_v2 answers 2"}
