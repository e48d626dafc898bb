#!/usr/bin/env python3
"""A bare torch training loop (no DeepSpeed, no transformers) whose start costs seconds, with faults on request.

    torchrun --nnodes 1 --nproc-per-node 2 bare_train.py --steps 50 --save-steps 10 --output_dir out

It fits a small linear model with gradients summed over all ranks, prints `step=N loss=X` from rank 0, and writes
checkpoint-N folders; the data depend on seed, step and rank alone, so a resumed run ends with the loss of an
uninterrupted one. Faults: --fail-at-step, --hang-at-step, --ignore-term, --fork-grandchildren.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import struct
import sys
import time
from datetime import timedelta
from pathlib import Path

FEATURES = 64
BATCH = 32
LEARNING_RATE = 0.05
GRANDCHILD_SECONDS = 3600  # even a forgotten one ends
FAILURE_EXIT_CODE = 7


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A bare torch training loop with faults on request.", allow_abbrev=False)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--step-seconds", type=float, default=0.1, help="least time a step takes (default 0.1)")
    parser.add_argument("--save-steps", type=int, default=0, help="checkpoint every so many steps; 0: never")
    parser.add_argument("--save-seconds", type=float, default=0.0, help="least time a checkpoint takes")
    parser.add_argument("--eval-steps", type=int, default=0, help="evaluate every so many steps; 0: never")
    parser.add_argument("--eval-seconds", type=float, default=0.0, help="time that an evaluation takes")
    parser.add_argument("--output_dir", "--output-dir", type=Path, default=os.environ.get("OUTPUT_DIR") or None)
    parser.add_argument("--resume_from_checkpoint", "--resume-from-checkpoint", type=Path)
    parser.add_argument(
        "--layout",
        choices=("hf-deepspeed", "plain"),
        default="hf-deepspeed",
        help="of a checkpoint: files named as HF Trainer with DeepSpeed ZeRO-2 names them, or state.pt alone",
    )
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--cpu", action="store_true", help="CPU and gloo even where a GPU is present")
    parser.add_argument("--timeout-seconds", type=float, default=1800, help="of the process group (default 1800)")
    parser.add_argument("--record", type=Path, metavar="FILE", help="every rank appends one JSON line per step")
    faults = parser.add_argument_group("faults")
    faults.add_argument("--fail-at-step", type=int, metavar="N", help="fail before step N is done")
    faults.add_argument("--fail-rank", type=int, default=0, metavar="R", help="on this rank (default 0; -1: all)")
    faults.add_argument("--fail-with", choices=("exception", "exit", "kill"), default="exception")
    faults.add_argument("--fail-once", type=Path, metavar="MARKER", help="only if MARKER is absent; it is made first")
    faults.add_argument("--hang-at-step", type=int, metavar="N", help="sleep for ever before step N is done")
    faults.add_argument("--hang-rank", type=int, default=0, metavar="R", help="on this rank (default 0; -1: all)")
    faults.add_argument("--ignore-term", action="store_true", help="SIGTERM has no effect")
    faults.add_argument("--fork-grandchildren", action="store_true", help="leave a child and an orphan in a session of its own")
    faults.add_argument(
        "--term-checkpoint-seconds", type=float, metavar="S", help="on SIGTERM save a checkpoint that takes S seconds, then exit 0"
    )
    arguments = parser.parse_args()
    missing = [name for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT") if name not in os.environ]
    if missing:
        parser.error(f"{', '.join(missing)} not set: start this with torchrun or lockstep")
    if (arguments.save_steps or arguments.term_checkpoint_seconds is not None) and not arguments.output_dir:
        parser.error("checkpoints need --output_dir (or OUTPUT_DIR)")
    resume = arguments.resume_from_checkpoint
    if resume and str(resume) != "." and not (resume / "trainer_state.json").is_file():
        parser.error(f"--resume_from_checkpoint {resume}: no trainer_state.json there")
    return arguments


def main(arguments: argparse.Namespace) -> int:
    termination = watch_for_term(arguments)
    if arguments.fork_grandchildren:
        fork_grandchildren(arguments)

    import torch
    import torch.distributed as dist

    rank, world_size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    on_gpu = torch.cuda.is_available() and not arguments.cpu
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if on_gpu else torch.device("cpu")
    if on_gpu:
        torch.cuda.set_device(device)
    else:
        torch.set_num_threads(1)
    dist.init_process_group("nccl" if on_gpu else "gloo", timeout=timedelta(seconds=arguments.timeout_seconds))

    done, weights = 0, torch.zeros(FEATURES, device=device)
    if arguments.resume_from_checkpoint and str(arguments.resume_from_checkpoint) != ".":
        done, weights = load(arguments.resume_from_checkpoint, device)
        if rank == 0:
            print(f"resumed from {arguments.resume_from_checkpoint} at step {done}", flush=True)

    for step in range(done + 1, arguments.steps + 1):
        started = time.monotonic()
        fault(arguments, step, rank)
        loss, gradient = loss_and_gradient(weights, arguments.seed, step, rank)
        # One all-reduce carries gradient, loss and "somebody got SIGTERM", so that all ranks leave at the same step.
        message = torch.cat([gradient, loss.reshape(1), torch.tensor([float(termination.asked)], device=device)])
        dist.all_reduce(message)
        weights = weights - LEARNING_RATE * message[:FEATURES] / world_size
        time.sleep(max(0.0, arguments.step_seconds - (time.monotonic() - started)))
        if rank == 0:
            print(f"step={step} loss={float(message[FEATURES]) / world_size:.6f}", flush=True)
        record(arguments.record, step, rank)
        if arguments.eval_steps and step % arguments.eval_steps == 0:
            time.sleep(arguments.eval_seconds)  # without a bar, and without using anything
            if rank == 0:
                print(f"eval_loss={float(message[FEATURES]) / world_size:.6f}", flush=True)
        leaving = float(message[FEATURES + 1]) > 0
        if leaving:
            save(arguments, step, weights, rank, world_size, arguments.term_checkpoint_seconds)
            if rank == 0:
                print(f"saved step {step} on SIGTERM, leaving", flush=True)
            break
        if arguments.save_steps and (step % arguments.save_steps == 0 or step == arguments.steps):
            save(arguments, step, weights, rank, world_size, arguments.save_seconds)
    dist.barrier()
    dist.destroy_process_group()
    return 0


class Termination:
    """Whether SIGTERM has come; the handler only sets the flag."""

    asked = False

    def ask(self, *_: object) -> None:
        self.asked = True


def watch_for_term(arguments: argparse.Namespace) -> Termination:
    termination = Termination()
    if arguments.ignore_term:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    elif arguments.term_checkpoint_seconds is not None:
        signal.signal(signal.SIGTERM, termination.ask)
    return termination


def fork_grandchildren(arguments: argparse.Namespace) -> None:
    """A child in this session and an orphan in its own: what a DataLoader or a careless script leaves behind."""
    if os.fork() == 0:
        sleep_as("child", arguments)
    between = os.fork()
    if between == 0:
        os.setsid()
        if os.fork() == 0:
            sleep_as("orphan", arguments)
        os._exit(0)
    os.waitpid(between, 0)


def sleep_as(role: str, arguments: argparse.Namespace) -> None:
    append(arguments.record, {"time": time.time(), "role": role, "pid": os.getpid(), "rank": int(os.environ["RANK"])})
    time.sleep(GRANDCHILD_SECONDS)
    os._exit(0)


def loss_and_gradient(weights, seed: int, step: int, rank: int):
    import torch

    generator = torch.Generator().manual_seed((seed * 1_000_003 + step) * 1_009 + rank)
    inputs = torch.randn(BATCH, FEATURES, generator=generator)
    noise = 0.1 * torch.randn(BATCH, generator=generator)
    truth = torch.linspace(-1.0, 1.0, FEATURES)
    inputs, targets = inputs.to(weights.device), (inputs @ truth + noise).to(weights.device)
    error = inputs @ weights - targets
    return (error * error).mean(), 2.0 * (inputs.T @ error) / BATCH


def fault(arguments: argparse.Namespace, step: int, rank: int) -> None:
    if step == arguments.hang_at_step and arguments.hang_rank in (rank, -1) and is_first_time(arguments.fail_once):
        print(f"rank {rank} hangs at step {step}, as asked", file=sys.stderr, flush=True)
        while True:
            time.sleep(3600)
    if step == arguments.fail_at_step and arguments.fail_rank in (rank, -1) and is_first_time(arguments.fail_once):
        print(f"rank {rank} fails at step {step}, as asked", file=sys.stderr, flush=True)
        if arguments.fail_with == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if arguments.fail_with == "exit":
            os._exit(FAILURE_EXIT_CODE)
        raise RuntimeError(f"failed at step {step} on rank {rank}, as asked")


def is_first_time(marker: Path | None) -> bool:
    if marker is None:
        return True
    try:
        os.close(os.open(marker, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        return True
    except FileExistsError:
        return False


def record(file: Path | None, step: int, rank: int) -> None:
    append(
        file,
        {
            "time": time.time(),
            "attempt": int(os.environ.get("LOCKSTEP_ATTEMPT") or 0),
            "node": os.environ.get("LOCKSTEP_NODE", ""),
            "nodeRank": int(os.environ.get("GROUP_RANK") or 0),
            "rank": rank,
            "step": step,
            "pid": os.getpid(),
        },
    )


def append(file: Path | None, entry: dict[str, object]) -> None:
    if file is None:
        return
    descriptor = os.open(file, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o644)
    try:
        os.write(descriptor, (json.dumps(entry) + "\n").encode())  # one write, so that lines of several ranks never mix
    finally:
        os.close(descriptor)


def load(checkpoint: Path, device):
    import torch

    state = torch.load(checkpoint / "state.pt", map_location=device, weights_only=True)
    return int(state["step"]), state["weights"]


def save(arguments: argparse.Namespace, step: int, weights, rank: int, world_size: int, seconds: float) -> None:
    """Writes checkpoint-<step> beside its final name, trainer_state.json last, and renames it once all ranks wrote."""
    import torch
    import torch.distributed as dist

    started = time.monotonic()
    final: Path = arguments.output_dir / f"checkpoint-{step}"
    writing: Path = arguments.output_dir / f".checkpoint-{step}.writing"
    as_deepspeed = arguments.layout == "hf-deepspeed"
    tag = f"global_step{step}"
    if rank == 0:
        shutil.rmtree(writing, ignore_errors=True)
        (writing / tag if as_deepspeed else writing).mkdir(parents=True)
    dist.barrier()
    if as_deepspeed:
        torch.save({"step": step, "rank": rank}, writing / tag / f"bf16_zero_pp_rank_{rank}_mp_rank_00_optim_states.pt")
        torch.save({"rank": rank}, writing / ("rng_state.pth" if world_size == 1 else f"rng_state_{rank}.pth"))
    time.sleep(max(0.0, seconds - (time.monotonic() - started)))
    dist.barrier()
    if rank == 0:
        if as_deepspeed:
            torch.save({"step": step}, writing / tag / "mp_rank_00_model_states.pt")
            (writing / "latest").write_text(tag)
            (writing / "model.safetensors").write_bytes(empty_safetensors())
        torch.save({"step": step, "weights": weights.cpu()}, writing / "state.pt")
        state = {"global_step": step, "max_steps": arguments.steps, "world_size": world_size}
        with open(writing / "trainer_state.json", "w", encoding="utf-8") as file:
            json.dump(state, file)
            file.flush()
            os.fsync(file.fileno())
        shutil.rmtree(final, ignore_errors=True)
        writing.rename(final)
    dist.barrier()


def empty_safetensors() -> bytes:
    header = b'{"__metadata__":{"format":"pt"}}'
    return struct.pack("<Q", len(header)) + header


def recorded(arguments: argparse.Namespace) -> int:
    """main, with what it raises written to the error file that torchrun names."""
    from torch.distributed.elastic.multiprocessing.errors import record as record_errors

    return record_errors(main)(arguments)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(recorded(parse_arguments()))
    sys.exit(130)
