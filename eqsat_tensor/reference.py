"""`Expr` and arrays -> arrays, by each op's NumPy meaning: slow, obvious, the oracle."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from eqsat_tensor.conditions import checks_of, guards_of, shown_place
from eqsat_tensor.errors import (
    DomainError,
    EqsatError,
    ShapeError,
    failed_check,
    located,
    with_sizes,
    wrong_result,
)
from eqsat_tensor.extents import Size, SizeTerm, Symbol
from eqsat_tensor.extents import evaluate as size_number
from eqsat_tensor.kinds import Attribute
from eqsat_tensor.lang import ANY_ARITY, OF_ONE_RESULT, Expr, topological

Array = np.ndarray[Any, np.dtype[Any]]


def evaluate(
    outputs: Sequence[Expr],
    inputs: Mapping[Expr, Any],
    sizes: Mapping[str, int] | None = None,
    guard: bool = False,
    seen: Callable[[Expr, Array], None] | None = None,
) -> list[Array]:
    """The values of `outputs`, one array each, computed node by node with NumPy.

    inputs: an array for every input leaf, of its dtype and rank.  sizes: values of size symbols
    that no input tells.  guard: the first op that makes a NaN out of none is a DomainError.
    seen: called with each node and its value, operands first.
    Raises ShapeError where sizes disagree or a guard does not hold, LabelError or DomainError where
    a run-time check fails; what NumPy raises has a note with the op and the user's line.
    """
    known = infer_sizes(inputs, sizes)
    checks = checks_of(outputs)
    for condition in guards_of([*outputs, *(c for c, _ in checks)]):
        if not condition.holds(known):
            raise ShapeError(condition.broken(known))
    values: dict[Expr, Array] = {leaf: np.asarray(x) for leaf, x in inputs.items()}
    _compute([c for c, _ in checks], values, known, guard, seen)
    for check, failure in checks:
        if not values[check]:
            raise failed_check(with_sizes(failure, known))
    _compute(outputs, values, known, guard, seen)
    return [values[o] for o in outputs]


Made = dict[Any, tuple[Any, ...]]  # all results of a call, made once


def _compute(
    outputs: Sequence[Expr],
    values: dict[Expr, Array],
    sizes: Mapping[str, int],
    guard: bool,
    seen: Callable[[Expr, Array], None] | None,
) -> None:
    made: Made = {}
    for node in topological(outputs):
        if node in values:
            continue
        operands = [values[a] for a in node.arguments]
        try:
            values[node] = _value(node, operands, sizes, made)
        except (np.linalg.LinAlgError, ValueError) as error:
            if node.op.arity == ANY_ARITY or isinstance(error, EqsatError):
                raise
            got = ", ".join(f"{a.dtype}[{', '.join(map(str, a.shape))}]" for a in operands)
            raise located(error, node.op.name, got, shown_place(node)) from None
        except Exception as error:
            error.add_note(f"in {node.op.name}: {node.type}{_at(node)}")
            raise
        if guard and node.arguments and _has_nan(values[node]):
            _check_nan(node, values)
        if seen is not None:
            seen(node, values[node])


def _value(node: Expr, operands: Sequence[Array], sizes: Mapping[str, int], made: Made) -> Array:
    attributes = {
        name: known_attribute(kind, value, sizes)
        for (name, kind), value in zip(node.op.attributes.items(), node.attributes, strict=True)
    }
    with np.errstate(all="ignore"):
        if node.op.results is None:
            return np.asarray(node.op.numpy(*operands, **attributes))
        result = attributes["result"]
        own = {k: v for k, v in attributes.items() if k not in OF_ONE_RESULT}
        key = (node.op, node.arguments, tuple(own.items()))
        if key not in made:
            made[key] = node.op.results(*operands, **own)
    value = np.asarray(made[key][result])
    shape = tuple(size_number(s, sizes) for s in node.shape)
    if (value.dtype, value.shape) != (node.dtype, shape):
        raise wrong_result(node.op.name, value, node.dtype, shape)
    return value


def _has_nan(value: Array) -> bool:
    return value.dtype.kind in "fc" and bool(np.isnan(value).any())


def _check_nan(node: Expr, values: Mapping[Expr, Array]) -> None:
    """DomainError for a node that has a NaN where its operands have none."""
    operands = [values[a] for a in node.arguments]
    if any(map(_has_nan, operands)):
        return
    value = values[node]
    index = tuple(int(i) for i in np.argwhere(np.isnan(value))[0])
    told = ", ".join(
        str(x[index]) if x.shape == value.shape else str(a.type)
        for a, x in zip(node.arguments, operands, strict=True)
    )
    raise DomainError(
        f"{node.op.name}: needs operands that give numbers; got NaN at {list(index)} from {told}.{_at(node)}"
    )


def _at(node: Expr) -> str:
    place = shown_place(node)
    return f" ({place})" if place else ""


def known_attribute(kind: Attribute, value: Any, sizes: Mapping[str, int]) -> Any:
    """A static attribute with its sizes as ints."""
    if kind in (Attribute.SHAPE, Attribute.SIZES):
        return tuple(size_number(s, sizes) for s in value)
    return value


def infer_sizes(inputs: Mapping[Expr, Any], sizes: Mapping[str, int] | None) -> dict[str, int]:
    """The size symbols, from the arrays: ShapeError where an array is not what its leaf promises."""
    known = dict(sizes or {})
    for leaf, value in inputs.items():
        shape, promised = np.shape(value), leaf.shape
        if len(shape) != len(promised):
            raise _wrong(leaf, shape, known)
        for actual, size in zip(shape, promised, strict=True):
            name = _lone_symbol(size)
            if name is not None:
                known.setdefault(name, actual)
    for leaf, value in inputs.items():
        shape = np.shape(value)
        if tuple(size_number(s, known) for s in leaf.shape) != shape:
            raise _wrong(leaf, shape, known)
    return known


def _lone_symbol(size: Size) -> str | None:
    if isinstance(size, SizeTerm) and len(size.terms) == 1:
        monomial, coefficient = size.terms[0]
        if coefficient == 1 and len(monomial) == 1 and isinstance(monomial[0], Symbol):
            return monomial[0].name
    return None


def _wrong(leaf: Expr, shape: tuple[int, ...], known: Mapping[str, int]) -> ShapeError:
    return ShapeError(
        f"{leaf['name']}: needs shape {leaf.type}; got {list(shape)}, with sizes {dict(known)}."
    )
