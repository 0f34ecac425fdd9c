"""Pictures as SVG text: error over the range of each argument, and error over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from eqsat_tensor.accuracy.points import ordinals

WIDTH, HEIGHT, EDGE = 640, 220, 44
BEFORE, AFTER = "#d55e00", "#0072b2"
TICKS = (-1e300, -1e100, -1.0, -1e-100, 0.0, 1e-100, 1.0, 1e100, 1e300)
NARROW = 1e6  # ends less than this apart in magnitude are shown on an even scale


@dataclass(frozen=True, eq=False)
class Panel:
    """Values of one argument, and the error of either program at each."""

    name: str
    x: np.ndarray
    before: np.ndarray
    after: np.ndarray


def picture(title: str, panels: Sequence[Panel]) -> str:
    """A page of panels, one below the other."""
    height = EDGE + HEIGHT * len(panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{EDGE}" y="18" font-size="13">{escape(title)}: bits of error</text>',
        f'<circle cx="{WIDTH - 190}" cy="14" r="4" fill="{BEFORE}"/><text x="{WIDTH - 180}" y="18">as written</text>',
        f'<circle cx="{WIDTH - 100}" cy="14" r="4" fill="{AFTER}"/><text x="{WIDTH - 90}" y="18">compiled</text>',
    ]
    for number, panel in enumerate(panels):
        parts += _panel(panel, EDGE + number * HEIGHT)
    return "\n".join([*parts, "</svg>\n"])


def _panel(panel: Panel, top: int) -> list[str]:
    left, right, bottom = EDGE, WIDTH - 16, top + HEIGHT - EDGE
    most = max(1.0, *panel.before, *panel.after) if panel.x.size else 1.0
    place, ticks = _scale(panel.x)

    def across(x: np.ndarray) -> np.ndarray:
        return left + place(x) * (right - left)

    def down(bits: float) -> float:
        return bottom - (bottom - top) * bits / most

    parts = [
        f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="#444"/>',
        f'<text x="{right}" y="{bottom + 30}" text-anchor="end">{escape(panel.name)}</text>',
    ]
    for bits in (0.0, most / 2, most):
        parts.append(
            f'<text x="{left - 6}" y="{down(bits) + 4:.1f}" text-anchor="end">{bits:.3g}</text>'
        )
    for tick, at in zip(ticks, across(np.array(ticks)), strict=True):
        parts.append(f'<path d="M{at:.1f} {bottom}v4" stroke="#444"/>')
        parts.append(f'<text x="{at:.1f}" y="{bottom + 16}" text-anchor="middle">{tick:.3g}</text>')
    for colour, errors in ((BEFORE, panel.before), (AFTER, panel.after)):
        dots = "".join(
            f'<circle cx="{x:.1f}" cy="{down(bits):.1f}" r="2"/>'
            for x, bits in zip(across(panel.x), errors, strict=True)
        )
        parts.append(f'<g fill="{colour}" fill-opacity="0.6">{dots}</g>')
    return parts


def _scale(x: np.ndarray) -> tuple[Callable[[np.ndarray], np.ndarray], list[float]]:
    """Where values stand from 0 to 1, and which are named: by the order of floats where they span
    many magnitudes, evenly else."""
    low, high = (float(x.min()), float(x.max())) if x.size else (0.0, 1.0)
    small = float(np.min(np.abs(x[x != 0]), initial=np.inf))
    large = max(abs(low), abs(high))
    if large <= NARROW * small or low == high:
        width = (high - low) or 1.0
        ticks = [low, low + width / 2, high] if low != high else [low]
        return lambda v: (v - low) / width, ticks

    def rank(v: np.ndarray) -> np.ndarray:
        return ordinals(np.asarray(v, np.float64)).astype(np.float64)

    first, last = rank(np.array([low, high]))
    ticks = [t for t in TICKS if low <= t <= high]
    return lambda v: (rank(v) - first) / (last - first), ticks


@dataclass(frozen=True)
class Dot:
    """One program: microseconds a call, bits of error, what it is, and whether none beats it."""

    time: float
    bits: float
    label: str
    best: bool


def front_picture(title: str, dots: Sequence[Dot]) -> str:
    """Error over time, on a scale of magnitudes; programs that none beats are joined by a line."""
    left, right, top, bottom = EDGE, WIDTH - 200, EDGE, EDGE + HEIGHT
    times = np.log10([d.time for d in dots])
    low, width = float(times.min()), float(np.ptp(times)) or 1.0
    most = max(1.0, *(d.bits for d in dots))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{bottom + EDGE}" font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{left}" y="18" font-size="13">{escape(title)}: bits of error over microseconds a call</text>',
        f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="#444"/>',
    ]
    line = []
    for dot, time in zip(dots, times, strict=True):
        x = left + 8 + (right - left - 16) * (time - low) / width
        y = bottom - (bottom - top) * dot.bits / most
        colour = AFTER if dot.best else "#999"
        text = f"{escape(dot.label)}: {dot.time:.3g}, {dot.bits:.2f}"
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
        parts.append(f'<text x="{x + 8:.1f}" y="{y - 4:.1f}">{text}</text>')
        if dot.best:
            line.append(f"{x:.1f},{y:.1f}")
    parts.append(f'<polyline points="{" ".join(line)}" fill="none" stroke="{AFTER}"/>')
    return "\n".join([*parts, "</svg>\n"])
