"""The wait for GPU memory, against a small library in C that stands in for NVIDIA's."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import SHIM

NVML = r"""
#include <stdio.h>
#include <string.h>
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } memory2;
int nvmlInit_v2(void) { return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **d) { *d = (void *)(long)(i + 1); return i < 2 ? 0 : 2; }
int nvmlDeviceGetMemoryInfo_v2(void *d, memory2 *m) {
  if (m->version != (sizeof(memory2) | 2u << 24)) return 25;
  unsigned long long mib = 0; FILE *f = fopen(USED, "r");
  if (f) { fscanf(f, "%llu", &mib); fclose(f); }
  m->used = d == (void *)1L ? mib << 20 : 0; return 0;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void *d, unsigned *n, unsigned *p) { *n = 1; p[0] = 4711; return 0; }
"""


@pytest.fixture(name="nvml")
def build(tmp_path: Path) -> Path:
    (tmp_path / "nvml.c").write_text(NVML, encoding="utf-8")
    library = tmp_path / "libnvml.so"
    used = f'-DUSED="{tmp_path / "used"}"'
    subprocess.run(["cc", "-shared", "-fPIC", "-w", used, "-o", library, tmp_path / "nvml.c"], check=True)
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


def test_no_library_and_no_device_are_told(nvml: Path) -> None:
    assert ask(Path("/no/such.so"), "1")[0] == 3
    assert ask(nvml, "1", "7")[1] == {"problem": "nvmlDeviceGetHandleByIndex_v2 answers 2"}
