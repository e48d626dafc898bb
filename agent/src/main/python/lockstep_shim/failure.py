"""Owns saying why a worker group failed: exit codes, error files, tracebacks, and which worker was first."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MAX_ERROR_FILE_BYTES = 1 << 20
MAX_MESSAGE_CHARACTERS = 4_096
MAX_TRACEBACK_CHARACTERS = 16_384
MAX_LINE_CHARACTERS = 4_096
PEER_LOSS_LINES = 20
MAX_LINES_AFTER_TRACEBACK = 40
MAX_LINES_OF_EXCEPTION = 6

_TRACEBACK = "Traceback (most recent call last):"
_FRAME = re.compile(r'  File ".*", line \d+, in ')
_RANK_PREFIX = re.compile(r"^\[(?:default|rank)?\d+\]:\s?")  # torch's excepthook and torchrun's tee put these in front
_PEER_LOSS = re.compile(
    r"connection closed by (?:remote )?peer|connection reset by (?:remote )?peer|ncclRemoteError|NCCL remote error"
    r"|remote process exited or there was a network error|socket timeout .*peer|broken pipe.*gloo|gloo.*broken pipe",
    re.IGNORECASE,
)
_WHAT = re.compile(r"^\s*what\(\):\s*(.+)$")
_TORCHRUN_FAILED = re.compile(r"failed \(exitcode: (-?\d+)\) local_rank: (\d+) \(pid: (\d+)\)")
_TORCHRUN_SUMMARY = re.compile(r"rank\s*: \d+ \(local_rank: (\d+)\)\s+exitcode\s*: (-?\d+) \(pid: (\d+)\)")
_SIGNALS_WITH_A_STORY = (signal.SIGABRT, signal.SIGINT)
_TORCHRUN_CLOSING = re.compile(rb"Sending process \d+ closing signal")


@dataclass(frozen=True)
class Exit:
    """How a process ended: one of the two is set."""

    code: int | None
    signal: int | None

    @property
    def is_success(self) -> bool:
        """Exit code 0."""
        return self.code == 0

    @property
    def is_silent(self) -> bool:
        """By a signal that leaves a process no moment to say why: it wrote no error file, and none is to come."""
        # torchrun ends the others with TERM: then its summary, which tells who failed, is yet to come.
        return self.signal is not None and self.signal not in (*_SIGNALS_WITH_A_STORY, signal.SIGTERM)

    def sentence(self, who: str) -> str:
        """For people."""
        if self.signal is not None:
            return f"{who} was killed by signal {self.signal} ({_signal_name(self.signal)})"
        return f"{who} exited with code {self.code}"


@dataclass(frozen=True)
class Explanation:
    """What a worker said about its end."""

    message: str
    traceback: str | None
    peer_loss: bool


@dataclass(frozen=True)
class Candidate:
    """A worker that failed before anybody killed it."""

    local_rank: int
    at: float
    exit: Exit | None  # None: torchrun reaped it before we could look
    explanation: Explanation


def exit_of_wait_status(status: int) -> Exit:
    """From waitpid or /proc/PID/stat."""
    code = os.waitstatus_to_exitcode(status)
    return exit_of_torchrun_code(code)


def exit_of_torchrun_code(code: int) -> Exit:
    """From Python's way to write it, where -9 is signal 9."""
    return Exit(None, -code) if code < 0 else Exit(code, None)


def local_ranks_in_torchrun_output(text: str) -> dict[int, tuple[int, Exit]]:
    """Pid and exit of each failed worker that torchrun names, by local rank."""
    found = {int(m[2]): (int(m[3]), exit_of_torchrun_code(int(m[1]))) for m in _TORCHRUN_FAILED.finditer(text)}
    found.update({int(m[1]): (int(m[3]), exit_of_torchrun_code(int(m[2]))) for m in _TORCHRUN_SUMMARY.finditer(text)})
    return found


def says_closing(output: bytes) -> bool:
    """Whether torchrun says here that it ends its workers."""
    return _TORCHRUN_CLOSING.search(output) is not None


def first_of(candidates: Sequence[Candidate]) -> Candidate | None:
    """The earliest that did not merely lose its peer; else the earliest."""
    ordered = sorted(candidates, key=lambda c: c.at)
    if not ordered:
        return None
    # torchrun ends the others with TERM once one has failed: such an end explains nothing, even if it is seen first.
    others = [candidate for candidate in ordered if candidate.exit != Exit(None, signal.SIGTERM)] or ordered[:1]
    return next((candidate for candidate in others if not candidate.explanation.peer_loss), others[0])


def explain(error_files: Sequence[Path], tail: str, ended: Exit | None, who: str) -> Explanation:
    """The error file if there is one, else the last traceback in the output, else the bare exit."""
    for path in error_files:
        found = read_error_file(path)
        if found is not None:
            return found
    if ended is not None and ended.signal is not None and ended.signal not in _SIGNALS_WITH_A_STORY:
        return Explanation(ended.sentence(who), None, False)  # killed from outside: older output explains nothing
    lines = [_RANK_PREFIX.sub("", line.rstrip("\r"))[:MAX_LINE_CHARACTERS] for line in tail.split("\n")]
    traceback = last_traceback(lines)
    if traceback is not None:
        return _explanation(_last_line(traceback), traceback)
    recent = [line for line in lines if line.strip()][-PEER_LOSS_LINES:]
    for line in reversed(recent):
        what = _WHAT.match(line)
        if what or _PEER_LOSS.search(line):
            message = (what[1] if what else line).strip()[:MAX_MESSAGE_CHARACTERS]
            return Explanation(message, None, _PEER_LOSS.search("\n".join(recent)) is not None)
    return Explanation(
        ended.sentence(who) if ended else f"{who} failed; torchrun took its exit status before it was seen", None, False
    )


def read_error_file(path: Path) -> Explanation | None:
    """Reads torch's error file in both its forms; None when there is none that can be read."""
    try:
        with open(path, "rb") as file:
            raw = json.loads(file.read(MAX_ERROR_FILE_BYTES))
    except (OSError, ValueError):
        return None
    message = raw.get("message") if isinstance(raw, dict) else None
    if isinstance(message, str) and message:
        return _explanation(message, None)
    if isinstance(message, dict) and isinstance(message.get("message"), str):
        extra = message.get("extraInfo")
        stack = extra.get("py_callstack") if isinstance(extra, dict) else None
        return _explanation(message["message"], stack if isinstance(stack, str) else None)
    return None


def last_traceback(lines: Sequence[str]) -> str | None:
    """The last Python traceback near the end of a tail, with the exception's own lines; None when there is none."""
    start = next((i for i in range(len(lines) - 1, -1, -1) if lines[i].strip() == _TRACEBACK), None)
    if start is None:
        return _end_of_long_traceback(lines)
    end = _end_of_frames(lines, start + 1)
    if end >= len(lines) or len(lines) - end > MAX_LINES_AFTER_TRACEBACK:
        return None  # cut off before the exception's name, or so old that the script went on after it
    return "\n".join(lines[start : _end_of_exception(lines, end) + 1])


def _end_of_long_traceback(lines: Sequence[str]) -> str | None:
    """Where the tail begins within the frames of a traceback, and so has lost its head."""
    end = _end_of_frames(lines, 1)  # the first line is a part of one
    is_traceback = any(_FRAME.match(line) for line in lines[1:end])
    if not is_traceback or end >= len(lines) or len(lines) - end > MAX_LINES_AFTER_TRACEBACK:
        return None
    return "\n".join([_TRACEBACK, "  ...", *lines[1 : _end_of_exception(lines, end) + 1]])


def _end_of_frames(lines: Sequence[str], start: int) -> int:
    end = start
    while end < len(lines) and (lines[end].startswith(" ") or not lines[end].strip()):
        end += 1
    return end


def _end_of_exception(lines: Sequence[str], first: int) -> int:
    """The exception's text may go on over several lines; it ends where the output ends or an empty line stands."""
    end = first
    while end + 1 < min(len(lines), first + MAX_LINES_OF_EXCEPTION) and lines[end + 1].strip():
        end += 1
    return end


def _last_line(traceback: str) -> str:
    """The line of the exception: the first that is not indented after the frames."""
    lines = traceback.split("\n")
    return next((line for line in lines[1:] if line.strip() and not line.startswith(" ")), lines[-1])


def _explanation(message: str, traceback: str | None) -> Explanation:
    return Explanation(
        message=message.strip()[:MAX_MESSAGE_CHARACTERS],
        traceback=traceback[-MAX_TRACEBACK_CHARACTERS:] if traceback else None,
        peer_loss=_PEER_LOSS.search(message) is not None,
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
