"""Provokes failures for real, and asks the shipped rules what kind they are: the words are Python's and DeepSpeed's."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import HERE, Fixture

yaml = pytest.importorskip("yaml", reason="the rules are YAML, and this interpreter has no reader for it")
RULES = HERE.parents[3] / "coordinator/src/main/resources/io/lockstep/coordinator/failure/failure-rules.yaml"
DEEPSPEED_SECONDS = 90.0

BAD_CONFIG = """
os.environ["DS_ACCELERATOR"] = "cpu"
from deepspeed.runtime.config import DeepSpeedConfig
DeepSpeedConfig({"train_batch_size": 7, "train_micro_batch_size_per_gpu": 2, "gradient_accumulation_steps": 2})
"""


def verdict(report: dict[str, Any]) -> tuple[str, str]:
    """Rule and class, as the coordinator finds them: place by place, rule by rule."""
    first = report["firstFailure"]
    said = {
        "host": report["hostSigns"],
        "message": first["message"].splitlines() if first["signal"] is None else [],
        "traceback": (first["traceback"] or "").splitlines()[-20:],
        "output": report["tail"] if first["signal"] is None else [],
        "exit": [f"signal {first['signal']}" if first["signal"] else f"exit code {first['exitCode']}"],
    }
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))["rules"]
    for place, lines in said.items():
        for rule in rules:
            if place in rule.get("in", ["message", "traceback", "output"]) and any(fits(rule, line) for line in lines):
                return rule["id"], rule["class"]
    return "", ""


def fits(rule: dict[str, Any], line: str) -> bool:
    contains = [text.lower() for text in rule.get("contains", [])]
    return (not contains or any(text in line.lower() for text in contains)) and (
        "match" not in rule or re.search(rule["match"], line) is not None
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB, or a skip that says why there is none."""
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(group: Fixture, small_disk: Path) -> None:
    group.launch(f"open({str(small_disk / 'checkpoint')!r}, 'wb', buffering=0).write(bytes(4 << 20)); "
                 f"open({str(small_disk / 'more')!r}, 'wb', buffering=0).write(bytes(4 << 20))")
    assert verdict(group.report()) == ("disk-full", "STORAGE")


def test_a_module_that_is_missing(group: Fixture) -> None:
    group.launch("import no_such_module_of_ours")
    assert verdict(group.report()) == ("module-missing", "CONFIGURATION")


def test_a_name_that_a_module_has_no_more(group: Fixture) -> None:
    group.launch("from json import no_such_name")
    assert verdict(group.report()) == ("module-missing", "CONFIGURATION")


def test_more_memory_than_there_is(group: Fixture) -> None:
    group.launch("bytearray(1 << 60)")
    assert verdict(group.report()) == ("python-memory", "OUT_OF_MEMORY_HOST")


def test_arguments_that_the_script_does_not_know(group: Fixture) -> None:
    group.launch("import argparse; argparse.ArgumentParser('train.py').parse_args(['--warmup_ratio', '0.05'])")
    assert verdict(group.report()) == ("bad-arguments", "CONFIGURATION")


def test_a_file_that_is_not_there(group: Fixture) -> None:
    group.launch("open('/no/such/data.txt')")
    assert verdict(group.report()) == ("file-missing", "USER_CODE")


def test_data_that_is_no_json(group: Fixture) -> None:
    group.launch("json.loads('{')")
    assert verdict(group.report()) == ("data-error", "USER_CODE")


def test_an_exception_of_the_script_fits_no_rule_and_is_taken_for_its_own(group: Fixture) -> None:
    group.launch("{}['no column text']")
    assert verdict(group.report()) == ("", "")  # USER_CODE follows from how it ended (Diagnosing.java)


@pytest.mark.parametrize(("number", "rule"), [("SIGKILL", "killed"), ("SIGTERM", "terminated"), ("SIGSEGV", "crashed")])
def test_a_signal_that_nothing_explains(group: Fixture, number: str, rule: str) -> None:
    group.launch(f"time.sleep(0.3); signal.signal(signal.SIGTERM, signal.SIG_DFL); "
                 f"os.kill(os.getpid(), signal.{number})")
    assert verdict(group.report())[0] == rule


@pytest.mark.skipif(importlib.util.find_spec("deepspeed") is None, reason="this interpreter has no DeepSpeed")
def test_a_configuration_that_deepspeed_refuses(group: Fixture) -> None:
    group.launch(BAD_CONFIG)
    assert verdict(group.report(DEEPSPEED_SECONDS)) == ("deepspeed-config", "CONFIGURATION")
