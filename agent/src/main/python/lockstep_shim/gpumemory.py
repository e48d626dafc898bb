"""Owns waiting until GPUs have their memory back: NVML tells it in a millisecond where nvidia-smi takes a tenth of a second.

Run as `python3 -IS gpumemory.py DEVICES LIMIT_MIB WAIT_SECONDS [LIBRARY]`; writes one JSON object. With `serve [LIBRARY]`
it answers such lines from stdin, one JSON object a line, until there are no more: the end of who asks is the end of stdin.
"""

from __future__ import annotations

import ctypes
import json
import signal
import sys
import time
from typing import Any

LIBRARY = "libnvidia-ml.so.1"
POLL_SECONDS = 0.02
MIB = 1 << 20
MAX_PROCESSES = 64  # of one device
VERSION_2 = 2 << 24


class NvmlError(Exception):
    """NVML is not there, or refused; the text says which call."""


class _Memory(ctypes.Structure):
    """nvmlMemory_t: what the driver keeps for itself counts as used."""

    _fields_ = [("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong)]


class _Memory2(ctypes.Structure):
    """nvmlMemory_v2_t: what the driver keeps for itself is told apart."""

    _fields_ = [
        ("version", ctypes.c_uint),
        ("total", ctypes.c_ulonglong),
        ("reserved", ctypes.c_ulonglong),
        ("free", ctypes.c_ulonglong),
        ("used", ctypes.c_ulonglong),
    ]


class _Process(ctypes.Structure):
    """nvmlProcessInfo_t of the _v3 call."""

    _fields_ = [
        ("pid", ctypes.c_uint),
        ("used", ctypes.c_ulonglong),
        ("instance", ctypes.c_uint),
        ("compute", ctypes.c_uint),
    ]


class Nvml:
    """The calls that are needed of the driver's library."""

    def __init__(self, path: str = LIBRARY) -> None:
        try:
            self._library = ctypes.CDLL(path)
        except OSError as problem:
            raise NvmlError(f"{path} cannot be loaded: {problem}") from problem
        self._call("nvmlInit_v2")

    def close(self) -> None:
        """Lets go of the devices: who holds them keeps an operator from resetting one or from loading another driver."""
        self._code("nvmlShutdown")

    def _call(self, name: str, *arguments: Any) -> None:
        code = self._code(name, *arguments)
        if code != 0:
            raise NvmlError(f"{name} answers {code}")

    def _code(self, name: str, *arguments: Any) -> int:
        function = getattr(self._library, name, None)
        return int(function(*arguments)) if function is not None else -1

    def used_bytes(self, index: int) -> int:
        """What is in use on this device, less what the driver keeps where that is told."""
        device = self._device(index)
        newer = _Memory2(version=ctypes.sizeof(_Memory2) | VERSION_2)
        if self._code("nvmlDeviceGetMemoryInfo_v2", device, ctypes.byref(newer)) == 0:
            return int(newer.used)
        older = _Memory()
        self._call("nvmlDeviceGetMemoryInfo", device, ctypes.byref(older))
        return int(older.used)

    def processes(self, index: int) -> list[int]:
        """Who computes there; nobody where it is not told."""
        found = (_Process * MAX_PROCESSES)()
        count = ctypes.c_uint(MAX_PROCESSES)
        code = self._code(
            "nvmlDeviceGetComputeRunningProcesses_v3", self._device(index), ctypes.byref(count), ctypes.byref(found)
        )
        return [int(found[i].pid) for i in range(min(count.value, MAX_PROCESSES))] if code == 0 else []

    def _device(self, index: int) -> ctypes.c_void_p:
        device = ctypes.c_void_p()
        self._call("nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(index), ctypes.byref(device))
        return device


def wait(nvml: Nvml, devices: list[int], limit: int, seconds: float) -> dict[str, Any]:
    """Looks until all are below the limit or the time is over; says who still holds what."""
    began = time.monotonic()
    while True:
        held = {index: used for index in devices if (used := nvml.used_bytes(index)) > limit}
        waited = time.monotonic() - began
        if not held or waited >= seconds:
            return {
                "waitedSeconds": round(waited, 3),
                "held": [
                    {"gpu": index, "mib": used // MIB, "pids": nvml.processes(index)} for index, used in held.items()
                ],
            }
        time.sleep(min(POLL_SECONDS, seconds - waited))


def answer(devices: str, mib: str, seconds: str, library: list[str]) -> dict[str, Any]:
    """What `wait` says, or the problem. NVML is opened for each question: a driver that failed may be well again."""
    try:
        nvml = Nvml(*library)
    except NvmlError as problem:
        return {"problem": str(problem)}
    try:
        return wait(nvml, [int(word) for word in devices.split(",")], int(mib) * MIB, float(seconds))
    except NvmlError as problem:
        return {"problem": str(problem)}
    finally:
        nvml.close()


def serve(library: list[str]) -> int:
    """Ends after a problem: the library of a driver that is there no more stays loaded."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is for who asks
    for line in iter(sys.stdin.readline, ""):
        devices, mib, seconds = line.split()
        said = answer(devices, mib, seconds, library)
        print(json.dumps(said), flush=True)
        if "problem" in said:
            return 3
    return 0


def main(arguments: list[str]) -> int:
    """A problem is a JSON object too, with exit code 3."""
    if arguments[0] == "serve":
        return serve(arguments[1:])
    devices, mib, seconds, *library = arguments
    said = answer(devices, mib, seconds, library)
    print(json.dumps(said))
    return 3 if "problem" in said else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
