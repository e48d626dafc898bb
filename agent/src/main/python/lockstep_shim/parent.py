"""Owns a process's end with that of its parent."""

from __future__ import annotations

import ctypes
import os

PR_SET_PDEATHSIG = 1


def end_with(pid: int, number: int) -> None:
    """From now on the kernel sends this signal when this parent is gone; ends at once if it is. Raises OSError."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "cannot ask to end with the parent")
    if os.getppid() != pid or pid == 1:
        os._exit(1)
