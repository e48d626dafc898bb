"""Owns what the agent asks for: SPEC.json, parsed once, all problems reported together."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lockstep_shim.lease import LeaseSpec
from lockstep_shim.procfs import ProcessId

SPEC_VERSION = 1
MARKER_NAME = "LOCKSTEP_GROUP"
MAX_SPEC_BYTES = 8 << 20
MAX_LOCAL_WORLD_SIZE = 1_024
MAX_SOCKET_PATH_BYTES = 107  # sun_path holds 108 with its final NUL
MIN_SEGMENT_BYTES = 4_096
MAX_STEP_PATTERN = 500

MAX_SEATS = 9
MIN_LEASE_MILLIS = 100
MAX_LEASE_MILLIS = 3_600_000
MAX_LOAD_SECONDS = 86_400

_KNOWN_LOGS = frozenset({"segmentBytes", "maxBytes"})
_KNOWN_WARM = frozenset({"script", "modules", "ops", "workers", "loadSeconds"})
_COLD_WORKERS = "cold"
_KNOWN_LEASE = frozenset({"seats", "founding", "plan", "job", "attempt", "node", "lengthMillis"})
_KNOWN = frozenset(
    {"version", "marker", "argv", "env", "cwd", "localWorldSize", "firstRank", "groupDir", "socket", "python"}
    | {"logs", "progressRank", "workerExec", "lease", "owner", "warm", "stepPattern"}
)


class SpecError(Exception):
    """The spec cannot be served; the text is a sentence for the user."""


@dataclass(frozen=True)
class WarmSpec:
    """What a warm pool of this job loads: what the script imports, or exactly these modules; with cold workers
    nothing but torchrun, which starts them as it always does."""

    script: str
    modules: tuple[str, ...] | None
    ops: tuple[str, ...]  # DeepSpeed's names of what its workers will load, and may have to build
    cold_workers: bool = False
    load_seconds: int | None = None  # how long a start without a pool may take to load one; None: it loads none


@dataclass(frozen=True)
class Spec:
    """One worker group to be run on this node, for one fence."""

    marker: str
    argv: tuple[str, ...]
    env: dict[str, str]
    cwd: str
    local_world_size: int
    first_rank: int
    group_dir: Path
    socket: str
    python: str
    segment_bytes: int
    max_log_bytes: int
    progress_rank: int
    worker_exec: bool
    lease: LeaseSpec | None
    warm: WarmSpec | None  # None: this job has no warm pool
    step_pattern: str | None  # how this job names its steps; None: as most do
    owner: ProcessId | None  # the group ends when this process is gone; None: it outlives its daemon

    @property
    def master_port(self) -> str | None:
        """The port given to torchrun, if its command line names one."""
        return self.option("--master-port")

    def find(self, program: str) -> str | None:
        """Where the job's own PATH has this program."""
        return shutil.which(program, path=self.env.get("PATH", os.defpath))

    def option(self, wanted: str) -> str | None:
        """What torchrun's command line gives to an option, in either of its spellings."""
        for index, word in enumerate(self.argv):
            name, has_value, value = word.partition("=")
            if name.replace("_", "-") != wanted:
                continue
            if has_value:
                return value
            return self.argv[index + 1] if index + 1 < len(self.argv) else None
        return None


def load(path: str) -> Spec:
    """Reads and checks a spec file."""
    try:
        with open(path, "rb") as file:
            text = file.read(MAX_SPEC_BYTES + 1)
    except OSError as error:
        raise SpecError(f"cannot read the spec {path}: {error.strerror}") from error
    if len(text) > MAX_SPEC_BYTES:
        raise SpecError(f"the spec {path} is larger than {MAX_SPEC_BYTES} bytes")
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise SpecError(f"the spec {path} is not JSON: {error}") from error
    return parse(raw)


def parse(raw: object) -> Spec:
    """Checks every field and names all problems at once."""
    if not isinstance(raw, dict):
        raise SpecError("the spec must be a JSON object")
    problems: list[str] = []
    fields = _Fields(raw, problems)
    if raw.get("version") != SPEC_VERSION:
        problems.append(f"version must be {SPEC_VERSION}, found {raw.get('version')!r}")
    for name in sorted(set(raw) - _KNOWN):
        problems.append(f"unknown field {name!r}")
    logs = raw.get("logs", {})
    log_fields = _Fields(logs if isinstance(logs, dict) else {}, problems, "logs.")
    if not isinstance(logs, dict):
        problems.append("logs must be an object")
    else:
        problems.extend(f"unknown field 'logs.{name}'" for name in sorted(set(logs) - _KNOWN_LOGS))
    worker_exec = raw.get("workerExec", True)
    if not isinstance(worker_exec, bool):
        problems.append("workerExec must be true or false")
    spec = Spec(
        marker=fields.text("marker"),
        argv=fields.texts("argv"),
        env=fields.environment("env"),
        cwd=fields.text("cwd"),
        local_world_size=fields.number("localWorldSize", 1, MAX_LOCAL_WORLD_SIZE),
        first_rank=fields.number("firstRank", 0, 1 << 30),
        group_dir=Path(fields.text("groupDir")),
        socket=fields.text("socket"),
        python=fields.text("python") if worker_exec else str(raw.get("python", "")),
        segment_bytes=log_fields.number("segmentBytes", MIN_SEGMENT_BYTES, 1 << 40, 8 << 20),
        max_log_bytes=log_fields.number("maxBytes", MIN_SEGMENT_BYTES, 1 << 50, 64 << 20),
        progress_rank=fields.number("progressRank", 0, 1 << 30, 0),
        worker_exec=bool(worker_exec),
        lease=_lease(raw.get("lease"), problems),
        warm=_warm(raw.get("warm"), problems),
        step_pattern=_step_pattern(raw.get("stepPattern"), problems),
        owner=fields.process("owner"),
    )
    if not problems:
        problems.extend(_contradictions(spec))
    if problems:
        raise SpecError("the spec cannot be used: " + "; ".join(problems))
    return spec


def _lease(raw: object, problems: list[str]) -> LeaseSpec | None:
    """None: the group runs without one."""
    if raw is None:
        return None
    if not isinstance(raw, dict):
        problems.append("lease must be an object")
        return None
    problems.extend(f"unknown field 'lease.{name}'" for name in sorted(set(raw) - _KNOWN_LEASE))
    fields = _Fields(raw, problems, "lease.")
    seats = fields.texts("seats")
    if len(seats) > MAX_SEATS or len(set(seats)) != len(seats):
        problems.append(f"lease.seats must be at most {MAX_SEATS} different addresses")
    return LeaseSpec(
        seats=seats,
        founding=fields.text("founding"),
        plan=fields.number("plan", 0, 1 << 62),
        job=fields.text("job"),
        attempt=fields.number("attempt", 1, 1 << 31),
        node=fields.text("node"),
        length_seconds=fields.number("lengthMillis", MIN_LEASE_MILLIS, MAX_LEASE_MILLIS) / 1_000,
    )


def _warm(raw: object, problems: list[str]) -> WarmSpec | None:
    if raw is None:
        return None
    if not isinstance(raw, dict):
        problems.append("warm must be an object")
        return None
    problems.extend(f"unknown field 'warm.{name}'" for name in sorted(set(raw) - _KNOWN_WARM))
    if raw.get("workers") not in (None, _COLD_WORKERS):
        problems.append(f"warm.workers must be {_COLD_WORKERS!r} or absent")
    is_cold = raw.get("workers") == _COLD_WORKERS
    fields = _Fields(raw, problems, "warm.")
    modules = fields.texts("modules") if raw.get("modules") is not None else None
    return WarmSpec(
        script=fields.text("script"),
        modules=() if is_cold else modules,
        ops=fields.texts("ops") if raw.get("ops") else (),
        cold_workers=is_cold,
        load_seconds=fields.number("loadSeconds", 1, MAX_LOAD_SECONDS) if raw.get("loadSeconds") is not None else None,
    )


def _step_pattern(raw: object, problems: list[str]) -> str | None:
    if raw is None:
        return None
    try:
        if isinstance(raw, str) and len(raw) <= MAX_STEP_PATTERN and re.compile(raw).groups in (1, 2):
            return raw
    except re.error as error:
        problems.append(f"progress.step is no regular expression that Python can read: {error}")
        return None
    problems.append("stepPattern must be a regular expression with one group for the step, maybe one for the total")
    return None


def check_host(spec: Spec) -> None:
    """Refuses, before anything is started, what would fail at once on this host."""
    problems = []
    if not os.path.isdir(spec.cwd):
        problems.append(f"the working folder {spec.cwd} does not exist; create it or correct workdir")
    program = spec.argv[0]
    if spec.find(program) is None:
        problems.append(f"the program {program} is not there or cannot be executed; install it or correct its path")
    if spec.worker_exec and spec.find(spec.python) is None:
        problems.append(f"the Python {spec.python} is not there or cannot be executed; correct its path")
    if problems:
        raise SpecError("; ".join(problems))


def _contradictions(spec: Spec) -> list[str]:
    problems = []
    if spec.env.get(MARKER_NAME) != spec.marker:
        problems.append(f"env must contain {MARKER_NAME}={spec.marker}, found {spec.env.get(MARKER_NAME)!r}")
    if not spec.group_dir.is_absolute():
        problems.append("groupDir must be an absolute path")
    if not spec.socket.startswith("/"):
        problems.append("socket must be an absolute path")
    if len(os.fsencode(spec.socket)) > MAX_SOCKET_PATH_BYTES:
        problems.append(f"socket is longer than {MAX_SOCKET_PATH_BYTES} bytes; choose a shorter folder")
    if spec.max_log_bytes < 2 * spec.segment_bytes:
        problems.append("logs.maxBytes must be at least twice logs.segmentBytes")
    return problems


class _Fields:
    """Takes typed values out of a JSON object and notes what is wrong with them."""

    def __init__(self, raw: dict[str, Any], problems: list[str], prefix: str = "") -> None:
        self._raw = raw
        self._problems = problems
        self._prefix = prefix

    def text(self, name: str) -> str:
        value = self._raw.get(name)
        if not isinstance(value, str) or not value or "\0" in value:
            self._problems.append(f"{self._prefix}{name} must be a non-empty string")
            return ""
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._raw.get(name)
        if not isinstance(value, list) or not value or not all(isinstance(v, str) and "\0" not in v for v in value):
            self._problems.append(f"{self._prefix}{name} must be a non-empty list of strings")
            return ("",)
        return tuple(value)

    def environment(self, name: str) -> dict[str, str]:
        value = self._raw.get(name)
        if not isinstance(value, dict) or not all(
            isinstance(v, str) and "\0" not in v and k and "=" not in k and "\0" not in k for k, v in value.items()
        ):
            self._problems.append(f"{self._prefix}{name} must be an object of strings")
            return {}
        return dict(value)

    def process(self, name: str) -> ProcessId | None:
        value = self._raw.get(name)
        if value is None:
            return None
        fields = _Fields(value if isinstance(value, dict) else {}, self._problems, f"{name}.")
        return ProcessId(fields.number("pid", 1, 1 << 31), fields.number("startTime", 0, 1 << 62))

    def number(self, name: str, least: int, most: int, default: int | None = None) -> int:
        value = self._raw.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            self._problems.append(f"{self._prefix}{name} must be a whole number from {least} to {most}")
            return least
        return value
