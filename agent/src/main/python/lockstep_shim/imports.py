"""Owns reading which modules a script will import, without running it."""

from __future__ import annotations

import ast
import importlib.util
import os
import sys
import sysconfig
from typing import NamedTuple

MAX_SCRIPT_BYTES = 4 << 20
MAX_IMPORTS = 500
# What a library loads only when it is first used, as every script that uses it does.
_AT_FIRST_USE = {"torch": ("torch._dynamo",), "transformers": ("transformers.trainer",)}


class Import(NamedTuple):
    """`import module`, or `from module import name`."""

    module: str
    name: str | None = None

    def __str__(self) -> str:
        """As people write it."""
        return f"{self.module}.{self.name}" if self.name else self.module


def of_script(source: bytes, arguments: list[str]) -> list[Import]:
    """Third-party imports of a script, in its order, each once. Raises SyntaxError or ValueError for no Python."""
    found: dict[Import, None] = {}
    for module, name in _statements(ast.parse(source)):
        if is_third_party(module):
            found[Import(module)] = None
            found[Import(module, name)] = None
    used = {wanted.module.partition(".")[0] for wanted in found}
    if any(word.lstrip("-").startswith("deepspeed") for word in arguments):
        used.add("deepspeed")
    if "deepspeed" in used and is_third_party("deepspeed"):
        found[Import("deepspeed")] = None
    for library in ("torch", *sorted(used)):
        for module in _AT_FIRST_USE.get(library, ()):
            found[Import(module)] = None
    return list(found)[:MAX_IMPORTS]


def _statements(tree: ast.AST) -> list[tuple[str, str | None]]:
    found: list[tuple[str, str | None]] = []
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            found.extend((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            module = node.module
            found.extend((module, None if alias.name == "*" else alias.name) for alias in node.names)
        elif not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)):
            pending.extend(reversed(list(ast.iter_child_nodes(node))))
    return found


def is_third_party(module: str) -> bool:
    """Whether it is installed: neither of the standard library nor the user's own, which may change at any time."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top == "__main__":
        return False
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return False
    if spec is None:
        return False
    places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or [])
    return bool(places) and all(is_installed(place) for place in places)


def is_installed(path: str) -> bool:
    """Whether a file belongs to this Python's installation."""
    return path.startswith(_installation()) if os.path.isabs(path) else True


def _installation() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    roots = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    roots.update(path for path in sys.path if os.path.basename(path) in ("site-packages", "dist-packages"))
    return tuple(root.rstrip("/") + "/" for found in roots for root in {found, os.path.realpath(found)})
