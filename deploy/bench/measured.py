"""Owns what the benchmarks share: the distribution that is measured, and what the kernel says of its processes."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import datetime, timezone
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


@dataclass(frozen=True)
class JavaBench:
    """A benchmark that is a class with a main among the coordinator's compiled tests, and takes numbers of nodes."""

    name: str
    main: str
    doc: str
    nodes: str
    nodes_help: str
    figures: str
    head: list[str]
    limit_seconds: float = 600
    flags: tuple[str, ...] = ()

    def run(self) -> int:
        """Reads the command line, prints machine, date and table; the exit status of the JVM."""
        parser = argparse.ArgumentParser(description=self.doc, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--nodes", default=self.nodes, help=f"{self.nodes_help} (default %(default)s)")
        parser.add_argument("--home", type=Path, help="an unpacked distribution (default: deploy/target's, unpacked)")
        parser.add_argument("--classes", type=Path, default=DEPLOY.parent / "coordinator/target/test-classes")
        parser.add_argument("--java", default="java")
        asked = parser.parse_args()
        if not (asked.classes / (self.main.replace(".", "/") + ".class")).exists():
            sys.exit(f"{self.name}: no compiled tests in {asked.classes}; build them: mvn -DskipTests package")
        with tempfile.TemporaryDirectory(prefix=f"lockstep-{self.name}-") as work:
            home = asked.home or unpacked(Path(work))
            now = f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M UTC}"
            print(f"{now}, {os.cpu_count()} cores, Linux {platform.release()},", flush=True)
            print(f"load {os.getloadavg()[0]:.1f}; {self.figures}\n", flush=True)
            print("| " + " | ".join(self.head) + " |", flush=True)
            print("|" + "---|" * len(self.head), flush=True)
            return subprocess.run(
                [asked.java, *self.flags, f"-Dlockstep.log.dir={work}", "-cp", f"{asked.classes}:{home}/lib/*",
                 self.main, *asked.nodes.split(",")],
                timeout=self.limit_seconds, check=False, stderr=subprocess.DEVNULL,
            ).returncode  # fmt: skip
