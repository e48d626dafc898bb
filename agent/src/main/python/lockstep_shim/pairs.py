"""Owns one node's part of a pair check: a matmul alone, then all-gathers with the other nodes of its group.

Run by the workers' interpreter. Prints a line of JSON per stage that it enters, and one with what it measured or why
not. It ends by itself at its limit, and when its standard input is closed: then whoever wanted the answer is gone.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import statistics
import sys
import threading
import time
from datetime import timedelta
from typing import Any, NoReturn

MATMULS = 5
GATHERS = 5
CPU_SIDE = 1_024
CPU_BYTES = 4 << 20
GPU_SIDE = 8_192
GPU_MATMULS_AT_ONCE = 20
GPU_BYTES = 64 << 20
MAX_ERROR_CHARACTERS = 400
# torch's own error comes before the limit, where it has one: it says more.
OWN_ERROR_SECONDS = 3.0
# For the kernel, should Python itself be stuck.
ALARM_SECONDS = 2.0
FAILED = 1
# In torch's text: another program took the port since it was chosen, which says nothing of the nodes.
PORT_TAKEN = "EADDRINUSE"
# torch adds a stack of its own to its messages.
STACK = "Exception raised from"
AT_WORK = {
    "import": "importing torch",
    "matmul": "multiplying",
    "join": "waiting for the others",
    "gather": "gathering with the others",
}


class Run:
    """How far the program is; the first end that is told is the only one."""

    def __init__(self, limit: float) -> None:
        self.deadline = time.monotonic() + limit
        self.limit = limit
        self.stage = "import"
        self._told = threading.Lock()

    def left(self) -> float:
        return max(0.1, self.deadline - time.monotonic())

    def enter(self, stage: str) -> None:
        self.stage = stage
        print(json.dumps({"stage": stage}), flush=True)

    def end(self, answer: dict[str, Any], code: int) -> NoReturn:
        """Does not wait for threads of torch: a collective that hangs never ends."""
        if self._told.acquire(timeout=ALARM_SECONDS):
            print(json.dumps(answer), flush=True)
        os._exit(code)

    def fail(self, why: str, without_torch: bool = False) -> NoReturn:
        text = " ".join(why.partition(STACK)[0].split())
        self.end(
            {
                "stage": self.stage,
                "error": text[:MAX_ERROR_CHARACTERS],
                "portTaken": PORT_TAKEN in text,
                "withoutTorch": without_torch,
            },
            FAILED,
        )

    def watch(self) -> None:
        """Ends the program when it must end; on a thread of its own."""
        while True:
            readable, _, _ = select.select([sys.stdin], [], [], self.left())
            if readable and not os.read(sys.stdin.fileno(), 1):
                os._exit(FAILED)
            if time.monotonic() >= self.deadline:
                self.fail(f"still {AT_WORK[self.stage]} after {self.limit:g} s")


def main() -> None:
    """Reads like the check: alone, join, gather, told."""
    order = _order()
    run = Run(order.limit)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, order.limit + ALARM_SECONDS)
    threading.Thread(target=run.watch, daemon=True).start()
    run.enter("import")
    try:
        import torch
        import torch.distributed as dist

        run.enter("matmul")
        device, matmul = _matmul_on_gpus(torch) if order.gpu else ("cpu", _matmul_on_cpu(torch))
        run.enter("join")
        _join(dist, order, run)
        run.enter("gather")
        gather, size = _gather(torch, dist, order)
    except ModuleNotFoundError as e:
        run.fail(f"{type(e).__name__}: {e}", without_torch=e.name == "torch")
    except Exception as e:  # whatever it is, the asker is to hear it
        run.fail(f"{type(e).__name__}: {e}")
    run.end(
        {
            "device": device,
            "matmulSeconds": matmul,
            "gatherSeconds": gather,
            "bytes": size,
            "bytesPerSecond": size * (order.nodes - 1) / gather,
        },
        0,
    )


def _order() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="pairs.py", description="One node's part of a pair check.")
    parser.add_argument("--rank", type=int, required=True)
    parser.add_argument("--nodes", type=int, required=True)
    parser.add_argument("--address", required=True, help="of rank 0")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--limit", type=float, required=True, help="in seconds")
    parser.add_argument("--gpu", action="store_true", help="NCCL on the first GPU, a matmul on each")
    return parser.parse_args()


def _matmul_on_cpu(torch: Any) -> float:
    """Seconds of the best one, on one core: what else runs there counts little."""
    torch.set_num_threads(1)
    a = torch.rand(CPU_SIDE, CPU_SIDE)
    b = torch.rand(CPU_SIDE, CPU_SIDE)
    times = []
    for _ in range(MATMULS):
        began = time.perf_counter()
        torch.matmul(a, b)
        times.append(time.perf_counter() - began)
    return min(times)


def _matmul_on_gpus(torch: Any) -> tuple[str, float]:
    """Name of the first GPU, and seconds of the best matmul on the slowest one."""
    if not torch.cuda.is_available():
        raise RuntimeError("this node has GPUs, and torch sees none; torch.version.cuda is " + str(torch.version.cuda))
    slowest = 0.0
    for index in range(torch.cuda.device_count()):
        a = torch.rand(GPU_SIDE, GPU_SIDE, device=f"cuda:{index}", dtype=torch.bfloat16)
        b = torch.rand(GPU_SIDE, GPU_SIDE, device=f"cuda:{index}", dtype=torch.bfloat16)
        torch.matmul(a, b)
        times = []
        for _ in range(MATMULS):
            torch.cuda.synchronize(index)
            began = time.perf_counter()
            for _ in range(GPU_MATMULS_AT_ONCE):
                torch.matmul(a, b)
            torch.cuda.synchronize(index)
            times.append((time.perf_counter() - began) / GPU_MATMULS_AT_ONCE)
        slowest = max(slowest, min(times))
    torch.cuda.set_device(0)
    return torch.cuda.get_device_name(0), slowest


def _join(dist: Any, order: argparse.Namespace, run: Run) -> None:
    # NCCL's own watchdog aborts the process at its timeout, without a word: ours comes first.
    timeout = timedelta(seconds=run.left() + run.limit if order.gpu else max(1.0, run.left() - OWN_ERROR_SECONDS))
    store = dist.TCPStore(
        order.address,
        order.port,
        order.nodes,
        is_master=order.rank == 0,
        timeout=timedelta(seconds=max(1.0, run.left() - OWN_ERROR_SECONDS)),
    )
    dist.init_process_group(
        "nccl" if order.gpu else "gloo", store=store, rank=order.rank, world_size=order.nodes, timeout=timeout
    )


def _gather(torch: Any, dist: Any, order: argparse.Namespace) -> tuple[float, int]:
    """Seconds of the median one, and bytes that each node gives."""
    device = "cuda:0" if order.gpu else "cpu"
    size = GPU_BYTES if order.gpu else CPU_BYTES
    own = torch.full((size // 4,), float(order.rank + 1), device=device)
    all_of_them = [torch.zeros_like(own) for _ in range(order.nodes)]
    times = []
    for turn in range(GATHERS + 1):
        began = time.perf_counter()
        dist.all_gather(all_of_them, own)
        if order.gpu:
            torch.cuda.synchronize()
        if turn > 0:  # the first one makes the connections
            times.append(time.perf_counter() - began)
    for rank, part in enumerate(all_of_them):
        if not bool((part == float(rank + 1)).all()):
            raise RuntimeError(f"what came from rank {rank} is not what it sent")
    return statistics.median(times), size


if __name__ == "__main__":
    sys.path.pop(0)  # this file's own folder is no package's
    main()
