"""Owns the files by which a training script and Lockstep talk within one attempt; standard library only.

The folder is in LOCKSTEP_HELPER_DIR, one on each node, made anew for each attempt:

    present          the script talks: written by local rank 0 when training begins, removed when it ends
    progress.json    step, totalSteps, loss, evalLoss: written by rank 0
    checkpoint-now   from Lockstep: save at the end of this step, then wait to be stopped
    saved.json       step and path of the newest checkpoint that all ranks have written: by local rank 0

Each file is renamed to its place, so a reader sees all of it or nothing.
"""

from __future__ import annotations

import json
import math
import os
import time
from pathlib import Path
from typing import Any

FOLDER = "LOCKSTEP_HELPER_DIR"
MANIFEST = "lockstep-manifest.json"
MANIFEST_VERSION = 1
WAIT_POLL_SECONDS = 0.5
MAX_REQUEST_BYTES = 4_096


class Attempt:
    """One rank's side of the talk. Outside Lockstep it does nothing, and says nothing was asked."""

    def __init__(self, folder: str | None = None, rank: int | None = None, local_rank: int | None = None) -> None:
        named = folder or os.environ.get(FOLDER, "")
        self._folder = Path(named) if named and os.path.isdir(named) else None
        self._rank = int(os.environ.get("RANK", "0")) if rank is None else rank
        self._local_rank = int(os.environ.get("LOCAL_RANK", "0")) if local_rank is None else local_rank
        self._progress: dict[str, Any] = {}

    @property
    def is_there(self) -> bool:
        """Whether this process runs under Lockstep."""
        return self._folder is not None

    def begin(self) -> None:
        """Training begins: from now on a checkpoint can be asked for."""
        if self._local_rank == 0:
            self._write("present", {"pid": os.getpid()})

    def end(self) -> None:
        """Training is over: nothing is saved any more when it is asked for."""
        if self._local_rank == 0 and self._folder is not None:
            (self._folder / "present").unlink(missing_ok=True)

    def report(self, **values: float | None) -> None:
        """Takes step, totalSteps, loss, evalLoss; what is not given stays as it was."""
        if self._rank != 0:
            return
        for name, value in values.items():
            if value is not None and math.isfinite(value):
                self._progress[name] = value
        self._write("progress.json", self._progress)

    @property
    def is_checkpoint_asked(self) -> bool:
        """Whether this node was asked; the ranks must agree before they act on it."""
        return self._folder is not None and (self._folder / "checkpoint-now").exists()

    def saved(self, checkpoint: str, step: int, asked: bool) -> None:
        """All ranks have written this checkpoint."""
        if self._local_rank == 0:
            self._write("saved.json", {"step": step, "path": checkpoint, "asked": asked})

    def await_stop(self) -> None:
        """Makes no step that would be lost: sleeps until the stop comes, or until it is overdue."""
        until = self._asked_until()
        while time.time() < until:
            time.sleep(max(0.0, min(WAIT_POLL_SECONDS, until - time.time())))

    def _asked_until(self) -> float:
        if self._folder is None:
            return 0.0
        try:
            with open(self._folder / "checkpoint-now", "rb") as file:
                asked = json.loads(file.read(MAX_REQUEST_BYTES))
            return float(asked["until"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0.0  # another node was asked: its stop ends this one too

    def _write(self, name: str, content: dict[str, Any]) -> None:
        if self._folder is None:
            return
        temporary = self._folder / f".{name}.{os.getpid()}"
        try:
            temporary.write_text(json.dumps(content), encoding="utf-8")
            temporary.replace(self._folder / name)
        except OSError:  # a full disk must not end a training run that is fine
            temporary.unlink(missing_ok=True)


def sync_files(checkpoint: str | os.PathLike[str]) -> None:
    """Flushes what this node has written of a checkpoint to the disk."""
    for path, _ in _files(Path(checkpoint)):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_manifest(checkpoint: str | os.PathLike[str], step: int, world_size: int) -> None:
    """Lists every file with its size, by fsync and rename: to be called when all ranks have saved and synced."""
    folder = Path(checkpoint)
    files = [{"name": path.relative_to(folder).as_posix(), "size": size} for path, size in _files(folder)]
    content = {"version": MANIFEST_VERSION, "step": step, "worldSize": world_size, "files": files}
    temporary = folder / f".{MANIFEST}.{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / MANIFEST)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_manifest(checkpoint: str | os.PathLike[str]) -> None:
    """To be called before a checkpoint is written over: until all have saved, it says nothing."""
    try:
        os.unlink(Path(checkpoint) / MANIFEST)
    except (FileNotFoundError, NotADirectoryError):
        return


def _files(folder: Path) -> list[tuple[Path, int]]:
    found = []
    for path in sorted(folder.rglob("*")):
        if path.name.startswith((".", MANIFEST)) or not path.is_file():
            continue
        found.append((path, path.stat().st_size))
    return found
