"""Owns the notes of which DeepSpeed ops are built, so that a start need not import DeepSpeed to find that out.

One file beside torch's extensions, `lockstep-ops.json`: op -> the library that was loaded, and a hash of what it was
built with. Whatever differs, or cannot be read, only means that DeepSpeed is asked; a note that is wrong all the same
leaves the op to the workers, as without a pool.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

FILE = "lockstep-ops.json"
MAX_BYTES = 1 << 20
PACKAGES = ("torch", "deepspeed")
OURS = "LOCKSTEP_"  # variables that differ between attempts and that no build reads


def find(op: str) -> bool:
    """Whether it is built, by a note that still holds."""
    note = _read().get(op)
    if not isinstance(note, dict):
        return False
    library = Path(str(note.get("library")))
    return note == _note(library) and not (library.parent / "lock").exists()


def keep(op: str, library: str) -> None:
    """Notes that this library is the op, as of now. Raises OSError where it cannot be written; then there is none."""
    path = _path()
    new = path.with_name(f"{FILE}.{os.getpid()}")
    try:
        new.write_text(json.dumps({**_read(), op: _note(Path(library))}, indent=1), encoding="utf-8")
        new.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            new.unlink()
        raise


def _path() -> Path:
    """torch's own folder; without TORCH_EXTENSIONS_DIR it has one below for each of its versions."""
    folder = os.environ.get("TORCH_EXTENSIONS_DIR")
    return Path(folder or os.path.expanduser("~/.cache/torch_extensions")) / FILE


def _read() -> dict[str, Any]:
    try:
        with _path().open("rb") as file:
            found = json.loads(file.read(MAX_BYTES))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _note(library: Path) -> dict[str, Any]:
    return {"library": str(library), "is": _stat(library), "builtWith": _built_with()}


def _stat(path: Path | str | None) -> list[int]:
    """Of a file that is not there: nothing, which no file equals."""
    try:
        found = os.stat(path or "")
    except OSError:
        return []
    return [found.st_size, found.st_mtime_ns]


def _built_with() -> str:
    """The host (ops are built for its CPU), Python, the packages, the compilers and the environment."""
    files: list[str | None] = [_origin(name) for name in PACKAGES]
    files += [shutil.which(name) for name in (os.environ.get("CXX", "c++"), "nvcc")]
    environment = sorted((k, v) for k, v in os.environ.items() if not k.startswith(OURS))
    all_of_it = [os.uname().nodename, sys.version, [(file, _stat(file)) for file in files], environment]
    return hashlib.sha256(json.dumps(all_of_it).encode()).hexdigest()


def _origin(package: str) -> str | None:
    """Found, not imported."""
    try:
        found = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    return found.origin if found is not None else None
