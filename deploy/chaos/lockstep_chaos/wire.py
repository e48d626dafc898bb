"""Owns bad wires where the kernel has no netem: frames pass through this process, which loses and delays them.

    python -m lockstep_chaos.wire LOSS_PERCENT DELAY_MS NAME_A=NAME_B…

For each pair it makes two tap devices and carries frames between them; it says `ready` on stdout when all are there.
"""

from __future__ import annotations

import fcntl
import heapq
import os
import random
import selectors
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
FRAME_BYTES = 65_536
MOST_WAITING = 100_000  # frames; what comes beyond is lost, as in any queue


def tap(name: str) -> int:
    """Makes a tap device; its descriptor, on which each read and write is one frame."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", name.encode("ascii"), IFF_TAP | IFF_NO_PI))
    return descriptor


def main(loss_percent: int, delay_ms: int, pairs: list[str]) -> None:
    """Carries frames until it is ended."""
    chance = random.Random(1)
    selector = selectors.DefaultSelector()
    for pair in pairs:
        one, other = (tap(name) for name in pair.split("="))
        selector.register(one, selectors.EVENT_READ, other)
        selector.register(other, selectors.EVENT_READ, one)
    print("ready", flush=True)
    waiting: list[tuple[float, int, int, bytes]] = []
    count = 0
    while True:
        until_next = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        for key, _ in selector.select(until_next):
            frame = _read(key.fd)
            if frame and chance.random() * 100 >= loss_percent and len(waiting) < MOST_WAITING:
                count += 1
                heapq.heappush(waiting, (time.monotonic() + delay_ms / 1000, count, key.data, frame))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, receiver, frame = heapq.heappop(waiting)
            _write(receiver, frame)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, FRAME_BYTES)
    except OSError:
        return b""  # the device is down


def _write(descriptor: int, frame: bytes) -> None:
    try:
        os.write(descriptor, frame)
    except OSError:
        pass  # the device is down, or its queue is full: the frame is lost


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
