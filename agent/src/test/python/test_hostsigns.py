"""Tests what the host says of a group: records as the kernel writes them, and the real thing where this machine can."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import SHIM, Fixture
from lockstep_shim import hostsigns

KILLED = "Memory cgroup out of memory: Killed process 4711 (python) total-vm:9123456kB, anon-rss:8388608kB"
VICTIM = (
    "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/job,"
    "task_memcg=/job,task=python,pid=4711,uid=0"
)
XID = "NVRM: Xid (PCI:0000:3b:00): 79, pid=99, name=python, GPU has fallen off the bus."


def test_a_record_of_the_kernels_log_is_its_text() -> None:
    assert hostsigns.text_of(b"6,339,5140900,-;NET: ready\n SUBSYSTEM=net\n") == "NET: ready"
    assert hostsigns.text_of(b"3,340,5140901,-,caller=T1;a;b") == "a;b"


def test_only_what_is_about_this_group_or_the_hardware_counts() -> None:
    others = ["usb 1-1: new device", KILLED]
    assert hostsigns.of_records(others, [1], "/job") == []
    assert hostsigns.of_records(others, [4711], None) == [f"kernel: {KILLED}"]
    assert hostsigns.of_records([VICTIM, KILLED], [1], "/job") == [f"kernel: {KILLED}"]
    assert hostsigns.of_records([VICTIM, KILLED], [1], "/") == []  # the root holds everybody
    assert hostsigns.of_records([XID], [], None) == [f"kernel: {XID}"]


def test_the_count_of_a_cgroup_in_both_versions(tmp_path: Path) -> None:
    (tmp_path / "v2").write_text("low 0\nhigh 0\nmax 12\noom 2\noom_kill 2\noom_group_kill 0\n")
    (tmp_path / "v1").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n")
    (tmp_path / "old").write_text("oom_kill_disable 0\nunder_oom 0\n")
    assert hostsigns.kills(tmp_path / "v2") == 2
    assert hostsigns.kills(tmp_path / "v1") == 3
    assert hostsigns.kills(tmp_path / "old") is None
    assert hostsigns.kills(tmp_path / "none") is None


def test_a_host_that_says_nothing_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostsigns, "_KMSG", "/no/such/log")
    monkeypatch.setattr(hostsigns, "_CGROUPS", Path("/no/such/cgroups"))
    signs = hostsigns.HostSigns()
    assert signs.lines([1], True) == []
    signs.close()


def test_of_a_long_log_the_newest_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostsigns, "_KMSG", os.devnull)
    monkeypatch.setattr(hostsigns, "MAX_RECORDS", 3)
    records = [f"6,{n},0,-;usb {n}".encode() for n in range(9)] + [f"6,9,0,-;{KILLED}".encode(), b""]
    signs = hostsigns.HostSigns()
    monkeypatch.setattr(hostsigns.os, "read", lambda _fd, _size: records.pop(0))
    assert signs.lines([4711], False) == [f"kernel: {KILLED}"]
    signs.close()


@pytest.fixture
def small_cgroup() -> Iterator[Path]:
    """A memory cgroup of 256 MiB, of either version, or a skip that says why there is none."""
    name = f"lockstep-test-{os.getpid()}"
    own = hostsigns.own_memory_cgroup()
    first = Path("/sys/fs/cgroup/memory")
    parent = (first if first.is_dir() else Path("/sys/fs/cgroup")) / (own or "/").lstrip("/")
    folder = parent / name
    limit = "memory.limit_in_bytes" if first.is_dir() else "memory.max"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup can be made here: {error}")
    try:
        try:
            (folder / limit).write_text(str(256 << 20))
        except OSError as error:
            pytest.skip(f"no memory limit can be set here: {error}")
        yield folder
    finally:
        for _ in range(100):
            try:
                folder.rmdir()
                break
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise


def test_a_worker_that_the_kernel_kills_for_memory(group: Fixture, small_cgroup: Path) -> None:
    group.plan_file("hold = bytearray(b'x') * (1 << 30); time.sleep(60)")
    inside = f"echo $$ > {small_cgroup}/cgroup.procs && exec \"$@\""
    done = subprocess.run(
        ["sh", "-c", inside, "sh", sys.executable, "-I", str(SHIM), str(group.folder / "spec.json")],
        env={"PATH": os.environ["PATH"], "LOCKSTEP_GROUP": group.marker},
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    group.pid = json.loads(done.stdout)["pid"]

    report = group.report()

    assert report["firstFailure"]["signal"] == 9
    signs = "\n".join(report["hostSigns"])
    assert "cgroup: oom_kill 1 in" in signs, report
    if os.access("/dev/kmsg", os.R_OK):
        assert "kernel: Memory cgroup out of memory: Killed process" in signs


def test_a_worker_that_is_killed_by_hand_has_no_sign(group: Fixture) -> None:
    group.launch("time.sleep(0.3); os.kill(os.getpid(), signal.SIGKILL)")

    report = group.report()

    assert report["firstFailure"]["signal"] == 9
    assert report["hostSigns"] == []
