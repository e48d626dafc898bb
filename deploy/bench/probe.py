"""The script that all launchers run in the recovery benchmark: every rank notes when each of its steps was done.

PROBE_DIR=DIR torchrun --nproc-per-node 2 probe.py     # appends to DIR/RANK-PID.jsonl
"""

import os
import time
from datetime import timedelta

import torch
import torch.distributed as dist

STEP_SECONDS = 0.05

dist.init_process_group("gloo", timeout=timedelta(seconds=300))
rank = dist.get_rank()
with open(f"{os.environ['PROBE_DIR']}/{rank}-{os.getpid()}.steps", "w", buffering=1) as log:
    for step in range(1, 1_000_000):
        dist.all_reduce(torch.ones(8))
        log.write(f"{time.time():.3f}\n")
        if rank == 0:
            print(f"step={step}", flush=True)
        time.sleep(STEP_SECONDS)
