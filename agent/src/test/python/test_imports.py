"""Tests what is read of a script's imports, without running it."""

from __future__ import annotations

import sys

import pytest

from lockstep_shim import imports


@pytest.fixture(autouse=True)
def some_are_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = {"torch", "transformers", "deepspeed", "numpy"}
    monkeypatch.setattr(imports, "is_third_party", lambda module: module.partition(".")[0] in installed)


def read(source: str, *arguments: str) -> list[str]:
    return [str(one) for one in imports.of_script(source.encode(), list(arguments))]


def test_installed_packages_in_the_scripts_order_each_once() -> None:
    source = "import os, numpy\nimport torch.nn as nn, mine\nfrom torch import optim\nfrom . import x\nimport numpy\n"
    assert read(source) == ["numpy", "torch.nn", "torch", "torch.optim", "torch._dynamo"]


def test_those_inside_functions_and_branches_too_but_none_for_type_checkers() -> None:
    source = "def f():\n    import numpy\ntry:\n    import torch\nexcept ImportError: pass\n"
    source += "if TYPE_CHECKING:\n    import deepspeed\nif typing.TYPE_CHECKING:\n    import transformers\n"
    assert read(source) == ["numpy", "torch", "torch._dynamo"]


def test_what_a_library_loads_at_first_use() -> None:
    found = read("from transformers import Trainer\n", "--deepspeed", "zero.json")
    assert found == ["transformers", "transformers.Trainer", "deepspeed", "torch._dynamo", "transformers.trainer"]


def test_a_star_is_the_module_itself() -> None:
    assert read("from numpy import *") == ["numpy", "torch._dynamo"]


def test_a_script_that_is_no_python_says_so() -> None:
    with pytest.raises(SyntaxError):
        read("def f(:")


def test_the_standard_library_is_neither_third_party_nor_the_users_own() -> None:
    assert imports.is_installed(sys.modules["json"].__file__ or "")
    assert not imports.is_installed("/home/somebody/train.py")
