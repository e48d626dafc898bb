"""The script that all launchers run in the benchmarks: every rank notes when each of its steps was done.

Appends to PROBE_DIR/RANK-HOST-PID.steps, one line a step: epoch seconds and the number of the step. With PROBE_SAVE=N
rank 0 saves each N steps, and a new process goes on from what was saved.
"""

import os
import time
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist

STEP_SECONDS = 0.05

dist.init_process_group("gloo", timeout=timedelta(seconds=300))
rank = dist.get_rank()
folder = Path(os.environ["PROBE_DIR"])
host = os.environ.get("PROBE_HOST") or os.environ["LOCKSTEP_NODE"]
save = int(os.environ.get("PROBE_SAVE", "0"))
saved = folder / "saved"
begin = torch.tensor([int(saved.read_text()) if save and saved.exists() else 0])
dist.broadcast(begin, 0)
with open(folder / f"{rank}-{host}-{os.getpid()}.steps", "w", buffering=1) as log:
    for step in range(int(begin) + 1, 100_000_000):
        dist.all_reduce(torch.ones(8))
        log.write(f"{time.time():.3f} {step}\n")
        if rank == 0:
            print(f"step={step}", flush=True)
            if save and step % save == 0:
                (folder / "saving").write_text(str(step))
                os.replace(folder / "saving", saved)
        time.sleep(STEP_SECONDS)
