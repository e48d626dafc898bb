"""Owns the wait for the store that rank 0's torchrun opens, before another node's torchrun asks for it.

torchrun that is refused once waits up to 0.7 s before it tries again (measured, torch 2.13), and warm ones on several
nodes are there within milliseconds of each other.
"""

from __future__ import annotations

import socket
import time

FIRST_PAUSE_SECONDS = 0.005
LAST_PAUSE_SECONDS = 0.1
PAUSE_GROWS_BY = 1.2
CONNECT_SECONDS = 1.0
LIMIT_SECONDS = 30.0


def await_open(address: str, port: int, limit_seconds: float = LIMIT_SECONDS) -> bool:
    """True when somebody listens there; False after the limit: then torchrun goes on to wait by itself."""
    give_up = time.monotonic() + limit_seconds
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            socket.create_connection((address, port), CONNECT_SECONDS).close()
            return True
        except OSError:
            if time.monotonic() + pause >= give_up:
                return False
            time.sleep(pause)
            pause = min(pause * PAUSE_GROWS_BY, LAST_PAUSE_SECONDS)
