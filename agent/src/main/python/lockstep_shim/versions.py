"""Owns what an interpreter has: versions of what ranks must have alike, and whether an op can be built for it.

Run by that interpreter, `python versions.py`; imports no package, since torch alone takes seconds.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import sysconfig

PACKAGES = ("torch", "deepspeed", "transformers", "accelerate")
NCCL_PREFIX = "nvidia-nccl-cu"


def facts() -> dict[str, object]:
    """Versions by name; where packages lie, as their folders' times tell when one was changed."""
    from importlib import metadata

    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    for major in ("12", "13", "11", "14"):
        try:
            versions["nccl"] = metadata.version(NCCL_PREFIX + major)
            break
        except metadata.PackageNotFoundError:
            continue
    include = sysconfig.get_paths().get("include", "")
    return {
        "versions": versions,
        "headers": os.path.isfile(os.path.join(include, "Python.h")),
        "include": include,
        "folders": [folder for folder in sys.path if os.path.isdir(folder)],
    }


if __name__ == "__main__":
    sys.path.pop(0)  # this file's own folder is no package's
    print(json.dumps(facts()))
