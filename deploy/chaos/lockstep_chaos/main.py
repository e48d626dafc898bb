"""Owns the command line: which rows run, what is printed, the exit code."""

from __future__ import annotations

import argparse
import fnmatch
import os
import shutil
import subprocess
import sys
import time
import traceback
from pathlib import Path

from lockstep_chaos import rows_cost, rows_network, rows_processes, rows_seats, sandbox  # noqa: F401 (rows are put)
from lockstep_chaos.cluster import Cluster, NotSeen
from lockstep_chaos.network import Network, command
from lockstep_chaos.row import ROWS, NotRun, Row, Run

DEPLOY = Path(__file__).resolve().parents[2]
FEWEST_HOSTS = 5
MOST_HOSTS = 100
EXIT_UNAVAILABLE = 69
PYTHON_SECONDS = 1800


def parse(words: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="run",
        description="Breaks hosts, processes and networks under real daemons that train, in namespaces of their"
        " own, and reads from the workers' record what came of it. Without options: the quick rows.",
        epilog="Exit 0: every row that ran has held. 1: one has not. 2: usage. 69: this machine cannot run it.",
        allow_abbrev=False,
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="every row, and the long form of those that have one")
    which.add_argument("--only", action="append", metavar="NAME", help="this row (* and ? match); may be repeated")
    parser.add_argument("--long", action="store_true", help="the long form of rows that have one (part of --all)")
    parser.add_argument("--list", action="store_true", help="print the rows and end")
    parser.add_argument("--check", action="store_true", help="only say whether this machine can run it")
    parser.add_argument(
        "--keep", action="store_true", help="leave the folder with logs and records also when all holds"
    )
    parser.add_argument(
        "--dir", type=Path, default=Path("/tmp/lockstep-chaos"), help="a new folder here (default %(default)s)"
    )
    parser.add_argument(
        "--home", type=Path, help="an unpacked distribution (default: the newest deploy/target/lockstep-*.tar.gz)"
    )
    parser.add_argument(
        "--hosts",
        type=int,
        default=FEWEST_HOSTS,
        choices=range(FEWEST_HOSTS, MOST_HOSTS + 1),
        metavar="N",
        help="so many hosts, three of them seats (default %(default)s; more only change the rows that measure costs)",
    )
    parser.add_argument("--python", help="a Python with torch (default: what bin/prepare-python says)")
    parser.add_argument("--slack", type=float, default=0.0, metavar="S", help="seconds more for each limit of time")
    parser.add_argument("--table", type=Path, metavar="FILE", help="also write the rows as a table of Markdown")
    return parser.parse_args(words)


def chosen(asked: argparse.Namespace) -> list[Row]:
    """The rows to run; SystemExit when a name matches none."""
    if asked.all:
        return ROWS
    if not asked.only:
        return [row for row in ROWS if row.quick]
    unknown = [name for name in asked.only if not any(fnmatch.fnmatch(row.name, name) for row in ROWS)]
    if unknown:
        print(f"run: no row named {', '.join(unknown)}; --list names them", file=sys.stderr)
        raise SystemExit(2)
    return [row for row in ROWS if any(fnmatch.fnmatch(row.name, name) for name in asked.only)]


def main() -> int:
    """The whole program; its exit code."""
    asked = parse(sys.argv[1:])
    rows = chosen(asked)
    if asked.list:
        for row in ROWS:
            print(f"{row.name}{' (quick)' if row.quick else ''}: {row.fault}\n    expected: {row.expectation}")
        return 0
    if not os.environ.get(sandbox.INSIDE):
        why_not = sandbox.problem()
        if why_not or asked.check:
            print(f"run: {why_not or 'this machine can run it'}", file=sys.stderr)
            return EXIT_UNAVAILABLE if why_not else 0
    return sandbox.enter(lambda: inside(asked, rows))


def inside(asked: argparse.Namespace, rows: list[Row]) -> int:
    """Runs the rows, in the box."""
    folder = asked.dir.absolute() / time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    folder.mkdir(parents=True)
    began = time.monotonic()
    cluster = Cluster(asked.home or unpack(folder), asked.python or prepared_python(), folder, Network(asked.hosts))
    cluster.whole()  # starts them
    print(f"{asked.hosts} daemons are READY after {time.monotonic() - began:.0f} s; logs in {folder}", flush=True)
    results = []
    for row in rows:
        result = Result(row, *attempt(row, cluster, asked.slack, asked.all or asked.long))
        results.append(result)
        print(result.text(), flush=True)
        if asked.table:
            asked.table.write_text("".join(one.markdown() for one in results), encoding="utf-8")
    failed = [one.row.name for one in results if one.verdict == "FAILED"]
    not_run = [one.row.name for one in results if one.verdict == "not run"]
    if not failed and not asked.keep:
        shutil.rmtree(folder, ignore_errors=True)  # but for the small disk, which goes with this process
    else:
        print(f"logs and records: {folder}")
    print(
        f"{len(results)} rows in {time.monotonic() - began:.0f} s:"
        f" {len(results) - len(failed) - len(not_run)} held,"
        f" {len(failed)} failed{' (' + ', '.join(failed) + ')' if failed else ''},"
        f" {len(not_run)} not run{' (' + ', '.join(not_run) + ')' if not_run else ''}",
        flush=True,
    )
    return 1 if failed else 0


def attempt(row: Row, cluster: Cluster, slack: float, long: bool) -> tuple[str, list[str], list[str], float]:
    """Runs one row: verdict, what was seen, what is wrong, seconds."""
    began = time.monotonic()
    run = Run(row, cluster, slack, long)
    try:
        row.do(run)
    except NotRun as why:
        return "not run", [str(why)], [], time.monotonic() - began
    except (NotSeen, RuntimeError) as problem:
        run.problems.append(str(problem))
    except Exception as problem:  # the rows after it are worth their answer
        run.problems.append("".join(traceback.format_exception(problem)))
    try:
        for job in run.jobs:
            job.finish()
        run.judge()
        cluster.whole()
    except (NotSeen, RuntimeError) as problem:
        run.problems.append(str(problem))
        run.judge()
    return "FAILED" if run.problems else "held", run.seen, run.problems, time.monotonic() - began


class Result:
    """What a row came to."""

    def __init__(self, row: Row, verdict: str, seen: list[str], problems: list[str], seconds: float) -> None:
        self.row, self.verdict, self.seen, self.problems, self.seconds = row, verdict, seen, problems, seconds

    def text(self) -> str:
        """For people at a terminal."""
        wrong = "".join(f"\n  WRONG    {one}" for one in self.problems)
        return (
            f"{self.row.name}: {self.verdict} ({self.seconds:.0f} s)\n  fault    {self.row.fault}\n"
            f"  expected {self.row.expectation}\n  seen     {'; '.join(self.seen)}{wrong}"
        )

    def markdown(self) -> str:
        """For docs/chaos.md."""
        return (
            f"| {self.row.name} | {self.row.fault} | {self.row.expectation} |"
            f" **{self.verdict}**: {'; '.join([*self.seen, *self.problems])} |\n"
        )


def unpack(folder: Path) -> Path:
    """The newest distribution that was built here."""
    archives = sorted((DEPLOY / "target").glob("lockstep-*.tar.gz"), key=lambda file: file.stat().st_mtime)
    if not archives:
        raise SystemExit(f"run: no lockstep-*.tar.gz in {DEPLOY / 'target'}; mvn -Pquick package, or --home DIR")
    (folder / "distribution").mkdir()
    command("tar", "-xzf", str(archives[-1]), "-C", str(folder / "distribution"))
    return next((folder / "distribution").iterdir())


def prepared_python() -> str:
    """A Python with torch."""
    script = DEPLOY / "bin" / "prepare-python"
    done = subprocess.run([str(script)], stdout=subprocess.PIPE, text=True, timeout=PYTHON_SECONDS, check=False)
    if done.returncode != 0:
        raise SystemExit("run: prepare-python failed, see above; or give --python PROGRAM")
    return done.stdout.strip()
