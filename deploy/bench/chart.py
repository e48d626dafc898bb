"""Owns the picture of a table: bars with their span, as SVG, from nothing but the standard library."""

from __future__ import annotations

from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, LABEL, ROW, GROUP = 860, 200, 22, 34
COLORS = ("#1b7f79", "#7fb7b3", "#c77d2e", "#8a63a8", "#777777")


@dataclass(frozen=True)
class Bar:
    """One row: seconds, or none where it never came."""

    label: str
    seconds: tuple[float, ...]


def svg(title: str, groups: dict[str, list[Bar]], limit: float) -> str:
    """Median as the bar, least and most as the line; what never came reaches the limit, hatched."""
    most = max((max(bar.seconds) for bars in groups.values() for bar in bars if bar.seconds), default=1.0)
    never = any(not bar.seconds for bars in groups.values() for bar in bars)
    scale = (WIDTH - LABEL - 120) / max(most, limit if never else 0.0)
    names = list(dict.fromkeys(bar.label for bars in groups.values() for bar in bars))
    parts, y = [], 44
    for group, bars in groups.items():
        parts.append(f'<text x="8" y="{y}" font-weight="bold">{escape(group)}</text>')
        y += 8
        for bar in bars:
            color = COLORS[names.index(bar.label) % len(COLORS)]
            parts.append(f'<text x="{LABEL - 8}" y="{y + 14}" text-anchor="end">{escape(bar.label)}</text>')
            parts += _drawn(bar, y, scale, color, limit)
            y += ROW
        y += GROUP
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" font-family="sans-serif" font-size="12">'
        '<defs><pattern id="never" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect width="2" height="6" fill="#b33"/></pattern></defs><rect width="100%" height="100%" fill="white"/>'
        f'<text x="8" y="20" font-size="15">{escape(title)}</text>'
    )
    return head + "".join(parts) + "</svg>\n"


def _drawn(bar: Bar, y: int, scale: float, color: str, limit: float) -> list[str]:
    if not bar.seconds:
        width = limit * scale
        return [
            f'<rect x="{LABEL}" y="{y + 3}" width="{width:.1f}" height="14" fill="url(#never)"/>',
            f'<text x="{LABEL + width + 6:.1f}" y="{y + 14}">never (limit {limit:.0f} s)</text>',
        ]
    ordered = sorted(bar.seconds)
    middle = ordered[len(ordered) // 2] if len(ordered) % 2 else sum(ordered[len(ordered) // 2 - 1 :][:2]) / 2
    least, most = LABEL + ordered[0] * scale, LABEL + ordered[-1] * scale
    return [
        f'<rect x="{LABEL}" y="{y + 3}" width="{middle * scale:.1f}" height="14" fill="{color}"/>',
        f'<line x1="{least:.1f}" x2="{most:.1f}" y1="{y + 10}" y2="{y + 10}" stroke="black" stroke-width="2"/>',
        f'<text x="{max(most, LABEL + middle * scale) + 6:.1f}" y="{y + 14}">{middle:.2f} s</text>',
    ]
