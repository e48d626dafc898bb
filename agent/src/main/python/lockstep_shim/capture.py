"""Owns the output of torchrun and the workers: taken without making them wait, kept bounded on disk and in memory."""

from __future__ import annotations

import fcntl
import os
import re
import shlex
from collections import deque
from collections.abc import Sequence
from pathlib import Path

READ_BYTES = 1 << 20
PIPE_BYTES = 1 << 20
TAIL_BYTES = 64 << 10
MAX_TAIL_LINE_CHARACTERS = 2_000
MAX_READS_AT_END = 64
MAX_BYTES_SEARCHED_FOR_PORT = 4 << 20
_ADDRESS_IN_USE = (b"eaddrinuse", b"address already in use")
_OVERLAP_BYTES = 1_024


class SegmentedLog:
    """A byte stream on disk as NAME.<start offset>.log: the first segment and the newest ones, never more than a limit.

    A gap between two segments is output that was dropped: deleted for room, or not written because the disk was full.
    """

    def __init__(self, folder: Path, name: str, segment_bytes: int, max_bytes: int) -> None:
        self.dropped_bytes = 0
        self._folder = folder
        self._name = name
        self._segment_bytes = segment_bytes
        self._max_bytes = max_bytes
        self._offset = 0
        self._fd: int | None = None
        self._current: Path | None = None
        self._current_bytes = 0
        self._first_bytes: int | None = None  # size of the first segment, once it is closed
        self._closed: deque[tuple[Path, int]] = deque()
        self._kept_bytes = 0

    def write(self, data: bytes) -> None:
        """Stores what fits; drops and counts what the disk refuses. Never raises for a full or broken disk."""
        view = memoryview(data)
        while view:
            if self._fd is None and not self._open_segment():
                self._drop(len(view))
                return
            room = self._segment_bytes - self._current_bytes
            written = self._write_some(view[:room])
            if written == 0:
                self._close_segment()
                self._drop(len(view))
                return
            self._current_bytes += written
            self._kept_bytes += written
            self._offset += written
            view = view[written:]
            if self._current_bytes >= self._segment_bytes:
                self._close_segment()
            self._delete_old()

    def close(self) -> None:
        """Ends the last segment."""
        self._close_segment()

    def _open_segment(self) -> bool:
        path = self._folder / f"{self._name}.{self._offset:016d}.log"
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        except OSError:
            return False
        self._current = path
        self._current_bytes = 0
        return True

    def _write_some(self, view: memoryview) -> int:
        assert self._fd is not None
        try:
            return os.write(self._fd, view)
        except OSError:
            return 0

    def _close_segment(self) -> None:
        if self._fd is None or self._current is None:
            return
        os.close(self._fd)
        self._fd = None
        if self._current_bytes == 0:
            self._current.unlink(missing_ok=True)
        elif self._first_bytes is None:
            self._first_bytes = self._current_bytes
        else:
            self._closed.append((self._current, self._current_bytes))
        self._current = None
        self._current_bytes = 0

    def _delete_old(self) -> None:
        while self._kept_bytes > self._max_bytes and self._closed:
            path, size = self._closed.popleft()
            try:
                path.unlink(missing_ok=True)
            except OSError:
                return
            self._kept_bytes -= size

    def _drop(self, size: int) -> None:
        self._offset += size
        self.dropped_bytes += size


class Tail:
    """The last bytes of a stream."""

    def __init__(self, limit: int = TAIL_BYTES) -> None:
        self._limit = limit
        self._data = bytearray()

    def add(self, data: bytes) -> None:
        """Appends, and forgets what is too old."""
        self._data += data[-self._limit :]
        if len(self._data) > 2 * self._limit:
            del self._data[: -self._limit]

    def text(self) -> str:
        """What is kept, readable whatever the bytes are."""
        return bytes(self._data[-self._limit :]).decode("utf-8", "replace")

    def lines(self, most: int) -> list[str]:
        """The last non-empty lines; of a bar that redraws itself, only its last form."""
        rows = (row.rstrip("\r").rpartition("\r")[2].rstrip() for row in self.text().split("\n"))
        return [row[:MAX_TAIL_LINE_CHARACTERS] for row in rows if row][-most:]


class Stream:
    """One source of output: torchrun's pipe or a worker's FIFO."""

    def __init__(self, name: str, fd: int, log: SegmentedLog, master_port: str | None) -> None:
        self.name = name
        self.fd = fd
        self.tail = Tail()
        self.last_output_at: float | None = None
        self.port_taken = False
        self.looks_for_port = True
        self._log = log
        self._master_port = master_port.encode() if master_port else None
        self._end = b""
        self._searched_bytes = 0
        os.set_blocking(fd, False)
        _widen(fd)

    @property
    def dropped_bytes(self) -> int:
        """Output that never reached the disk."""
        return self._log.dropped_bytes

    def read(self, now: float) -> bytes | None:
        """Takes what is there, at most READ_BYTES: b"" when there is nothing now, None at the end of the stream."""
        try:
            data = os.read(self.fd, READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return b""
        if not data:
            return None
        self.last_output_at = now
        self.tail.add(data)
        self._log.write(data)
        if self.looks_for_port:
            self._look_for_port(data)
        return data

    def close(self) -> None:
        """Closes the source and its log."""
        os.close(self.fd)
        self._log.close()

    def _look_for_port(self, data: bytes) -> None:
        # Plain searches, since a pattern that looks for whole lines is quadratic in their length.
        text = (self._end + data).lower()
        self._end = text[-_OVERLAP_BYTES:]
        self._searched_bytes += len(data)
        if any(words in text for words in _ADDRESS_IN_USE):
            lines = text.replace(b"\r", b"\n").split(b"\n")
            self.port_taken = any(self._is_about_our_port(line) for line in lines)
        if self.port_taken or self._searched_bytes > MAX_BYTES_SEARCHED_FOR_PORT:
            self.looks_for_port = False

    def _is_about_our_port(self, line: bytes) -> bool:
        if not any(words in line for words in _ADDRESS_IN_USE):
            return False
        if self._master_port is None:
            return True
        # With the port known, another listener's trouble (TensorBoard's, say) is not taken for ours.
        return re.search(rb"(?<!\d)" + re.escape(self._master_port) + rb"(?!\d)", line) is not None


def make_fifo(folder: Path, local_rank: int) -> int:
    """Creates a worker's FIFO and holds it open for both ways, so that writers never wait to open it."""
    path = fifo_path(folder, local_rank)
    path.unlink(missing_ok=True)
    os.mkfifo(path, 0o600)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)


def fifo_path(folder: Path, local_rank: int) -> Path:
    """Where a worker finds its FIFO."""
    return folder / str(local_rank)


def worker_script(command: Sequence[str], fifo_folder: Path) -> str:
    """The program that torchrun starts in place of Python: same pid, output into the rank's own FIFO."""
    fifo = f'{shlex.quote(str(fifo_folder))}/"$LOCAL_RANK"'
    return (
        "#!/bin/sh\n"
        "# Written by the Lockstep shim. torchrun runs this as its Python (PYTHON_EXEC).\n"
        "unset PYTHON_EXEC\n"
        f'[ -p {fifo} ] || {{ echo "lockstep: no FIFO for local rank $LOCAL_RANK" >&2; exit 126; }}\n'
        f'exec {shlex.join(command)} "$@" >{fifo} 2>&1\n'
    )


def _widen(fd: int) -> None:
    try:
        fcntl.fcntl(fd, 1031, PIPE_BYTES)  # F_SETPIPE_SZ
    except OSError:
        return  # beyond this user's share of pipe memory: the usual 64 KiB does as well
