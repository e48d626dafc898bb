"""Makes real checkpoints, and goes on from them: a tiny HF Trainer with DeepSpeed, or DeepSpeed alone, on the CPU.

    torchrun --standalone --nproc-per-node 2 real_checkpoints.py hf --stage 2 --out DIR --steps 4

Every sample is the same on every rank, so the loss does not depend on how many ranks there are. The last line of rank
0 is `losses {"1": …}`: the loss of each step of this run.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("DS_ACCELERATOR", "cpu")

import torch

VOCABULARY, LENGTH, SAMPLES = 32, 8, 256


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("layout", choices=("hf", "plain"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--stage", type=int, default=2)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--save-steps", type=int, default=2)
    parser.add_argument("--resume_from_checkpoint")
    parser.add_argument("--deepspeed", type=Path, help="configuration in place of the one for --stage")
    return parser.parse_args()


def configuration(arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.deepspeed:
        loaded: dict[str, Any] = json.loads(arguments.deepspeed.read_text(encoding="utf-8"))
        return loaded
    return {
        "train_micro_batch_size_per_gpu": 4,
        "gradient_accumulation_steps": 1,
        "zero_optimization": {"stage": arguments.stage},
        "bf16": {"enabled": True},
        "optimizer": {"type": "AdamW", "params": {"lr": 0.01, "torch_adam": True}},
        "zero_allow_untested_optimizer": True,
    }


def hf(arguments: argparse.Namespace) -> dict[int, float]:
    from torch.utils.data import Dataset
    from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments, set_seed

    class Same(Dataset):
        def __len__(self) -> int:
            return SAMPLES

        def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
            ids = torch.arange(LENGTH) % VOCABULARY
            return {"input_ids": ids, "labels": ids}

    losses: dict[int, float] = {}

    class Losses(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
            if logs and "loss" in logs:
                losses[state.global_step] = logs["loss"]

    set_seed(1)
    size = {"n_embd": 16, "n_layer": 1, "n_head": 2, "attn_pdrop": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0}
    model = GPT2LMHeadModel(
        GPT2Config(vocab_size=VOCABULARY, n_positions=LENGTH, bos_token_id=0, eos_token_id=0, **size)
    )
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(arguments.out),
            max_steps=arguments.steps,
            save_steps=arguments.save_steps,
            logging_steps=1,
            per_device_train_batch_size=4,
            learning_rate=0.01,
            lr_scheduler_type="constant",
            report_to=[],
            seed=1,
            bf16=True,
            use_cpu=True,
            deepspeed=configuration(arguments),
        ),
        train_dataset=Same(),
        callbacks=[Losses()],
    )
    trainer.train(resume_from_checkpoint=arguments.resume_from_checkpoint)
    return losses if trainer.is_world_process_zero() else {}


def plain(arguments: argparse.Namespace) -> dict[int, float]:
    import deepspeed

    deepspeed.init_distributed()
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Linear(LENGTH, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))
    engine, _, _, _ = deepspeed.initialize(
        model=model, model_parameters=model.parameters(), config=configuration(arguments)
    )
    if arguments.resume_from_checkpoint:
        chosen = Path(arguments.resume_from_checkpoint)
        engine.load_checkpoint(str(chosen.parent), tag=chosen.name)
    losses = {}
    inputs = torch.linspace(-1, 1, 4 * LENGTH).reshape(4, LENGTH).bfloat16()
    wanted = inputs.float().sum(dim=1, keepdim=True).sin().bfloat16()
    while engine.global_steps < arguments.steps:
        loss = torch.nn.functional.mse_loss(engine(inputs), wanted)
        engine.backward(loss)
        engine.step()
        losses[engine.global_steps] = round(float(loss), 4)
        if engine.global_steps % arguments.save_steps == 0:
            engine.save_checkpoint(str(arguments.out))
    return losses if torch.distributed.get_rank() == 0 else {}


def main() -> None:
    arguments = parse()
    losses = hf(arguments) if arguments.layout == "hf" else plain(arguments)
    if losses:
        print("losses", json.dumps(losses), flush=True)
    # gloo now and then aborts a process that takes its groups down: leave without
    torch.distributed.barrier()
    os._exit(0)


if __name__ == "__main__":
    main()
