"""Behaves like torchrun as far as the shim can see it, and misbehaves as told: `fake_torchrun.py PLAN.json`.

The plan: {"workers": ["python code of local rank 0", ...], "before": code, "after": code, "closeSeconds": 30}.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

MONITOR_SECONDS = 0.1

# What a worker's code may use.
WORKER_PRELUDE = """
import json, os, signal, subprocess, sys, time

def ignore_term():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)

def escape(seconds=60):
    "A grandchild that forks twice, leaves the session and clears its environment."
    subprocess.run([sys.executable, "-c", '''
import os, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve(sys.executable, [sys.executable, "-c",
            "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)",
            "lockstep-escapee"], {})
os._exit(0)
'''])

def error_file(message):
    path = os.environ["TORCHELASTIC_ERROR_FILE"]
    body = {"message": message, "extraInfo": {"py_callstack": "Traceback of " + message, "timestamp": "1795000000"},
            "errorCode": 1}
    open(path, "w").write(json.dumps({"message": body}))
"""


def main() -> int:
    plan: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    signal.signal(signal.SIGTERM, _stop)
    exec(plan.get("before", ""), {})
    workers = [_start(plan, local_rank, code) for local_rank, code in enumerate(plan["workers"])]
    failed = _monitor(workers)
    if failed:
        _close(workers, float(plan.get("closeSeconds", 30)))
        for local_rank, worker in enumerate(workers):
            if worker.returncode:
                print(
                    f"E1124 failed (exitcode: {worker.returncode}) local_rank: {local_rank} (pid: {worker.pid})"
                    " of binary: python",
                    file=sys.stderr,
                    flush=True,
                )
    exec(plan.get("after", ""), {})
    return 1 if failed else 0


def _start(plan: dict[str, Any], local_rank: int, code: str) -> subprocess.Popen[bytes]:
    python = os.environ.get("PYTHON_EXEC", sys.executable)
    folder = Path(plan["logDir"]) / "id_x1" / "attempt_0" / str(local_rank)
    folder.mkdir(parents=True)
    environment = {
        **os.environ,
        "LOCAL_RANK": str(local_rank),
        "RANK": str(plan["firstRank"] + local_rank),
        "TORCHELASTIC_ERROR_FILE": str(folder / "error.json"),
    }
    return subprocess.Popen(
        [python, "-u", "-c", WORKER_PRELUDE + code], env=environment, start_new_session=True, stdin=subprocess.DEVNULL
    )


def _monitor(workers: list[subprocess.Popen[bytes]]) -> bool:
    while True:
        codes = [worker.poll() for worker in workers]
        if any(codes):
            return True
        if all(code == 0 for code in codes):
            return False
        time.sleep(MONITOR_SECONDS)


def _close(workers: list[subprocess.Popen[bytes]], seconds: float) -> None:
    for worker in workers:
        if worker.poll() is None:
            print(f"W1124 Sending process {worker.pid} closing signal SIGTERM", file=sys.stderr, flush=True)
            os.killpg(worker.pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while any(worker.poll() is None for worker in workers) and time.monotonic() < deadline:
        time.sleep(MONITOR_SECONDS)
    for worker in workers:
        if worker.poll() is None:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()


def _stop(number: int, _frame: object) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
