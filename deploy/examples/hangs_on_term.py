#!/usr/bin/env python3
"""Goes on after SIGTERM, as a worker that is stuck in a collective does: only KILL ends it.

    lockstep run --standalone --nproc-per-node 2 --shutdown-timeout 3 hangs_on_term.py
"""

from __future__ import annotations

import os
import signal
import time

LONG_SECONDS = 600  # even a forgotten one ends


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: print("rank", os.environ["RANK"], "does not care for TERM", flush=True))
    print("rank", os.environ["RANK"], "works", flush=True)
    end = time.monotonic() + LONG_SECONDS
    while time.monotonic() < end:
        time.sleep(1)


if __name__ == "__main__":
    main()
