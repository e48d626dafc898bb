"""Owns the shim's side of the files by which a training script may talk: see lockstep/attempt.py."""

from __future__ import annotations

import json
import math
import os
import time
from pathlib import Path
from typing import Any

from lockstep_shim.progress import Progress

MAX_FILE_BYTES = 4_096


class Helper:
    """What the script on this node says, if it says anything."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._progress_read: tuple[int, int] | None = None
        self.progress: Progress | None = None

    @property
    def is_present(self) -> bool:
        """Whether a checkpoint can be asked for: a script that trains and talks."""
        return (self._folder / "present").exists()

    def look(self) -> bool:
        """Reads the progress if it was written since; True when it changed."""
        path = self._folder / "progress.json"
        try:
            found = os.stat(path)
        except OSError:
            return False
        stamp = (found.st_mtime_ns, found.st_ino)
        if stamp == self._progress_read:
            return False
        self._progress_read = stamp
        said = _read(path)
        before = self.progress
        self.progress = Progress(
            step=_whole(said.get("step")),
            total_steps=_whole(said.get("totalSteps")),
            loss=_finite(said.get("loss")),
            eval_loss=_finite(said.get("evalLoss")),
        )
        return self.progress != before

    def ask_for_checkpoint(self, seconds: float) -> None:
        """Asks the script to save at the end of its step; OSError when it cannot be written."""
        temporary = self._folder / ".checkpoint-now"
        temporary.write_text(json.dumps({"until": time.time() + seconds}), encoding="utf-8")
        temporary.replace(self._folder / "checkpoint-now")

    @property
    def saved_step(self) -> int | None:
        """The step of the checkpoint that was asked for, once all ranks have written it."""
        said = _read(self._folder / "saved.json")
        return _whole(said.get("step")) if said.get("asked") is True else None


def _read(path: Path) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            said = json.loads(file.read(MAX_FILE_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None
