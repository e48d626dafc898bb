#!/usr/bin/env python3
"""A worker that would train on for ever if nobody ended it: what the chaos rows look at.

Unlike a real script its ranks do not wait for each other, so that a host that is cut off can go on writing: only
Lockstep ends it. Each rank appends every step to one file that all hosts share (--record). Rank 0 saves a checkpoint
once all ranks have come so far. Everything ends at the step that the file --finish names, when there is one.
"""

from __future__ import annotations

import argparse
import json
import os
import struct
import time
import zipfile
from pathlib import Path


def main() -> None:
    """Steps until the end."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--record", type=Path, required=True)
    parser.add_argument("--finish", type=Path, required=True)
    parser.add_argument("--output_dir", type=Path, required=True)
    parser.add_argument("--step-seconds", type=float, default=0.1)
    parser.add_argument("--save-steps", type=int, default=10)
    parser.add_argument("--resume_from_checkpoint", default="")
    asked = parser.parse_args()
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    attempt = int(os.environ["LOCKSTEP_ATTEMPT"])
    own = {"attempt": attempt, "rank": rank, "world": world, "node": os.environ["LOCKSTEP_NODE"], "pid": os.getpid()}
    begin = saved = step_of(asked.resume_from_checkpoint)
    gang = asked.record.parent / f"gang-{attempt}"
    gang.mkdir(exist_ok=True)
    write(asked.record, {**own, "begin": begin})
    step = begin
    next_at = time.monotonic()
    while step < end_of(asked.finish):
        step += 1
        next_at = max(next_at + asked.step_seconds, time.monotonic())
        time.sleep(max(0.0, next_at - time.monotonic()))
        write(asked.record, {**own, "step": step})
        (gang / str(rank)).write_text(str(step), encoding="ascii")
        if rank == 0:
            print(f"step={step}", flush=True)
            due = slowest(gang, world) // asked.save_steps * asked.save_steps
            if due > saved:
                save(asked.output_dir, due)
                saved = due
                write(asked.record, {**own, "saved": due})


def step_of(checkpoint: str) -> int:
    """The step that a checkpoint is of; 0 for a fresh start."""
    if checkpoint in ("", "."):
        return 0
    return int(json.loads((Path(checkpoint) / "trainer_state.json").read_text(encoding="utf-8"))["global_step"])


def end_of(finish: Path) -> float:
    """The last step; infinite while nobody named it."""
    try:
        return int(finish.read_text(encoding="ascii"))
    except FileNotFoundError:
        return float("inf")


def slowest(gang: Path, world: int) -> int:
    """The step that all ranks of this attempt have done."""
    done = []
    for rank in range(world):
        try:
            done.append(int((gang / str(rank)).read_text(encoding="ascii") or 0))  # empty: just being written
        except FileNotFoundError:
            return 0
    return min(done)


def write(record: Path, entry: dict[str, object]) -> None:
    """Appends one line in one write, so that the lines of several ranks never mix."""
    descriptor = os.open(record, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o644)
    try:
        os.write(descriptor, (json.dumps({"time": time.time(), **entry}) + "\n").encode())
    finally:
        os.close(descriptor)


def save(output: Path, step: int) -> None:
    """Writes the files that the format `hf` asks for, and renames the folder when it is whole."""
    writing, final = output / f".checkpoint-{step}.{os.getpid()}", output / f"checkpoint-{step}"
    writing.mkdir(parents=True)
    header = b'{"__metadata__":{"format":"pt"}}'
    (writing / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    with zipfile.ZipFile(writing / "optimizer.pt", "w") as archive:
        archive.writestr("data", b"")
    (writing / "trainer_state.json").write_text(json.dumps({"global_step": step}), encoding="utf-8")
    writing.rename(final)


if __name__ == "__main__":
    main()
