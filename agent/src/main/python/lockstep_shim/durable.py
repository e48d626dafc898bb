"""Owns writing small files so that they survive a crash whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Replaces a file atomically; writing the same value again is harmless."""
    data = (json.dumps(value, allow_nan=False) + "\n").encode()
    temporary = path.with_name(path.name + ".tmp")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        write_all(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)
    os.replace(temporary, path)
    sync_folder(path.parent)


def create_once(path: Path, text: str) -> bool:
    """Creates a file that must not be there yet; False when it is. Synced before it returns."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return False
    try:
        write_all(fd, text.encode())
        os.fsync(fd)
    finally:
        os.close(fd)
    sync_folder(path.parent)
    return True


def remove(path: Path) -> None:
    """Removes a file and syncs its folder; gone already counts as done."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def write_all(fd: int, data: bytes) -> None:
    """Writes everything or raises."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def sync_folder(folder: Path) -> None:
    """Makes names in a folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
