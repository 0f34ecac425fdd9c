"""`debug_print`: a graph as an indented tree, users above operands.

add f64[n]  #1
├─ exp f64[n]  #2
│  └─ x f64[n]
└─ exp f64[n]  #2 …          a node that was shown before: its number again, and no operands
"""

from __future__ import annotations

import sys
from typing import Any, TextIO

from eqsat_tensor.errors import ArgumentError, message
from eqsat_tensor.lang import Expr, topological
from eqsat_tensor.ops.captured import captured_array
from eqsat_tensor.ops.marker import MARKERS
from eqsat_tensor.shared import shared_of
from eqsat_tensor.tensor import as_expr, is_operand
from eqsat_tensor.trees import flatten


def debug_print(outputs: Any, depth: int | None = None, file: TextIO | None = None) -> None:
    """Write `graph_text` to ``file`` (standard output for None)."""
    (file or sys.stdout).write(graph_text(outputs, depth) + "\n")


def graph_text(outputs: Any, depth: int | None = None) -> str:
    """The graph of a tensor (or of a nest of them) as an indented tree: op, type, attributes, number.

    A node that is used more than once is shown with its operands once.  depth: levels to show.
    """
    leaves = flatten(outputs)[0]
    for leaf in leaves:
        if not is_operand(leaf):
            raise ArgumentError(message("debug_print", "tensors", f"{leaf!r:.60}"))
    roots = [as_expr(leaf) for leaf in leaves]
    order = [n for n in reversed(topological(roots)) if n.arguments and n.op not in MARKERS]
    numbers = {node: i for i, node in enumerate(order, 1)}
    lines: list[str] = []
    seen: set[Expr] = set()
    # node, the text in front of it, the text in front of what is below it, levels above it
    stack = [(root, "", "", 0) for root in reversed(roots)]
    while stack:
        node, head, below, level = stack.pop()
        node = _unmarked(node)
        again = node in seen and bool(node.arguments)
        cut = bool(node.arguments) and depth is not None and level + 1 >= depth
        lines.append(head + _label(node, numbers) + (" …" if again or cut else ""))
        seen.add(node)
        if again or cut:
            continue
        last = len(node.arguments) - 1
        for i in range(last, -1, -1):
            tie, rest = ("└─ ", "   ") if i == last else ("├─ ", "│  ")
            stack.append((node.arguments[i], below + tie, below + rest, level + 1))
    return "\n".join(lines)


def _unmarked(node: Expr) -> Expr:
    while node.op in MARKERS:
        node = node.arguments[0]
    return node


def _label(node: Expr, numbers: dict[Expr, int]) -> str:
    if node.op.name == "input":
        shared = shared_of(node)
        kind = "  shared" if shared is not None else ""
        kind = "  array" if captured_array(node) is not None else kind
        return f"{node['name']} {node.type}{kind}"
    if node.op.name == "full":
        return f"{node['value']} {node.type}"
    own = {k: v for k, v in node.named.items() if k not in ("shape", "dtype")}
    attributes = "".join(f" {k}={_show(v)}" for k, v in own.items())
    number = f"  #{numbers[node]}" if node in numbers else ""
    return f"{node.op.name} {node.type}{attributes}{number}"


def _show(value: Any) -> str:
    return "(" + ", ".join(map(str, value)) + ")" if isinstance(value, tuple) else str(value)
