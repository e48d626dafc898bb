"""Owns the shim's Unix socket: who listens, what they ask, what each is still owed."""

from __future__ import annotations

import json
import os
import selectors
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

MAX_CLIENTS = 16
MAX_LINE_BYTES = 64 << 10
MAX_OWED_BYTES = 1 << 20
MAX_GRACE_SECONDS = 86_400.0
DEFAULT_GRACE_SECONDS = 30.0


@dataclass(frozen=True)
class Stop:
    """Ask with TERM; kill when the grace is over.

    With checkpoint_seconds the script is first asked for a checkpoint and given that long, where it listens.
    """

    grace_seconds: float
    checkpoint_seconds: float = 0.0


@dataclass(frozen=True)
class Kill:
    """End at once."""


@dataclass(frozen=True)
class TakeStacks:
    """Look what the workers are doing."""


Command = Stop | Kill | TakeStacks


class _BadLineError(Exception):
    """What a client said makes no sense; the text tells it why."""


@dataclass(eq=False)
class _Client:
    connection: socket.socket
    received: bytearray = field(default_factory=bytearray)
    owed: bytearray = field(default_factory=bytearray)
    watches: bool = False
    closes_when_paid: bool = False


class Control:
    """A line-delimited JSON server that never blocks and never grows."""

    def __init__(self, path: str, selector: selectors.BaseSelector, status: Callable[[], dict[str, Any]]) -> None:
        self._path = path
        self._selector = selector
        self._status = status
        self._clients: dict[int, _Client] = {}
        self._listener = listen(path)
        self._listener.setblocking(False)
        selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._commands: list[Command] = []

    def take_commands(self) -> list[Command]:
        """What clients asked for since the last call."""
        commands, self._commands = self._commands, []
        return commands

    def tell_watchers(self, message: dict[str, Any]) -> None:
        """Pushes a line to everybody who watches; one who is too slow is dropped."""
        line = _line(message)
        for client in list(self._clients.values()):
            if client.watches:
                self._send(client, line)

    @property
    def owes(self) -> bool:
        """Whether lines are still on their way."""
        return any(client.owed for client in self._clients.values())

    def close(self) -> None:
        """Ends all connections and removes the socket's name."""
        for client in list(self._clients.values()):
            self._drop(client)
        self._selector.unregister(self._listener)
        try:
            os.unlink(self._path)
        except FileNotFoundError:
            pass
        self._listener.close()

    def _accept(self, _events: int) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:  # gone again, or no descriptors left
            return
        connection.setblocking(False)
        client = _Client(connection)
        self._clients[connection.fileno()] = client
        self._selector.register(connection, selectors.EVENT_READ, lambda events: self._serve(client, events))
        if len(self._clients) > MAX_CLIENTS:
            self._refuse(client, f"{MAX_CLIENTS} clients are connected already")

    def _serve(self, client: _Client, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            self._pay(client)
        if not events & selectors.EVENT_READ or client.connection.fileno() < 0:
            return
        try:
            data = client.connection.recv(16_384)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(client)
            return
        if client.closes_when_paid:
            return
        client.received += data
        while (end := client.received.find(b"\n")) >= 0 and client.connection.fileno() >= 0:
            line = bytes(client.received[:end])
            del client.received[: end + 1]
            self._answer(client, line)
        if len(client.received) > MAX_LINE_BYTES:
            self._refuse(client, f"a line is longer than {MAX_LINE_BYTES} bytes")

    def _answer(self, client: _Client, line: bytes) -> None:
        try:
            operation = _operation(line)
            if operation == "watch":
                client.watches = True
            elif not isinstance(operation, str):
                self._commands.append(operation)
        except _BadLineError as bad:
            self._send(client, _error(str(bad)))
            return
        self._send(client, _line(self._status()))

    def _refuse(self, client: _Client, why: str) -> None:
        client.received.clear()
        client.watches = False
        client.closes_when_paid = True
        self._send(client, _error(why))

    def _send(self, client: _Client, line: bytes) -> None:
        if client.connection.fileno() < 0:
            return
        if len(client.owed) + len(line) > MAX_OWED_BYTES:
            self._drop(client)
            return
        client.owed += line
        self._pay(client)

    def _pay(self, client: _Client) -> None:
        try:
            while client.owed:
                sent = client.connection.send(client.owed)
                del client.owed[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self._drop(client)
            return
        if not client.owed and client.closes_when_paid:
            self._drop(client)
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.owed else 0)
        self._selector.modify(client.connection, events, lambda happened: self._serve(client, happened))

    def _drop(self, client: _Client) -> None:
        number = client.connection.fileno()
        if number < 0:
            return
        self._clients.pop(number, None)
        self._selector.unregister(client.connection)
        client.connection.close()


def listen(path: str, kind: int = socket.SOCK_STREAM, backlog: int = MAX_CLIENTS) -> socket.socket:
    """A listener that only this user reaches; its errors name the path."""
    listener = socket.socket(socket.AF_UNIX, kind)
    try:
        if os.path.lexists(path):
            os.unlink(path)  # of an earlier shim that was killed: this fence's only shim is this one
        before = os.umask(0o177)
        try:
            listener.bind(path)
        finally:
            os.umask(before)
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"cannot listen on the socket {path}: {error.strerror or error}") from error
    return listener


def _operation(line: bytes) -> str | Command:
    try:
        raw = json.loads(line)
    except (ValueError, RecursionError):
        raise _BadLineError("a line must be one JSON object") from None
    if not isinstance(raw, dict):
        raise _BadLineError("a line must be one JSON object")
    operation = raw.get("op")
    if operation in ("status", "watch"):
        return str(operation)
    if operation == "stacks":
        return TakeStacks()
    if operation == "kill":
        return Kill()
    if operation == "stop":
        grace = raw.get("graceSeconds", DEFAULT_GRACE_SECONDS)
        if isinstance(grace, bool) or not isinstance(grace, (int, float)) or not 0 <= grace <= MAX_GRACE_SECONDS:
            raise _BadLineError(f"graceSeconds must be a number from 0 to {MAX_GRACE_SECONDS:.0f}")
        checkpoint = raw.get("checkpointSeconds", 0)
        if (
            isinstance(checkpoint, bool)
            or not isinstance(checkpoint, (int, float))
            or not 0 <= checkpoint <= MAX_GRACE_SECONDS
        ):
            raise _BadLineError(f"checkpointSeconds must be a number from 0 to {MAX_GRACE_SECONDS:.0f}")
        return Stop(float(grace), float(checkpoint))
    raise _BadLineError(f"unknown op {str(operation)[:64]!r}; known are status, watch, stop, kill, stacks")


def _error(message: str) -> bytes:
    return _line({"type": "error", "message": message})


def _line(message: dict[str, Any]) -> bytes:
    return (json.dumps(message, allow_nan=False) + "\n").encode()
