"""Owns reading what the workers wrote of themselves (probe.py)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class Kind(Enum):
    """What a line tells."""

    BEGIN = "begin"  # a rank begins after this step
    STEP = "step"  # a rank has done this step
    SAVED = "saved"  # rank 0 has saved a checkpoint of this step


@dataclass(frozen=True)
class Line:
    """One line of the record; lines stand in the order in which they were written, on all hosts together."""

    time: float  # seconds since 1970
    kind: Kind
    step: int
    attempt: int
    rank: int
    world: int
    node: str
    pid: int


class BadRecord(Exception):
    """A line that no worker writes."""


def parse(text: str) -> list[Line]:
    """The lines of a record, in their order; BadRecord names the line that cannot be read."""
    lines = []
    for number, row in enumerate(text.splitlines(), 1):
        try:
            entry = json.loads(row)
            [kind] = [kind for kind in Kind if kind.value in entry]
            own = {name: int(entry[name]) for name in ("attempt", "rank", "world", "pid")}
            lines.append(Line(float(entry["time"]), kind, int(entry[kind.value]), node=str(entry["node"]), **own))
        except (ValueError, KeyError, TypeError) as problem:
            raise BadRecord(f"line {number} of the record cannot be read ({problem!r}): {row[:200]}") from problem
    return lines


def read(file: Path) -> list[Line]:
    """What was recorded so far; nothing while the file is not there."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return parse(text[: text.rfind("\n") + 1])  # the last line may just be being written
