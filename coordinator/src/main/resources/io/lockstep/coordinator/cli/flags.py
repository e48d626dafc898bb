"""Prints as JSON which flags a script can know: TrainingArguments' fields and what the script itself names.

    python - SCRIPT < flags.py

Sources are read, nothing is imported: transformers takes seconds to import.
"""

import ast
import importlib.metadata
import importlib.util
import json
import sys
from pathlib import Path


def main() -> None:
    sys.path = [folder for folder in sys.path if folder]  # a folder of that name where the command is called is not it
    script = Path(sys.argv[1]).read_text(encoding="utf-8")
    known = own_flags(ast.parse(script))
    version = ""
    found = importlib.util.find_spec("transformers")
    if found and found.origin:
        version = importlib.metadata.version("transformers")
        folder = Path(found.origin).parent
        for source in folder.glob("training_args*.py"):
            known |= fields(ast.parse(source.read_text(encoding="utf-8")))
    print(json.dumps({"transformers": version, "trainer": "TrainingArguments" in script, "known": sorted(known)}))


def fields(tree: ast.AST) -> set[str]:
    """Annotated names in classes: what HfArgumentParser makes flags of."""
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return {
        item.target.id for cls in classes for item in cls.body if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    }


def own_flags(tree: ast.AST) -> set[str]:
    words = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return fields(tree) | {word[2:].replace("-", "_") for word in words if word.startswith("--") and " " not in word}


if __name__ == "__main__":
    main()
