"""Tests that a group runs under its lease and not a moment longer: real shim, real guard, seats in threads."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from conftest import Fixture, until
from lockstep_shim import guard, lease
from lockstep_shim.lease import Lease, LeaseSpec, SeatSet

STUCK = "ignore_term(); print('up'); time.sleep(60)"
LENGTH_SECONDS = 1.2


class Seat:
    """A seat that answers as told, or not at all."""

    def __init__(self) -> None:
        self.verdict = "GRANTED"
        self.delay_seconds = 0.0
        self.who: tuple[int, int, list[str]] | None = None
        self.requests: list[dict[str, Any]] = []
        seat = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:  # noqa: N802
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                seat.requests.append(asked)
                time.sleep(seat.delay_seconds)
                said: dict[str, Any] = {"answer": seat.verdict, "number": asked["number"], "message": "so"}
                if seat.who is not None:
                    said["set"], said["term"], said["seats"] = seat.who
                body = json.dumps(said).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def returned(self) -> bool:
        return any(asked["returned"] for asked in self.requests)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def seats() -> Iterator[list[Seat]]:
    three = [Seat(), Seat(), Seat()]
    yield three
    for seat in three:
        seat.close()


def leased(seats: list[Seat], seconds: float = LENGTH_SECONDS) -> dict[str, Any]:
    return {
        "lease": {
            "seats": [seat.address for seat in seats],
            "founding": "f-1",
            "plan": 7,
            "job": "llama",
            "attempt": 3,
            "node": "n1",
            "lengthMillis": round(seconds * 1_000),
        }
    }


def all_say(seats: list[Seat], verdict: str) -> None:
    for seat in seats:
        seat.verdict = verdict


def guard_of(group: Fixture) -> int:
    assert group.pid is not None
    text = Path(f"/proc/{group.pid}/task/{group.pid}/children").read_text()
    torchrun = group.running()["torchrun"]["pid"]
    return next(int(word) for word in text.split() if int(word) != torchrun)


def test_a_group_runs_under_its_lease_and_gives_it_back(group: Fixture, seats: list[Seat]) -> None:
    group.launch("time.sleep(2.5)", "time.sleep(2.5)", spec=leased(seats))
    report = group.report()
    assert (report["outcome"], report["treeGone"]) == ("succeeded", True)
    until(lambda: all(seat.returned for seat in seats), "the lease to be given back")
    first = seats[0].requests[0]
    assert {k: first[k] for k in ("founding", "plan", "job", "attempt", "node", "returned")} == {
        "founding": "f-1",
        "plan": 7,
        "job": "llama",
        "attempt": 3,
        "node": "n1",
        "returned": False,
    }
    until(lambda: group.marked() == [], "the guard to go")


def test_nothing_is_forked_before_a_majority_has_granted(group: Fixture, seats: list[Seat]) -> None:
    all_say(seats[1:], "UNKNOWN")
    group.launch("print('ran')", spec=leased(seats))
    until(lambda: len(seats[0].requests) > 3, "renewals")
    with group.connect() as client:
        client.say({"op": "status"})
        status = client.line()
    assert status is not None
    assert status["torchrun"] is None
    seats[1].verdict = "GRANTED"
    assert group.report()["outcome"] == "succeeded"


def test_a_stop_while_it_waits_for_its_lease_ends_it(group: Fixture, seats: list[Seat]) -> None:
    all_say(seats, "UNKNOWN")
    group.launch("print('ran')", spec=leased(seats))
    until(lambda: len(seats[0].requests) > 1, "renewals")
    with group.connect() as client:
        client.say({"op": "stop", "graceSeconds": 30})
    report = group.report()
    assert (report["outcome"], report["treeGone"]) == ("stopped", True)
    until(lambda: group.marked() == [], "the guard to go")


def test_a_start_that_comes_after_its_attempt_was_given_up_forks_nothing(
    group: Fixture, seats: list[Seat], tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    all_say(seats[1:], "STOP")
    group.launch(f"open({str(ran)!r}, 'w')", spec=leased(seats))
    report = group.report()
    assert report["message"].startswith("told to stop by the seat ")
    assert report["treeGone"] is True
    assert not ran.exists()
    until(lambda: group.marked() == [], "the guard to go")


def test_a_minority_of_seats_may_be_away(group: Fixture, seats: list[Seat]) -> None:
    seats[2].close()
    group.launch("time.sleep(2.5)", spec=leased(seats))
    assert group.report()["outcome"] == "succeeded"


def test_without_a_majority_the_group_ends_with_its_lease(group: Fixture, seats: list[Seat]) -> None:
    group.launch(STUCK, STUCK, spec=leased(seats))
    group.running()
    all_say(seats[:2], "UNKNOWN")
    cut_off = time.monotonic()
    report = group.report()
    assert report["outcome"] == "failed"
    assert report["message"].startswith("the lease of 1.2 s has run out: no majority of seats renewed it")
    assert report["treeGone"] is True
    assert time.monotonic() - cut_off < LENGTH_SECONDS + 1.0
    until(lambda: group.marked() == [], "the guard to go")
    assert not any(seat.returned for seat in seats)


def test_one_seat_that_knows_is_enough_to_stop(group: Fixture, seats: list[Seat]) -> None:
    group.launch(STUCK, spec=leased(seats, 30))
    group.running()
    seats[1].verdict = "STOP"
    report = group.report()
    assert report["message"].startswith("told to stop by the seat ")
    until(lambda: group.marked() == [], "the guard to go")


def test_a_slow_seat_holds_up_nobody(group: Fixture, seats: list[Seat]) -> None:
    seats[0].delay_seconds = 10
    group.launch("time.sleep(2.5)", spec=leased(seats))
    assert group.report()["outcome"] == "succeeded"


def test_the_guard_ends_a_group_whose_shim_is_killed(group: Fixture, seats: list[Seat]) -> None:
    group.launch(STUCK, STUCK, spec=leased(seats, 30))
    group.running()
    assert group.pid is not None
    os.kill(group.pid, signal.SIGKILL)
    until(lambda: group.marked() == [], "the guard's work", 3)


def test_the_guard_ends_a_group_whose_shim_is_frozen(group: Fixture, seats: list[Seat]) -> None:
    group.launch(STUCK, STUCK, spec=leased(seats))
    group.running()
    assert group.pid is not None
    os.kill(group.pid, signal.SIGSTOP)
    until(lambda: group.marked() == [], "the guard's work", LENGTH_SECONDS + 3)


def test_the_shim_ends_a_group_whose_guard_is_killed(group: Fixture, seats: list[Seat]) -> None:
    group.launch(STUCK, spec=leased(seats, 30))
    group.running()
    os.kill(guard_of(group), signal.SIGKILL)
    assert group.report()["message"] == "the guard of the lease is gone"
    until(lambda: group.marked() == [], "the guard to go")


def test_a_frozen_guard_is_noticed(group: Fixture, seats: list[Seat], monkeypatch: pytest.MonkeyPatch) -> None:
    group.launch(STUCK, spec=leased(seats, 30))
    group.running()
    os.kill(guard_of(group), signal.SIGSTOP)
    report = group.report()
    assert report["message"] == "the guard of the lease is frozen"
    until(lambda: group.marked() == [], "the guard to go")


def test_what_shim_and_guard_share_is_never_seen_half_written() -> None:
    shared = guard.Shared()
    shared.beat(1e6)
    child = os.fork()
    if child == 0:
        end = time.monotonic() + 1.0
        at = 1e6
        while time.monotonic() < end:
            at += 0.001
            shared.beat(at)
        os._exit(0)
    seen = []
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        seen.append(shared.last_beat)
    assert len(seen) > 1_000
    assert min(seen) >= 1e6
    assert seen == sorted(seen)


# --- what is judged, without processes ---------------------------------------------------------------------------


def judged(length: float = 6.0) -> tuple[Lease, list[float]]:
    deadlines: list[float] = []
    spec = LeaseSpec(("a:1", "b:1", "c:1"), "f", 1, "j", 1, "n", length)
    held = Lease(spec, lambda: None, deadlines.append)
    hear(held, 1, 1, spec.seats)
    return held, deadlines


def hear(held: Lease, version: int, term: int, seats: tuple[str, ...], say: tuple[str, ...] = ()) -> None:
    """These, or all of the set, say that it is the set."""
    for seat in say or seats:
        held.heard(seat, SeatSet(version, term, seats))


def test_a_renewal_counts_from_when_it_was_sent() -> None:
    held, deadlines = judged()
    held.granted("a:1", 100.0, 101.9)
    assert held.deadline is None
    held.granted("b:1", 100.5, 101.9)
    assert deadlines == [106.0]


def test_the_majority_th_newest_counts() -> None:
    held, deadlines = judged()
    held.granted("a:1", 100.0, 100.1)
    held.granted("b:1", 100.0, 100.1)
    held.granted("c:1", 103.0, 103.1)
    assert held.deadline == 106.0
    held.granted("b:1", 102.0, 103.2)
    assert deadlines == [106.0, 108.0]


def test_a_host_whose_settings_name_too_few_seats_does_not_run() -> None:
    deadlines: list[float] = []
    alone = Lease(LeaseSpec(("a:1",), "f", 1, "j", 1, "n", 6.0), lambda: None, deadlines.append)
    hear(alone, 1, 0, ("a:1",))
    alone.granted("a:1", 100.0, 100.1, 2)
    assert deadlines == []
    assert alone.last_problem == "1 seats granted, 2 must"


def test_one_seat_alone_renews_nothing() -> None:
    held, deadlines = judged()
    for sent in (100.0, 101.0, 102.0):
        held.granted("a:1", sent, sent + 0.1)
    assert deadlines == []


def test_a_lease_that_ran_out_is_never_renewed() -> None:
    held, deadlines = judged()
    held.granted("a:1", 100.0, 100.1)
    held.granted("b:1", 100.0, 100.1)
    assert not held.has_run_out(105.9)
    held.granted("c:1", 105.0, 106.1)
    held.granted("a:1", 105.0, 106.1)
    assert held.has_run_out(106.2)
    assert deadlines == [106.0]


def test_grants_too_old_to_hold_begin_nothing() -> None:
    held, deadlines = judged()
    held.granted("a:1", 100.0, 107.0)
    held.granted("b:1", 100.0, 107.0)
    assert (held.deadline, deadlines) == (None, [])


def test_nothing_counts_before_the_seats_are_known() -> None:
    deadlines: list[float] = []
    held = Lease(LeaseSpec(("a:1", "b:1", "c:1"), "f", 1, "j", 1, "n", 6.0), lambda: None, deadlines.append)
    held.granted("a:1", 100.0, 100.1)
    held.granted("b:1", 100.0, 100.1)
    assert (held.counts, deadlines) == (0, [])
    hear(held, 4, 9, ("b:1", "c:1", "d:1"), ("b:1", "d:1"))
    assert held.counts == 4
    held.granted("c:1", 100.5, 100.6)
    assert deadlines == [106.0]


def test_what_a_minority_or_another_term_says_is_not_who_the_seats_are() -> None:
    held, _ = judged()
    hear(held, 2, 5, ("b:1", "c:1", "d:1"), ("d:1",))
    held.heard("b:1", SeatSet(2, 6, ("b:1", "c:1", "d:1")))
    held.heard("c:1", SeatSet(2, 5, ("c:1", "d:1", "e:1")))
    held.granted("b:1", 100.0, 100.1)
    held.granted("d:1", 100.0, 100.1)
    assert held.deadline is None
    assert held.counts == 1


def test_a_new_set_is_told_once_it_carries_the_whole_lease() -> None:
    held, deadlines = judged()
    held.granted("a:1", 103.0, 103.1)
    held.granted("b:1", 103.0, 103.1)
    hear(held, 2, 1, ("b:1", "c:1", "d:1"), ("b:1", "c:1"))
    held.granted("c:1", 102.0, 103.2)
    assert (held.deadline, held.counts) == (109.0, 1)
    held.granted("a:1", 104.0, 104.1)
    assert deadlines == [109.0]
    held.granted("c:1", 104.0, 104.1)
    assert (held.deadline, held.counts) == (109.0, 2)
    held.granted("d:1", 104.5, 104.6)
    assert deadlines == [109.0, 110.0]


def test_an_older_set_never_counts_again() -> None:
    held, _ = judged()
    hear(held, 3, 2, ("c:1", "d:1", "e:1"), ("d:1", "e:1"))
    hear(held, 1, 9, ("a:1", "b:1", "c:1"))
    held.granted("a:1", 100.0, 100.1)
    held.granted("b:1", 100.0, 100.1)
    assert held.deadline is None


def test_a_new_seat_is_asked_and_one_that_is_none_any_more_is_left_alone(seats: list[Seat]) -> None:
    old, by = seats[0], Seat()
    try:
        held = Lease(
            LeaseSpec(tuple(s.address for s in seats), "f", 1, "j", 1, "n", 6.0), lambda: None, lambda _: None
        )
        for seat in seats:
            seat.who = (1, 1, [s.address for s in seats])
        held.start()
        until(lambda: held.deadline is not None, "the lease")
        for seat in (*seats[1:], by):
            seat.who = (2, 1, [seats[1].address, seats[2].address, by.address])
        until(lambda: any(asked["set"] == 2 for asked in by.requests), "the new seat to be told")
        until(lambda: not held._asked.intersection({old.address}), "the old seat to be left alone")
        held.end()
    finally:
        by.close()


def test_pauses_follow_the_length() -> None:
    assert judged(6.0)[0]._spec.pause_seconds == 0.5
    assert judged(600.0)[0]._spec.pause_seconds == 1.0
    assert judged(2.0)[0]._spec.pause_seconds == 0.2


def test_the_clock_counts_suspend() -> None:
    assert abs(lease.clock() - time.clock_gettime(time.CLOCK_BOOTTIME)) < 1.0
