"""What a rule's ``:when`` asks, as far as Python can tell: it saves draws that the engine would refuse."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from eqsat_tensor.lang import Expr
from eqsat_tensor.rules.signature import DTYPE_NAMES
from eqsat_tensor.types import TensorType
from eqsat_tensor.verify.facts import OF_FLOATS, OF_REALS

Pattern: TypeAlias = Any  # a word, a number, or a tuple of patterns
Definitions: TypeAlias = Mapping[str, Sequence[tuple[Pattern, Sequence[Pattern]]]]

KNOWN_FACTS = frozenset(OF_REALS) | frozenset(OF_FLOATS)
KIND_FACTS = {"is-float": "f", "is-int": "iu", "is-bool": "b"}  # kinds of dtypes
DTYPE_FORMS = {name: dtype for dtype, name in DTYPE_NAMES.items()}

_marks = itertools.count()


class Misfit(Exception):
    """This draw does not come out; draw again."""


def unfolded(
    conditions: Sequence[Pattern], definitions: Definitions, random: np.random.Generator
) -> list[Pattern]:
    """Conditions in which a relation that fact rules define is replaced by one of its definitions."""
    done: list[Pattern] = []
    left = list(conditions)
    while left:
        condition = left.pop(0)
        head = str(condition[0]) if isinstance(condition, tuple) else ""
        if head not in definitions or head in KNOWN_FACTS:
            done.append(condition)
            continue
        if len(done) + len(left) > 40:
            raise Misfit("a relation that is defined by itself")
        choices = definitions[head]
        claim, premises = choices[int(random.integers(len(choices)))]
        mark = f"/{next(_marks)}"
        names = dict(zip(claim[1:], condition[1:], strict=True))
        left = [renamed(p, names, mark) for p in premises] + left
    return done


def renamed(term: Pattern, names: Mapping[Any, Pattern], mark: str) -> Pattern:
    """A term with the variables in ``names`` replaced and all others made new."""
    if isinstance(term, tuple):
        return (term[0], *(renamed(t, names, mark) for t in term[1:])) if term else term
    if isinstance(term, str) and term not in ("true", "false"):
        return names.get(term, f"{term}{mark}")
    return term


def plausible(conditions: Sequence[Pattern], bound: Mapping[str, Any]) -> bool:
    """False where a condition surely fails; those that only the engine understands may hold.

    Equations are read in order; a variable met first there is what the other side is.
    """
    known = dict(bound)
    for condition in conditions:
        if not isinstance(condition, tuple) or len(condition) != 3:
            continue
        head, left, right = condition
        if head == "=":
            if not (matched(left, value_of(right, known), known)
                    and matched(right, value_of(left, known), known)):  # fmt: skip
                return False
        elif head in COMPARISONS:
            values = value_of(left, known), value_of(right, known)
            numbers = all(isinstance(v, float) for v in values)  # whole ones may be sizes
            if numbers and not COMPARISONS[head](*values):
                return False
    return True


COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "!=": operator.ne,
}  # fmt: skip


def value_of(term: Pattern, known: Mapping[str, Any]) -> Any:
    """What a term of a condition is, in Python; None where that is not known here."""
    if isinstance(term, int | float):
        return term
    if isinstance(term, str):
        return known.get(term)
    head, *rest = term
    values = [value_of(t, known) for t in rest]
    if any(v is None for v in values):
        return None
    if head in ("type", "type-of"):
        return values[0].type if isinstance(values[0], Expr) else None
    if head == "vec-length":
        return len(values[0])
    if head == "vec-get":
        return values[0][values[1]] if 0 <= values[1] < len(values[0]) else None
    if head in ("vec-of", "vec-empty"):
        return tuple(values)
    if head == "vec-range":
        return tuple(range(values[0]))
    return DTYPE_FORMS.get(head)


def matched(term: Pattern, value: Any, known: dict[str, Any]) -> bool:
    """False where ``term`` surely is not ``value``; variables of it that are open are bound."""
    if value is None:
        return True
    if isinstance(term, str):
        return bool(known.setdefault(term, value) == value)
    if isinstance(term, tuple) and term[0] == "Tensor" and isinstance(value, TensorType):
        return matched(term[1], value.dtype, known) and matched(term[2], value.shape, known)
    here = value_of(term, known)
    return here is None or bool(here == value)
