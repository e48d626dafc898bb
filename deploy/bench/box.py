"""Owns what the benchmarks on several hosts do before they begin: the distribution, the Pythons, the box."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from launchers import install_nvrx
from measured import unpacked
from lockstep_chaos import sandbox
from lockstep_chaos.network import command

DEPLOY = Path(__file__).resolve().parent.parent


def enter(launchers: list[str], inside: Callable[[], int]) -> int:
    """Runs `inside` in namespaces of its own; `launchers` loses what cannot be had here. Its exit code."""
    if not os.environ.get(sandbox.INSIDE):
        why_not = sandbox.problem()
        if why_not:
            sys.exit(f"benchmark: {why_not}")
        os.environ["BENCH_PYTHON"] = subprocess.run(
            [str(DEPLOY / "bin/prepare-python")], check=True, stdout=subprocess.PIPE, text=True
        ).stdout.strip()
        if "nvrx" in launchers:
            path, os.environ["BENCH_NVRX_IS"] = install_nvrx(os.environ["BENCH_PYTHON"])
            os.environ["BENCH_NVRX"] = path or ""
    if "nvrx" in launchers and not os.environ["BENCH_NVRX"]:
        launchers.remove("nvrx")

    def prepared() -> int:
        command("mount", "-t", "tmpfs", "none", "/run")
        return inside()

    return sandbox.enter(prepared)


def unpack(work: Path) -> None:
    """Names the distribution to run in BENCH_HOME, where it is not named already."""
    if not os.environ.get("BENCH_HOME"):
        os.environ["BENCH_HOME"] = str(unpacked(work))
