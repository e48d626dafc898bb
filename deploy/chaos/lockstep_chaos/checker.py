"""Owns the judgement on a record: whether anything trained twice, or was lost. Pure."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

from lockstep_chaos.record import Kind, Line

MOST_FINDINGS = 20


def findings(lines: list[Line], last_step: int | None = None) -> list[str]:
    """Everything that is wrong, in words, at most MOST_FINDINGS; empty when the record is as it must be.

    last_step: the step at which all ranks were to end; None when the job was not let to its end.
    """
    found = [*interleaved(lines), *ranks_not_once(lines), *lost_steps(lines)]
    if last_step is not None:
        found += not_finished(lines, last_step)
    return found[:MOST_FINDINGS]


def interleaved(lines: list[Line]) -> list[str]:
    """Lines of an attempt after one of a later attempt: two attempts trained at once."""
    found, newest = [], 0
    for number, line in enumerate(lines, 1):
        if line.attempt < newest:
            found.append(
                f"two attempts at once: line {number} is {_name(line)} of attempt {line.attempt},"
                f" after attempt {newest} had begun"
            )
        newest = max(newest, line.attempt)
    return found


def ranks_not_once(lines: list[Line]) -> list[str]:
    """A rank in two processes, a step done twice or left out within an attempt, ranks that begin differently."""
    found: list[str] = []
    for attempt, own in _by_attempt(lines).items():
        begins = {line.step for line in own if line.kind is Kind.BEGIN}
        if len(begins) > 1:
            found.append(f"attempt {attempt}: its ranks begin after different steps: {sorted(begins)}")
        if len({line.world for line in own}) > 1:
            found.append(f"attempt {attempt}: its ranks do not agree on how many they are")
        for rank, steps in _by_rank(own).items():
            bearers = {(line.node, line.pid) for line in steps}
            if len(bearers) > 1:
                found.append(f"attempt {attempt}: rank {rank} in several processes: {sorted(bearers)}")
            if not 0 <= rank < steps[0].world:
                found.append(f"attempt {attempt}: rank {rank} of {steps[0].world}")
            if steps[0].kind is not Kind.BEGIN:
                found.append(f"attempt {attempt}: rank {rank} made step {steps[0].step} before it began")
            made = [line.step for line in steps if line.kind is not Kind.SAVED]
            for before, after in pairwise(made):
                if after != before + 1:
                    found.append(f"attempt {attempt}: rank {rank} made step {after} after step {before}")
    return found


def lost_steps(lines: list[Line]) -> list[str]:
    """Attempts that begin elsewhere than at the last checkpoint that was saved before."""
    found: list[str] = []
    saved = 0
    begun: set[int] = set()
    for line in lines:
        if line.kind is Kind.SAVED:
            saved = max(saved, line.step)
        elif line.kind is Kind.BEGIN and line.attempt not in begun:
            begun.add(line.attempt)
            if line.step < saved:
                found.append(f"attempt {line.attempt} begins after step {line.step}, though step {saved} was saved")
            elif line.step > saved and not _done_by_all(lines, line):
                found.append(f"attempt {line.attempt} begins after step {line.step}, which not every rank has done")
    return found


def not_finished(lines: list[Line], last_step: int) -> list[str]:
    """Ranks whose last step in the last attempt is not the one at which all were to end."""
    if not lines:
        return ["nothing was recorded"]
    last = max(line.attempt for line in lines)
    own = _by_rank([line for line in lines if line.attempt == last])
    world = next(line.world for line in lines if line.attempt == last)
    found = []
    for rank in range(world):
        # a checkpoint is told of after the steps that follow it
        ended = max((line.step for line in own.get(rank, []) if line.kind is not Kind.SAVED), default=None)
        if ended != last_step:
            found.append(f"attempt {last}: rank {rank} ended at step {ended}, wanted {last_step}")
    return found


def longest_pause(lines: list[Line], since: float, until: float) -> float:
    """Seconds between since and until in which some rank made no step, the longest; all ranks count."""
    longest = 0.0
    times: dict[int, list[float]] = defaultdict(list)
    for line in lines:
        if line.kind is Kind.STEP:
            times[line.rank].append(line.time)
    for own in times.values():
        marks = [since, *(at for at in own if since < at < until), until]
        longest = max(longest, *(after - before for before, after in pairwise(marks)))
    return longest if times else until - since


def repeated_steps(lines: list[Line]) -> int:
    """Steps of rank 0 that were made again in a later attempt: what the restarts cost."""
    made = [line.step for line in lines if line.kind is Kind.STEP and line.rank == 0]
    return len(made) - len(set(made))


def _done_by_all(lines: list[Line], begin: Line) -> bool:
    """A checkpoint whose saver died between saving it and telling of it is as good as any."""
    done: dict[int, int] = defaultdict(int)
    for line in lines:
        if line.kind is Kind.STEP and line.attempt < begin.attempt:
            done[line.rank] = max(done[line.rank], line.step)
    return all(done[rank] >= begin.step for rank in range(begin.world))


def _by_attempt(lines: list[Line]) -> dict[int, list[Line]]:
    found: dict[int, list[Line]] = defaultdict(list)
    for line in lines:
        found[line.attempt].append(line)
    return found


def _by_rank(lines: list[Line]) -> dict[int, list[Line]]:
    found: dict[int, list[Line]] = defaultdict(list)
    for line in lines:
        found[line.rank].append(line)
    return found


def _name(line: Line) -> str:
    return f"{line.kind.value} {line.step} of rank {line.rank} on {line.node}"
