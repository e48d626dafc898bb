"""Owns what HF's Trainer does with Lockstep: LockstepCallback, or a script run with it, without a change.

    from lockstep.hf import LockstepCallback
    trainer = Trainer(..., callbacks=[LockstepCallback()])

    python -m lockstep.hf pretraining.py --num_train_epochs 1    # the same for a script as it is

With it step, loss and saves are told exactly; each checkpoint gets a manifest, so that it is complete exactly when it
says so; and a planned stop (drain, cancel --checkpoint) saves first and loses no step. Outside Lockstep it only writes
the manifests.
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

if __package__ in (None, ""):  # run as a file: its folder is on sys.path, not the package's
    sys.path.append(str(Path(__file__).resolve().parent.parent))

from lockstep.attempt import Attempt, remove_manifest, sync_files, write_manifest


class LockstepCallback(TrainerCallback):
    """Tells Lockstep how training goes, and saves when it is asked to.

    RATIONALE, agreement. Saving is collective: all ranks must decide for it at the same step, but a request reaches
    each node when it reaches it. So each step carries one number, whether anybody was asked, reduced over all ranks in
    a process group of its own on the CPU (gloo). It is sent off when the step begins and read when it ends: it costs
    no time of the step, and does not make the GPU wait.
    """

    def __init__(self) -> None:
        self._attempt = Attempt()
        self._group: Any = None
        self._asked: Any = None
        self._reduction: Any = None
        self._is_ours = False

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Joins the ranks, and says that a checkpoint can be asked for."""
        import torch.distributed as dist

        if self._group is None and dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
            self._group = dist.new_group(backend="gloo")
        self._attempt.report(step=state.global_step, totalSteps=state.max_steps)
        self._attempt.begin()

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Asks all ranks whether anybody was asked."""
        import torch

        self._asked = torch.tensor([int(self._attempt.is_checkpoint_asked)])
        if self._group is not None:
            self._reduction = torch.distributed.all_reduce(
                self._asked, op=torch.distributed.ReduceOp.MAX, group=self._group, async_op=True
            )

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Reports the step; decides, with all ranks, for a save."""
        self._attempt.report(step=state.global_step, totalSteps=state.max_steps)
        if self._reduction is not None:
            self._reduction.wait()
            self._reduction = None
        if self._asked is not None and bool(self._asked.item()):
            self._is_ours = True
            control.should_save = True
        self._begin_save(args, state, control)

    def on_epoch_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """As after a step: an epoch's end may save too."""
        self._begin_save(args, state, control)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Reports the losses."""
        said = logs or {}
        self._attempt.report(
            step=state.global_step, loss=_number(said.get("loss")), evalLoss=_number(said.get("eval_loss"))
        )

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """All ranks have written: makes it durable, lists it, and waits for the stop that asked for it."""
        checkpoint = _checkpoint(args, state)
        if args.local_process_index == 0 and os.path.isdir(checkpoint):
            sync_files(checkpoint)
        self._barrier()
        if _writes_manifest(args) and os.path.isdir(checkpoint):
            write_manifest(checkpoint, state.global_step, args.world_size)
        self._barrier()
        self._attempt.saved(checkpoint, state.global_step, self._is_ours)
        if self._is_ours:
            self._attempt.await_stop()
            self._is_ours = False

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Nothing can be saved any more."""
        self._attempt.end()

    def _begin_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl) -> None:
        if control.should_save and _writes_manifest(args):
            remove_manifest(_checkpoint(args, state))

    def _barrier(self) -> None:
        if self._group is not None:
            import torch.distributed as dist

            dist.barrier(group=self._group)


def _writes_manifest(args: TrainingArguments) -> bool:
    return bool((args.local_process_index if args.save_on_each_node else args.process_index) == 0)


def _checkpoint(args: TrainingArguments, state: TrainerState) -> str:
    return os.path.join(str(args.output_dir), f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}")


def _number(value: Any) -> float | None:
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        return None


def main(arguments: list[str]) -> None:
    """Runs a script as Python would, every Trainer in it with the callback."""
    if not arguments:
        sys.exit("usage: python -m lockstep.hf SCRIPT ARGUMENTS…")
    from transformers import trainer

    trainer.DEFAULT_CALLBACKS.append(LockstepCallback)
    sys.argv = arguments
    sys.path[0] = str(Path(arguments[0]).resolve().parent)
    runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
