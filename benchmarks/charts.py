"""Charts of measured times as SVG text: curves on logarithmic axes, bars of ratios."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import TypeAlias

WIDTH, HEIGHT, EDGE, ACROSS = 340, 240, 46, 3
COLOURS = ("#999999", "#e69f00", "#009e73", "#cc79a7", "#0072b2")  # by system; ours comes last
LINE, LABELS = 22, 250
Points: TypeAlias = Sequence[tuple[float, float]]


def _page(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{EDGE}" y="18" font-size="13">{escape(title)}</text>',
        *parts,
        "</svg>\n",
    ])  # fmt: skip


def curves(title: str, panels: Mapping[str, Mapping[str, Points]]) -> str:
    """A panel for each entry, a curve for each system in it; both axes are logarithmic."""
    systems = list(dict.fromkeys(s for panel in panels.values() for s in panel))
    colours = dict(zip(systems, COLOURS[-len(systems) :], strict=True))
    parts = []
    for number, (system, colour) in enumerate(colours.items()):
        x = EDGE + 90 * number
        parts.append(f'<path d="M{x} 34h16" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{x + 20}" y="38">{escape(system)}</text>')
    for number, (name, panel) in enumerate(panels.items()):
        left = EDGE + number % ACROSS * WIDTH
        parts += _panel(name, panel, colours, left, 50 + number // ACROSS * HEIGHT)
    rows = -(-len(panels) // ACROSS)
    return _page(EDGE + WIDTH * min(ACROSS, len(panels)), 60 + rows * HEIGHT, title, parts)


def _panel(
    name: str, panel: Mapping[str, Points], colours: Mapping[str, str], left: float, top: float
) -> list[str]:
    right, bottom = left + WIDTH - EDGE, top + HEIGHT - EDGE
    xs = [math.log10(x) for points in panel.values() for x, _ in points]
    ys = [math.log10(y) for points in panel.values() for _, y in points]
    first, last = min(xs), max(max(xs), min(xs) + 1)
    low, high = math.floor(min(ys)), max(math.ceil(max(ys)), math.floor(min(ys)) + 1)
    parts = [
        f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="#444"/>',
        f'<text x="{left + 8}" y="{top + 12}">{escape(name)}</text>',
    ]
    for power in range(math.ceil(first), math.floor(last) + 1):
        x = left + (right - left) * (power - first) / (last - first)
        parts.append(f'<text x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">1e{power}</text>')
    for power in range(low, high + 1):
        y = bottom - (bottom - top) * (power - low) / (high - low)
        parts.append(f'<path d="M{left} {y:.1f}H{right}" stroke="#ddd"/>')
        parts.append(
            f'<text x="{left - 4}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g}</text>'
        )
    for system, points in panel.items():
        path = " ".join(
            f"{left + (right - left) * (math.log10(x) - first) / (last - first):.1f},"
            f"{bottom - (bottom - top) * (math.log10(y) - low) / (high - low):.1f}"
            for x, y in points
        )
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colours[system]}" stroke-width="2"/>'
        )
    return parts


def bars(title: str, values: Mapping[str, float]) -> str:
    """A bar for each value, which is above 0, from a line at 1 on a logarithmic axis."""
    logs = {name: math.log2(v) for name, v in values.items()}
    low, high = min([0.0, *logs.values()]), max([1.0, *logs.values()])
    width = 420.0

    def across(log: float) -> float:
        return LABELS + width * (log - low) / (high - low)

    parts = []
    for number, (name, log) in enumerate(logs.items()):
        y = 30 + LINE * number
        start, end = sorted((across(0.0), across(log)))
        colour = COLOURS[-1] if log >= 0 else "#d55e00"
        parts.append(f'<text x="{LABELS - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>')
        parts.append(
            f'<rect x="{start:.1f}" y="{y + 2}" width="{end - start:.1f}" height="{LINE - 6}" fill="{colour}"/>'
        )
        parts.append(f'<text x="{end + 4:.1f}" y="{y + 14}">{values[name]:.2f}</text>')
    bottom = 30 + LINE * len(logs)
    parts.append(f'<path d="M{across(0.0):.1f} 26V{bottom}" stroke="#444"/>')
    return _page(LABELS + width + 50, bottom + 10, title, parts)
