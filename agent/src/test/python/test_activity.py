"""What the shim says of its workers: pauses, life, writing, and which of them stands still."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from conftest import Fixture, until
from lockstep_shim import activity, procfs, stacks
from lockstep_shim.activity import SAMPLE_SECONDS, STALL_SECONDS, Activity
from lockstep_shim.procfs import ProcessId, Usage
from lockstep_shim.progress import Progress, ProgressReader


class Host:
    """Workers whose use of CPU and I/O a test decides."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.used: dict[int, Usage] = {}
        self.children: dict[int, list[int]] = {}
        monkeypatch.setattr(procfs, "usage", lambda pid: self.used.get(pid))
        monkeypatch.setattr(procfs, "children_of", lambda pid: self.children.get(pid, []))

    def sets(self, pid: int, ticks: int = 0, read: int = 0, written: int = 0, state: str = "S") -> None:
        self.used[pid] = Usage(ProcessId(pid, 1), state, ticks, read, written)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(monkeypatch)


class Clock:
    """Turns of a shim's loop, one a second."""

    def __init__(self, host: Host, ranks: int = 1) -> None:
        self.host = host
        self.now = 100.0
        self.activity = Activity(self.now)
        self.readers = [ProgressReader() for _ in range(ranks)]
        self.trainers = {rank: ProcessId(1_000 + rank, 1) for rank in range(ranks)}
        for process in self.trainers.values():
            host.sets(process.pid)

    def passes(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now = min(self.now + 1.0, end)
            self.activity.looked(self.now)
            if self.activity.is_due(self.now):
                self.activity.sample(self.trainers, self.now)

    def says(self, text: str, rank: int = 0) -> None:
        self.readers[rank].feed((text + "\n").encode(), self.now)
        self.activity.read(rank, self.readers[rank], self.now)

    def seen(self) -> dict[str, Any]:
        found = self.activity.to_json(self.now)
        assert found is not None
        return found


def test_the_longest_pause_between_steps_is_learned(host: Host) -> None:
    clock = Clock(host)
    for step, seconds in enumerate((2, 3, 7, 2), start=1):
        clock.passes(seconds)
        clock.says(f"step={step}/100 loss=2.{step}")
    clock.passes(4)
    seen = clock.seen()
    assert (seen["gapMillis"], seen["gaps"], seen["motionMillis"], seen["totalSteps"]) == (7_000, 3, 4_000, 100)
    assert seen["ranks"][0]["step"] == 4


def test_the_way_to_the_first_step_is_no_pause(host: Host) -> None:
    """Compilation, and after a resume the jump from 0 to where it went on from."""
    clock = Clock(host)
    clock.says("  0%|          | 0/100 [00:00<?, ?it/s]")
    clock.passes(600)
    clock.says(" 50%|█████     | 50/100 [10:00<?, ?it/s]")
    assert clock.seen()["gaps"] == 0
    clock.passes(2)
    clock.says(" 51%|█████     | 51/100 [10:02<?, ?it/s]")
    assert (clock.seen()["gaps"], clock.seen()["gapMillis"]) == (1, 2_000)


def test_ranks_that_all_print_a_step_make_no_short_pauses(host: Host) -> None:
    clock = Clock(host, ranks=2)
    for step in (1, 2, 3):
        clock.passes(5)
        clock.says(f"step={step}", rank=0)
        clock.passes(1)
        clock.says(f"step={step}", rank=1)
    assert (clock.seen()["gaps"], clock.seen()["gapMillis"]) == (2, 6_000)


def test_a_bar_of_an_evaluation_moves_and_is_seen_to_be_one(host: Host) -> None:
    clock = Clock(host)
    clock.says(" 10%|█         | 10/100 [00:00<?, ?it/s]")
    assert not clock.seen()["sawEval"]
    clock.passes(60)
    clock.says(" 50%|█████     | 4/8 [00:10<?, ?it/s]\x1b[A")
    assert (clock.seen()["motionMillis"], clock.seen()["sawEval"]) == (0, True)
    clock.passes(30)
    clock.says(" 50%|█████     | 4/8 [00:40<?, ?it/s]\x1b[A")
    assert clock.seen()["motionMillis"] == 30_000, "drawn again without going on"


def test_a_loss_of_an_evaluation_is_one_without_any_bar(host: Host) -> None:
    clock = Clock(host)
    clock.says("{'eval_loss': 1.5}")
    clock.passes(10)
    clock.says("{'eval_loss': 1.5}")
    assert (clock.seen()["motionMillis"], clock.seen()["sawEval"]) == (0, True)


def test_other_output_is_no_sign_of_training(host: Host) -> None:
    clock = Clock(host)
    clock.says("step=1")
    clock.passes(50)
    clock.says("[W] ProcessGroupNCCL: watchdog heartbeat; loss of contact")
    assert clock.seen()["motionMillis"] == 50_000


def test_cpu_and_io_are_life_and_less_than_a_heartbeat_thread_is_not(host: Host) -> None:
    clock = Clock(host)
    clock.passes(SAMPLE_SECONDS)
    host.sets(1_000, ticks=5)  # 1 % of a core
    clock.passes(SAMPLE_SECONDS)
    assert clock.seen()["lifeMillis"] == 2 * SAMPLE_SECONDS * 1_000
    host.sets(1_000, ticks=5 + 50)
    clock.passes(SAMPLE_SECONDS)
    assert (clock.seen()["lifeMillis"], clock.seen()["ranks"][0]["busyPermille"]) == (0, 100)
    host.sets(1_000, ticks=55, read=1 << 20)
    clock.passes(SAMPLE_SECONDS)
    assert (clock.seen()["lifeMillis"], clock.seen()["motionMillis"]) == (0, 4 * SAMPLE_SECONDS * 1_000)


def test_a_checkpoint_that_is_written_is_motion_and_a_log_is_not(host: Host) -> None:
    clock = Clock(host)
    clock.passes(SAMPLE_SECONDS)
    host.sets(1_000, written=100 << 10)
    clock.passes(SAMPLE_SECONDS)
    assert clock.seen()["motionMillis"] == 2 * SAMPLE_SECONDS * 1_000
    host.sets(1_000, written=500 << 20)
    clock.passes(SAMPLE_SECONDS)
    assert clock.seen()["motionMillis"] == 0


def test_what_is_below_a_worker_counts_with_it(host: Host) -> None:
    clock = Clock(host)
    clock.passes(SAMPLE_SECONDS)
    host.children = {1_000: [2_000], 2_000: [2_001]}
    host.sets(2_000)
    host.sets(2_001, ticks=400)
    clock.passes(SAMPLE_SECONDS)
    assert clock.seen()["lifeMillis"] == 0


def test_a_time_in_which_the_shim_itself_stood_still_is_nobodys_fault(host: Host) -> None:
    clock = Clock(host)
    clock.says("step=1")
    clock.passes(2)
    clock.says("step=2")
    clock.passes(3)
    clock.now += 3_600  # frozen, with everything
    clock.activity.looked(clock.now)
    seen = clock.seen()
    assert (seen["motionMillis"], seen["ranks"][0]["stillMillis"]) == (3_000, 3_000)
    clock.says("step=3")
    assert clock.seen()["gapMillis"] == 3_000


def test_a_loop_that_is_only_slow_is_no_stall(host: Host) -> None:
    clock = Clock(host)
    clock.says("step=1")
    clock.now += STALL_SECONDS - 1
    clock.activity.looked(clock.now)
    assert clock.seen()["motionMillis"] == (STALL_SECONDS - 1) * 1_000


def test_of_many_ranks_those_that_stand_still_are_told(host: Host) -> None:
    clock = Clock(host, ranks=40)
    host.sets(1_030, state="T")
    clock.passes(SAMPLE_SECONDS)
    ranks = clock.seen()["ranks"]
    assert len(ranks) == activity.MAX_RANKS_TOLD
    assert (ranks[0]["rank"], ranks[0]["state"]) == (30, "T")


def test_the_time_of_a_step_is_that_of_the_last_ones(host: Host) -> None:
    clock = Clock(host)
    for step in range(1, 40):
        clock.passes(10 if step < 10 else 2)
        clock.says(f"step={step}")
    assert clock.seen()["ranks"][0]["stepMillis"] == 2_000


def test_a_script_that_talks_and_prints_nothing_is_seen_to_move(host: Host) -> None:
    clock = Clock(host)
    for step in (1, 2, 3):
        clock.passes(4)
        clock.activity.said(0, Progress(step, 50), clock.now)
    clock.passes(2)
    seen = clock.seen()
    assert (seen["motionMillis"], seen["gaps"], seen["gapMillis"], seen["totalSteps"]) == (2_000, 2, 4_000, 50)
    assert not seen["sawEval"]


def test_before_there_is_a_worker_nothing_is_said(host: Host) -> None:
    assert Activity(0.0).to_json(5.0) is None


def test_a_job_may_name_its_steps_itself() -> None:
    reader = ProgressReader(r"it (\d+) of (\d+)")
    reader.feed(b"step 9/9\n>> it 7 of 70 | loss: 1.25\n", 0.0)
    assert (reader.progress.step, reader.progress.total_steps, reader.progress.loss) == (7, 70, 1.25)
    assert reader.moves == 1


# --- with processes ---------------------------------------------------------------------------------------------------

STEPS = "import time\nfor i in range(1, 4): print(f'step={i}', flush=True); time.sleep(0.05)\n"
WAIT = "time.sleep(600)\n"


def beats(group: Fixture, holds: Any, what: str, ask: Mapping[str, str] | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with group.connect() as client:
        client.ask({"op": "watch"})
        if ask:
            client.say(ask)

        def look() -> bool:
            line = client.line()
            found.update((line or {}).get("activity") or {})
            return bool(found) and bool(holds(found))

        until(look, what)
    return found


def state_of(found: dict[str, Any], rank: int) -> str:
    return next((str(one["state"]) for one in found["ranks"] if one["rank"] == rank), "?")


def test_a_stopped_worker_is_told_from_one_that_sleeps(group: Fixture) -> None:
    group.launch(STEPS + WAIT, "import time\n" + WAIT)
    status = group.running()
    stopped = next(w for w in status["workers"] if w["rank"] == 3)
    os.kill(stopped["pid"], signal.SIGSTOP)
    found = beats(group, lambda f: state_of(f, 3) == "T", "the stopped worker")
    assert state_of(found, 2) == "S"
    assert next(one["step"] for one in found["ranks"] if one["rank"] == 2) == 3
    assert found["stacks"] is None


def test_without_any_means_it_is_said_why_there_are_no_stacks(group: Fixture) -> None:
    group.launch(STEPS + WAIT)
    group.running()
    found = beats(group, lambda f: f["stacks"], "stacks", ask={"op": "stacks"})["stacks"]
    one = found["ranks"][0]
    if one["taken"] == "py-spy":
        pytest.skip("py-spy is here, and works")
    assert one["taken"] is None
    assert not one["moved"]
    assert "faulthandler was not armed" in found["head"]
    assert f"rank 2, pid {group.running()['workers'][0]['pid']}, state S" in found["head"]
    assert (group.group_dir / "stacks" / "rank-2.1.txt").is_file()


def test_py_spy_is_used_where_it_is_beside_python(group: Fixture) -> None:
    """A stand-in: it prints what the real one prints, and is elsewhere each time."""
    folder = group.folder / "bin"
    folder.mkdir()
    counter = group.folder / "count"
    (folder / "py-spy").write_text(
        f'#!/bin/sh\necho x >>{counter}\nprintf \'Process %s: python\\n\\nThread 7 (active): "MainThread"\\n'
        f'    all_reduce (torch/distributed/distributed_c10d.py:%s)\\n    train (t.py:9)\\n\' "$4" "$(wc -l <{counter})"\n',
        encoding="utf-8",
    )
    (folder / "py-spy").chmod(0o755)
    (folder / "python").symlink_to(sys.executable)
    group.launch(STEPS + WAIT, spec={"python": str(folder / "python")})
    group.running()
    found = beats(group, lambda f: f["stacks"], "stacks", ask={"op": "stacks"})["stacks"]
    one = found["ranks"][0]
    assert (one["taken"], one["moved"], one["waits"]) == ("py-spy", True, True)
    assert one["top"] == "all_reduce (torch/distributed/distributed_c10d.py:2)"
    assert "distributed_c10d.py:1" in found["head"], "where it was before"


def test_asked_again_at_once_it_does_not_look_again(group: Fixture) -> None:
    group.launch(STEPS + WAIT)
    group.running()
    first = beats(group, lambda f: f["stacks"], "stacks", ask={"op": "stacks"})
    assert first["stacks"]
    beats(group, lambda f: f["stacks"]["ageMillis"] > 0, "an older age", ask={"op": "stacks"})
    assert [p.name for p in (group.group_dir / "stacks").iterdir()] == ["rank-2.1.txt"]


def test_a_process_without_a_handler_is_not_sent_the_signal() -> None:
    assert not stacks.catches(os.getpid())
    signal.signal(stacks.STACK_SIGNAL, lambda *_: None)
    try:
        assert stacks.catches(os.getpid())
    finally:
        signal.signal(stacks.STACK_SIGNAL, signal.SIG_DFL)


FAULTHANDLER = """Thread 0x00007f1 (most recent call first):
  File "/usr/lib/python3/threading.py", line 359 in wait

Current thread 0x00007f0 (most recent call first):
  File "/v/torch/distributed/distributed_c10d.py", line 3000 in all_reduce
  File "/w/train.py", line 9 in <module>
"""


def test_of_a_faulthandler_dump_the_main_thread_is_the_last() -> None:
    main = stacks._Dump("faulthandler", FAULTHANDLER).main_thread
    assert main.split("\n")[0] == 'File "/v/torch/distributed/distributed_c10d.py", line 3000 in all_reduce'
    assert "threading.py" not in main
