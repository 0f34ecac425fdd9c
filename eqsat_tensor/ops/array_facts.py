"""Facts of an array that a program captures, for the rules: its values are known, and stay.

    facts_of_array([2, 0, 1])     nonnegative, unique
    facts_of_array(eye(3))        finite, identity-matrix

Only what can be told for certain; a fact that another one implies may be left out.
"""

from __future__ import annotations

import numpy as np

LARGEST = 4096  # elements of an array that is looked through
DOMINANT = 1 + 1e-6  # how much more than the others a diagonal must weigh, for rounding's sake


def facts_of_array(array: np.ndarray) -> dict[str, float | None]:
    """The facts, by their names in rule files."""
    if not 0 < array.size <= LARGEST or array.dtype.kind not in "fiu":
        return {}
    if not np.isfinite(array).all():
        return {}
    found = signs(array)
    if array.dtype.kind == "f":
        found.append("finite")
        if array.ndim == 2 and array.shape[0] == array.shape[1]:
            found += of_matrix(array)
    elif array.ndim == 1 and is_unique(array):
        found.append("unique")
    return dict.fromkeys(found)


def signs(array: np.ndarray) -> list[str]:
    """The strongest of what is known of the signs."""
    low, high = array.min(), array.max()
    if low >= 0:
        return ["positive" if low > 0 else "nonnegative"]
    if high <= 0:
        return ["negative" if high < 0 else "nonpositive"]
    return ["nonzero"] if array.all() else []


def is_unique(array: np.ndarray) -> bool:
    """Do all elements, as indices, name different places, whatever the length of the axis?"""
    same_side = bool((array >= 0).all() or (array < 0).all())
    return same_side and np.unique(array).size == array.size


def of_matrix(m: np.ndarray) -> list[str]:
    """What is known of one square matrix."""
    ones = m == 1
    if bool((ones | (m == 0)).all() and (ones.sum(0) == 1).all() and (ones.sum(1) == 1).all()):
        return ["identity-matrix" if ones.diagonal().all() else "permutation"]
    found = []
    lower, upper = bool((np.tril(m) == m).all()), bool((np.triu(m) == m).all())
    if lower and upper:
        found.append("diagonal")
    elif lower or upper:
        found.append("lower-triangular" if lower else "upper-triangular")
    if bool((m == m.T).all()):
        wide, diagonal = np.abs(m.astype(np.float64)), m.diagonal().astype(np.float64)
        if bool((2 * diagonal > DOMINANT * wide.sum(1)).all()):
            found.append("positive-definite")  # the diagonal weighs more than the rest of each row
        elif lower and bool((diagonal >= 0).all()):
            found.append("positive-semidefinite")
        elif not lower:
            found.append("symmetric")
    return found
