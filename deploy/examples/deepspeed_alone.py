#!/usr/bin/env python3
"""DeepSpeed's own loop without transformers: ZeRO-2, one checkpoint at the end.

    lockstep run --standalone --nproc-per-node 2 --checkpoint-format deepspeed --checkpoint-dir result \
        deepspeed_alone.py --out result

To resume, it takes the folder of checkpoints: --resume_from_checkpoint result.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import torch

if not torch.cuda.is_available():
    os.environ.setdefault("DS_ACCELERATOR", "cpu")  # read when deepspeed is imported

import deepspeed
from torch import nn

FEATURES, BATCH = 16, 8
CONFIG = {
    "train_micro_batch_size_per_gpu": BATCH,
    "optimizer": {"type": "SGD", "params": {"lr": 0.05}},
    "zero_optimization": {"stage": 2},
    "zero_allow_untested_optimizer": True,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="DeepSpeed alone.")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()

    deepspeed.init_distributed()
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(FEATURES, 32), nn.ReLU(), nn.Linear(32, 1))
    engine, _, _, _ = deepspeed.initialize(model=model, model_parameters=model.parameters(), config=CONFIG)
    rank, world = torch.distributed.get_rank(), torch.distributed.get_world_size()
    generator = torch.Generator().manual_seed(rank)
    for _ in range(arguments.steps):
        inputs = torch.randn(BATCH, FEATURES, generator=generator)
        wanted = inputs.sum(dim=1, keepdim=True).sin().to(engine.device)
        loss = nn.functional.mse_loss(engine(inputs.to(engine.device)), wanted)
        engine.backward(loss)
        engine.step()
    engine.save_checkpoint(str(arguments.out))
    mean = loss.detach().clone()
    torch.distributed.all_reduce(mean)
    if rank == 0:
        result = {"loss": round(float(mean) / world, 6), "steps": engine.global_steps, "world": world}
        (arguments.out / "result.json").write_text(json.dumps(result))
        print("result", json.dumps(result), flush=True)
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
