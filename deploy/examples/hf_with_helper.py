#!/usr/bin/env python3
"""HF Trainer with Lockstep's helper, on a tiny model: exact progress, manifests, and no step lost by a drain.

    lockstep run --standalone --nproc-per-node 2 hf_with_helper.py --output_dir result

It runs as well under plain torchrun: then the helper is not there, and is not missed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from torch.utils.data import Dataset
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments, set_seed

VOCABULARY, LENGTH, SAMPLES = 64, 16, 4096


class Counting(Dataset):
    """Lines that count on from somewhere: 5 6 7 8 …"""

    def __len__(self) -> int:
        return SAMPLES

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        ids = torch.arange(index, index + LENGTH) % VOCABULARY
        return {"input_ids": ids, "labels": ids}


class Slow(TrainerCallback):
    """Takes its time and notes each step, so that there is something to watch."""

    def __init__(self, seconds: float, record: Path | None) -> None:
        self._seconds = seconds
        self._record = record

    def on_step_end(self, args, state, control, **_) -> None:
        time.sleep(self._seconds)
        if self._record and state.is_world_process_zero:
            with self._record.open("a", encoding="utf-8") as file:
                file.write(f"{os.environ.get('LOCKSTEP_ATTEMPT', '0')} {state.global_step}\n")


def helper() -> list[TrainerCallback]:
    """Lockstep's callback, where this runs under Lockstep."""
    sys.path.append(os.environ.get("LOCKSTEP_HELPER_PATH", ""))
    try:
        from lockstep.hf import LockstepCallback
    except ImportError:
        return []
    return [LockstepCallback()]


def main() -> None:
    parser = argparse.ArgumentParser(description="HF Trainer with Lockstep's helper.")
    parser.add_argument("--output_dir", type=Path, required=True)
    parser.add_argument("--max_steps", type=int, default=50)
    parser.add_argument("--save_steps", type=int, default=1000)
    parser.add_argument("--step_seconds", type=float, default=0.0)
    parser.add_argument("--record", type=Path, help="rank 0 appends a line per step: attempt and step")
    parser.add_argument("--resume_from_checkpoint")
    arguments = parser.parse_args()

    set_seed(1)
    model = GPT2LMHeadModel(
        GPT2Config(vocab_size=VOCABULARY, n_positions=LENGTH, n_embd=32, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0)
    )
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(arguments.output_dir),
            max_steps=arguments.max_steps,
            save_steps=arguments.save_steps,
            logging_steps=5,
            per_device_train_batch_size=4,
            report_to=[],
            seed=1,
            use_cpu=not torch.cuda.is_available(),
        ),
        train_dataset=Counting(),
        callbacks=[Slow(arguments.step_seconds, arguments.record), *helper()],
    )
    trainer.train(resume_from_checkpoint=arguments.resume_from_checkpoint)


if __name__ == "__main__":
    main()
