#!/usr/bin/env python3
"""Pretrains a causal language model with HF Trainer and DeepSpeed, on local files only.

    torchrun --nproc-per-node 2 pretraining.py --model_name_or_path MODEL --train_file_dir TEXT --validation_file_dir TEXT \
        --output_dir OUT --cache_dir CACHE --deepspeed zero2.json

The flags are those of transformers' TrainingArguments and the ones below; the defaults are the well-known hand-run
script's (see DEFAULTS). MODEL_PATH, TOKENIZER_PATH, TRAIN_FILE_DIR, VALID_FILE_DIR, OUTPUT_DIR and CACHE_DIR stand in
for flags that are absent. Weights are random only with --random_weights.

A resumed run (--resume_from_checkpoint PATH) sees the data in the order of an uninterrupted one and ends with the same
loss. Exit codes: 0 done, 2 wrong flags or paths, 1 anything else.
"""

import contextlib
import difflib
import fcntl
import hashlib
import json
import math
import os
import shutil
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # everything is local; a typo in a path must not become a download
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # its threads and the forks of --preprocessing_num_workers do not mix

import torch
from torch.distributed.elastic.multiprocessing.errors import get_error_handler, record

if not torch.cuda.is_available():
    os.environ.setdefault("DS_ACCELERATOR", "cpu")  # read when deepspeed is imported

warnings.filterwarnings("ignore", message=".*gradient_checkpointing.* is deprecated.*", category=FutureWarning)

from datasets import Dataset, DatasetDict, concatenate_datasets, load_dataset, load_from_disk
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    HfArgumentParser,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    Trainer,
    TrainingArguments,
    default_data_collator,
    set_seed,
)

RECIPE = 1  # in the names of what is cached: change it when tokenising changes
END_OF_TEXT = "<|endoftext|>"
MAX_TOKENIZER_TRAINING_BYTES = 64 * 1024 * 1024
BYTES_PER_TOKENISING_WORKER = 4 * 1024 * 1024  # below this, starting a worker costs more than it saves
TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")
WEIGHT_FILES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)

# The hand-run script's values, for flags that are absent. --ignore_data_skip is not among them: with it a resumed run
# starts its epoch's data again from the beginning.
DEFAULTS = {
    "do_train": True,
    "do_eval": True,
    "seed": 42,
    "per_device_train_batch_size": 1,
    "per_device_eval_batch_size": 1,
    "gradient_accumulation_steps": 16,
    "num_train_epochs": 0.5,
    "learning_rate": 2e-4,
    "warmup_steps": 0.05,
    "weight_decay": 0.01,
    "logging_steps": 10,
    "logging_first_step": True,
    "eval_strategy": "steps",
    "eval_steps": 50,
    "save_steps": 500,
    "save_total_limit": 13,
    "ddp_timeout": 30000,
    "ddp_find_unused_parameters": False,
    "gradient_checkpointing": True,
    "remove_unused_columns": False,
    "report_to": "tensorboard",
}

ENVIRONMENT_DEFAULTS = {
    "model_name_or_path": "MODEL_PATH",
    "tokenizer_name_or_path": "TOKENIZER_PATH",
    "train_file_dir": "TRAIN_FILE_DIR",
    "validation_file_dir": "VALID_FILE_DIR",
    "output_dir": "OUTPUT_DIR",
    "cache_dir": "CACHE_DIR",
}

# Flags that transformers 5 no longer has, under the name that it now has for the same thing.
RENAMED_FLAGS = {
    "warmup_ratio": "warmup_steps",
    "evaluation_strategy": "eval_strategy",
    "no_cuda": "use_cpu",
    "per_gpu_train_batch_size": "per_device_train_batch_size",
    "per_gpu_eval_batch_size": "per_device_eval_batch_size",
    "torch_dtype": "dtype",
}
# Flags that it no longer has and that mean nothing here, with what holds instead.
DROPPED_FLAGS = {
    "overwrite_output_dir": "output_dir is never emptied; name a checkpoint with --resume_from_checkpoint, or another folder",
    "group_by_length": "all blocks have the same length",
}


class UsageError(Exception):
    """A flag or a path is wrong; the text says which, and what to do."""


@dataclass
class ModelArguments:
    model_name_or_path: str | None = field(default=None, metadata={"help": "Folder with config.json and weights."})
    tokenizer_name_or_path: str | None = field(default=None, metadata={"help": "Folder of the tokenizer; default: the model's."})
    random_weights: bool = field(default=False, metadata={"help": "Start from random weights, made from config.json and --seed."})
    train_tokenizer: bool = field(
        default=False,
        metadata={"help": "Where no tokenizer is found, train a BPE one on the training text (needs --random_weights)."},
    )
    dtype: str = field(default="bfloat16", metadata={"help": "Of the weights as loaded: bfloat16, float16, float32 or auto."})


@dataclass
class DataArguments:
    train_file_dir: str | None = field(default=None, metadata={"help": "Folder of *.txt, *.json, *.jsonl, searched deeply."})
    validation_file_dir: str | None = field(default=None, metadata={"help": "Same, for evaluation; default: a part of the training text."})
    validation_split_percentage: float = field(default=1.0, metadata={"help": "That part, percent of the training blocks."})
    dataset_name: str | None = field(default=None, metadata={"help": "Not used: nothing is downloaded. Accepted with a warning."})
    dataset_config_name: str | None = field(default=None, metadata={"help": "Not used, as --dataset_name."})
    text_column: str = field(default="text", metadata={"help": "The field of a JSON line that holds the text."})
    block_size: int = field(default=512, metadata={"help": "Tokens per sample."})
    max_train_samples: int | None = field(default=10000, metadata={"help": "Blocks to train on at most; 0 or less: all."})
    max_eval_samples: int | None = field(default=10, metadata={"help": "Blocks to evaluate on at most; 0 or less: all."})
    preprocessing_num_workers: int = field(default=4, metadata={"help": "Processes that tokenise, at most."})
    cache_dir: str | None = field(default=None, metadata={"help": "For tokens and a trained tokenizer; default: OUTPUT_DIR/cache."})


@dataclass(frozen=True)
class Arguments:
    model: ModelArguments
    data: DataArguments
    training: TrainingArguments

    @property
    def cache(self) -> Path:
        return Path(self.data.cache_dir or Path(self.training.output_dir) / "cache")


def main() -> None:
    arguments = parse(sys.argv[1:])
    training = arguments.training
    os.environ.setdefault("TENSORBOARD_LOGGING_DIR", str(Path(training.output_dir) / "runs"))
    set_seed(training.seed)

    tokenizer = tokenizer_for(arguments)
    blocks = blocks_for(arguments, tokenizer)
    model = model_for(arguments, tokenizer)
    trainer = Trainer(
        model=model,
        args=training,
        train_dataset=blocks["train"] if training.do_train else None,
        eval_dataset=blocks["validation"] if training.do_eval else None,
        processing_class=tokenizer,
        data_collator=collate,
    )
    if training.do_train:
        train(trainer, blocks["train"], training.resume_from_checkpoint)
    if training.do_eval:
        evaluate(trainer, blocks["validation"])
    if torch.distributed.is_initialized():
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


def train(trainer: Trainer, blocks: Dataset, checkpoint: str | None) -> None:
    result = trainer.train(resume_from_checkpoint=checkpoint)
    metrics = {**result.metrics, "train_samples": len(blocks), "global_step": trainer.state.global_step}
    trainer.save_model()
    trainer.save_state()
    trainer.log_metrics("train", metrics)
    trainer.save_metrics("train", metrics)


def evaluate(trainer: Trainer, blocks: Dataset) -> None:
    metrics = trainer.evaluate()
    metrics["eval_samples"] = len(blocks)
    metrics["perplexity"] = perplexity(metrics["eval_loss"])
    trainer.log_metrics("eval", metrics)
    trainer.save_metrics("eval", metrics)


def perplexity(loss: float) -> float:
    try:
        return math.exp(loss)
    except OverflowError:
        return float("inf")


def collate(samples: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
    batch = default_data_collator([{"input_ids": sample["input_ids"]} for sample in samples])
    return {"input_ids": batch["input_ids"], "labels": batch["input_ids"].clone()}


# --- flags ------------------------------------------------------------------------------------------------------------


def parse(argv: list[str]) -> Arguments:
    parser = HfArgumentParser((ModelArguments, DataArguments, TrainingArguments), allow_abbrev=False)
    argv = translated(argv)
    parser.set_defaults(**DEFAULTS, **{name: os.environ.get(variable) or None for name, variable in ENVIRONMENT_DEFAULTS.items()})
    namespace, unknown = parser.parse_known_args(argv)
    refuse_unknown(unknown, parser)
    parser.set_defaults(bf16=not namespace.fp16 and namespace.dtype != "float32")
    if not torch.cuda.is_available():
        parser.set_defaults(use_cpu=True)  # else bf16 is refused where no GPU is found
    if namespace.resume_from_checkpoint in ("", "False", "false"):
        argv = [*argv, "--resume_from_checkpoint", ""]
    check(namespace)
    if namespace.dataset_name or namespace.dataset_config_name:
        warn("--dataset_name is not used: nothing is downloaded; the text comes from --train_file_dir")
    if namespace.ignore_data_skip:
        warn("--ignore_data_skip: a resumed run will see its epoch's first data again and end with another loss")
    if namespace.use_cpu or not torch.cuda.is_available():
        join_cpu_group(namespace)
    try:
        model, data, training = parser.parse_args_into_dataclasses(argv, look_for_args_file=False)
    except (ValueError, ImportError) as problem:
        raise UsageError(str(problem)) from problem
    training.resume_from_checkpoint = training.resume_from_checkpoint or None
    if not training.do_eval:
        training.eval_strategy = "no"
    return Arguments(model, data, training)


def join_cpu_group(flags) -> None:
    """Makes the process group, which TrainingArguments would make without DeepSpeed and without --ddp_timeout on CPU.

    DeepSpeed must know the group before a ZeRO-3 model is built: else it takes the world size for 1 and stops.
    """
    if "RANK" not in os.environ:
        return
    timeout = timedelta(seconds=flags.ddp_timeout)
    if flags.deepspeed:
        import deepspeed

        deepspeed.init_distributed(dist_backend="gloo", auto_mpi_discovery=False, timeout=timeout, verbose=False)
    else:
        torch.distributed.init_process_group("gloo", timeout=timeout)


def translated(argv: list[str]) -> list[str]:
    """The arguments without flags that transformers 5 has removed: renamed, or dropped with a warning."""
    result: list[str] = []
    words = iter(range(len(argv)))
    for index in words:
        name, equals, value = argv[index].partition("=")
        flag = name[2:].replace("-", "_") if name.startswith("--") else ""
        if flag in RENAMED_FLAGS:
            warn(f"{name} is --{RENAMED_FLAGS[flag]} in transformers 5; taken as that")
            result.append(f"--{RENAMED_FLAGS[flag]}{equals}{value}")
        elif flag in DROPPED_FLAGS:
            warn(f"{name} is not in transformers 5 and has no effect: {DROPPED_FLAGS[flag]}")
            if not equals and index + 1 < len(argv) and not argv[index + 1].startswith("--"):
                next(words)  # its value
        elif flag == "logging_dir":
            warn(f"{name} is the variable TENSORBOARD_LOGGING_DIR in transformers 5; taken as that")
            os.environ["TENSORBOARD_LOGGING_DIR"] = value if equals else argv[next(words, index)]
        else:
            result.append(argv[index])
    return result


def refuse_unknown(unknown: list[str], parser: HfArgumentParser) -> None:
    known = [option for action in parser._actions for option in action.option_strings if option.startswith("--")]
    problems = []
    for word in unknown:
        if not word.startswith("-"):
            problems.append(f"{word}: belongs to no flag")
            continue
        nearest = difflib.get_close_matches(word.partition("=")[0].replace("-", "_").replace("__", "--", 1), known, n=1, cutoff=0.5)
        problems.append(f"{word}: no such flag" + (f"; the nearest is {nearest[0]}" if nearest else ""))
    if problems:
        raise UsageError("; ".join(problems))


def check(flags) -> None:
    """Every wrong path and value at once."""
    problems = []

    def need(holds: object, problem: str) -> None:
        if not holds:
            problems.append(problem)

    if need_given(flags, "model_name_or_path", problems):
        model = Path(flags.model_name_or_path)
        if not model.is_dir():
            problems.append(f"--model_name_or_path {model}: no such folder")
        elif not (model / "config.json").is_file():
            problems.append(f"--model_name_or_path {model}: no config.json in it")
        elif not flags.random_weights and not any((model / name).is_file() for name in WEIGHT_FILES):
            problems.append(f"--model_name_or_path {model}: no weights in it ({', '.join(WEIGHT_FILES[:3])} …); --random_weights starts without")
    if flags.tokenizer_name_or_path and not flags.train_tokenizer:
        need(Path(flags.tokenizer_name_or_path).is_dir(), f"--tokenizer_name_or_path {flags.tokenizer_name_or_path}: no such folder")
    need(
        flags.random_weights or not flags.train_tokenizer,
        "--train_tokenizer goes with --random_weights only: trained weights belong to the tokenizer that they were trained with",
    )
    if need_given(flags, "train_file_dir", problems):
        check_text(flags.train_file_dir, "--train_file_dir", problems)
    if flags.validation_file_dir:
        check_text(flags.validation_file_dir, "--validation_file_dir", problems)
    need_given(flags, "output_dir", problems)
    if flags.deepspeed and not flags.deepspeed.lstrip().startswith("{"):
        need(Path(flags.deepspeed).is_file(), f"--deepspeed {flags.deepspeed}: no such file")
    if flags.resume_from_checkpoint not in (None, "", "False", "false"):
        need(
            (Path(flags.resume_from_checkpoint) / "trainer_state.json").is_file(),
            f"--resume_from_checkpoint {flags.resume_from_checkpoint}: no checkpoint there (a folder checkpoint-N with trainer_state.json is meant)",
        )
    need(flags.dtype in ("auto", "bfloat16", "float16", "float32"), f"--dtype {flags.dtype}: one of bfloat16, float16, float32, auto")
    need(flags.block_size >= 2, f"--block_size {flags.block_size}: 2 or more")
    if problems:
        raise UsageError("; ".join(problems))


def need_given(flags, name: str, problems: list[str]) -> bool:
    given = bool(getattr(flags, name))
    if not given:
        problems.append(f"--{name} is missing (or set {ENVIRONMENT_DEFAULTS[name]})")
    return given


def check_text(folder: str, flag: str, problems: list[str]) -> None:
    if not Path(folder).is_dir():
        problems.append(f"{flag} {folder}: no such folder")
    elif not text_files(folder):
        problems.append(f"{flag} {folder}: no *.txt, *.json or *.jsonl in it")


# --- tokenizer --------------------------------------------------------------------------------------------------------


def tokenizer_for(arguments: Arguments) -> PreTrainedTokenizerBase:
    model = arguments.model
    for folder in (model.tokenizer_name_or_path, model.model_name_or_path):
        if folder and any((Path(folder) / name).is_file() for name in TOKENIZER_FILES):
            return AutoTokenizer.from_pretrained(folder)
    if not model.train_tokenizer:
        looked_at = model.tokenizer_name_or_path or model.model_name_or_path
        raise UsageError(f"no tokenizer in {looked_at} ({', '.join(TOKENIZER_FILES[:3])} …); --train_tokenizer trains one on the text")
    return AutoTokenizer.from_pretrained(trained_tokenizer(arguments))


def trained_tokenizer(arguments: Arguments) -> Path:
    """The folder of a BPE tokenizer trained on the training text; the same text and size give the same tokenizer."""
    size = AutoConfig.from_pretrained(arguments.model.model_name_or_path).vocab_size
    texts = text_files(arguments.data.train_file_dir)
    folder = arguments.cache / f"tokenizer-{key(RECIPE, size, arguments.data.text_column, *map(stamp, texts))}"

    def build(temporary: Path) -> None:
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=size,
            special_tokens=[END_OF_TEXT],
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
        tokenizer.train_from_iterator(some_text(texts, arguments.data.text_column), trainer)
        whole = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END_OF_TEXT, pad_token=END_OF_TEXT)
        whole.save_pretrained(temporary)

    made_once(folder, build)
    return folder


def some_text(files: list[Path], text_column: str) -> Iterator[str]:
    left = MAX_TOKENIZER_TRAINING_BYTES
    for file in files:
        with open(file, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if left <= 0:
                    return
                left -= len(line)
                yield line if file.suffix == ".txt" else str(json.loads(line).get(text_column) or "") if line.strip() else ""


# --- data -------------------------------------------------------------------------------------------------------------


def blocks_for(arguments: Arguments, tokenizer: PreTrainedTokenizerBase) -> DatasetDict:
    """The text as blocks of block_size tokens, in an order that files and flags alone decide."""
    data = arguments.data
    training_text, validation_text = text_files(data.train_file_dir), text_files(data.validation_file_dir)
    same_text = training_text == validation_text
    if same_text:
        warn("--validation_file_dir is --train_file_dir: the evaluation is on text that is trained on")
    vocabulary = hashlib.sha256(json.dumps(sorted(tokenizer.get_vocab().items())).encode()).hexdigest()
    facts = [RECIPE, vocabulary, data.block_size, data.text_column, *map(stamp, training_text), "valid", *map(stamp, validation_text)]
    if not validation_text:
        facts.append(data.validation_split_percentage)
    folder = arguments.cache / f"blocks-{key(*facts)}"

    def build(temporary: Path) -> None:
        work = temporary.with_name(temporary.name + "-work")
        try:
            blocks = {"train": tokenised(training_text, data, tokenizer, work)}
            if same_text:
                blocks["validation"] = blocks["train"]
            elif validation_text:
                blocks["validation"] = tokenised(validation_text, data, tokenizer, work)
            else:
                at = math.floor(len(blocks["train"]) * (1 - data.validation_split_percentage / 100))
                blocks["validation"] = blocks["train"].select(range(at, len(blocks["train"])))
                blocks["train"] = blocks["train"].select(range(at))
            DatasetDict(blocks).save_to_disk(temporary)
        finally:
            shutil.rmtree(work, ignore_errors=True)

    # First in each host's own turn, then by lock among hosts that share the folder.
    with arguments.training.main_process_first(local=True, desc="tokenising"):
        made_once(folder, build)
    blocks = load_from_disk(folder)
    limits = {"train": data.max_train_samples, "validation": data.max_eval_samples}
    for part, limit in limits.items():
        if not len(blocks[part]):
            raise UsageError(f"the {part} text gives no block of {data.block_size} tokens; give more text or a smaller --block_size")
        if limit and 0 < limit < len(blocks[part]):
            blocks[part] = blocks[part].select(range(limit))
    if is_first_rank():
        print(f"blocks of {data.block_size} tokens: {len(blocks['train'])} to train, {len(blocks['validation'])} to evaluate", flush=True)
    return blocks


def tokenised(files: list[Path], data: DataArguments, tokenizer: PreTrainedTokenizerBase, work: Path) -> Dataset:
    workers = min(data.preprocessing_num_workers, 1 + sum(file.stat().st_size for file in files) // BYTES_PER_TOKENISING_WORKER)
    end = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]

    def tokens_of(texts: list[str], after: list[int]) -> dict[str, list[list[int]]]:
        ids = tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
        return {"input_ids": [row + after for row in ids]}

    def grouped(batch: dict[str, list[list[int]]]) -> dict[str, list[list[int]]]:
        ids = list(chain.from_iterable(batch["input_ids"]))
        last = len(ids) - len(ids) % data.block_size
        return {"input_ids": [ids[start : start + data.block_size] for start in range(0, last, data.block_size)]}

    parts = []
    plain = [str(file) for file in files if file.suffix == ".txt"]
    if plain:  # a sample is a line there, and no text ends with it
        lines = load_dataset("text", data_files=plain, split="train", keep_linebreaks=True, cache_dir=str(work))
        parts.append((lines, "text", []))
    structured = [str(file) for file in files if file.suffix != ".txt"]
    if structured:
        texts = load_dataset("json", data_files=structured, split="train", cache_dir=str(work))
        if data.text_column not in texts.column_names:
            raise UsageError(f"no field {data.text_column!r} in {structured[0]} (it has {', '.join(texts.column_names)}); set --text_column")
        parts.append((texts, data.text_column, end))
    blocks = []
    for texts, column, after in parts:
        ids = texts.map(
            lambda batch, column=column, after=after: tokens_of([text or "" for text in batch[column]], after),
            batched=True,
            num_proc=workers if workers > 1 else None,
            remove_columns=texts.column_names,
            desc="tokenising",
        )
        blocks.append(ids.map(grouped, batched=True, num_proc=workers if workers > 1 else None, desc="making blocks"))
    return blocks[0] if len(blocks) == 1 else concatenate_datasets(blocks)


def text_files(folder: str | None) -> list[Path]:
    if not folder:
        return []
    return sorted(file for file in Path(folder).rglob("*") if file.suffix in (".txt", ".json", ".jsonl") and file.is_file())


# --- model ------------------------------------------------------------------------------------------------------------


def model_for(arguments: Arguments, tokenizer: PreTrainedTokenizerBase):
    folder, dtype = arguments.model.model_name_or_path, arguments.model.dtype
    dtype = dtype if dtype == "auto" else getattr(torch, dtype)
    config = AutoConfig.from_pretrained(folder)
    if len(tokenizer) > config.vocab_size:
        raise UsageError(f"the tokenizer has {len(tokenizer)} tokens, the model in {folder} only {config.vocab_size}; they do not belong together")
    if arguments.model.random_weights:
        set_seed(arguments.training.seed)
        config.eos_token_id = config.pad_token_id = tokenizer.eos_token_id
        config.bos_token_id = None
        model = AutoModelForCausalLM.from_config(config, dtype=config.dtype if dtype == "auto" else dtype)
    else:
        model = AutoModelForCausalLM.from_pretrained(folder, config=config, dtype=dtype)
    model.config.use_cache = False  # recomputing activations and keeping keys and values exclude each other
    return model


# --- small things -----------------------------------------------------------------------------------------------------


def made_once(folder: Path, build) -> None:
    """Has build(temporary) fill the folder if it is not there; of several processes one does, the others wait for it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_name(folder.name + ".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.is_dir():
            return
        temporary = folder.with_name(f".{folder.name}.{os.uname().nodename}-{os.getpid()}")
        shutil.rmtree(temporary, ignore_errors=True)
        started = time.monotonic()
        try:
            build(temporary)
            with contextlib.suppress(FileExistsError, OSError):  # a host that does not see our lock was faster: same content
                temporary.rename(folder)
            if not folder.is_dir():
                raise OSError(f"{temporary} could not be renamed to {folder}")
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        print(f"made {folder} in {time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)


def stamp(file: Path) -> str:
    status = file.stat()
    return f"{file.name} {status.st_size} {status.st_mtime_ns}"


def key(*facts: object) -> str:
    return hashlib.sha256(json.dumps([str(fact) for fact in facts]).encode()).hexdigest()[:16]


def is_first_rank() -> bool:
    return os.environ.get("RANK", "0") == "0"


def warn(text: str) -> None:
    if is_first_rank():
        print(f"pretraining.py: warning: {text}", file=sys.stderr, flush=True)


@record
def recorded_main() -> int:
    try:
        main()
        return 0
    except UsageError as problem:
        print(f"pretraining.py: error: {problem}", file=sys.stderr, flush=True)
        if os.environ.get("TORCHELASTIC_ERROR_FILE"):
            get_error_handler().record_exception(problem)  # @record writes nothing for an exit
        return 2


if __name__ == "__main__":
    code = recorded_main()
    if code:
        sys.exit(code)
