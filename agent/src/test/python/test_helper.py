"""Tests the talk between a training script and the shim: files, progress, a checkpoint on request."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from conftest import HERE, SHIM, Fixture, until
from lockstep.attempt import MANIFEST, Attempt, remove_manifest, sync_files, write_manifest
from lockstep_shim.helper import Helper
from lockstep_shim.progress import Progress

TALKS = f"""
sys.path.append({str(SHIM.parent)!r})
from lockstep.attempt import Attempt
attempt = Attempt({{folder!r}}, rank={{rank}}, local_rank={{rank}})
attempt.begin()
step = 0
"""
TRAINS = """
while not attempt.is_checkpoint_asked:
    time.sleep(0.01); step += 1
    attempt.report(step=step, totalSteps=100000, loss=1.5)
attempt.report(step=step)
time.sleep({save})
print("saved", step, flush=True)
attempt.saved("/out/checkpoint-%d" % step, step, True)
attempt.await_stop()
print("went on", flush=True)
time.sleep(60)
"""


def worker(group: Fixture, rank: int, trains: str = TRAINS, save: float = 0.3) -> str:
    folder = str(group.group_dir / "helper")
    return TALKS.format(folder=folder, rank=rank) + trains.format(save=save)


def is_training(status: dict[str, Any]) -> bool:
    return bool(status["phase"] == "running" and (status["progress"] or {}).get("step", 0) > 3)


def test_a_stop_waits_for_the_checkpoint(group: Fixture) -> None:
    group.launch(worker(group, 0), worker(group, 1))
    status = group.status_when(is_training, "steps")
    assert status["progress"]["totalSteps"] == 100000
    assert status["progress"]["loss"] == 1.5

    with group.connect() as client:
        client.say({"op": "stop", "graceSeconds": 10, "checkpointSeconds": 30})
    report = group.report()

    assert report["outcome"] == "stopped"
    saved = int(group.output("rank-2").split()[1])
    assert report["progress"]["step"] == saved, "no step was made after the one that was saved"
    assert b"went on" not in group.output("rank-2")
    assert [w["signal"] for w in report["workers"]] == [signal.SIGTERM, signal.SIGTERM]


def test_a_script_that_does_not_talk_is_stopped_at_once(group: Fixture) -> None:
    group.launch("print('up', flush=True); time.sleep(60)")
    group.running()
    began = time.monotonic()
    with group.connect() as client:
        client.say({"op": "stop", "graceSeconds": 10, "checkpointSeconds": 600})
    assert group.report()["outcome"] == "stopped"
    assert time.monotonic() - began < 60
    assert not (group.group_dir / "helper" / "checkpoint-now").exists()


def test_a_script_that_has_ended_training_is_not_waited_for(group: Fixture) -> None:
    group.launch(worker(group, 0, "time.sleep(0.2); attempt.report(step=9); attempt.end(); time.sleep(60)"))
    group.status_when(lambda s: (s["progress"] or {}).get("step") == 9, "the last step")
    with group.connect() as client:
        client.say({"op": "stop", "graceSeconds": 10, "checkpointSeconds": 600})
    assert group.report()["outcome"] == "stopped"


def test_the_wait_for_the_checkpoint_ends(group: Fixture) -> None:
    group.launch(worker(group, 0, save=600))
    group.status_when(is_training, "steps")
    with group.connect() as client:
        client.say({"op": "stop", "graceSeconds": 10, "checkpointSeconds": 0.5})
    assert group.report()["outcome"] == "stopped"
    assert b"did not come in time" in (group.group_dir / "shim.log").read_bytes()


def test_a_stop_without_a_checkpoint_ends_the_wait(group: Fixture) -> None:
    group.launch(worker(group, 0, save=600))
    group.status_when(is_training, "steps")
    with group.connect() as client:
        client.ask({"op": "stop", "graceSeconds": 10, "checkpointSeconds": 600})
        until((group.group_dir / "helper" / "checkpoint-now").exists, "the request")
        repeated = client.ask({"op": "stop", "graceSeconds": 10, "checkpointSeconds": 600})
        assert repeated["phase"] == "stopping"
        client.ask({"op": "stop", "graceSeconds": 10})
    assert group.report()["outcome"] == "stopped"


def test_a_worker_that_fails_while_it_saves_ends_the_group(group: Fixture) -> None:
    group.launch(worker(group, 0, TRAINS.replace("time.sleep({save})", "os._exit(7)")), worker(group, 1))
    group.status_when(is_training, "steps")
    with group.connect() as client:
        client.say({"op": "stop", "graceSeconds": 10, "checkpointSeconds": 600})
    assert group.report()["treeGone"] is True


@pytest.mark.parametrize("seconds", [-1, "3", True, 1e9, float("nan")])
def test_an_odd_time_for_the_checkpoint_is_refused(group: Fixture, seconds: object) -> None:
    group.launch("print('up', flush=True); time.sleep(60)")
    group.running()
    with group.connect() as client:
        answer = client.ask({"op": "stop", "graceSeconds": 10, "checkpointSeconds": seconds})
        assert "checkpointSeconds" in answer["message"]
        client.say({"op": "kill"})


def test_outside_lockstep_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKSTEP_HELPER_DIR", str(tmp_path / "gone"))
    attempt = Attempt()
    attempt.begin()
    attempt.report(step=3)
    attempt.saved("x", 3, True)
    attempt.await_stop()
    attempt.end()
    assert not attempt.is_there
    assert not attempt.is_checkpoint_asked


def test_only_rank_0_reports_and_only_local_rank_0_writes(tmp_path: Path) -> None:
    second = Attempt(str(tmp_path), rank=3, local_rank=1)
    second.begin()
    second.report(step=3)
    second.saved("x", 3, True)
    assert not list(tmp_path.iterdir())
    Attempt(str(tmp_path), rank=2, local_rank=0).begin()
    assert [p.name for p in tmp_path.iterdir()] == ["present"]


def test_what_is_no_number_is_not_reported(tmp_path: Path) -> None:
    helper, attempt = Helper(tmp_path), Attempt(str(tmp_path), rank=0, local_rank=0)
    assert not helper.look()
    attempt.report(step=1, loss=float("nan"), evalLoss=2.5)
    assert helper.look()
    assert helper.progress == Progress(1, None, None, 2.5)
    assert not helper.look()
    (tmp_path / "progress.json").write_text('{"step": "7", "loss": true, "totalSteps": -1')
    helper.look()
    assert helper.progress == Progress()


def test_the_manifest_lists_every_file_with_its_size(tmp_path: Path) -> None:
    (tmp_path / "global_step4").mkdir()
    (tmp_path / "global_step4" / "a.pt").write_bytes(b"x" * 7)
    (tmp_path / "latest").write_text("global_step4")
    (tmp_path / ".hidden").write_text("of somebody else")
    sync_files(tmp_path)
    write_manifest(tmp_path, 4, 2)
    write_manifest(tmp_path, 4, 2)
    said = json.loads((tmp_path / MANIFEST).read_text())
    assert said == {
        "version": 1,
        "step": 4,
        "worldSize": 2,
        "files": [{"name": "global_step4/a.pt", "size": 7}, {"name": "latest", "size": 12}],
    }
    remove_manifest(tmp_path)
    remove_manifest(tmp_path)
    remove_manifest(tmp_path / "nowhere")
    assert sorted(p.name for p in tmp_path.iterdir()) == [".hidden", "global_step4", "latest"]


def test_a_real_trainer_saves_when_it_is_asked(tmp_path: Path) -> None:
    """HF Trainer with ZeRO-2 on two ranks: one is asked, both save at the same step and make no further one."""
    helper_dir, out = tmp_path / "helper", tmp_path / "out"
    helper_dir.mkdir()
    helper = Helper(helper_dir)
    environment = {
        **os.environ,
        "LOCKSTEP_HELPER_DIR": str(helper_dir),
        "PYTHONPATH": str(SHIM.parent),
        "DS_ACCELERATOR": "cpu",
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    log = (tmp_path / "log").open("wb")
    torchrun = subprocess.Popen(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"),
            *("-m", "lockstep.hf", str(HERE / "real_checkpoints.py"), "hf"),
            *("--out", str(out), "--steps", "100000", "--save-steps", "10"),
        ],
        env=environment,
        stdout=log,
        stderr=log,
    )
    try:

        def has_trained() -> bool:
            assert torchrun.poll() is None, (tmp_path / "log").read_text()[-4000:]
            helper.look()
            return ((helper.progress or Progress()).step or 0) > 11

        until(has_trained, "steps", 300)  # the first run on a machine compiles an op; killed then, it leaves a lock
        assert helper.is_present
        assert helper.progress is not None
        assert helper.progress.total_steps == 100000
        assert helper.progress.loss is not None
        assert (out / "checkpoint-10" / MANIFEST).exists()
        helper.ask_for_checkpoint(60)
        until(lambda: helper.saved_step is not None, "the checkpoint", 60)
        step = helper.saved_step
        checkpoint = out / f"checkpoint-{step}"
        said = json.loads((checkpoint / MANIFEST).read_text())
        for file in said["files"]:
            assert (checkpoint / file["name"]).stat().st_size == file["size"]
        named = {file["name"] for file in said["files"]}
        assert {"trainer_state.json", "rng_state_0.pth", "rng_state_1.pth", "model.safetensors"} <= named
        assert {f"global_step{step}/bf16_zero_pp_rank_{r}_mp_rank_00_optim_states.pt" for r in (0, 1)} <= named
        assert json.loads((checkpoint / "trainer_state.json").read_text())["global_step"] == step
        time.sleep(1)
        helper.look()
        assert helper.progress.step == step, "it waits for the stop"
    finally:
        torchrun.terminate()
        torchrun.wait(30)
        log.close()
