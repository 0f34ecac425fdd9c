"""The figures of `digits.py` -> one self-contained page: no script, no file beside it, no network."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62em; margin: 2em auto; padding: 0 1em; color: #222 }
h1, h2, h3 { font-weight: 600 } pre { background: #f6f6f4; padding: .8em; overflow: auto; font-size: 12px }
table { border-collapse: collapse } td, th { padding: .15em .8em .15em 0; text-align: left }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1em } .new { background: #d8f0d8 }
.rule { color: #2a6b2a } .bad { color: #b00020 } figure { display: inline-block; margin: .2em; text-align: center }
figcaption { font-size: 12px } details { margin: 1em 0 }
"""
COLOURS = ("#1f77b4", "#d62728", "#2ca02c")
LINE = re.compile(r"(%\d+) = (\w+)\((.*)\) : (.*)")


def page(results: Sequence[Mapping[str, Any]], failures: Sequence[str]) -> str:
    """The whole page."""
    verdict = (
        "".join(f'<p class="bad">{escape(f)}</p>' for f in failures) or "<p>All bounds are met.</p>"
    )
    body = "".join(section(result) for result in results)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>eqsat_tensor: digits</title>'
        f"<style>{STYLE}</style><h1>Digits, learned by compiled formulas</h1>{verdict}{body}</html>\n"
    )


def section(result: Mapping[str, Any]) -> str:
    """All about one model."""
    speed, scaled = result["timing"], result["scaled"]
    facts = {
        "median test accuracy": f"{result['accuracy']:.4f} (needs {result['bound']})",
        "a step": f"{speed['eqsat_ms']:.3f} ms; by hand in NumPy {speed['numpy_ms']:.3f} ms",
        "compile and first step, by seed (the first with an empty cache)": ", ".join(
            f"{r['compile_seconds']:.3f} s" for r in result["runs"]
        ),
        "inputs 1000 times as large": (
            f"naive NumPy not finite in {scaled['naive_not_finite']} of {scaled['batches']} batches; "
            f"ours {'finite in all' if scaled['finite'] else 'NOT finite'}"
        ),
    }
    rows = "".join(f"<tr><th>{k}<td>{escape(v)}" for k, v in facts.items())
    checks = "".join(
        f"<tr><td>{r['got']:.9g}<td>{r['mpmath']:.9g}<td>{r['tolerance']:.2g}"
        for r in scaled["rows"]
    )
    rules = "".join(f"<tr><td>{escape(n)}<td>{k}" for n, k in result["rules"].items())
    return (
        f"<h2>{escape(result['name'])}</h2><table>{rows}</table>"
        f"<h3>Loss</h3>{curves([r['losses'] for r in result['runs']])}"
        f"<h3>Test images and what the first run says</h3>{pictures(result)}"
        f"<h3>Large inputs, against mpmath</h3><table><tr><th>ours<th>mpmath<th>bound{checks}</table>"
        f"<h3>Rules that suffice</h3><table><tr><th>rule<th>matches{rules}</table>"
        f"<h3>The program before and after</h3>{programs(result)}"
        f"<details><summary>Kernels</summary><pre>{escape(result['kernels'])}</pre></details>"
    )


def curves(runs: Sequence[Sequence[float]], width: int = 640, height: int = 220) -> str:
    """Loss by epoch, a line a run, as SVG; the axis of the loss starts at 0."""
    top = max(max(losses) for losses in runs)
    lines = []
    for losses, colour in zip(runs, COLOURS, strict=False):
        step = width / max(1, len(losses) - 1)
        points = " ".join(
            f"{i * step:.1f},{height * (1 - loss / top):.1f}" for i, loss in enumerate(losses)
        )
        lines.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{points}"/>'
        )
    return (
        f'<svg viewBox="-45 -10 {width + 60} {height + 40}" width="{width}" role="img">'
        f'<path d="M0 0V{height}H{width}" fill="none" stroke="#999"/>{"".join(lines)}'
        f'<text x="-6" y="8" text-anchor="end" font-size="12">{top:.2f}</text>'
        f'<text x="-6" y="{height}" text-anchor="end" font-size="12">0</text>'
        f'<text x="{width}" y="{height + 18}" text-anchor="end" font-size="12">epoch {len(runs[0])}</text>'
        "</svg>"
    )


def pictures(result: Mapping[str, Any]) -> str:
    """Some test images with predictions; a wrong one in red."""
    figures = []
    for image, label, guess in zip(
        result["images"], result["labels"], result["predictions"], strict=True
    ):
        dots = "".join(
            f'<rect x="{i % 8}" y="{i // 8}" width="1" height="1" fill-opacity="{value:.2f}"/>'
            for i, value in enumerate(image)
            if value
        )
        wrong = "" if guess == label else ' class="bad"'
        figures.append(
            f'<figure><svg viewBox="0 0 8 8" width="40">{dots}</svg>'
            f"<figcaption{wrong}>{guess}</figcaption></figure>"
        )
    return "".join(figures)


def programs(result: Mapping[str, Any]) -> str:
    """Both programs side by side; what is new in the second is marked, with the rules that fired on it."""
    known = set(terms(result["before"]).values())
    after = terms(result["after"])
    lines = []
    for line in result["after"].splitlines():
        match = LINE.fullmatch(line)
        if match is None or after[match[1]] in known:
            lines.append(escape(line))
            continue
        names = result["origins"].get(match[1], ())
        behind = f'  <span class="rule">; {escape(", ".join(names))}</span>' if names else ""
        lines.append(f'<span class="new">{escape(line)}</span>{behind}')
    text = "\n".join(lines)
    return f'<div class="pair"><pre>{escape(result["before"])}</pre><pre>{text}</pre></div>'


def terms(program: str) -> dict[str, str]:
    """Name in the program's text -> the whole term, so that names can be compared across texts."""
    found: dict[str, str] = {}
    for line in program.splitlines():
        match = LINE.fullmatch(line)
        if match:
            inner = re.sub(r"%\d+", lambda m: f"<{hash(found.get(m[0], m[0]))}>", match[3])
            found[match[1]] = f"{match[2]}({inner}) : {match[4]}"
    return found
