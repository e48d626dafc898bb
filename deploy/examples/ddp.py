#!/usr/bin/env python3
"""Plain torch DDP, as in its tutorial: no DeepSpeed, no transformers, no checkpoints.

    lockstep run --standalone --nproc-per-node 2 ddp.py --out result
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler

SAMPLES, FEATURES = 512, 16


def main() -> None:
    parser = argparse.ArgumentParser(description="Plain torch DDP.")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()

    on_gpu = torch.cuda.is_available()
    dist.init_process_group("nccl" if on_gpu else "gloo")
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if on_gpu else torch.device("cpu")
    torch.manual_seed(1)
    inputs = torch.randn(SAMPLES, FEATURES)
    data = TensorDataset(inputs, inputs.sum(dim=1, keepdim=True).sin())
    sampler = DistributedSampler(data, seed=1)
    model = nn.Sequential(nn.Linear(FEATURES, 32), nn.ReLU(), nn.Linear(32, 1)).to(device)
    parallel = DistributedDataParallel(model, device_ids=[device.index] if on_gpu else None)
    optimizer = torch.optim.SGD(parallel.parameters(), lr=0.05)
    for epoch in range(arguments.epochs):
        sampler.set_epoch(epoch)
        for batch, wanted in DataLoader(data, batch_size=32, sampler=sampler):
            loss = nn.functional.mse_loss(parallel(batch.to(device)), wanted.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    mean = loss.detach()
    dist.all_reduce(mean)
    if dist.get_rank() == 0:
        result = {"loss": round(float(mean) / dist.get_world_size(), 6), "world": dist.get_world_size()}
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / "result.json").write_text(json.dumps(result))
        torch.save(model.state_dict(), arguments.out / "model.pt")
        print("result", json.dumps(result), flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
