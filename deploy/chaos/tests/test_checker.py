from __future__ import annotations

import json

import pytest

from lockstep_chaos.checker import findings, longest_pause, repeated_steps
from lockstep_chaos.record import BadRecord, Kind, Line, parse

WORLD = 2


class Writer:
    """Writes a record as two ranks do."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def add(self, kind: Kind, step: int, attempt: int, rank: int, pid: int | None = None) -> Writer:
        at, pid = 100.0 + len(self.lines), pid or attempt * 10 + rank
        self.lines.append(Line(at, kind, step, attempt, rank, WORLD, f"10.0.0.{rank + 1}", pid))
        return self

    def attempt(self, attempt: int, begin: int, until: int) -> Writer:
        for rank in range(WORLD):
            self.add(Kind.BEGIN, begin, attempt, rank)
        for step in range(begin + 1, until + 1):
            for rank in range(WORLD):
                self.add(Kind.STEP, step, attempt, rank)
            if step % 10 == 0:
                self.add(Kind.SAVED, step, attempt, 0)
        return self


def test_a_good_record_has_no_findings():
    good = Writer().attempt(1, 0, 14).attempt(2, 10, 25).lines

    assert findings(good, last_step=25) == []
    assert repeated_steps(good) == 4


def test_two_attempts_at_once_are_found():
    bad = Writer().attempt(1, 0, 14).attempt(2, 10, 12).add(Kind.STEP, 15, 1, 0).lines

    assert findings(bad) == [
        "two attempts at once: line 38 is step 15 of rank 0 on 10.0.0.1 of attempt 1, after attempt 2 had begun"
    ]


def test_a_checkpoint_saved_by_an_old_attempt_is_found():
    bad = Writer().attempt(1, 0, 9).attempt(2, 0, 3).add(Kind.SAVED, 10, 1, 0).lines

    assert any("two attempts at once" in one and "saved 10" in one for one in findings(bad))


def test_a_rank_in_two_processes_is_found():
    bad = Writer().attempt(1, 0, 5).add(Kind.STEP, 6, 1, 1, pid=99).lines

    assert findings(bad) == ["attempt 1: rank 1 in several processes: [('10.0.0.2', 11), ('10.0.0.2', 99)]"]


def test_a_step_made_twice_is_found():
    bad = Writer().attempt(1, 0, 5).add(Kind.STEP, 5, 1, 0).lines

    assert findings(bad) == ["attempt 1: rank 0 made step 5 after step 5"]


def test_a_step_left_out_is_found():
    bad = Writer().attempt(1, 0, 5).add(Kind.STEP, 7, 1, 0).lines

    assert findings(bad) == ["attempt 1: rank 0 made step 7 after step 5"]


def test_a_step_before_the_beginning_is_found():
    bad = Writer().add(Kind.STEP, 1, 1, 0).lines

    assert findings(bad) == ["attempt 1: rank 0 made step 1 before it began"]


def test_ranks_that_begin_differently_are_found():
    bad = Writer().attempt(1, 0, 14).add(Kind.BEGIN, 10, 2, 0).add(Kind.BEGIN, 0, 2, 1).lines

    assert findings(bad) == ["attempt 2: its ranks begin after different steps: [0, 10]"]


def test_a_rank_beyond_the_world_is_found():
    bad = Writer().attempt(1, 0, 1).add(Kind.BEGIN, 0, 1, WORLD).lines

    assert findings(bad) == ["attempt 1: rank 2 of 2"]


def test_steps_lost_behind_a_checkpoint_are_found():
    bad = Writer().attempt(1, 0, 24).attempt(2, 10, 12).lines

    assert findings(bad) == ["attempt 2 begins after step 10, though step 20 was saved"]


def test_steps_that_a_rank_never_made_are_found():
    bad = Writer().attempt(1, 0, 14).attempt(2, 20, 22).lines

    assert findings(bad) == ["attempt 2 begins after step 20, which not every rank has done"]


def test_a_checkpoint_whose_saver_died_before_it_told_of_it_counts():
    told = Writer().attempt(1, 0, 10).lines
    silent = [line for line in told if line.kind is not Kind.SAVED]

    assert findings(silent + Writer().attempt(2, 10, 12).lines) == []


def test_a_job_that_stopped_early_is_found():
    bad = Writer().attempt(1, 0, 14).lines

    assert findings(bad, last_step=15) == [f"attempt 1: rank {rank} ended at step 14, wanted 15" for rank in (0, 1)]


def test_a_checkpoint_that_is_saved_after_the_last_step_is_no_early_end():
    good = Writer().attempt(1, 0, 11).add(Kind.SAVED, 11, 1, 0).add(Kind.SAVED, 10, 1, 0).lines

    assert findings(good, last_step=11) == []


def test_a_job_that_went_on_beyond_its_end_is_found():
    assert findings(Writer().attempt(1, 0, 14).lines, last_step=13) != []


def test_a_rank_that_never_began_is_found():
    bad = Writer().add(Kind.BEGIN, 0, 1, 0).add(Kind.STEP, 1, 1, 0).lines

    assert findings(bad, last_step=1) == ["attempt 1: rank 1 ended at step None, wanted 1"]


def test_an_empty_record_is_no_finished_job():
    assert findings([], last_step=1) == ["nothing was recorded"]


def test_the_pause_is_that_of_the_rank_that_waited_longest():
    writer = Writer().attempt(
        1, 0, 3
    )  # a line each second, from 100 on: rank 0 at 102, 104, 106, rank 1 at 103, 105, 107

    assert longest_pause(writer.lines, since=102.5, until=110.0) == 4.0
    assert longest_pause([], since=5.0, until=9.0) == 4.0


def test_a_line_is_read_as_the_probe_writes_it():
    entry = {"time": 1.5, "attempt": 2, "rank": 1, "world": 2, "node": "a", "pid": 7, "step": 3}

    assert parse(json.dumps(entry) + "\n") == [Line(1.5, Kind.STEP, 3, 2, 1, 2, "a", 7)]


@pytest.mark.parametrize("row", ["", "{", "[]", "{}", '{"time": 1, "step": 1}', '{"step": 1, "saved": 1}'])
def test_a_line_that_no_worker_writes_is_named(row):
    with pytest.raises(BadRecord, match="line 1 of the record cannot be read"):
        parse(row + "\n")
