#!/usr/bin/env python3
"""HF Trainer without DeepSpeed, on a tiny model with random weights and made-up text.

    lockstep run --standalone --nproc-per-node 2 hf_trainer.py --output_dir result

The Trainer resumes by --resume_from_checkpoint, which Lockstep adds after a failure.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from torch.utils.data import Dataset
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments, set_seed

VOCABULARY, LENGTH, SAMPLES = 64, 16, 64


class Counting(Dataset):
    """Lines that count on from somewhere: 5 6 7 8 …"""

    def __len__(self) -> int:
        return SAMPLES

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        ids = torch.arange(index, index + LENGTH) % VOCABULARY
        return {"input_ids": ids, "labels": ids}


def main() -> None:
    parser = argparse.ArgumentParser(description="HF Trainer on a tiny model.")
    parser.add_argument("--output_dir", type=Path, required=True)
    parser.add_argument("--max_steps", type=int, default=4)
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
            save_steps=2,
            logging_steps=2,
            per_device_train_batch_size=4,
            report_to=[],
            seed=1,
            use_cpu=not torch.cuda.is_available(),
        ),
        train_dataset=Counting(),
    )
    outcome = trainer.train(resume_from_checkpoint=arguments.resume_from_checkpoint)
    if trainer.is_world_process_zero():
        result = {"loss": round(outcome.training_loss, 6), "steps": outcome.global_step, "world": trainer.args.world_size}
        (arguments.output_dir / "result.json").write_text(json.dumps(result))
        print("result", json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
