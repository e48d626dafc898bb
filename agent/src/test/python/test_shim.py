"""Tests the shim whole, around a torchrun that behaves as told."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from conftest import Fixture, until

STUCK = "ignore_term(); print('up'); time.sleep(60)"
SLEEP = "print('up'); time.sleep(60)"
OK = "print('fine')"


def children(parent: int) -> list[int]:
    text = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [int(word) for word in text.split()]


def escapees() -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and b"lockstep-escapee" in Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0"):
                found.append(int(name))
        except OSError:
            continue
    return found


def test_success(group: Fixture) -> None:
    answer = group.launch("print('out'); print('err', file=sys.stderr)", OK)
    report = group.report()
    assert set(answer) == {"bootId", "pid", "startTime"}
    assert (report["outcome"], report["exitCode"], report["signal"]) == ("succeeded", 0, None)
    assert report["firstFailure"] is None
    assert report["treeGone"] is True
    assert report["leftovers"] == []
    assert report["stopRequested"] is False
    assert report["startedAt"] <= report["endedAt"]
    assert group.output("rank-2") == b"out\nerr\n"
    assert group.output("rank-3") == b"fine\n"
    assert not Path(group.socket).exists()
    assert not list((group.group_dir / "fifo").iterdir())


def test_the_shim_is_its_own_session_and_carries_the_marker(group: Fixture) -> None:
    group.launch(SLEEP, SLEEP)
    status = group.running()
    assert group.pid is not None
    handle = json.loads((group.group_dir / "handle.json").read_text())
    assert handle == {"version": 1, "marker": group.marker, "socket": group.socket, **group.answer}
    assert os.getsid(group.pid) != os.getsid(0)
    assert group.pid in group.marked()
    assert stat.S_IMODE(os.stat(group.socket).st_mode) == 0o600
    assert os.readlink(f"/proc/{group.pid}/fd/0") == "/dev/null"
    assert [w["rank"] for w in status["workers"]] == [2, 3]
    assert sorted(children(status["torchrun"]["pid"])) == sorted(w["pid"] for w in status["workers"])
    with group.connect() as client:
        client.say({"op": "kill"})
    assert group.report()["outcome"] == "stopped"


def test_a_worker_that_exits_with_a_code(group: Fixture) -> None:
    group.launch("time.sleep(0.4); os._exit(7)", STUCK)
    report = group.report()
    first = report["firstFailure"]
    assert report["outcome"] == "failed"
    assert (first["rank"], first["localRank"], first["exitCode"], first["signal"]) == (2, 0, 7, None)
    assert first["message"] == "rank 2 exited with code 7"
    assert group.marked() == []


def test_a_killed_worker_is_reported_at_once_though_its_sibling_is_stuck(group: Fixture) -> None:
    group.launch(STUCK, STUCK)
    victim = group.running()["workers"][1]["pid"]
    killed_at = time.monotonic()
    os.kill(victim, signal.SIGKILL)
    report = group.report()
    assert time.monotonic() - killed_at < 1.0
    assert (report["firstFailure"]["rank"], report["firstFailure"]["signal"]) == (3, 9)
    assert report["message"] == "rank 3 was killed by signal 9 (SIGKILL)"
    assert [w["signal"] for w in report["workers"]] == [9, 9]
    assert report["treeGone"] is True
    assert group.marked() == []


def test_a_worker_that_ended_before_it_was_seen(group: Fixture) -> None:
    group.launch("os._exit(9)", STUCK, closeSeconds=30)
    report = group.report()
    assert report["outcome"] == "failed"
    assert report["endedAt"] - report["startedAt"] < 2.0


def test_an_exception_is_taken_from_the_output(group: Fixture) -> None:
    group.launch("time.sleep(0.3); print('before'); raise RuntimeError('boom')", STUCK)
    report = group.report()
    first = report["firstFailure"]
    assert (first["exitCode"], first["message"], first["peerLoss"]) == (1, "RuntimeError: boom", False)
    assert first["traceback"].startswith("Traceback (most recent call last):")
    assert report["tail"][0] == "before"
    assert report["tail"][-1] == "RuntimeError: boom"


def test_an_error_file_is_preferred(group: Fixture) -> None:
    group.launch("time.sleep(0.3); error_file('ValueError: from the file'); sys.exit(1)", STUCK)
    first = group.report()["firstFailure"]
    assert first["message"] == "ValueError: from the file"
    assert first["traceback"] == "Traceback of ValueError: from the file"


def test_a_lost_peer_is_not_blamed_when_another_failed_by_itself(group: Fixture) -> None:
    group.launch(
        "time.sleep(0.30); error_file('RuntimeError: Connection closed by peer'); os._exit(1)",
        "ignore_term(); time.sleep(0.38); error_file('CUDA error: out of memory'); os._exit(1)",
    )
    first = group.report()["firstFailure"]
    assert (first["localRank"], first["message"], first["peerLoss"]) == (1, "CUDA error: out of memory", False)


def test_a_lost_peer_is_said_to_be_one(group: Fixture) -> None:
    group.launch("time.sleep(0.3); raise RuntimeError('[gloo] Connection reset by peer [10.0.0.1]:4')", SLEEP)
    first = group.report()["firstFailure"]
    assert (first["localRank"], first["peerLoss"]) == (0, True)


def test_nothing_is_left_of_a_tree_that_ignores_term_and_escapes(group: Fixture) -> None:
    group.launch("ignore_term(); escape(); " + STUCK, "escape(); " + STUCK)
    group.running()
    until(lambda: len(escapees()) == 2, "the escapees")
    with group.connect() as client:
        client.say({"op": "stop", "graceSeconds": 0.3})
    report = group.report()
    assert (report["outcome"], report["treeGone"], report["stopRequested"]) == ("stopped", True, True)
    assert escapees() == []
    assert group.marked() == []


def test_workers_get_every_signal_whatever_the_daemon_blocks(group: Fixture) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGQUIT])  # as a JVM does
    try:
        group.launch("print(signal.pthread_sigmask(signal.SIG_BLOCK, []))")
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    group.report()
    assert group.output("rank-2") == b"set()\n"


def test_grace_is_honoured(group: Fixture) -> None:
    saving = (
        "def save(*_):\n    time.sleep(1.0); print('saved'); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, save); print('up')\nwhile True: time.sleep(0.1)"
    )
    group.launch(saving, saving)
    group.running()
    until(lambda: group.output("rank-2") == b"up\n" and group.output("rank-3") == b"up\n", "workers up")
    began = time.monotonic()
    with group.connect() as client:
        client.say({"op": "stop", "graceSeconds": 15})
    report = group.report()
    assert 0.9 < time.monotonic() - began < 5
    assert (report["outcome"], report["exitCode"]) == ("stopped", 0)
    # None: torchrun reaped it before we could look
    assert {w["exitCode"] for w in report["workers"]} <= {0, None}
    assert group.output("rank-3") == b"up\nsaved\n"


def test_one_worker_gone_does_not_cut_the_grace_of_another(group: Fixture) -> None:
    slow = "def save(*_):\n    time.sleep(1.0); print('saved'); os._exit(0)\nsignal.signal(signal.SIGTERM, save)\n"
    group.launch(slow + "print('up'); time.sleep(60)", SLEEP)
    group.running()
    until(lambda: group.output("rank-2") == b"up\n", "workers up")
    with group.connect() as client:
        client.say({"op": "stop", "graceSeconds": 15})
    report = group.report()
    assert group.output("rank-2").endswith(b"saved\n")
    assert report["outcome"] == "stopped"
    assert report["firstFailure"] is None


def test_a_second_stop_only_shortens(group: Fixture) -> None:
    group.launch(STUCK, STUCK)
    group.running()
    until(lambda: group.output("rank-3") == b"up\n", "workers up")
    began = time.monotonic()
    with group.connect() as client:
        client.say({"op": "stop", "graceSeconds": 0.6})
        client.say({"op": "stop", "graceSeconds": 50})
        group.report()
    assert time.monotonic() - began < 2.5


def test_torchrun_killed_ends_the_workers(group: Fixture) -> None:
    group.launch(STUCK, STUCK)
    os.kill(group.running()["torchrun"]["pid"], signal.SIGKILL)
    report = group.report()
    assert (report["outcome"], report["exitCode"], report["signal"]) == ("failed", None, 9)
    assert report["firstFailure"] is None
    assert report["message"] == "torchrun was killed by signal 9 (SIGKILL)"
    assert group.marked() == []


def test_stop_before_any_worker_goes_to_torchrun(group: Fixture) -> None:
    group.launch(before="import time; print('rendezvous', flush=True); time.sleep(60)")
    until(lambda: group.output("torchrun") != b"", "torchrun's output")
    assert group.status_when(lambda s: True, "status")["phase"] == "starting"
    began = time.monotonic()
    with group.connect() as client:
        client.say({"op": "stop", "graceSeconds": 30})
    report = group.report()
    assert time.monotonic() - began < 3
    assert report["outcome"] == "stopped"
    assert report["workers"] == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_shim_is_a_kill_but_hangup_is_nothing(group: Fixture, number: signal.Signals) -> None:
    group.launch(STUCK, STUCK)
    group.running()
    assert group.pid is not None
    os.kill(group.pid, signal.SIGHUP)
    time.sleep(0.1)
    assert group.running()["phase"] == "running"
    os.kill(group.pid, number)
    report = group.report()
    assert (report["outcome"], report["treeGone"]) == ("stopped", True)


def test_a_killed_shim_leaves_survivors_that_its_marker_finds(group: Fixture) -> None:
    """Finding and ending them is the agent's job; the marker is what it finds them by."""
    group.launch(STUCK, STUCK)
    status = group.running()
    # Output after the shim's death would end a worker by SIGPIPE: nobody reads its FIFO any more.
    until(lambda: group.output("rank-2") == group.output("rank-3") == b"up\n", "workers up")
    assert group.pid is not None
    os.kill(group.pid, signal.SIGKILL)
    until(lambda: not group.shim_lives(), "the shim's death")
    survivors = {status["torchrun"]["pid"], *(w["pid"] for w in status["workers"])}
    assert survivors <= set(group.marked())
    assert not (group.group_dir / "report.json").exists()


def test_a_fence_is_started_only_once(group: Fixture) -> None:
    group.launch(STUCK, STUCK)
    before = group.running()
    handle = (group.group_dir / "handle.json").read_bytes()
    again = group.launch_again()
    assert "started already" in again["error"]
    assert (group.group_dir / "handle.json").read_bytes() == handle
    assert group.running()["torchrun"] == before["torchrun"]
    with group.connect() as client:
        client.say({"op": "kill"})
    group.report()
    assert "started already" in group.launch_again()["error"]


def test_the_marker_must_be_in_the_launchers_own_environment(group: Fixture) -> None:
    group.launch(OK, spec={"cwd": "/nonexistent"})
    group.spec["cwd"] = str(group.folder)
    assert "LOCKSTEP_GROUP" in group.launch_again({"PATH": os.environ["PATH"]})["error"]
    assert not (group.group_dir / "started").exists()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"argv": ["/nonexistent/torchrun"]}, "/nonexistent/torchrun"),
        ({"cwd": "/nonexistent/folder"}, "/nonexistent/folder"),
        ({"python": "/nonexistent/python"}, "/nonexistent/python"),
        ({"socket": "/tmp/" + "x" * 120}, "socket"),
        ({"socket": "/nonexistent/s.sock"}, "/nonexistent/s.sock"),
        ({"localWorldSize": "2"}, "localWorldSize"),
        ({"groupDir": "/dev/null/x"}, "/dev/null/x"),
    ],
)
def test_a_spec_that_cannot_work_is_refused_and_burns_no_fence(
    group: Fixture, change: dict[str, Any], word: str
) -> None:
    assert word in group.launch(OK, spec=change)["error"]
    assert not (group.group_dir / "started").exists()
    assert not (group.group_dir / "report.json").exists()


def test_a_program_that_cannot_be_executed_is_reported(group: Fixture) -> None:
    program = group.folder / "torchrun"
    program.write_bytes(b"\x7fELF nonsense")
    program.chmod(0o755)
    group.launch(OK, spec={"argv": [str(program)]})
    report = group.report()
    assert report["outcome"] == "failed"
    assert "torchrun could not be started" in report["message"]
    assert report["treeGone"] is True


def test_garbage_on_the_socket_is_answered_and_harms_nothing(group: Fixture) -> None:
    group.launch(STUCK, STUCK)
    group.running()
    with group.connect() as client:
        for line in (
            b"\xff\x00\n",
            b"[]\n",
            b'{"op":"dance"}\n',
            b'{"op":"stop","graceSeconds":"x"}\n',
            b"[" * 9000 + b"\n",
        ):
            client.socket.sendall(line)
            answer = client.line()
            assert answer is not None
            assert answer["type"] == "error"
        assert client.ask({"op": "status"})["phase"] == "running"
    with group.connect() as client:
        client.socket.sendall(b"x" * 100_000)
        answer = client.line()
        assert answer is not None
        assert "longer" in answer["message"]
    crowd = [group.connect() for _ in range(16)]
    with group.connect() as one_more:
        answer = one_more.line()
        assert answer is not None
        assert answer["type"] == "error"
    for client in crowd:
        client.__exit__()
    assert group.running()["phase"] == "running"


def test_a_watcher_that_never_reads_is_dropped_and_others_are_served(group: Fixture) -> None:
    group.launch(STUCK, STUCK)
    group.running()
    lazy = group.connect()
    with pytest.raises((ConnectionResetError, BrokenPipeError)):  # noqa: PT012
        for _ in range(40_000):
            lazy.say({"op": "status"})
    lazy.__exit__()
    assert group.running()["phase"] == "running"


def test_watching_shows_changes_progress_beats_and_the_report(group: Fixture) -> None:
    group.launch(
        "print('step 0/40', flush=True)\n"
        "for n in range(40): print(f'step {n + 1}/40 loss={1 / (n + 1):.3f}'); time.sleep(0.05)",
        OK,
    )
    lines = []
    with group.connect() as client:
        client.say({"op": "watch"})
        while (line := client.line()) is not None:
            lines.append(line)
    report = group.report()
    statuses = [line for line in lines if line["type"] == "status"]
    sequence = [line["seq"] for line in statuses]
    assert statuses[-1]["phase"] == "exited"
    assert statuses[-1]["report"] == report
    assert sequence == sorted(sequence)
    assert len(statuses) < 16
    assert any(line["type"] == "beat" for line in lines)
    assert report["progress"]["step"] == 40
    assert report["progress"]["totalSteps"] == 40
    assert any(s["progress"] and 0 < s["progress"]["step"] < 40 for s in statuses)


def test_much_output_is_bounded_on_disk_and_does_not_slow_workers_down(group: Fixture) -> None:
    # torchrun's stand-in waits for the workers only; 200 MB from one of them
    flood = "line = b'x' * 999 + b'\\n'\nfor _ in range(200): os.write(1, line * 1000)\nprint('the end')"
    group.launch("print('first')\nbegan = time.monotonic()\n" + flood + "\nprint(time.monotonic() - began)", OK)
    report = group.report()
    assert report["outcome"] == "succeeded"
    assert sum(path.stat().st_size for path in group.segments("rank-2")) <= 5 << 20
    assert group.segments("rank-2")[0].name == "rank-2.0000000000000000.log"
    assert group.output("rank-2").startswith(b"first\n")
    seconds = float(group.output("rank-2").split()[-1])
    assert 200 / seconds > 50, f"{200 / seconds:.0f} MB/s"


def test_output_that_is_not_text(group: Fixture) -> None:
    group.launch("time.sleep(0.3); os.write(2, bytes(range(256)) + b'\\n\\xff\\xfe end\\n'); os._exit(3)", STUCK)
    report = group.report()
    assert report["firstFailure"]["exitCode"] == 3
    assert report["tail"][-1] == "�� end"
    assert group.output("rank-2").startswith(bytes(range(256)))


ADDRESS_IN_USE = (
    "import sys; print('DistNetworkError: The server socket has failed to listen on any local network address. "
    "port: {port}, useIpv6: false, code: -98, name: EADDRINUSE, message: address already in use', flush=True); "
    "sys.exit(1)"
)


@pytest.mark.parametrize(("port", "taken"), [(29517, True), (6006, False)])
def test_a_lost_race_for_the_port(group: Fixture, port: int, taken: bool) -> None:
    group.launch(before=ADDRESS_IN_USE.format(port=port))
    report = group.report()
    assert (report["outcome"], report["exitCode"], report["portTaken"]) == ("failed", 1, taken)
    assert "EADDRINUSE" in "".join(report["tail"])


def test_without_the_worker_script_all_output_is_torchruns(group: Fixture) -> None:
    code = "os.write(1, b'step 3/4\\n'); time.sleep(0.4); raise RuntimeError('boom')"
    group.launch(code, "ignore_term(); time.sleep(60)", spec={"workerExec": False})
    report = group.report()
    assert report["firstFailure"]["message"] == "RuntimeError: boom"
    assert report["progress"]["step"] == 3
    assert b"boom" in group.output("torchrun")
    assert group.segments("rank-2") == []


def test_workers_are_left_with_the_world_that_torchrun_gave_them(group: Fixture) -> None:
    code = (
        "def ignored():\n    return next(l.split()[1] for l in open('/proc/self/status') if l.startswith('SigIgn'))\n"
        "print('PYTHON_EXEC' in os.environ, os.getsid(0) == os.getpid(), oct(os.umask(0)), ignored())\n"
        "print(sorted(os.listdir('/proc/self/fd'))[:4])"
    )
    umask = os.umask(0o022)
    os.umask(umask)
    group.launch(code, OK)
    group.report()
    words = group.output("rank-2").decode().split("\n")
    assert words[0].split()[:3] == ["False", "True", oct(umask)]
    # Python itself ignores SIGPIPE (13) and SIGXFSZ (25); what this test inherited (a JVM's 32 and 33) goes on to all
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    inherited = next(line.split()[1] for line in status if line.startswith("SigIgn"))
    assert int(words[0].split()[3], 16) == int(inherited, 16)
    assert words[1] == "['0', '1', '2', '3']"  # 3 is the listing itself


def test_a_report_that_cannot_be_written_is_served_and_tried_again(group: Fixture) -> None:
    group.launch(SLEEP, SLEEP)
    group.running()
    blocker = group.group_dir / "report.json.tmp"
    blocker.mkdir()
    with group.connect() as client:
        client.say({"op": "kill"})
    status = group.status_when(lambda s: s["report"] is not None, "the report on the socket")
    assert status["phase"] == "exited"
    assert not (group.group_dir / "report.json").exists()
    blocker.rmdir()
    assert group.report() == status["report"]


def test_a_full_disk_ends_nothing(group: Fixture) -> None:
    # /dev/full stands for a full disk: every write to the first segment fails
    (group.group_dir / "logs").mkdir(parents=True)
    (group.group_dir / "logs" / "rank-2.0000000000000000.log").symlink_to("/dev/full")
    group.launch("os.write(1, b'lost\\n'); time.sleep(0.2); os.write(1, b'kept\\n')", OK)
    report = group.report()
    assert report["outcome"] == "succeeded"
    assert report["droppedBytes"] == 5
    assert (group.group_dir / "logs" / "rank-2.0000000000000005.log").read_bytes() == b"kept\n"


def test_polling_does_where_the_kernel_has_no_pidfd(group: Fixture, monkeypatch: pytest.MonkeyPatch) -> None:
    # given a copy of the shim whose os module has no pidfd_open
    import conftest

    copy = group.folder / "old" / "lockstep_shim"
    shutil.copytree(conftest.SHIM, copy, ignore=shutil.ignore_patterns("__pycache__"))
    main = copy / "__main__.py"
    main.write_text(main.read_text().replace("import sys\n", "import os\nimport sys\n\ndel os.pidfd_open\n", 1))
    monkeypatch.setattr(conftest, "SHIM", copy)
    group.launch(STUCK, STUCK)
    os.kill(group.running()["workers"][0]["pid"], signal.SIGKILL)
    report = group.report()
    # torchrun may reap the worker between two polls; then only its own report, which nobody waits for, has the signal
    assert report["firstFailure"]["rank"] == 2
    assert report["firstFailure"]["signal"] in (9, None)
    assert report["treeGone"] is True


def test_a_launcher_that_dies_before_go_leaves_nothing(group: Fixture, monkeypatch: pytest.MonkeyPatch) -> None:
    import conftest

    copy = group.folder / "dying" / "lockstep_shim"
    shutil.copytree(conftest.SHIM, copy, ignore=shutil.ignore_patterns("__pycache__"))
    launcher = copy / "launcher.py"
    launcher.write_text(launcher.read_text().replace("ours.sendall(GO)", "os._exit(9)"))
    monkeypatch.setattr(conftest, "SHIM", copy)
    with pytest.raises(AssertionError):
        group.launch(OK, OK)
    until(lambda: group.marked() == [], "the shim's end")
    assert not (group.group_dir / "started").exists()
    assert not Path(group.socket).exists()


def test_the_group_of_a_command_that_is_gone_ends(group: Fixture) -> None:
    owner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    start_time = int(Path(f"/proc/{owner.pid}/stat").read_text().rpartition(")")[2].split()[19])
    group.launch(SLEEP, STUCK, spec={"owner": {"pid": owner.pid, "startTime": start_time}})
    group.running()
    time.sleep(1.5)
    assert group.shim_lives()
    owner.kill()
    report = group.report()  # the one that ignores TERM is killed after the grace
    owner.wait()
    assert (report["outcome"], report["treeGone"]) == ("stopped", True)
    assert group.marked() == []


def test_an_owner_that_makes_no_sense_is_refused(group: Fixture) -> None:
    assert "owner.pid must be a whole number" in group.launch(SLEEP, spec={"owner": "me"})["error"]
