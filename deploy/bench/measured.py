"""Owns what the benchmarks share: the distribution that is measured, and what the kernel says of its processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

DEPLOY = Path(__file__).resolve().parent.parent
TICKS = os.sysconf("SC_CLK_TCK")


def unpacked(work: Path) -> Path:
    """The newest distribution that was built, unpacked into this folder."""
    archive = max(DEPLOY.glob("target/lockstep-*.tar.gz"), key=lambda path: path.stat().st_mtime, default=None)
    if archive is None:
        sys.exit("benchmark: no distribution in deploy/target; build it: mvn -DskipTests package")
    subprocess.run(["tar", "-xzf", str(archive), "-C", str(work)], check=True)
    return next(work.glob("lockstep-*"))


def memory_mb(pid: int) -> float:
    """The resident set."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1_024


def cpu_seconds(pid: int) -> float:
    """User and system time since it began."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
