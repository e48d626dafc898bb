from __future__ import annotations

from types import SimpleNamespace

import pytest

from lockstep_chaos import main, rows_network
from lockstep_chaos.cluster import NotSeen
from lockstep_chaos.record import Kind, Line
from lockstep_chaos.row import ROWS, NotRun, Row, Run


class Job:
    """A job that has recorded this."""

    def __init__(self, *lines: Line, last_step: int | None = None) -> None:
        self._lines, self.last_step = list(lines), last_step

    def lines(self) -> list[Line]:
        return self._lines

    def attempt(self) -> int:
        return max(line.attempt for line in self._lines)

    def state(self) -> str:
        return ""

    def causes(self) -> list[str]:
        return []

    def finish(self) -> None:
        pass


def line(kind: Kind, step: int, attempt: int) -> Line:
    return Line(100.0 + step, kind, step, attempt, 0, 1, "h1", attempt)


GOOD = [line(Kind.BEGIN, 0, 1), line(Kind.STEP, 1, 1)]
CLUSTER = SimpleNamespace(whole=lambda: None)


def verdict(do) -> str:
    return main.attempt(Row("a-row", "a fault", "what must be", False, do), CLUSTER, 0.0, False)[0]


def test_a_row_that_finds_nothing_wrong_holds():
    assert verdict(lambda run: run.jobs.append(Job(*GOOD, last_step=1))) == "held"


def test_a_row_whose_record_is_bad_fails():
    bad = [*GOOD, line(Kind.BEGIN, 0, 2), line(Kind.STEP, 2, 1)]

    assert verdict(lambda run: run.jobs.append(Job(*bad))) == "FAILED"


def test_a_row_that_breaks_by_itself_fails_and_says_where():
    def breaks(_: Run) -> None:
        [_one] = []

    row = Row("a-row", "a fault", "what must be", False, breaks)
    verdict, _, problems, _ = main.attempt(row, CLUSTER, 0.0, False)

    assert verdict == "FAILED"
    assert "not enough values to unpack" in problems[0] and "breaks" in problems[0]


def test_a_row_that_waits_in_vain_fails():
    def waits(_: Run) -> None:
        raise NotSeen("it did not come")

    assert verdict(waits) == "FAILED"


def test_a_row_above_its_limit_fails_unless_there_is_slack():
    row = Row("a-row", "a fault", "what must be", False, lambda run: run.within("it took", 8.0, 7.0))

    assert main.attempt(row, CLUSTER, 0.0, False)[0] == "FAILED"
    assert main.attempt(row, CLUSTER, 1.0, False)[0] == "held"


def test_a_job_that_was_to_be_left_alone_and_began_again_later_fails():
    job = Job(*GOOD)

    def leaves_alone(run: Run) -> None:
        run.jobs.append(job)
        run.untouched(job, 101.0)
        job.lines().extend([line(Kind.BEGIN, 0, 2), line(Kind.STEP, 1, 2)])

    row = Row("a-row", "a fault", "what must be", False, leaves_alone)

    assert main.attempt(row, CLUSTER, 1e12, False)[2] == ["began again: attempt 2"]


def test_a_row_that_cannot_run_here_is_not_counted_as_held():
    def cannot(_: Run) -> None:
        raise NotRun("no netem")

    assert verdict(cannot) == "not run"


def test_names_are_unique_and_quick_rows_are_few():
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert 1 <= len([row for row in ROWS if row.quick]) <= 4


def test_only_takes_patterns_and_refuses_what_matches_nothing(capsys):
    assert [row.name for row in main.chosen(main.parse(["--only", "one-way-*"]))] == [
        row.name for row in ROWS if row.do.__module__ == rows_network.__name__ and row.name.startswith("one-way")
    ]
    with pytest.raises(SystemExit) as end:
        main.chosen(main.parse(["--only", "nothing"]))
    assert end.value.code == 2
    assert "no row named nothing" in capsys.readouterr().err
