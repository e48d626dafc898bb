"""Owns one throwaway process that has DeepSpeed build the ops of a job, so that no worker has to.

Started as `python -u ops.py FD NAME...` by the shim, with the job's Python and environment, as the leader of a session
of its own. A line of JSON on FD for each op, when it is done: {"op", "state": "built" | "there" | "failed", "seconds",
"why" of a failure}. It ends with the shim, and by SIGTERM: with its compilers, and without its lock, for which the next
build would wait for ever.

RATIONALE. To build an op DeepSpeed looks for GPUs, which makes CUDA unusable in whatever is forked later; so it is
neither the preloaded process nor a worker forked from it that does this.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

if not getattr(sys.flags, "safe_path", False):  # since Python 3.11
    del sys.path[0]  # a library that imports `spec` or `store` does not mean ours
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from lockstep_shim import parent, session, stamps

del sys.path[0]

KILL_LIMIT_SECONDS = 2.0
NICENESS = 10  # an attempt may train beside it
MAX_WHY_CHARACTERS = 500
MAX_LINE_CHARACTERS = 160  # the first line of a failed build may be all of the compiler's options
CLOCK_TICK_SECONDS = 0.1  # a file's time may be that much older than the clock's
EXIT_OF_TERMINATED = 128 + signal.SIGTERM


def main(results: int, names: list[str]) -> int:
    """Its exit status: 0, whatever became of the ops."""
    signal.signal(signal.SIGTERM, _terminate)
    parent.end_with(os.getppid(), signal.SIGTERM)
    os.set_inheritable(results, False)  # its end is that of this process, not of a compiler
    os.nice(NICENESS)
    try:
        for name in names:
            os.write(results, (json.dumps({"op": name, **_load(name)}) + "\n").encode())
    finally:
        session.end(os.getsid(0), KILL_LIMIT_SECONDS)
    return 0


def _terminate(number: int, _frame: object) -> None:
    """Unwinds: torch kills its ninja and removes its lock on the way."""
    signal.signal(number, signal.SIG_IGN)
    sys.exit(EXIT_OF_TERMINATED)


def _load(name: str) -> dict[str, Any]:
    """Builds an op, or finds it built and up to date: both by loading it as a worker will, but for one that was loaded
    before and is as it was."""
    began, began_wall = time.monotonic(), time.time()
    try:
        if _is_noted(name):
            return {"state": "there", "seconds": round(time.monotonic() - began, 2)}
        builders = importlib.import_module("deepspeed.ops.op_builder.all_ops")
        if name not in builders.ALL_OPS:
            raise LookupError(f"DeepSpeed has no op {name} for the accelerator {builders.accelerator_name}")
        module = builders.ALL_OPS[name].load()
        is_new = os.stat(module.__file__).st_mtime > began_wall - CLOCK_TICK_SECONDS
        outcome = {"state": "built" if is_new else "there"}
        _note(name, module.__file__)
    except Exception as error:  # whatever a library raises is the reason
        outcome = {"state": "failed", "why": _why(error)}
    return {**outcome, "seconds": round(time.monotonic() - began, 2)}


def _is_noted(name: str) -> bool:
    """Whatever a damaged note does, DeepSpeed can be asked."""
    try:
        return stamps.find(name)
    except Exception as error:
        print(f"the note of the op {name} cannot be read: {error!r}", file=sys.stderr)
        return False


def _note(name: str, library: str) -> None:
    try:
        stamps.keep(name, library)
    except Exception as error:  # it is built all the same
        print(f"no note of the op {name}: {error!r}", file=sys.stderr)


def _why(error: Exception) -> str:
    """What is missing on this host before what became of it; of a compiler's output what it calls an error."""
    lines = str(error).splitlines() or [""]
    told = [line.strip() for line in lines[1:] if "error" in line.lower()]
    text = ": ".join([f"{type(error).__name__}: {lines[0][:MAX_LINE_CHARACTERS]}", *told[:1]])
    missing = _missing() if isinstance(error, RuntimeError) else []  # as torch and DeepSpeed raise it of a build
    return "; ".join([*missing, text])[:MAX_WHY_CHARACTERS]


def _missing() -> list[str]:
    compiler = os.environ.get("CXX", "c++")
    missing = []
    if shutil.which(compiler) is None:
        missing.append(f"the C++ compiler {compiler} is not there; install it or set CXX")
    if shutil.which("ninja") is None:
        missing.append("ninja is not on the PATH of the job; install it there")
    return missing


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
