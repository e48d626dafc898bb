"""Tests what the shim says of a start: the fork of its workers, and when they had all come to their store."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from conftest import Fixture
from lockstep_shim import procfs
from lockstep_shim.rendezvous import Rendezvous

WAIT = "until = lambda path: [time.sleep(0.01) for _ in iter(lambda: os.path.exists(path), True)]; "
MEET = "import socket; store = socket.create_connection(('127.0.0.1', {port})); print('met'); time.sleep(60)"


@pytest.fixture
def store() -> Iterator[socket.socket]:
    """Where workers meet: torchrun's, in truth."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def port_of(store: socket.socket) -> int:
    port: int = store.getsockname()[1]
    return port


def launch(group: Fixture, store: socket.socket, *workers: str) -> None:
    group.plan_file(*workers)
    group.spec["argv"][-1] = str(port_of(store))
    group.launch_again()


def test_all_have_met_when_the_last_has_come(group: Fixture, store: socket.socket) -> None:
    go = group.folder / "go"
    meet = MEET.format(port=port_of(store))
    launch(group, store, meet, WAIT + f"until({str(go)!r}); " + meet)

    early = group.status_when(lambda s: b"met" in group.output("rank-2"), "the first rank")["startLengths"]
    assert early["forkMillis"] >= 0
    assert early["rendezvousMillis"] is None

    go.touch()
    late = group.status_when(lambda s: bool(s["startLengths"]["rendezvousMillis"]), "the rendezvous")
    assert late["startLengths"]["forkMillis"] == early["forkMillis"]


def test_before_there_are_workers_nothing_is_said(group: Fixture) -> None:
    group.launch("print('never')", before="import time; time.sleep(60)")
    assert group.status_when(lambda s: s["torchrun"] is not None, "torchrun")["startLengths"] is None


def test_workers_that_train_without_the_store_are_not_looked_for_any_more(store: socket.socket) -> None:
    seen = Rendezvous(str(port_of(store)))
    seen.forked({0: procfs.own_id()})

    assert not seen.look({0: procfs.own_id()}, trains=True)
    assert seen.wait_seconds is None
    with socket.create_connection(("127.0.0.1", port_of(store))):
        assert not seen.look({0: procfs.own_id()}, trains=True)
    said = seen.to_json()
    assert said is not None
    assert said["rendezvousMillis"] is None


def test_a_step_that_came_between_two_looks_does_not_hide_the_rendezvous(store: socket.socket) -> None:
    seen = Rendezvous(str(port_of(store)))
    seen.forked({0: procfs.own_id()})
    seen.look({0: procfs.own_id()}, trains=False)

    with socket.create_connection(("127.0.0.1", port_of(store))):
        assert seen.look({0: procfs.own_id()}, trains=True)


def test_without_a_port_nothing_is_looked_for() -> None:
    seen = Rendezvous(None)
    seen.forked({0: procfs.own_id()})
    assert seen.wait_seconds is None
    assert not seen.look({0: procfs.own_id()}, trains=True)


def test_who_listens_has_not_come(store: socket.socket) -> None:
    """The store's own process has sockets of that port too: those it accepted."""
    client = socket.create_connection(("127.0.0.1", port_of(store)))
    accepted, _ = store.accept()
    with client, accepted:
        found = procfs.sockets_to(port_of(store))
        assert found == {os.fstat(client.fileno()).st_ino}
        assert found <= procfs.sockets_of(os.getpid())
