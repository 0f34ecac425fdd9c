"""What a rule's ``:when`` asks, as far as Python can tell: it saves draws that the engine would refuse."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from eqsat_tensor.lang import Expr
from eqsat_tensor.ops.assume import BOUNDS, FACTS
from eqsat_tensor.rules.signature import DTYPE_NAMES
from eqsat_tensor.types import TensorType

Pattern: TypeAlias = Any  # a word, a number, or a tuple of patterns
Definitions: TypeAlias = Mapping[str, Sequence[tuple[Pattern, Sequence[Pattern]]]]

KNOWN_FACTS = frozenset((*FACTS, *BOUNDS))
KIND_FACTS = {"is-float": "f", "is-int": "iu", "is-bool": "b"}  # kinds of dtypes
DTYPE_FORMS = {name: dtype for dtype, name in DTYPE_NAMES.items()}

SYMBOL_SIZE = 5  # sizes that are this become a symbol

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
            if is_symbol(condition) and values[0] not in (None, SYMBOL_SIZE):
                return False
            numbers = all(isinstance(v, float) for v in values)  # whole ones may be sizes
            if numbers and not COMPARISONS[head](*values):
                return False
    return True


def is_symbol(condition: Pattern) -> bool:
    """True for ``(< n 0)``: the engine's numbers for sizes known at run time only are negative."""
    if not isinstance(condition, tuple) or condition[0] != "<":
        return False
    return isinstance(condition[2], int) and condition[2] == 0


COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "!=": operator.ne,
}  # fmt: skip


ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "min": min, "max": max,
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
    if head in ("vec-length", "vec-get", "vec-set") and not isinstance(values[0], tuple):
        return None  # one name for two things, in parts of what a relation is unfolded to
    if head == "vec-length":
        return len(values[0])
    if head == "vec-get":
        return values[0][values[1]] if 0 <= values[1] < len(values[0]) else None
    if head in ("vec-of", "vec-empty"):
        return tuple(values)
    if head == "vec-range":
        return tuple(range(values[0]))
    if head == "vec-append":
        return sum(values, ())
    if head == "vec-set":
        return (*values[0][: values[1]], values[2], *values[0][values[1] + 1 :])
    if head in ARITHMETIC:
        return ARITHMETIC[head](*values)
    return DTYPE_FORMS.get(head)


def matched(term: Pattern, value: Any, known: dict[str, Any]) -> bool:
    """False where ``term`` surely is not ``value``; variables of it that are open are bound."""
    if value is None:
        return True
    if isinstance(term, str):
        return bool(known.setdefault(term, value) == value)
    if isinstance(term, tuple) and term[0] == "vec-of" and isinstance(value, tuple):
        return len(term) == len(value) + 1 and all(
            matched(t, v, known) for t, v in zip(term[1:], value, strict=True)
        )
    if isinstance(term, tuple) and term[0] == "Tensor" and isinstance(value, TensorType):
        return matched(term[1], value.dtype, known) and matched(term[2], value.shape, known)
    here = value_of(term, known)
    return here is None or bool(here == value)


# ------------------------------------------------------------------------------ dtypes
def named_dtypes(conditions: Sequence[Pattern]) -> dict[str, np.dtype[Any]]:
    """Variable -> the dtype that ``(= (Tensor (I64) s) (type x))`` says it has."""
    types: dict[str, np.dtype[Any]] = {}  # of variables that are types
    found: dict[str, np.dtype[Any]] = {}
    pairs = [c[1:] for c in conditions if isinstance(c, tuple) and c[0] == "=" and len(c) == 3]
    pairs += [(b, a) for a, b in pairs]
    for left, right in pairs:
        if isinstance(left, tuple) and left[0] == "Tensor" and isinstance(right, str):
            for dtype in dtypes_in(left[1]):
                types[right] = dtype
    for left, right in pairs:
        if not (isinstance(right, tuple) and right[0] in ("type", "type-of")):
            continue
        told = dtypes_in(left[1]) if isinstance(left, tuple) and left[0] == "Tensor" else []
        told += [types[left]] if isinstance(left, str) and left in types else []
        for dtype in told:
            found[str(right[1])] = dtype
    return found


def dtypes_in(term: Pattern) -> list[np.dtype[Any]]:
    """The dtypes that a pattern names, such as ``(F32)``."""
    found: dict[np.dtype[Any], None] = {}
    stack = [term]
    while stack:
        t = stack.pop()
        if isinstance(t, tuple):
            if len(t) == 1 and t[0] in DTYPE_FORMS:
                found[DTYPE_FORMS[t[0]]] = None
            stack.extend(reversed(t))
    return list(found)
