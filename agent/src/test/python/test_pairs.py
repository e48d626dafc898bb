"""The program of the pair check, with the real torch and gloo on this machine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import SHIM, WAIT_SECONDS

LIMIT = "45"


@pytest.fixture(name="started")
def all_that_is_started() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()


def start(
    started: list[subprocess.Popen[str]],
    rank: int,
    port: int,
    *more: str,
    nodes: int = 2,
    limit: str = LIMIT,
    env: dict[str, str] | None = None,
) -> subprocess.Popen[str]:
    argv = [sys.executable, "-s", str(SHIM / "pairs.py"), "--rank", str(rank), "--nodes", str(nodes)]
    argv += ["--address", "127.0.0.1", "--port", str(port), "--limit", limit, *more]
    process = subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "GLOO_SOCKET_IFNAME": "lo", **(env or {})},
    )
    started.append(process)
    return process


def said(process: subprocess.Popen[str]) -> tuple[int, dict[str, Any], list[str]]:
    """Exit code, what it measured or why not, and the stages."""
    code = process.wait(60)
    assert process.stdout is not None
    lines = [json.loads(line) for line in process.stdout.read().splitlines()]
    return code, lines[-1], [line["stage"] for line in lines[:-1]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("nodes", [2, 3])
def test_a_group_measures_itself(started: list[subprocess.Popen[str]], nodes: int) -> None:
    port = free_port()
    group = [start(started, rank, port, nodes=nodes) for rank in range(nodes)]
    for process in group:
        code, found, stages = said(process)
        assert code == 0, found
        assert stages == ["import", "matmul", "join", "gather"]
        assert found["device"] == "cpu"
        assert 0 < found["matmulSeconds"] < 60
        assert found["bytesPerSecond"] == pytest.approx(found["bytes"] * (nodes - 1) / found["gatherSeconds"])


def test_a_partner_that_does_not_come_is_told_before_the_limit(started: list[subprocess.Popen[str]]) -> None:
    began = time.monotonic()
    code, found, stages = said(start(started, 1, free_port(), limit="12"))
    assert time.monotonic() - began < 14
    assert (code, stages[-1], found["stage"]) == (1, "join", "join")
    # torch looks for its own time-out between two tries only, so which of the two clocks ends it is chance
    assert found["error"] == "still waiting for the others after 12 s" or "timed out" in found["error"]
    assert not found["portTaken"]


def test_a_network_that_is_not_there_is_told(started: list[subprocess.Popen[str]]) -> None:
    port = free_port()
    bad = start(started, 0, port, env={"GLOO_SOCKET_IFNAME": "nosuch0"}, limit="20")
    good = start(started, 1, port, limit="20")
    for process in (bad, good):
        code, found, _ = said(process)
        assert (code, found["stage"]) == (1, "join")
        assert found["error"]
        assert "frame #" not in found["error"]


@pytest.mark.parametrize(("missing", "without_torch"), [("torch", True), ("numpy", False)])
def test_no_torch_is_told_apart_from_one_that_is_broken(
    started: list[subprocess.Popen[str]], tmp_path: Any, missing: str, without_torch: bool
) -> None:
    text = f"raise ModuleNotFoundError(\"No module named '{missing}'\", name='{missing}')"
    (tmp_path / "torch.py").write_text(text, encoding="utf-8")
    code, found, stages = said(start(started, 0, free_port(), env={"PYTHONPATH": str(tmp_path)}))
    assert (code, stages[-1], found["withoutTorch"]) == (1, "import", without_torch)
    assert found["error"] == f"ModuleNotFoundError: No module named '{missing}'"


def test_a_port_that_is_taken_is_no_fault_of_the_nodes(started: list[subprocess.Popen[str]]) -> None:
    with socket.socket() as holder:
        holder.bind(("0.0.0.0", 0))
        holder.listen()
        code, found, _ = said(start(started, 0, int(holder.getsockname()[1]), limit="20"))
    assert (code, found["portTaken"]) == (1, True), found


def test_gpus_that_torch_does_not_see_are_told_before_anybody_is_met(started: list[subprocess.Popen[str]]) -> None:
    process = start(started, 0, free_port(), "--gpu", env={"CUDA_VISIBLE_DEVICES": ""})
    code, found, stages = said(process)
    assert (code, stages[-1]) == (1, "matmul")
    assert "torch sees none" in found["error"]


def test_it_ends_with_whoever_asked(started: list[subprocess.Popen[str]]) -> None:
    process = start(started, 1, free_port())
    assert process.stdin is not None and process.stdout is not None
    assert "import" in process.stdout.readline()
    process.stdin.close()
    assert process.wait(WAIT_SECONDS) == 1


def test_it_ends_at_its_limit_when_python_itself_is_stuck(
    started: list[subprocess.Popen[str]], tmp_path: Any
) -> None:
    (tmp_path / "torch.py").write_text("import ctypes\nctypes.PyDLL(None).sleep(600)\n", encoding="utf-8")
    process = start(started, 0, free_port(), limit="1", env={"PYTHONPATH": str(tmp_path)})
    began = time.monotonic()
    assert process.wait(WAIT_SECONDS) == -14  # SIGALRM: a PyDLL's call keeps the interpreter's lock
    assert time.monotonic() - began < 10
