"""`pprint`: a tensor as an expression of NumPy; `to_source`: outputs as a whole Python function."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from eqsat_tensor.errors import ArgumentError, UnsupportedError, message
from eqsat_tensor.lang import Expr, topological
from eqsat_tensor.ops.marker import MARKERS
from eqsat_tensor.printing.numpy_moves import RULES, named_inputs, size_places
from eqsat_tensor.printing.numpy_text import Text, Writer
from eqsat_tensor.tensor import Tensor, as_expr, is_operand
from eqsat_tensor.trees import Tree, flatten

MODULES = {"np": "numpy", "et": "eqsat_tensor"}
LONGEST = 100_000  # characters of a text of `pprint`
LINE = 60  # a value of a longer text gets a name in `to_source`
INLINE = (
    "input",
    "full",
    "size",
    "broadcast",
    "refine",
    "assume",
    "stretch",
    "unstretch",
)  # never get a name


def pprint(tensor: Any, namespace: str = "np") -> str:
    """The expression of a tensor in NumPy's syntax: it evaluates to the same value, the inputs being
    variables of their names.

    namespace: "np" (with ``special`` for `scipy.special`), or "et" for what both have not.  A shared part is written where it is
    used; notes for derivatives (`stop_gradient`, ...) are not.  A size that no input tells stands by its name.  Raises UnsupportedError for an operation
    that the namespace has no word for, and for a text that would be very long.
    """
    roots, _ = _roots("pprint", tensor, namespace)
    if len(roots) != 1:
        raise ArgumentError(message("pprint", "one tensor", f"{len(roots)}", "Use to_source."))
    order = topological(roots)
    names = named_inputs(order, (namespace,))
    writer = Writer(namespace, names, size_places(names), RULES)
    for node in order:
        writer.known[node] = writer.write(node)
        if len(writer.known[node].text) > LONGEST:
            hint = "Use to_source, which names shared parts."
            raise UnsupportedError(message("pprint", f"at most {LONGEST} characters", "more", hint))
    return writer.known[roots[0]].text


def to_source(
    outputs: Any,
    name: str = "f",
    inputs: Sequence[Tensor] | None = None,
    namespace: str = "np",
) -> str:
    """A Python function that computes the outputs (a tensor or a nest), as text, with its import.

    inputs     its parameters in order; by default the inputs as they are used first.  Shared tensors and
               captured arrays of more than 16 elements are parameters, too, after those.
    namespace  "np" or "et", as in `pprint`.
    What is used more than once, and what is long, is assigned to a variable first.
    """
    roots, tree = _roots("to_source", outputs, namespace)
    first = [t.expr for t in inputs or ()]
    function = function_source(name, first, roots, tree, namespace)
    special = "special." in function and namespace == "np"
    imports = "from scipy import special\n" if special else ""
    return f"import {MODULES[namespace]} as {namespace}\n{imports}\n\n{function}"


def function_source(
    name: str,
    inputs: Sequence[Expr],
    roots: Sequence[Expr],
    tree: Tree,
    namespace: str = "np",
    writer_class: type[Writer] = Writer,
) -> str:
    """The function of `to_source` alone.  Raises UnsupportedError as `pprint` does."""
    order = topological([*inputs, *roots])
    names = named_inputs(order, (namespace, name))
    writer = writer_class(namespace, names, {}, RULES)
    lines = _size_lines(writer, names, order)
    uses = Counter(a for n in order for a in n.arguments)
    uses.update(roots)
    number = 0
    taken = {*names.values(), *writer.sizes.values()}
    for node in order:
        text = writer.write(node)
        worth = uses[node] > 1 or (len(text.text) > LINE and uses[node])
        if worth and node.op.name not in INLINE and node.op not in MARKERS:
            while f"t{number}" in taken:
                number += 1
            variable = f"t{number}"
            number += 1
            lines.append(f"{variable} = {text.text}")
            writer.variables.add(node)
            text = Text(variable)
        writer.known[node] = text
    texts = iter([writer.known[r].text for r in roots])
    lines.append("return " + _nest(tree, texts))
    head = f"def {name}({', '.join(names.values())}):\n"
    return head + "".join(f"    {line}\n" for line in lines)


def _roots(operation: str, outputs: Any, namespace: str) -> tuple[list[Expr], Tree]:
    leaves, tree = flatten(outputs)
    if namespace not in MODULES:
        raise ArgumentError(message(operation, 'namespace "np" or "et"', repr(namespace)))
    for leaf in leaves:
        if not is_operand(leaf):
            raise ArgumentError(message(operation, "tensors", f"{leaf!r:.60}"))
    return [as_expr(leaf) for leaf in leaves], tree


def _size_lines(writer: Writer, names: dict[Expr, str], order: Sequence[Expr]) -> list[str]:
    """``n = x.shape[0]`` for the sizes that texts may need."""
    places = size_places(names)
    sizes: dict[str, str] = {}
    lines = []
    needed = " ".join(str(n.named) for n in order if n.op.name != "input")
    for symbol, place in places.items():
        if not re.search(rf"\b{re.escape(symbol)}\b", needed):
            continue
        free = symbol.isidentifier() and symbol not in names.values() and symbol != writer.namespace
        sizes[symbol] = symbol if free and not re.fullmatch(r"t\d+", symbol) else place
        if sizes[symbol] == symbol:
            lines.append(f"{symbol} = {place}")
    writer.sizes = sizes
    return lines


def _nest(tree: Tree, texts: Any) -> str:
    if tree.kind == "leaf":
        return str(next(texts))
    if tree.kind == "none":
        return "None"
    parts = [_nest(c, texts) for c in tree.children]
    if tree.kind is dict:
        return "{" + ", ".join(f"{k!r}: {p}" for k, p in zip(tree.keys, parts, strict=True)) + "}"
    if tree.kind is list:
        return f"[{', '.join(parts)}]"
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
