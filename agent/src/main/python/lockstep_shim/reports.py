"""Owns the report of a group's end: how it ended, which worker failed first, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lockstep_shim import failure
from lockstep_shim.capture import Stream
from lockstep_shim.failure import Candidate, Exit
from lockstep_shim.procfs import ProcessId
from lockstep_shim.spec import Spec
from lockstep_shim.tree import TreeEnd
from lockstep_shim.workers import Worker

VERSION = 1
TAIL_LINES = 20
# torchrun copies a worker's error file within milliseconds.
ERROR_FILE_WAIT_SECONDS = 0.300


@dataclass
class Ended:
    """What the shim knows when its tree has ended. Times are epoch seconds, for display."""

    spec: Spec
    streams: dict[str, Stream]
    workers: dict[int, Worker]
    failed_before_end: list[Worker]
    torchrun: Exit | None
    torchrun_is_closing: bool
    tree: TreeEnd
    shim_error: str | None
    lease_lost: str | None
    stop_requested: bool
    progress: dict[str, Any] | None
    started_at: float
    ended_at: float

    def stream_of(self, local_rank: int) -> Stream:
        """A worker's own output, or torchrun's where they share one."""
        return self.streams.get(f"rank-{self.spec.first_rank + local_rank}") or self.streams["torchrun"]

    def error_files(self, worker: Worker) -> list[Path]:
        """The file that torchrun named to this worker, then where torchrun puts it, then torchrun's own copy."""
        pattern = f"**/attempt_0/{worker.local_rank}/error.json"
        files = [worker.error_file] if worker.error_file else []
        files += sorted((self.spec.group_dir / "torch").glob(pattern))
        if self.spec.local_world_size == 1:
            files.append(self.spec.group_dir / "errors" / "torchrun.json")
        return files


def wait_for_error_files(failed: Sequence[Exit | None]) -> float:
    """Seconds from a failure until the group is killed: none where no error file can be, so none is waited for."""
    is_silent = any(how is not None and how.is_silent for how in failed)
    return 0.0 if is_silent else ERROR_FILE_WAIT_SECONDS


def make(ended: Ended) -> dict[str, Any]:
    """The report as report.json holds it and watchers hear it."""
    torchrun_text = ended.streams["torchrun"].tail.text() if "torchrun" in ended.streams else ""
    _add_what_torchrun_says(ended, torchrun_text)
    outcome = _outcome(ended)
    first = _first_failure(ended) if outcome == "failed" and ended.lease_lost is None else None
    failing = ended.stream_of(first["localRank"]) if first else ended.streams.get("torchrun")
    tail = failing.tail.lines(TAIL_LINES) if failing else []
    return {
        "version": VERSION,
        "marker": ended.spec.marker,
        "outcome": outcome,
        "exitCode": ended.torchrun.code if ended.torchrun else None,
        "signal": ended.torchrun.signal if ended.torchrun else None,
        "message": _message(ended, outcome, first, torchrun_text),
        "firstFailure": first,
        "workers": workers_json(ended.workers),
        "progress": ended.progress,
        "tail": tail or (ended.streams["torchrun"].tail.lines(TAIL_LINES) if torchrun_text else []),
        "treeGone": ended.tree.gone is True,
        "leftovers": [] if ended.tree.gone else ended.tree.leftovers(),
        "startedAt": ended.started_at,
        "endedAt": ended.ended_at,
        "stopRequested": ended.stop_requested,
        "leaseLost": ended.lease_lost is not None,
        "portTaken": outcome == "failed" and any(s.port_taken for s in ended.streams.values()),
        "droppedBytes": sum(s.dropped_bytes for s in ended.streams.values()),
    }


def workers_json(workers: dict[int, Worker]) -> list[dict[str, Any]]:
    """By local rank."""
    return [workers[local_rank].to_json() for local_rank in sorted(workers)]


def _outcome(ended: Ended) -> str:
    if ended.shim_error is not None:
        return "failed"
    if ended.stop_requested:
        return "stopped"
    if ended.lease_lost is not None:
        return "failed"
    return "succeeded" if ended.torchrun is not None and ended.torchrun.is_success else "failed"


def _add_what_torchrun_says(ended: Ended, text: str) -> None:
    """Fills in what only torchrun saw: exits that it reaped first, workers that ended before they were found."""
    for local_rank, (pid, how) in failure.local_ranks_in_torchrun_output(text).items():
        worker = ended.workers.get(local_rank)
        if worker is None and 0 <= local_rank < ended.spec.local_world_size:
            rank = ended.spec.first_rank + local_rank
            worker = Worker(local_rank, rank, ProcessId(pid, 0), None, exited_at=ended.ended_at)
            ended.workers[local_rank] = worker
            ended.failed_before_end.append(worker)
        if worker is not None and worker.id.pid == pid and worker.exit is None:
            worker.exit = how


def _first_failure(ended: Ended) -> dict[str, Any] | None:
    candidates = []
    for worker in ended.failed_before_end:
        if (worker.exit is not None and worker.exit.is_success) or worker.exited_at is None:
            continue
        files = ended.error_files(worker)
        tail = ended.stream_of(worker.local_rank).tail.text()
        why = failure.explain(files, tail, worker.exit, f"rank {worker.rank}")
        if worker.exit is None and not _says_failed(ended, files, why):
            continue
        candidates.append(Candidate(worker.local_rank, worker.exited_at, worker.exit, why))
    first = failure.first_of(candidates)
    if first is None:
        return None
    return {
        "rank": ended.spec.first_rank + first.local_rank,
        "localRank": first.local_rank,
        "exitCode": first.exit.code if first.exit else None,
        "signal": first.exit.signal if first.exit else None,
        "at": first.at,
        "message": first.explanation.message,
        "traceback": first.explanation.traceback,
        "peerLoss": first.explanation.peer_loss,
    }


def _says_failed(ended: Ended, files: list[Path], why: failure.Explanation) -> bool:
    """Whether a worker of unknown exit status can be taken for failed."""
    return ended.torchrun_is_closing or why.traceback is not None or any(path.exists() for path in files)


def _message(ended: Ended, outcome: str, first: dict[str, Any] | None, torchrun_text: str) -> str | None:
    if outcome != "failed":
        return None
    if ended.shim_error or ended.lease_lost:
        return ended.shim_error or ended.lease_lost
    if first is not None:
        return str(first["message"])
    return failure.explain([], torchrun_text, ended.torchrun, "torchrun").message
