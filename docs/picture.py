#!/usr/bin/env python3
"""Draws docs/quickstart.svg from docs/quickstart.txt, the output of a real run of deploy/quickstart.

    deploy/quickstart | tee docs/quickstart.txt && python3 docs/picture.py
"""

import html
from pathlib import Path

FOLDER = Path(__file__).parent
CHARACTER, LINE, MARGIN = 7.3, 17, 16
WIDEST = 118
KEPT_STEPS = ("step 10/", "step 11/", "step 12/", "step 25/", "step 50/")


def main() -> None:
    lines = [shortened(line) for line in (FOLDER / "quickstart.txt").read_text(encoding="utf-8").splitlines() if is_kept(line)]
    width, height = WIDEST * CHARACTER + 2 * MARGIN, len(lines) * LINE + 2 * MARGIN
    rows = "\n".join(
        f'<text x="{MARGIN}" y="{MARGIN + 12 + i * LINE}" fill="{colour(line)}">{html.escape(line)}</text>' for i, line in enumerate(lines)
    )
    (FOLDER / "quickstart.svg").write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        'font-family="ui-monospace,Menlo,Consolas,DejaVu Sans Mono,monospace" font-size="12" xml:space="preserve">\n'
        f'<rect width="100%" height="100%" rx="8" fill="#0d1117"/>\n{rows}\n</svg>\n',
        encoding="utf-8",
    )


def is_kept(line: str) -> bool:
    """All but most of the steps: one line a second is much for a picture."""
    return " step " not in line or "RUNNING" not in line or any(step in line for step in KEPT_STEPS)


def shortened(line: str) -> str:
    line = line.replace("  ranks 127.0.0", "  127.0.0")
    return line if len(line) <= WIDEST else line[: WIDEST - 1] + "…"


def colour(line: str) -> str:
    if line.startswith("=="):
        return "#58a6ff"
    if "killing" in line or "killed" in line or "lost a peer" in line:
        return "#ff7b72"
    if "SUCCEEDED" in line:
        return "#3fb950"
    return "#c9d1d9"


if __name__ == "__main__":
    main()
