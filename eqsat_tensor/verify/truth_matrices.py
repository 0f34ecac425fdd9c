"""True meanings of the ops of linear algebra and of sorting, by exact elimination, for `precise`.

    det([[1, 2], [2, 4]])    0, exactly: of floats all of it is done in fractions
    inv([[1, 2], [2, 4]])    NaN everywhere: what LAPACK refuses, or answers with noise, has no value

A matrix with an element that is not settled, or is no finite number, has no settled result.  Where
operands are rounded and a pivot cancels, nothing is settled either: it may be 0 and may not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from eqsat_tensor.verify.elements import Element, Objects, nan, special
from eqsat_tensor.verify.matrix_facts import as_fraction, identity

if TYPE_CHECKING:
    from eqsat_tensor.verify.truth import Truth

Matrix: TypeAlias = Any  # of fractions
Meaning: TypeAlias = Callable[..., Objects]
WIDEST = 6000  # a matrix with numbers of exponents beyond this is not eliminated


class Unsettled(Exception):
    """Nothing is certain of this matrix at this precision."""


class Singular(Exception):
    """There is no such matrix."""


# ---------------------------------------------------------------------------------- elimination
def exact(values: Objects) -> Matrix:
    """A matrix of elements as fractions; `Unsettled` where that is not to be had."""
    for x in values.flat:
        if x is None or special(x) or (x and abs(x._mpf_[2] + x._mpf_[3]) > WIDEST):
            raise Unsettled
    if not values.size:
        return values.copy()
    return np.vectorize(as_fraction, otypes=[object])(values)


def eliminated(a: Matrix, b: Matrix) -> tuple[Any, Matrix]:
    """The determinant of `a`, and x with a x = b; of a singular one 0 and nothing of use."""
    a, x, determinant = a.copy(), b.copy(), as_fraction(1)
    for k in range(len(a)):
        rows = [i for i in range(k, len(a)) if a[i, k]]
        if not rows:
            return as_fraction(0), x
        if rows[0] != k:
            a[[k, rows[0]]], x[[k, rows[0]]] = a[[rows[0], k]], x[[rows[0], k]]
            determinant = -determinant
        pivot = a[k, k]
        determinant *= pivot
        a[k], x[k] = a[k] / pivot, x[k] / pivot
        for i in range(len(a)):
            if i != k and a[i, k]:
                factor = a[i, k]
                a[i], x[i] = a[i] - factor * a[k], x[i] - factor * x[k]
    return determinant, x


def factored(a: Matrix) -> tuple[list[Any], Matrix]:
    """Positive d and L with ones on its diagonal, L diag(d) L' the matrix whose lower half `a` has.

    `Singular` where a pivot is not positive; a pivot of 0 is told by the exception's argument.
    """
    rest, pivots, lower = np.tril(a) + np.tril(a, -1).T, [], a.copy()
    for k in range(len(rest)):
        pivot = rest[k, k]
        if pivot <= 0:
            raise Singular(pivot)
        pivots.append(pivot)
        lower[:, k] = rest[:, k] / pivot
        lower[:k, k] = 0
        rest = rest - np.multiply.outer(lower[:, k], rest[k])
    return pivots, lower


# ------------------------------------------------------------------------------------- meanings
def on_stacks(function: Callable[..., Any], settle: str) -> Meaning:
    """A function of single matrices on stacks of them; exceptions say what the result is.

    ``settle``: "matrix", results are of the last operand's shape; "value", one a matrix; "row".
    """

    def meaning(truth: Truth, *operands: Objects, **attributes: Any) -> Objects:
        lead = operands[0].shape[:-2]
        last = operands[-1].shape
        shape = {"matrix": last, "row": last[:-1], "value": last[:-2]}[settle]
        result = np.empty(shape, object)
        for place in np.ndindex(lead):
            try:
                result[place] = function(truth, *(x[place] for x in operands), **attributes)
            except Unsettled:
                result[place] = None
            except Singular as refused:
                rounded = truth.rounded_operands and refused.args == (0,)
                result[place] = None if rounded else truth.nan
        return result

    return meaning


def elements(truth: Truth, matrix: Matrix) -> Objects:
    """Fractions as elements, rounded at the working precision."""
    result = np.empty(matrix.shape, object)
    for place in np.ndindex(matrix.shape):
        result[place] = element(truth, matrix[place])
    return result


def element(truth: Truth, number: Any) -> Element:
    """One fraction as an element."""
    return truth.whole(number.numerator) / truth.whole(number.denominator)


def solved(truth: Truth, a: Objects, b: Objects) -> Objects:
    """x with a x = b."""
    left, right = exact(a), exact(b)
    determinant, x = eliminated(left, right)
    if not determinant:
        raise Singular(0)
    return elements(truth, x)


def solved_triangular(truth: Truth, a: Objects, b: Objects, lower: int, transposed: int) -> Objects:
    """The same, of one triangle of `a`."""
    part = np.tril(a) if lower else np.triu(a)  # the zeros are ints
    part = np.where(np.vectorize(lambda x: x is not None and x == 0, otypes=[bool])(part)
                    if part.size else part.astype(bool), truth.context.mpf(0), part)  # fmt: skip
    return solved(truth, part.T if transposed else part, b)


def inverted(truth: Truth, a: Objects) -> Objects:
    """The inverse."""
    determinant, x = eliminated(exact(a), identity(len(a)).astype(object))
    if not determinant:
        raise Singular(0)
    return elements(truth, x)


def determinant_of(truth: Truth, a: Objects) -> Any:
    """The determinant as a fraction."""
    matrix = exact(a)
    determinant, _ = eliminated(matrix, matrix[:, :0])
    if not determinant and truth.rounded_operands:
        raise Unsettled
    return determinant


def determinant(truth: Truth, a: Objects) -> Element:
    """The determinant."""
    return element(truth, determinant_of(truth, a))


def logarithm(truth: Truth, a: Objects, result: int) -> Element:
    """The sign of the determinant (result 0), the logarithm of its magnitude (1)."""
    number = determinant_of(truth, a)
    if result == 0:
        return truth.context.mpf((number > 0) - (number < 0))
    return truth.context.log(element(truth, abs(number))) if number else -truth.infinity


def cholesky(truth: Truth, a: Objects) -> Objects:
    """The lower triangle L with L L' = a."""
    pivots, lower = factored(exact(a))
    roots = [truth.context.sqrt(element(truth, p)) for p in pivots]
    return elements(truth, lower) * np.array([roots], object) if pivots else a


def eigenvalues(truth: Truth, a: Objects, result: int, shape: Sequence[Any]) -> Objects:
    """Eigenvalues, ascending, of the symmetric matrix whose lower half `a` has.

    One that is below the noise of the working precision is 0: a higher precision contradicts.
    """
    if result == 1:
        raise Unsettled  # an eigenvector may have either sign
    exact(a)
    if not a.size:
        return a[0:0].ravel()
    context = truth.context
    matrix = context.matrix(
        [[a[max(i, j), min(i, j)] for j in range(len(a))] for i in range(len(a))]
    )
    found = sorted(context.eigsy(matrix, eigvals_only=True))
    noise = context.ldexp(max(map(abs, found)), -context.prec // 2)
    zero = context.mpf(0)
    return np.array([zero if abs(x) <= noise else x for x in found], object)


def ordered(truth: Truth, x: Objects, axis: int) -> Objects:
    """Sorted along an axis, NaN last."""
    rows = np.moveaxis(x, axis, -1)
    result = np.empty(rows.shape, object)
    for place in np.ndindex(rows.shape[:-1]):
        row = list(rows[place])
        open_element = any(e is None for e in row)
        numbers = [] if open_element else sorted(e for e in row if not nan(e))
        result[place] = [None] * len(row) if open_element else [
            *numbers, *(e for e in row if nan(e))]  # fmt: skip
    return np.moveaxis(result, -1, axis)


def _eigenvalues(truth: Truth, a: Objects, result: int, shape: Sequence[Any]) -> Objects:
    settle = "matrix" if result else "row"
    return on_stacks(eigenvalues, settle)(truth, a, result=result, shape=shape)


MEANINGS: dict[str, Meaning] = {
    "solve": on_stacks(solved, "matrix"),
    "solve_triangular": on_stacks(solved_triangular, "matrix"),
    "inv": on_stacks(inverted, "matrix"),
    "det": on_stacks(determinant, "value"),
    "slogdet": on_stacks(logarithm, "value"),
    "cholesky": on_stacks(cholesky, "matrix"),
    "eigh": _eigenvalues,
    "sort": ordered,
}
