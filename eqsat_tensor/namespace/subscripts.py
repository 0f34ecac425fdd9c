"""The subscripts of `einsum`: text or lists of labels -> one label an axis, for each operand.

parse("...i,ij", (3, 2))  ->  operands [".0", ".1", "i"] and ["i", "j"], result [".0", ".1", "j"]
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eqsat_tensor.errors import ShapeError, message
from eqsat_tensor.namespace.operands import any_traced

Labels = list[str]
ELLIPSIS = "..."


@dataclass(frozen=True)
class Subscripts:
    """Labels of each operand's axes and of the result's; those of an ellipsis are ``.0, .1, ...``."""

    operands: tuple[Labels, ...]
    result: Labels


def from_lists(arguments: Sequence[Any]) -> tuple[str, list[Any]]:
    """``op0, [0, 1], op1, [1, 2], [0, 2]`` as text and operands."""
    pairs, rest = arguments, None
    if len(arguments) % 2:
        pairs, rest = arguments[:-1], arguments[-1]
    terms = [_letters(s) for s in pairs[1::2]]
    text = ",".join(terms) + ("" if rest is None else "->" + _letters(rest))
    return text, list(pairs[::2])


def _letters(labels: Any) -> str:
    if not isinstance(labels, list | tuple) or any_traced(labels):
        raise ShapeError(
            message("einsum", "a text of subscripts, or lists of labels", f"{labels!r}")
        )
    return "".join(ELLIPSIS if n is Ellipsis else chr(0x100 + int(n)) for n in labels)


def parse(text: str, ranks: Sequence[int]) -> Subscripts:
    """The labels of every axis; ShapeError where they do not fit the operands."""
    text = text.replace(" ", "")
    given, arrow, wanted = text.partition("->")
    terms = given.split(",")
    if len(terms) != len(ranks):
        got = f"{text!r} for {len(ranks)} operands"
        raise ShapeError(message("einsum", "one term for each operand", got))
    split = [_term(term, text) for term in terms]
    hidden = [
        _hidden(front, back, dotted, rank, text)
        for (front, dotted, back), rank in zip(split, ranks, strict=True)
    ]
    most = max(hidden, default=0)
    operands = tuple(
        [*front, *(f".{i}" for i in range(most - count, most)), *back]
        for (front, _, back), count in zip(split, hidden, strict=True)
    )
    spread = [f".{i}" for i in range(most)]
    if not arrow:
        counts = Counter("".join(f + b for f, _, b in split))
        return Subscripts(operands, spread + sorted(c for c in counts if counts[c] == 1))
    front, dotted, back = _term(wanted, text)
    if most and not dotted:
        needs = "'...' in the result where operands have axes without a label"
        raise ShapeError(message("einsum", needs, repr(text)))
    result = [*front, *(spread if dotted else []), *back]
    known = {label for labels in operands for label in labels}
    for label in result:
        if label not in known or result.count(label) > 1:
            needs = "labels of the operands in the result, each once"
            raise ShapeError(message("einsum", needs, f"{label!r} in {text!r}"))
    return Subscripts(operands, result)


def _term(term: str, text: str) -> tuple[str, bool, str]:
    front, dotted, back = term.partition(ELLIPSIS)
    for label in front + back:
        if not (label.isascii() and label.isalpha()) and ord(label) < 0x100:
            needs = "letters, ',', '->' and one '...' a term"
            raise ShapeError(message("einsum", needs, f"{label!r} in {text!r}"))
    return front, bool(dotted), back


def _hidden(front: str, back: str, dotted: bool, rank: int, text: str) -> int:
    """The number of axes that an ellipsis stands for."""
    count = rank - len(front) - len(back)
    if count < 0 or (count > 0 and not dotted):
        got = f"{front}{ELLIPSIS if dotted else ''}{back} for {rank} axes in {text!r}"
        raise ShapeError(message("einsum", "as many labels as axes", got))
    return count
