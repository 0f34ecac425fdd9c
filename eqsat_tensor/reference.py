"""`Expr` and arrays -> arrays, by each op's NumPy meaning: slow, obvious, the oracle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eqsat_tensor.errors import ShapeError, failed_check, wrong_result
from eqsat_tensor.kinds import Attribute
from eqsat_tensor.lang import OF_ONE_RESULT, Expr, checks_of, guards_of, topological
from eqsat_tensor.types import Size, SizeTerm, Symbol
from eqsat_tensor.types import evaluate as size_number

Array = np.ndarray[Any, np.dtype[Any]]


def evaluate(
    outputs: Sequence[Expr],
    inputs: Mapping[Expr, Any],
    sizes: Mapping[str, int] | None = None,
) -> list[Array]:
    """The values of `outputs`, one array each, computed node by node with NumPy.

    inputs: an array for every input leaf, of its dtype and rank.  sizes: values of size symbols
    that no input tells.  Raises ShapeError where sizes disagree or a guard does not hold,
    LabelError or DomainError where a run-time check fails.
    """
    known = infer_sizes(inputs, sizes)
    checks = checks_of(outputs)
    for guard in guards_of([*outputs, *(c for c, _ in checks)]):
        if not guard.holds(known):
            raise ShapeError(guard.text)
    values: dict[Expr, Array] = {leaf: np.asarray(x) for leaf, x in inputs.items()}
    _compute([c for c, _ in checks], values, known)
    for check, failure in checks:
        if not values[check]:
            raise failed_check(failure)
    _compute(outputs, values, known)
    return [values[o] for o in outputs]


def _compute(outputs: Sequence[Expr], values: dict[Expr, Array], sizes: Mapping[str, int]) -> None:
    made: dict[Any, tuple[Any, ...]] = {}  # all results of a call, made once
    for node in topological(outputs):
        if node in values:
            continue
        attributes = {
            name: known_attribute(kind, value, sizes)
            for (name, kind), value in zip(node.op.attributes.items(), node.attributes, strict=True)
        }
        operands = [values[a] for a in node.arguments]
        with np.errstate(all="ignore"):
            if node.op.results is None:
                values[node] = np.asarray(node.op.numpy(*operands, **attributes))
                continue
            result = attributes["result"]
            attributes = {k: v for k, v in attributes.items() if k not in OF_ONE_RESULT}
            key = (node.op, node.arguments, tuple(attributes.items()))
            if key not in made:
                made[key] = node.op.results(*operands, **attributes)
            values[node] = np.asarray(made[key][result])
            shape = tuple(size_number(s, sizes) for s in node.shape)
            if (values[node].dtype, values[node].shape) != (node.dtype, shape):
                raise wrong_result(node.op.name, values[node], node.dtype, shape)


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
