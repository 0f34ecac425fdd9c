"""Arrays that have facts: what is drawn for the leaf under an `assume`.

Everything is exact: a matrix drawn as positive definite is so over the reals, not up to rounding.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from eqsat_tensor.ops.assume import MATRIX_FACTS, Facts

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
SEMIDEFINITE = frozenset(("positive-semidefinite", "positive-definite"))
DIAGONALS = (  # facts that together leave a diagonal matrix
    frozenset(("lower-triangular", "upper-triangular")),
    frozenset(("lower-triangular", "symmetric")),
    frozenset(("upper-triangular", "symmetric")),
)
HALVES = np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]) / 2


def with_facts(values: Array, facts: Facts, random: np.random.Generator) -> Array:
    """``values``, changed where they must be to have the facts."""
    with np.errstate(over="ignore"):  # the lowest of signed whole numbers has no opposite
        return _with_facts(values, facts, random)


def _with_facts(values: Array, facts: Facts, random: np.random.Generator) -> Array:
    names = frozenset(name for name, _ in facts)
    if names & set(MATRIX_FACTS):
        return with_matrix_facts(values, names & set(MATRIX_FACTS), random)
    if "unique" in names:
        return distinct(values, random)
    if "finite" in names or "not-nan" in names:
        keep = np.isfinite(values) if "finite" in names else ~np.isnan(values)
        values = np.where(keep, values, values.dtype.type(1))
    if "integer-valued" in names and values.dtype.kind == "f":
        values = np.trunc(values)
    least = np.finfo(values.dtype).tiny if values.dtype.kind == "f" else 1
    if "integer-valued" in names:
        least = 1
    if names & {"positive", "negative", "nonzero"}:
        values = np.where(values == 0, values.dtype.type(least), values)
    if names & {"positive", "nonnegative"}:
        values = np.abs(values)
    if names & {"negative", "nonpositive"}:
        values = -np.abs(values)
    for name, bound in facts:
        if bound is not None:
            limit = values.dtype.type(bound)
            values = np.maximum(values, limit) if name == "at-least" else np.minimum(values, limit)
    return values


def distinct(values: Array, random: np.random.Generator, labels: int | None = None) -> Array:
    """Different whole numbers, all below 0 or none of them; ``labels``: of an axis of so many."""
    count = values.size
    assert labels is None or count <= labels, (count, labels)
    most = count + int(random.integers(0, 3)) if labels is None else labels
    numbers = random.permutation(most)[:count]
    if values.dtype.kind != "u" and random.random() < 0.3:
        numbers = -1 - numbers
    return np.asarray(numbers, values.dtype).reshape(values.shape)


def with_matrix_facts(values: Array, names: frozenset[str], random: np.random.Generator) -> Array:
    """A stack of square matrices, each with all the facts."""
    n = values.shape[-1]
    result: Array = np.empty(values.shape, values.dtype)
    for place in np.ndindex(values.shape[:-2]):
        result[place] = one_matrix(values[place], n, names, random)
    return result


def one_matrix(values: Array, n: int, names: frozenset[str], random: np.random.Generator) -> Array:
    """One square matrix; facts of more than one kind give a diagonal matrix or the identity."""
    triangular = names & {"lower-triangular", "upper-triangular"}
    diagonal = "diagonal" in names or any(d <= names for d in DIAGONALS)
    diagonal = diagonal or bool(triangular and names & (SEMIDEFINITE | {"orthogonal"}))
    special = names & (SEMIDEFINITE | {"orthogonal", "permutation"})
    if "identity-matrix" in names or (special and "permutation" in names and len(names) > 1):
        return np.eye(n, dtype=values.dtype)
    if "permutation" in names:
        return np.eye(n, dtype=values.dtype)[random.permutation(n)]
    if "orthogonal" in names:
        return orthogonal(n, diagonal or "symmetric" in names, bool(names & SEMIDEFINITE), random)
    if names & SEMIDEFINITE:
        return semidefinite(n, "positive-definite" in names, diagonal, random)
    if diagonal:
        return np.where(np.eye(n, dtype=bool), values, values.dtype.type(0))
    if "lower-triangular" in names:
        return np.where(np.tri(n, dtype=bool), values, values.dtype.type(0))
    if "upper-triangular" in names:
        return np.where(np.tri(n, dtype=bool).T, values, values.dtype.type(0))
    return np.asarray(np.where(np.tri(n, dtype=bool), values, values.T))


def orthogonal(n: int, diagonal: bool, definite: bool, random: np.random.Generator) -> Array:
    """Signed permutations, and turned by halves: rows whose products are exact."""
    if definite:
        return np.eye(n)
    signs = random.choice((-1.0, 1.0), n)
    if diagonal:
        return np.diag(signs)
    q = np.eye(n)[random.permutation(n)] * signs
    if n >= 4 and random.random() < 0.7:
        turn = np.eye(n)
        turn[:4, :4] = HALVES
        q = q @ turn
    return np.asarray(q)


def semidefinite(n: int, definite: bool, diagonal: bool, random: np.random.Generator) -> Array:
    """L L' of small whole numbers, times a power of two; singular now and then unless definite."""
    lower = np.tril(random.integers(-1, 2, (n, n)), -1) * (not diagonal)
    first = 1 if definite else 0
    lower = lower + np.diag(random.integers(first, 3, n))
    return np.asarray((lower @ lower.T) * 2.0 ** int(random.integers(-2, 3)))
