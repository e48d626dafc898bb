"""Tests the shim's parts that need no processes."""

from __future__ import annotations

import errno
import os
import socket
import sys
import threading
from pathlib import Path

import pytest

from lockstep_shim import capture, failure, pool, procfs, reports, spec, store
from lockstep_shim.capture import SegmentedLog, Tail
from lockstep_shim.failure import Candidate, Exit, Explanation

PLAIN = Explanation("RuntimeError: boom", None, False)
PEER = Explanation("Connection closed by peer", None, True)


def segments(folder: Path) -> list[tuple[int, bytes]]:
    return [(int(p.name.split(".")[1]), p.read_bytes()) for p in sorted(folder.glob("x.*.log"))]


def test_a_log_keeps_its_first_segment_and_the_newest(tmp_path: Path) -> None:
    log = SegmentedLog(tmp_path, "x", segment_bytes=10, max_bytes=35)
    for n in range(10):
        log.write(b"%d" % n * 10)
    log.close()
    assert segments(tmp_path) == [(0, b"0" * 10), (80, b"8" * 10), (90, b"9" * 10)]


def test_a_full_disk_drops_output_counts_it_and_leaves_a_visible_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = SegmentedLog(tmp_path, "x", segment_bytes=100, max_bytes=1_000)
    log.write(b"before")
    real = os.write

    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "write", refuse)
    log.write(b"lost")
    log.write(b"lost too")
    monkeypatch.setattr(os, "write", real)
    log.write(b"after")
    log.close()
    assert segments(tmp_path) == [(0, b"before"), (18, b"after")]
    assert log.dropped_bytes == 12


def test_a_tail_is_bounded_and_shows_a_bar_once() -> None:
    tail = Tail(limit=40)
    tail.add(b"z" * 1_000 + b"\nold\n\r10%\r20%\r\nlast \xff\n\n")
    assert tail.lines(2) == ["20%", "last �"]
    assert len(tail.text()) == 40


@pytest.mark.parametrize(
    ("candidates", "first"),
    [
        ([], None),
        ([Candidate(0, 1.0, Exit(1, None), PLAIN), Candidate(1, 2.0, Exit(None, 9), PLAIN)], 0),
        ([Candidate(0, 1.0, Exit(1, None), PEER), Candidate(1, 2.0, Exit(1, None), PLAIN)], 1),
        ([Candidate(0, 1.0, Exit(1, None), PEER), Candidate(1, 2.0, Exit(None, 15), PLAIN)], 0),
        ([Candidate(0, 1.0, Exit(1, None), PEER), Candidate(1, 0.5, Exit(1, None), PEER)], 1),
        ([Candidate(0, 1.0, Exit(None, 15), PLAIN)], 0),
        ([Candidate(0, 1.0, Exit(None, 15), PLAIN), Candidate(1, 2.0, Exit(1, None), PLAIN)], 1),
    ],
)
def test_who_failed_first(candidates: list[Candidate], first: int | None) -> None:
    found = failure.first_of(candidates)
    assert (found.local_rank if found else None) == first


@pytest.mark.parametrize(
    ("failed", "waits"),
    [
        ([Exit(None, 9)], False),
        ([Exit(None, 11)], False),
        ([Exit(1, None), Exit(None, 9)], False),
        ([Exit(1, None)], True),  # it may have left an error file that torchrun copies
        ([Exit(None, 6)], True),  # NCCL's watchdog and assertions say why
        ([None], True),
        ([], True),
    ],
)
def test_who_was_killed_from_outside_is_not_waited_for(failed: list[Exit | None], waits: bool) -> None:
    assert (reports.wait_for_error_files(failed) > 0) == waits


def test_torchrun_is_let_go_when_the_store_of_rank_0_is_open() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))  # taken, and refused
        address, port = listener.getsockname()
        assert not store.await_open(address, port, limit_seconds=0.02)
        opening = threading.Timer(0.05, listener.listen)
        opening.start()
        assert store.await_open(address, port, limit_seconds=20)
        opening.join()


@pytest.mark.parametrize(
    ("options", "where"),
    [
        (["--node-rank", "1", "--master-addr", "10.0.0.7", "--master-port", "29501"], ("10.0.0.7", 29501)),
        (["--node_rank=3", "--master_addr=gpu-1", "--master_port=29501"], ("gpu-1", 29501)),
        (["--node-rank", "0", "--master-addr", "10.0.0.7", "--master-port", "29501"], None),
        (["--master-addr", "10.0.0.7", "--master-port", "29501"], None),
        (["--node-rank", "1"], None),
    ],
)
def test_only_the_nodes_without_rank_0_wait_for_a_store(
    tmp_path: Path, options: list[str], where: tuple[str, int] | None
) -> None:
    wanted = spec.parse(
        {
            "version": 1,
            "marker": "m/1/j/1",
            "argv": [sys.executable, *options, "train.py"],
            "env": {"LOCKSTEP_GROUP": "m/1/j/1"},
            "cwd": str(tmp_path),
            "localWorldSize": 1,
            "firstRank": 0,
            "groupDir": str(tmp_path / "group"),
            "socket": str(tmp_path / "s"),
            "python": sys.executable,
        }
    )
    assert pool.store_elsewhere(wanted) == where


TRACE = 'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    boom()\n'


@pytest.mark.parametrize(
    ("tail", "ended", "message", "has_traceback", "peer_loss"),
    [
        (TRACE + "RuntimeError: boom\n", Exit(1, None), "RuntimeError: boom", True, False),
        (TRACE + "A: x\n\nDuring handling\n\n" + TRACE + "B: y\n", Exit(1, None), "B: y", True, False),
        (
            "[rank1]: " + TRACE.replace("\n", "\n[rank1]: ")[:-9] + "[rank1]: ValueError: v\n",
            Exit(1, None),
            "ValueError: v",
            True,
            False,
        ),
        (TRACE + "RuntimeError: [gloo] Connection closed by peer\n", Exit(1, None), "RuntimeError: [gloo]", True, True),
        (TRACE[60:] + TRACE[35:] * 9 + "ValueError: deep\n", Exit(1, None), "ValueError: deep", True, False),
        (TRACE[60:] + TRACE[35:] * 9 + "old\n" + "line\n" * 60, Exit(1, None), "rank 0 exited", False, False),
        ("some\n  indented\nline\n", Exit(1, None), "rank 0 exited with code 1", False, False),
        (TRACE + "RuntimeError: old\n" + "line\n" * 60, Exit(3, None), "rank 0 exited with code 3", False, False),
        (TRACE + "RuntimeError: old\n", Exit(None, 9), "rank 0 was killed by signal 9 (SIGKILL)", False, False),
        ("terminate called\n  what():  NCCL remote error\n", Exit(None, 6), "NCCL remote error", False, True),
        ("", Exit(7, None), "rank 0 exited with code 7", False, False),
        (TRACE, Exit(1, None), "rank 0 exited with code 1", False, False),
    ],
)
def test_why_a_worker_failed(tail: str, ended: Exit, message: str, has_traceback: bool, peer_loss: bool) -> None:
    why = failure.explain([], tail, ended, "rank 0")
    assert why.message.startswith(message)
    assert (why.traceback is not None, why.peer_loss) == (has_traceback, peer_loss)


@pytest.mark.parametrize(
    ("content", "message", "stack"),
    [
        ('{"message": "plain"}', "plain", None),
        ('{"message": {"message": "E: m", "extraInfo": {"py_callstack": "S"}, "errorCode": 1}}', "E: m", "S"),
        ('{"message": {"message": "E: m"}}', "E: m", None),
        ('{"message": 3}', None, None),
        ('{"mess', None, None),
        ("[]", None, None),
    ],
)
def test_error_files(tmp_path: Path, content: str, message: str | None, stack: str | None) -> None:
    path = tmp_path / "error.json"
    path.write_text(content)
    found = failure.read_error_file(path)
    assert (found.message if found else None) == message
    assert (found.traceback if found else None) == stack


def test_exits_are_read_from_torchruns_own_words() -> None:
    text = (
        "E failed (exitcode: 7) local_rank: 0 (pid: 41) of binary: python\nRoot Cause\n"
        "  rank      : 3 (local_rank: 1)\n  exitcode  : -9 (pid: 42)\n"
    )
    assert failure.local_ranks_in_torchrun_output(text) == {0: (41, Exit(7, None)), 1: (42, Exit(None, 9))}


@pytest.mark.parametrize("name", ["plain", "it's", "a b$c"])
def test_the_worker_script_survives_any_path(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    fd = capture.make_fifo(folder, 0)
    script = tmp_path / "worker"
    script.write_text(capture.worker_script([sys.executable], folder))
    script.chmod(0o700)
    os.waitpid(os.spawnve(os.P_NOWAIT, script, ["w", "-c", "print(1)"], {"LOCAL_RANK": "0", "PYTHON_EXEC": "x"}), 0)
    assert os.read(fd, 100) == b"1\n"
    os.close(fd)


def test_all_problems_of_a_spec_are_named_together() -> None:
    with pytest.raises(spec.SpecError) as caught:
        spec.parse({"version": 2, "argv": [], "localWorldSize": 0, "socket": "/s", "surprise": 1})
    for word in ("version", "argv", "localWorldSize", "marker", "surprise", "env"):
        assert word in str(caught.value)


def test_a_process_is_read_whatever_its_name_is() -> None:
    pid = os.fork()
    if pid == 0:
        Path("/proc/self/comm").write_text("a) R (b")
        os._exit(3)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    process = procfs.read_process(pid)
    os.waitpid(pid, 0)
    assert process is not None
    assert (process.command, process.parent, process.is_gone) == ("a) R (b", os.getpid(), True)
    assert process.wait_status == 3 << 8


def test_torchruns_summary_is_waited_for_when_ranks_were_ended_with_term() -> None:
    assert reports.wait_for_error_files([Exit(None, 15)]) > 0
    assert reports.wait_for_error_files([Exit(None, 9)]) == 0


def test_a_task_that_vanishes_hides_no_child_and_costs_no_look_at_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    child = os.fork()
    if child == 0:
        threading.Event().wait(30)
        os._exit(0)
    try:
        tasks = os.listdir("/proc/self/task")
        monkeypatch.setattr(procfs.os, "listdir", lambda _path: ["0", *tasks])
        monkeypatch.setattr(procfs, "all_processes", lambda: pytest.fail("looked at everybody"))
        assert child in procfs.children_of(os.getpid())
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
