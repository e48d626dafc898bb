"""Owns the way from the agent's call to a shim that is nobody's child: checks, double fork, handshake."""

from __future__ import annotations

import json
import os
import socket
import sys
import traceback
from typing import Any

from lockstep_shim import procfs, shim, spec
from lockstep_shim.procfs import ProcessId
from lockstep_shim.spec import MARKER_NAME, Spec, SpecError

START_LIMIT_SECONDS = 10.0
MAX_HANDSHAKE_BYTES = 65_536
GO = b"go\n"


def main(arguments: list[str]) -> int:
    """Checks the spec, starts the shim and prints who it is, or why not, as one line of JSON."""
    try:
        if len(arguments) != 1:
            raise SpecError("usage: python3 -I DIR/lockstep_shim SPEC.json")
        wanted = spec.load(arguments[0])
        _check_own_marker(wanted)
        spec.check_host(wanted)
        make_group_folder(wanted)
        if (wanted.group_dir / "started").exists():
            raise SpecError(
                f"this fence was started already: {wanted.group_dir / 'started'} exists; plan a new attempt"
            )
        answer = _launch(wanted)
    except SpecError as error:
        answer = {"error": str(error)}
    except OSError as error:
        answer = {"error": f"the shim could not be started: {error}"}
    print(json.dumps(answer), flush=True)
    return 1 if "error" in answer else 0


def _check_own_marker(wanted: Spec) -> None:
    found = procfs.environment(os.getpid()).get(MARKER_NAME.encode())
    if found != os.fsencode(wanted.marker):
        raise SpecError(
            f"the launcher must be started with {MARKER_NAME}={wanted.marker} in its environment, found {found!r}"
        )


def make_group_folder(wanted: Spec) -> None:
    """Creates the group's folder; there already counts as done."""
    try:
        os.makedirs(wanted.group_dir, mode=0o700, exist_ok=True)
    except OSError as error:
        raise SpecError(f"cannot create the group folder {wanted.group_dir}: {error.strerror}") from error


def _launch(wanted: Spec) -> dict[str, Any]:
    """Forks twice. The shim starts torchrun only after this side has said "go": a launcher that died or gave up
    leaves nothing running."""
    launcher_id = procfs.own_id()
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            ours.close()
            os.setsid()
            status = _become_shim(wanted, launcher_id, theirs) if os.fork() == 0 else 0
        except BaseException:  # the end of a forked process's story: nothing may run on in the launcher's name
            traceback.print_exc()
        os._exit(status)
    theirs.close()
    os.waitpid(child, 0)
    return _await_shim(ours)


def _await_shim(ours: socket.socket) -> dict[str, Any]:
    with ours:
        ours.settimeout(START_LIMIT_SECONDS)
        received = b""
        try:
            while not received.endswith(b"\n") and len(received) < MAX_HANDSHAKE_BYTES:
                part = ours.recv(4096)
                if not part:
                    break
                received += part
        except TimeoutError:
            return {
                "error": f"the shim was not ready within {START_LIMIT_SECONDS:.0f} s; see shim.log in the group folder"
            }
        if not received.endswith(b"\n"):
            return {"error": "the shim ended before it was ready; see shim.log in the group folder"}
        answer: dict[str, Any] = json.loads(received)
        if "error" not in answer:
            ours.sendall(GO)
        return answer


def _become_shim(wanted: Spec, launcher_id: ProcessId, theirs: socket.socket) -> int:
    _leave_launcher_behind(wanted, theirs.fileno())
    return shim.run(wanted, launcher_id, theirs)


def _leave_launcher_behind(wanted: Spec, kept_fd: int) -> None:
    sys.stdout.flush()
    os.chdir("/")
    nothing = os.open("/dev/null", os.O_RDWR)
    log = os.open(wanted.group_dir / "shim.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        if fd > 2 and fd != kept_fd:
            try:
                os.close(fd)
            except OSError:  # the descriptor of the listing itself, closed by now
                continue
