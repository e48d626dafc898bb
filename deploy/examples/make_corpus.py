#!/usr/bin/env python3
"""Makes a small real text corpus, and a tiny model config, from what is on this machine: no network, no packages.

    make_corpus.py --out data/corpus --max-mib 4 --model-config data/model

The text is documentation strings and sources of Python's standard library, and the documentation that installed
packages ship. The same machine and seed give the same files: files are read in a seeded order, equal texts are taken
once, and each source goes whole to train/ or valid/ by its content's hash.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import random
import sys
import sysconfig
import tokenize
import warnings
from collections.abc import Iterator
from pathlib import Path

MIB = 1024 * 1024
MIN_CHARACTERS = 400  # shorter texts are stubs: licence lines, empty packages
MAX_SOURCE_BYTES = 2 * MIB  # larger ones are generated tables
PROSE_SHARE = 0.25  # a source with so much documentation gives that alone, any other its code
DOC_SUFFIXES = {".txt", ".md", ".rst"}
LISTS_NOT_PROSE = {"RECORD", "SOURCES.txt", "top_level.txt", "entry_points.txt", "namespace_packages.txt", "requires.txt"}
SKIPPED_FOLDERS = {"__pycache__", "lib2to3", "idlelib", "test", "tests", "site-packages", "dist-packages"}

# Qwen3-shaped, by size: hidden, layers, heads, key-value heads, head dimension, feed-forward, vocabulary.
SIZES = {
    "nano": (16, 1, 2, 1, 8, 32, 300),
    "tiny": (64, 2, 4, 2, 16, 192, 4096),
    "small": (256, 4, 8, 4, 32, 768, 8192),
    "medium": (512, 8, 8, 4, 64, 1536, 16384),
    "0.6b": (1024, 28, 16, 8, 128, 3072, 151936),
}


def main() -> int:
    arguments = parse_arguments()
    if arguments.model_config:
        write_model_config(arguments.model_config, arguments.size)
    if arguments.out:
        return write_corpus(arguments)
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Makes a text corpus and a model config from what is on this machine.")
    parser.add_argument("--out", type=Path, help="folder for train/*.txt and valid/*.txt")
    parser.add_argument("--max-mib", type=float, default=4.0, help="text in all, MiB (default 4)")
    parser.add_argument("--valid-share", type=float, default=0.05, help="share of the files that go to valid/ (default 0.05)")
    parser.add_argument("--file-kib", type=int, default=512, help="size at which the next output file begins (default 512)")
    parser.add_argument("--jsonl", action="store_true", help='write *.jsonl with {"text": …} instead of *.txt')
    parser.add_argument("--seed", type=int, default=42, help="decides the order of the files (default 42)")
    parser.add_argument("--model-config", type=Path, metavar="DIR", help="also write DIR/config.json, Qwen3-shaped")
    parser.add_argument("--size", choices=SIZES, default="tiny", help="of that model (default tiny)")
    arguments = parser.parse_args()
    if not arguments.out and not arguments.model_config:
        parser.error("nothing to do: give --out, --model-config or both")
    if arguments.max_mib <= 0 or not 0 < arguments.valid_share < 1 or arguments.file_kib <= 0:
        parser.error("--max-mib and --file-kib must be above 0, --valid-share between 0 and 1")
    return arguments


def write_corpus(arguments: argparse.Namespace) -> int:
    budget_bytes = int(arguments.max_mib * MIB)
    parts = {name: PartWriter(arguments.out / name, arguments.file_kib * 1024, arguments.jsonl) for name in ("train", "valid")}
    seen: set[str] = set()
    written_bytes = 0
    for path in sources(arguments.seed):
        text = text_of(path)
        if len(text) < MIN_CHARACTERS:
            continue
        digest = hashlib.sha256(text.encode()).hexdigest()
        if digest in seen:
            continue
        size_bytes = len(text.encode())
        if written_bytes + size_bytes > budget_bytes:
            if written_bytes > 0.98 * budget_bytes:
                break
            continue
        seen.add(digest)
        written_bytes += size_bytes
        is_valid = int(digest[:8], 16) / 0xFFFFFFFF < arguments.valid_share
        parts["valid" if is_valid else "train"].add(text)
    if not parts["valid"].documents and parts["train"].documents:
        parts["valid"].add(parts["train"].documents.pop())  # a very small corpus: the split by hash left valid/ empty
    for part in parts.values():
        part.write()
        print(f"{part.folder}: {len(part.documents)} texts, {part.size_bytes() / MIB:.2f} MiB", file=sys.stderr)
    if not parts["train"].documents:
        print("no text found on this machine", file=sys.stderr)
        return 1
    return 0


class PartWriter:
    """One half of the split: collects texts, then writes them to numbered files."""

    def __init__(self, folder: Path, file_bytes: int, as_jsonl: bool) -> None:
        self.folder = folder
        self.file_bytes = file_bytes
        self.as_jsonl = as_jsonl
        self.documents: list[str] = []

    def add(self, text: str) -> None:
        self.documents.append(text)

    def size_bytes(self) -> int:
        return sum(len(text.encode()) for text in self.documents)

    def write(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for old in [*self.folder.glob("corpus-*.txt"), *self.folder.glob("corpus-*.jsonl")]:
            old.unlink()
        suffix = "jsonl" if self.as_jsonl else "txt"
        for number, texts in enumerate(self._files()):
            body = "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" if self.as_jsonl else text + "\n\n" for text in texts)
            (self.folder / f"corpus-{number:04d}.{suffix}").write_text(body, encoding="utf-8", newline="\n")

    def _files(self) -> Iterator[list[str]]:
        texts: list[str] = []
        size_bytes = 0
        for text in self.documents:
            texts.append(text)
            size_bytes += len(text.encode())
            if size_bytes >= self.file_bytes:
                yield texts
                texts, size_bytes = [], 0
        if texts:
            yield texts


def sources(seed: int) -> list[Path]:
    """Every file that may be read, in an order that the seed and the files' names decide."""
    standard_library = Path(sysconfig.get_paths()["stdlib"])
    installed = Path(sysconfig.get_paths()["purelib"])
    found = [path for path in walk(standard_library) if path.suffix == ".py" or path.suffix in DOC_SUFFIXES]
    found += [path for path in walk(installed) if path.suffix in DOC_SUFFIXES and path.name not in LISTS_NOT_PROSE]
    found += [path for path in walk(installed) if path.name == "METADATA"]
    found.sort(key=lambda path: path.as_posix())
    random.Random(seed).shuffle(found)
    return found


def walk(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        if entry.is_symlink():
            continue
        if entry.is_dir():
            if entry.name not in SKIPPED_FOLDERS:
                yield from walk(entry)
        elif entry.is_file():
            yield entry


def text_of(path: Path) -> str:
    """A well documented source's documentation strings, any other file as it stands; "" where it cannot be read."""
    try:
        if path.stat().st_size > MAX_SOURCE_BYTES:
            return ""
        if path.suffix != ".py":
            return path.read_text(encoding="utf-8").strip()
        with tokenize.open(path) as source:
            code = source.read()
        prose = "\n\n".join(documentation_strings(code))
        return prose if len(prose) >= PROSE_SHARE * len(code) else code.strip()
    except (OSError, UnicodeDecodeError, SyntaxError, ValueError, RecursionError):
        return ""


def documentation_strings(code: str) -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the sources' own, such as invalid escapes
        tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            text = ast.get_docstring(node)
            if text and len(text) >= 80:
                yield text


def write_model_config(folder: Path, size: str) -> None:
    hidden, layers, heads, key_value_heads, head_dimension, feed_forward, vocabulary = SIZES[size]
    config = {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": key_value_heads,
        "head_dim": head_dimension,
        "intermediate_size": feed_forward,
        "vocab_size": vocabulary,
        "max_position_embeddings": 4096,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-06,
        "rope_theta": 1000000.0,
        "attention_bias": False,
        "attention_dropout": 0.0,
        "initializer_range": 0.02,
        "tie_word_embeddings": True,
        "use_cache": False,
        "dtype": "bfloat16",
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    print(f"{folder / 'config.json'}: Qwen3-shaped, {size}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
