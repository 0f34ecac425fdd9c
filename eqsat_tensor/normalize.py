"""`Expr` -> `Expr`: what every program goes through before the e-graph.

Sizes that the program equates become one symbol and their `refine` nodes vanish; operands of
commutative ops stand in a canonical order; operations on constants are done, in the constants'
own dtype, by NumPy; what is joined to nothing stands alone.  Nothing else: all algebra is in rules
and proposers.  Chains of + and * are not reordered here: that is refuted, (1e16 - 1e16) + 1 is 1 and
(1e16 + 1) - 1e16 is 0.

    %0 = add(y, x)         ->   %0 = add(x, y)
    %1 = exp(full(0.0))    ->   full(1.0)
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eqsat_tensor.conditions import EQUATING
from eqsat_tensor.extents import Size, SizeTerm, Symbol, parts_of_common, substitute, symbols_of
from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.lang import OPS, Expr, apply, rewrite, substitute_sizes, topological
from eqsat_tensor.types import literal

MOVES_OF_CONSTANTS = EQUATING | frozenset(
    ("broadcast", "squeeze", "transpose", "reshape", "slice", "diagonal")
)

UNTOLD = ("key", "place")  # attributes that say nothing of a value


def normalize(
    outputs: Sequence[Expr], inputs: Sequence[Expr] = ()
) -> tuple[list[Expr], dict[Expr, Expr]]:
    """The normalized outputs, and what each of ``inputs`` (leaves) became.

    An input changes where one of its sizes was equated with another.  ``inputs`` also gives the
    leaves an order, so that the result does not depend on what was built before.
    """
    outputs = list(outputs)
    values = equations(outputs)
    both = substitute_sizes([*outputs, *inputs], values) if values else [*outputs, *inputs]
    outputs, leaves = both[: len(outputs)], both[len(outputs) :]
    digests: dict[Expr, bytes] = {leaf: b"input %d" % i for i, leaf in enumerate(leaves)}
    objects: dict[int, int] = {}

    def change(node: Expr, arguments: tuple[Expr, ...]) -> Expr:
        if node.op.name in EQUATING and arguments[0].type == node.type:
            return arguments[0]
        if node.op.commutative and len(arguments) == 2:
            arguments = tuple(sorted(arguments, key=digests.__getitem__))
        new = fold(node if arguments == node.arguments else node.rebuilt(arguments))
        if new not in digests:
            digests[new] = digest(new, digests, objects)
        return new

    return rewrite(outputs, change), dict(zip(inputs, leaves, strict=True))


def equations(outputs: Sequence[Expr]) -> dict[str, Size]:
    """Symbols that nodes of `EQUATING` ops make equal to another size: name -> that size."""
    values: dict[str, Size] = {}
    for node in topological(outputs):
        if node.op.name not in EQUATING:
            continue
        for left, right in zip(node.arguments[0].shape, node.shape, strict=True):
            first, *others = (*parts_of_common(left), *parts_of_common(right))
            for other in others:
                solved = _solve(substitute(first, values), substitute(other, values))
                if solved is not None:
                    name, size = solved
                    values = {n: substitute(s, {name: size}) for n, s in values.items()}
                    values[name] = size
    return values


def _solve(left: Size, right: Size) -> tuple[str, Size] | None:
    if left == right:
        return None
    for a, b in ((left, right), (right, left)):
        if isinstance(a, SizeTerm) and len(a.terms) == 1:
            monomial, coefficient = a.terms[0]
            atom = monomial[0]
            alone = coefficient == 1 and len(monomial) == 1 and isinstance(atom, Symbol)
            if alone and isinstance(atom, Symbol) and atom.name not in symbols_of(b):
                return atom.name, b
    return None


def fold(node: Expr) -> Expr:
    """An op on constants, done; what nothing is joined to, or written into; any other node as it is."""
    op, arguments = node.op, node.arguments
    if op.name == "concatenate":
        # here, not by a rule: a sum over two parts is taken in another order than one over the whole
        whole = [a for a in arguments if a.type == node.type]
        empty = [a for a in arguments if a.shape[node["axis"]] == 0]
        return whole[-1] if whole and empty else node
    if op.name == "update_slice" and 0 in arguments[1].shape:  # for the same reason
        return arguments[0]
    if not arguments or any(a.op.name != "full" for a in arguments):
        return node
    full = OPS["full"]
    if op.name in MOVES_OF_CONSTANTS:
        return apply(full, value=arguments[0]["value"], shape=node.shape)
    if op.kind is not Kind.ELEMENTWISE:
        return node
    scalars = [np.asarray(a["value"].value, a.dtype) for a in arguments]
    attributes = dict(node.named)
    if "shape" in attributes:
        attributes["shape"] = ()
    with np.errstate(all="ignore"):
        result = op.numpy(*scalars, **attributes)
    return apply(full, value=literal(result, node.dtype), shape=node.shape)


def digest(node: Expr, known: Mapping[Expr, bytes], objects: dict[int, int]) -> bytes:
    """A name of the structure below a node: the same in every process, whatever was built before.

    ``known`` holds the operands' digests, and the input leaves'.  ``objects`` numbers the attributes
    that are Python objects, by identity, as they come: a callback is told by its name and by where
    else in the program it is called.
    """
    if node in known:
        return known[node]
    op = node.op
    parts = []
    for (name, kind), value in zip(op.attributes.items(), node.attributes, strict=True):
        number = ""
        if kind is Attribute.OBJECT:
            number = f"#{objects.setdefault(id(value), len(objects))}"
        if name not in UNTOLD:
            parts.append(f"{name}={value}{number}")
    text = f"{op.name}{op.definition} {node.type} {' '.join(parts)}".encode()
    return hashlib.blake2b(
        text + b"".join([known[a] for a in node.arguments]), digest_size=16
    ).digest()


def program_digest(outputs: Sequence[Expr], inputs: Sequence[Expr]) -> str:
    """A name of a whole program for the cache key; inputs count by their position and type."""
    known: dict[Expr, bytes] = {leaf: b"input %d" % i for i, leaf in enumerate(inputs)}
    objects: dict[int, int] = {}
    for node in topological(outputs):
        known[node] = digest(node, known, objects)
    types = " ".join(str(leaf.type) for leaf in inputs).encode()
    return hashlib.sha256(types + b"".join(known[o] for o in outputs)).hexdigest()


def objects_of(outputs: Sequence[Expr]) -> list[Any]:
    """The Python objects among the attributes of a program, each once, in the order of its digest."""
    found: dict[int, Any] = {}
    for node in topological(outputs):
        if node.attributes:
            for kind, value in zip(node.op.attributes.values(), node.attributes, strict=True):
                if kind is Attribute.OBJECT:
                    found.setdefault(id(value), value)
    return list(found.values())
