"""Does an array have a fact that `assume` claims of it?  In floats: what is equal, equal up to rounding.

    assumption_holds("symmetric", None, [[1.0, 2.0], [2.0, 5.0]])    True
    assumption_holds("at-least", 0.5, [0.25, 1.0])                   False

NaN is no number, so that only not-nan and finite are false of it; a matrix with one is not judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

from eqsat_tensor.lang import Expr, topological
from eqsat_tensor.ops.assume import assume_op, facts_of
from eqsat_tensor.verify.running import evaluate_running

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
ULPS = 64.0  # that equal elements may differ by, times the rows of a matrix

OF_ELEMENTS: Mapping[str, Callable[[Array], Array]] = {
    "positive": lambda x: x > 0,
    "nonnegative": lambda x: x >= 0,
    "nonzero": lambda x: x != 0,
    "nonpositive": lambda x: x <= 0,
    "negative": lambda x: x < 0,
    "integer-valued": lambda x: (np.trunc(x) == x) if x.dtype.kind == "f" else np.ones(x.shape, bool),
}  # fmt: skip


def near(left: Array, right: Array) -> bool:
    """Equal up to the rounding of an element as large as the largest."""
    top = max(np.abs(left).max(), np.abs(right).max())
    return bool((np.abs(left - right) <= room(left) * top).all())


def room(matrix: Array) -> float:
    """What elements may be off by, relative to the largest of the matrix."""
    return ULPS * len(matrix) * float(np.finfo(matrix.dtype).eps)


def definite(matrix: Array, least: float) -> bool:
    """Symmetric, and no eigenvalue under ``least`` times the largest."""
    if not near(matrix, matrix.T):
        return False
    values = np.linalg.eigvalsh(matrix)
    return bool(values[0] >= least * np.abs(values).max()) and not (least == 0 and values[0] == 0)


def no_more_than(keep: Callable[[Array], Array]) -> Callable[[Array], bool]:
    """Nothing but zeros outside of what ``keep`` keeps."""
    return lambda m: bool((keep(m) == m).all())


def is_permutation(m: Array) -> bool:
    """One 1 in every row and in every column, else 0."""
    ones = m == 1
    zeros = bool((ones | (m == 0)).all())
    return zeros and bool((ones.sum(0) == 1).all() and (ones.sum(1) == 1).all())


OF_MATRICES: Mapping[str, Callable[[Array], bool]] = {
    "symmetric": lambda m: near(m, m.T),
    "positive-definite": lambda m: definite(m, 0.0),
    "positive-semidefinite": lambda m: definite(m, -room(m)),
    "diagonal": no_more_than(lambda m: np.diag(np.diag(m))),
    "lower-triangular": no_more_than(np.tril),
    "upper-triangular": no_more_than(np.triu),
    "orthogonal": lambda m: near(m @ m.T, np.eye(len(m), dtype=m.dtype)),
    "permutation": is_permutation,
    "identity-matrix": lambda m: bool((m == np.eye(len(m))).all()),
}


def assumption_holds(name: str, bound: float | None, array: Any) -> bool:
    """Is the fact ``name`` (as in rule files; ``bound`` for at-least and at-most) true of an array?"""
    x = np.asarray(array)
    if x.size == 0:
        return True
    if name in OF_MATRICES:
        return matrices_hold(name, x)
    if name == "finite":
        return bool(np.isfinite(x).all())
    if name == "not-nan":
        return not np.isnan(x).any()
    numbers = x[~np.isnan(x)] if x.dtype.kind == "f" else x.reshape(-1)
    if name == "unique":
        of_one_sign = bool((numbers >= 0).all() or (numbers < 0).all())
        return of_one_sign and np.unique(numbers).size == numbers.size
    if name in ("at-least", "at-most"):
        assert bound is not None, name
        wide = numbers.astype(np.float64) if numbers.dtype.kind == "f" else numbers
        return bool((wide >= bound).all() if name == "at-least" else (wide <= bound).all())
    return bool(OF_ELEMENTS[name](numbers).all())


def matrices_hold(name: str, x: Array) -> bool:
    """The fact of every matrix of a stack that is finite."""
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        return False
    wide = x.astype(np.float32 if x.dtype == np.float16 else x.dtype)
    wide = wide if wide.dtype.kind == "f" else wide.astype(np.float64)
    with np.errstate(all="ignore"):
        return all(
            OF_MATRICES[name](m)
            for m in wide.reshape(-1, *x.shape[-2:])
            if np.isfinite(m).all()
        )  # fmt: skip


def assumptions_hold(outputs: Iterable[Expr], inputs: Mapping[Expr, Array]) -> bool:
    """Are the facts of all `assume` nodes of a program true at these inputs?"""
    assumed = [n for n in topological(outputs) if n.op is assume_op]
    if not assumed:
        return True
    values = evaluate_running([n.arguments[0] for n in assumed], inputs)
    return all(
        assumption_holds(name, bound, value)
        for node, (value, _) in zip(assumed, values, strict=True)
        for name, bound in facts_of(node)
    )
