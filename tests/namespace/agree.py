"""Functions of the namespace held against NumPy's, on sizes that are known and sizes that are not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

import eqsat_tensor as et
from eqsat_tensor.inputs import tensor
from eqsat_tensor.lang import topological
from eqsat_tensor.reference import evaluate
from eqsat_tensor.tensor import as_expr, captured_array
from tests.oracle import assert_same


def leaves(result: Any) -> list[Any]:
    """The arrays of a nest of lists and tuples."""
    return [v for r in result for v in leaves(r)] if isinstance(result, list | tuple) else [result]


def traced(
    function: Callable[..., Any], values: Iterable[Any], symbolic: bool = False
) -> list[Any]:
    """The function traced on tensors like these values, then evaluated on them by NumPy."""
    arrays = [np.asarray(v) for v in values]
    tensors = []
    for number, value in enumerate(arrays):
        sizes = [f"n{number}{j}" if symbolic and s > 1 else s for j, s in enumerate(value.shape)]
        tensors.append(tensor(f"x{number}", sizes, value.dtype))
    exprs = [as_expr(r) for r in leaves(function(*tensors))]
    known = {t.expr: v for t, v in zip(tensors, arrays, strict=True)}
    known |= {n: captured_array(n) for n in topological(exprs) if captured_array(n) is not None}
    return list(evaluate(exprs, known))


def agree(
    function: Callable[..., Any],
    *values: Any,
    symbolic: bool | None = None,
    guarantee: str = "exact",
    label: str = "",
) -> None:
    """``function(namespace, *values)`` gives the same with our namespace as with NumPy.

    Traced with known and with unknown sizes (or as `symbolic` says), by our functions and by
    NumPy's own called on tensors; and at once, where nothing is traced.
    """
    with np.errstate(all="ignore"):
        want = leaves(function(np, *values))
    for unknown in (False, True) if symbolic is None else (symbolic,):
        for namespace in (et, np):
            found = traced(lambda *t, e=namespace: function(e, *t), values, unknown)
            where = f"{label} {namespace.__name__} {'unknown sizes' if unknown else ''}"
            assert len(found) == len(want), where
            for a, b in zip(found, want, strict=True):
                assert_same(a, b, guarantee, where)
