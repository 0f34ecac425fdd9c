"""What the facts of matrices claim, as checks of one matrix of `truth`'s elements.

    symmetric  [[1, 2], [2, 1 + 2**-200]]      holds; an element may be off by a rounding of T

A matrix with an element that is no finite number claims nothing.  A matrix that is not square has
none of these facts but where it has no elements: an empty one has all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np

from eqsat_tensor.verify.elements import Objects, fraction, special

Matrix: TypeAlias = Any  # square, of fractions
WIDEST = 6000  # a matrix with numbers of exponents beyond this is not judged
ROUNDING = Fraction(1, 2**60)  # what T itself may be off by, relative to the largest element


def scale(matrix: Matrix) -> Fraction:
    """The largest magnitude of an element."""
    return max((abs(x) for x in matrix.flat), default=Fraction(0))


def near(left: Matrix, right: Matrix) -> bool:
    """True where two matrices agree but for the rounding of T."""
    room = ROUNDING * max(scale(left), scale(right))
    return all(abs(x) <= room for x in (left - right).flat)


def zero_where(part: Callable[[Any], Any]) -> Callable[[Matrix], bool]:
    """The check that the elements which ``part`` keeps of a mask are 0."""
    return lambda m: not m[part(np.ones(m.shape, bool))].any()


def pivots(matrix: Matrix) -> list[Fraction]:
    """The pivots of symmetric elimination; it ends at the first that is not positive."""
    rest, found = matrix.copy(), []
    for k in range(len(rest)):
        found.append(rest[k, k])
        if rest[k, k] <= 0:
            break
        column = rest[k + 1 :, k] / rest[k, k]
        rest[k + 1 :, k + 1 :] -= np.multiply.outer(column, rest[k, k + 1 :])
    return found


def definite(matrix: Matrix) -> bool:
    """x' A x > 0 for every x but 0."""
    return near(matrix, matrix.T) and all(p > 0 for p in pivots(matrix))


def semidefinite(matrix: Matrix) -> bool:
    """x' A x >= 0, but for the rounding of T: A with a little more on its diagonal is definite."""
    room = ROUNDING * max(scale(matrix), Fraction(1, 2**5000)) * len(matrix)
    return definite(matrix + identity(len(matrix)) * room)


def identity(n: int) -> Matrix:
    """The identity, of fractions."""
    return np.vectorize(Fraction, otypes=[object])(np.eye(n, dtype=int)) if n else np.eye(0)


def is_permutation(matrix: Matrix) -> bool:
    """One 1 in every row and in every column, else 0."""
    ones = matrix == 1
    return bool(
        ((matrix == 0) | ones).all() and (ones.sum(0) == 1).all() and (ones.sum(1) == 1).all()
    )


OF_MATRICES: Mapping[str, Callable[[Matrix], bool]] = {
    "symmetric": lambda m: near(m, m.T),
    "positive-definite": definite,
    "positive-semidefinite": semidefinite,
    "diagonal": zero_where(lambda mask: mask & ~np.eye(len(mask), dtype=bool)),
    "lower-triangular": zero_where(lambda mask: np.triu(mask, 1)),
    "upper-triangular": zero_where(lambda mask: np.tril(mask, -1)),
    "orthogonal": lambda m: near(m.dot(m.T), identity(len(m))),
    "permutation": is_permutation,
    "identity-matrix": lambda m: bool((m == np.eye(len(m), dtype=int)).all()),
}


def matrix_fact_holds(name: str, values: Objects) -> tuple[int, ...] | None:
    """None where every matrix of a stack has the fact; the place of one that has not."""
    if values.size == 0:
        return None
    if values.ndim < 2 or values.shape[-1] != values.shape[-2]:
        return (0,) * max(values.ndim - 2, 0)
    for place in np.ndindex(values.shape[:-2]):
        matrix = values[place]
        if any(x is None or special(x) or vast(x) for x in matrix.flat):
            continue
        exact = np.vectorize(as_fraction, otypes=[object])(matrix)
        if not OF_MATRICES[name](exact):
            return place
    return None


def vast(x: Any) -> bool:
    """An exponent so far from 0 that the number as a fraction would fill the memory."""
    return not isinstance(x, int) and bool(x) and abs(x._mpf_[2] + x._mpf_[3]) > WIDEST


def as_fraction(x: Any) -> Fraction:
    """A finite element as a fraction."""
    return Fraction(int(x)) if isinstance(x, int) else fraction(x)
