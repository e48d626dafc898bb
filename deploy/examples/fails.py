#!/usr/bin/env python3
"""Fails on rank 1 with an exception of its own, while rank 0 waits for it.

    lockstep run --standalone --nproc-per-node 2 fails.py
"""

from __future__ import annotations

import torch.distributed as dist
from torch.distributed.elastic.multiprocessing.errors import record


@record
def main() -> None:
    dist.init_process_group("gloo")
    if dist.get_rank() == 0:
        print("result so far: none", flush=True)
    if dist.get_rank() == 1:
        raise ValueError("the learning rate is negative, as asked")
    dist.barrier()


if __name__ == "__main__":
    main()
