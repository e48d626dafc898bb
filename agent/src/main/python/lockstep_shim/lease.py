"""Owns the right to run: a lease from a majority of seats, asked for again and again (A14 to A18)."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

RENEWALS_PER_LEASE = 12
MIN_PAUSE_SECONDS = 0.2
MAX_PAUSE_SECONDS = 1.0
MAX_TIMEOUT_SECONDS = 2.0
MAX_ANSWER_BYTES = 64 << 10
RETURN_TIMEOUT_SECONDS = 0.5
MAX_SEATS = 9


@dataclass(frozen=True)
class LeaseSpec:
    """What to ask for; `seats` only says where to look: the seats themselves say who they are (A1)."""

    seats: tuple[str, ...]
    founding: str
    plan: int
    job: str
    attempt: int
    node: str
    length_seconds: float

    @property
    def pause_seconds(self) -> float:
        """Between two renewals."""
        return min(MAX_PAUSE_SECONDS, max(MIN_PAUSE_SECONDS, self.length_seconds / RENEWALS_PER_LEASE))


@dataclass(frozen=True)
class SeatSet:
    """Who the seats are, as a seat has accepted it under a term (A9)."""

    version: int
    term: int
    seats: tuple[str, ...]

    @property
    def majority(self) -> int:
        """Of the seats, whether they answer or not (A1)."""
        return len(self.seats) // 2 + 1


def clock() -> float:
    """Seconds since boot, those in suspend included: a lease runs out while the host sleeps (A18)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lease:
    """One group's lease. Its threads only carry; what they bring is judged here, under one lock."""

    def __init__(self, spec: LeaseSpec, on_change: Callable[[], None], on_deadline: Callable[[float], None]) -> None:
        """`on_change` is called when there is something new to look at, `on_deadline` when the end has moved."""
        self._spec = spec
        self._on_change = on_change
        self._on_deadline = on_deadline
        self._lock = threading.Lock()
        self._granted: dict[str, float] = {}
        self._set = SeatSet(0, 0, spec.seats)
        self._said: dict[str, SeatSet] = {}
        self._counts = 0
        self._told_majority = 0
        self._asked: set[str] = set()
        self._started = False
        self._deadline: float | None = None
        self._stop: str | None = None
        self._over = False
        self._ended = threading.Event()
        self._last_problem = "no seat has answered"
        self._givers: list[threading.Thread] = []

    def start(self) -> None:
        """Begins to ask all seats, each by its own thread: a slow one holds up nobody."""
        with self._lock:
            self._started = True
            self._ask_all()

    @property
    def deadline(self) -> float | None:
        """When it ends, in seconds of `clock()`; None before the first majority."""
        with self._lock:
            return self._deadline

    @property
    def stop(self) -> str | None:
        """What a seat said that knows this attempt to be over (A15)."""
        with self._lock:
            return self._stop

    @property
    def last_problem(self) -> str:
        """Why the last renewal that failed did."""
        with self._lock:
            return self._last_problem

    def has_run_out(self, now: float) -> bool:
        """Whether it was held and is over; from then on for ever (A16)."""
        with self._lock:
            return self._look(now)

    @property
    def counts(self) -> int:
        """The set of seats whose majorities count from now on, as the lease that is held does; 0 before one is known.

        A seat that is told a number knows that no older set is counted any more, not even by the lease held (A9).
        """
        with self._lock:
            return self._counts

    def heard(self, seat: str, said: SeatSet) -> None:
        """A seat says who the seats are. What a majority of a set has accepted under one term is true (A5)."""
        with self._lock:
            self._said[seat] = said
            agree = sum(1 for one in said.seats if self._said.get(one) == said)
            if said.version <= self._set.version or agree < said.majority:
                return
            self._set = said
            if self._deadline is None:
                self._counts = said.version
            self._told_majority = self._told_majority if said.version == 1 else 0
            if self._started:
                self._ask_all()

    def granted(self, seat: str, sent: float, now: float, majority: int = 0) -> None:
        """A seat granted what was asked for at `sent`: it counts from there, not from the answer (A16).

        `majority` is told by seats of an older release, which do not say who the seats are: this host's settings may
        name fewer.
        """
        with self._lock:
            self._told_majority = max(self._told_majority, majority)
            if self._look(now):
                return
            self._granted[seat] = max(sent, self._granted.get(seat, sent))
            if self._set.version == 0:
                self._last_problem = "no majority of seats has said yet who the seats are"
                return
            must = max(self._set.majority, self._told_majority)
            newest = sorted((at for one, at in self._granted.items() if one in self._set.seats), reverse=True)
            if len(newest) < must:
                self._last_problem = f"{len(newest)} seats granted, {must} must"
                return
            deadline = newest[must - 1] + self._spec.length_seconds
            if self._deadline is None or deadline >= self._deadline:
                self._counts = self._set.version
            if deadline <= now or (self._deadline is not None and deadline <= self._deadline):
                return
            first = self._deadline is None
            self._deadline = deadline
        self._on_deadline(deadline)
        if first:
            self._on_change()

    def told_to_stop(self, why: str) -> None:
        """One seat is enough: it knows (A15)."""
        with self._lock:
            self._stop = self._stop or why
        self._on_change()

    def end(self) -> None:
        """Asks no more."""
        self._ended.set()

    def give_back(self) -> None:
        """Tells the seats that the group has ended by itself, so that nobody misses its renewals. Best effort."""
        self.end()
        with self._lock:
            seats = self._set.seats
        for seat in seats:
            giver = threading.Thread(target=self._return_to, args=(seat,), daemon=True)
            giver.start()
            self._givers.append(giver)

    def await_return(self) -> None:
        """Gives those who give it back a moment."""
        give_up = clock() + RETURN_TIMEOUT_SECONDS
        for giver in self._givers:
            giver.join(max(0.0, give_up - clock()))

    def _look(self, now: float) -> bool:
        self._over = self._over or (self._deadline is not None and now >= self._deadline)
        return self._over

    def _ask_all(self) -> None:
        """A thread for each seat that has none. Under the lock."""
        for seat in self._set.seats:
            if seat not in self._asked:
                self._asked.add(seat)
                threading.Thread(target=self._ask, args=(seat,), name=f"lease-{seat}", daemon=True).start()

    def _is_done_with(self, seat: str) -> bool:
        """Whether its thread ends: the lease does, or this is no seat any more."""
        with self._lock:
            done = self._ended.is_set() or seat not in self._set.seats
            if done:
                self._asked.discard(seat)
            return done

    # --- one thread per seat ---------------------------------------------------------------------------------------

    def _ask(self, seat: str) -> None:
        timeout = min(MAX_TIMEOUT_SECONDS, self._spec.length_seconds / 3)
        connection: http.client.HTTPConnection | None = None
        number = 0
        while not self._is_done_with(seat):
            number += 1
            before = self.counts
            sent = clock()
            try:
                if connection is None:
                    connection = http.client.HTTPConnection(seat, timeout=timeout)
                self._take(seat, sent, _exchange(connection, self._body(number, False)), number)
            except (OSError, http.client.HTTPException, ValueError) as error:
                if connection is not None:
                    connection.close()
                connection = None
                self._note(f"{seat}: {error or type(error).__name__}")
            if not self._wants_more(before):
                self._ended.wait(self._spec.pause_seconds)
        if connection is not None:
            connection.close()

    def _wants_more(self, before: int) -> bool:
        """Whether a seat could not grant because the seats were not known, and now they are: ask again at once."""
        with self._lock:
            return before == 0 and self._counts > 1 and self._deadline is None

    def _take(self, seat: str, sent: float, answer: dict[str, Any], number: int) -> None:
        if answer.get("number") != number:
            raise ValueError("the answer is to another question")
        verdict = answer.get("answer")
        told_majority = self._learn(seat, answer)
        if verdict == "GRANTED":
            self.granted(seat, sent, clock(), told_majority)
        elif verdict == "STOP":
            self.told_to_stop(f"{seat}: {answer.get('message')}")
        else:
            self._note(f"{seat}: {answer.get('message')}")

    def _learn(self, seat: str, answer: dict[str, Any]) -> int:
        """Notes who the seats are; returns the majority that a seat of an older release tells instead, else 0."""
        if "set" not in answer:
            self.heard(seat, SeatSet(1, 0, self._spec.seats))
            return int(answer.get("majority", 0))
        seats = tuple(str(one) for one in answer.get("seats", []))[:MAX_SEATS]
        if int(answer["set"]) > 0 and seats:
            self.heard(seat, SeatSet(int(answer["set"]), int(answer.get("term", 0)), seats))
        return 0

    def _note(self, problem: str) -> None:
        with self._lock:
            self._last_problem = problem[:512]

    def _return_to(self, seat: str) -> None:
        try:
            connection = http.client.HTTPConnection(seat, timeout=RETURN_TIMEOUT_SECONDS)
            try:
                _exchange(connection, self._body(0, True))
            finally:
                connection.close()
        except (OSError, http.client.HTTPException, ValueError):
            return  # it misses the renewals, and asks the agent

    def _body(self, number: int, returned: bool) -> bytes:
        spec = self._spec
        return json.dumps(
            {
                "founding": spec.founding,
                "plan": spec.plan,
                "job": spec.job,
                "attempt": spec.attempt,
                "node": spec.node,
                "number": number,
                "returned": returned,
                "set": self.counts,
            }
        ).encode()


def _exchange(connection: http.client.HTTPConnection, body: bytes) -> dict[str, Any]:
    connection.request("POST", "/v1/leases", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    text = response.read(MAX_ANSWER_BYTES)
    if response.status != http.client.OK:
        raise ValueError(f"it answered {response.status}: {text[:200].decode('utf-8', 'replace')}")
    answer = json.loads(text)
    if not isinstance(answer, dict):
        raise ValueError("it answered no JSON object")
    return answer

