"""Before and after as a page of HTML: two pictures side by side, no other file needed.

Nodes of the rewritten program have the colour of the rules that they owe their place to; the pointer
on a node shows its type, cost, the user's line, its rules.  The same program gives the same page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from eqsat_tensor.explain.layered import placed
from eqsat_tensor.explain.story import Chosen, explain_variant
from eqsat_tensor.explain.told import Line, duration
from eqsat_tensor.lang import Expr, leaf_text, line_names, topological
from eqsat_tensor.shown import Page
from eqsat_tensor.variant import Variant

LETTER, HEIGHT, LONGEST = 7.2, 40.0, 28  # of a label: width of a letter, height, letters at most
PLAIN, LEAF = "#eceff1", "#ffffff"
STYLE = """
body { font: 14px sans-serif; margin: 1em; color: #222 }
main { display: flex; gap: 2em; align-items: flex-start; overflow-x: auto }
figure { margin: 0 } figcaption { font-weight: bold; margin-bottom: .5em }
svg text { font: 12px monospace; text-anchor: middle }
svg .type { font-size: 10px; fill: #555 }
rect { stroke: #455a64 } .root rect { stroke-width: 3 } path { fill: none; stroke: #90a4ae }
li span { display: inline-block; width: 1em; height: 1em; margin-right: .5em; border: 1px solid #455a64 }
"""


def draw(variant: Variant, path: str | Path | None = None) -> Page:
    """The page for a variant; written to ``path``, too, where that is given."""
    story, chosen = explain_variant(variant), Chosen.of(variant)
    sets = list(dict.fromkeys(line.rules for line in story.lines_after if line.rules))
    colours = {rules: _colour(i, len(sets)) for i, rules in enumerate(sets)}
    before = _picture(variant.normal.roots, story.lines_before, colours)
    after = _picture(chosen.roots, story.lines_after, colours)
    legend = "".join(
        f'<li><span style="background: {colour}"></span>{escape(", ".join(rules))}</li>'
        for rules, colour in colours.items()
    )
    title = escape(story.name)
    page = Page(
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/><title>{title}</title>'
        f"<style>{STYLE}</style></head>\n<body><h1>{title}</h1>\n<main>\n"
        f"<figure><figcaption>before: {duration(story.cost_before)}</figcaption>{before}</figure>\n"
        f"<figure><figcaption>after: {duration(story.cost_after)}</figcaption>{after}</figure>\n"
        f"</main>\n<ul>{legend}</ul>\n</body></html>\n"
    )
    if path is not None:
        Path(path).write_text(page, encoding="utf-8")
    return page


def _colour(number: int, count: int) -> str:
    return f"hsl({round(360 * number / max(1, count))}, 70%, 80%)"


def _picture(
    roots: Sequence[Expr], lines: Sequence[Line], colours: Mapping[tuple[str, ...], str]
) -> str:
    """A program as SVG: a box for each node, a curve from each operand to its user."""
    nodes = topological(roots)
    number = {node: i for i, node in enumerate(nodes)}
    operands = [[number[a] for a in node.arguments] for node in nodes]
    names = line_names(roots)
    by_name = {line.name: line for line in lines}
    labels = [_label(node) for node in nodes]
    widths = [
        LETTER * max(len(label), 0.85 * len(str(n.type))) + 16
        for label, n in zip(labels, nodes, strict=True)
    ]
    centres, (width, height) = placed(operands, widths)
    parts = []
    for i, below in enumerate(operands):
        for o in below:
            (x0, y0), (x1, y1) = centres[o], centres[i]
            y0, y1 = y0 + HEIGHT / 2, y1 - HEIGHT / 2
            middle = (y0 + y1) / 2
            parts.append(f'<path d="M {x0} {y0} C {x0} {middle} {x1} {middle} {x1} {y1}"/>')
    for i, node in enumerate(nodes):
        line = by_name.get(names.get(node, ""))
        colour = colours.get(line.rules, PLAIN) if line is not None else LEAF
        kind = "root" if node in roots else "node"
        x, y = centres[i]
        parts.append(
            f'<g class="{kind}"><title>{escape(_tip(node, line))}</title>'
            f'<rect x="{round(x - widths[i] / 2, 1)}" y="{y - HEIGHT / 2}" '
            f'width="{round(widths[i], 1)}" height="{HEIGHT}" rx="6" fill="{colour}"/>'
            f'<text x="{x}" y="{y - 3}">{escape(labels[i])}</text>'
            f'<text class="type" x="{x}" y="{y + 12}">{escape(str(node.type))}</text></g>'
        )
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(parts)}</svg>'


def _label(node: Expr) -> str:
    text = node.op.name if node.arguments else leaf_text(node)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _tip(node: Expr, line: Line | None) -> str:
    """What the pointer on a node shows."""
    if line is None:
        return f"{leaf_text(node)} : {node.type}"
    told = [f"{line.name} = {line.text}", duration(line.cost), line.place, ", ".join(line.rules)]
    return "\n".join(t for t in told if t)
