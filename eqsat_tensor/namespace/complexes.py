"""Functions of complex numbers beside those that real ones share: angles, tests, products.

`real`, `imag` and `conjugate` are in `namespace.parts`; the rest takes complex numbers where NumPy does.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.errors import UnsupportedError, message
from eqsat_tensor.extents import Size
from eqsat_tensor.lang import BOOL, COMPLEXES, Expr
from eqsat_tensor.namespace.operands import PUBLIC, expr_of, promoted, public
from eqsat_tensor.ops import arithmetic, compare, complexes, movement, select
from eqsat_tensor.ops.hyperbolic import arctan2
from eqsat_tensor.ops.leaf import constant, full_like
from eqsat_tensor.sizes import size_or_dim, tracing
from eqsat_tensor.tensor import Tensor


@public(numpy=np.angle)
def angle(z: Any, /, deg: bool = False) -> Tensor:
    """The angle of z = x + iy, arctan2(y, x), in radians or degrees; of real numbers 0 or pi."""
    expr = expr_of("angle", z)
    if expr.dtype in COMPLEXES:
        re, im = complexes.real(expr), complexes.imag(expr)
    else:
        im, re = promoted("angle", np.arctan2, (0, Tensor(expr)))
    found = arctan2(im, re)
    if deg:
        found = arithmetic.multiply(found, full_like(found, 180 / np.pi))
    return Tensor(found)


@public(numpy=np.iscomplex)
def iscomplex(x: Any, /) -> Tensor:
    """True where the imaginary part is not 0."""
    expr = expr_of("iscomplex", x)
    if expr.dtype not in COMPLEXES:
        return Tensor(full_like(compare.cast_to(expr, BOOL), False))
    im = complexes.imag(expr)
    return Tensor(compare.not_equal(im, full_like(im, 0)))


@public(numpy=np.isreal)
def isreal(x: Any, /) -> Tensor:
    """True where the imaginary part is 0."""
    return Tensor(compare.logical_not(iscomplex(x).expr))


@public(numpy=lambda x, tol=100: np.asarray(x))
def real_if_close(x: Any, /, tol: float = 100) -> Tensor:
    """`x` as it is: a dtype does not depend on values here.  Take `real` where they are known."""
    return Tensor(expr_of("real_if_close", x))


@public(numpy=np.sort_complex)
def sort_complex(x: Any, /) -> Tensor:
    """The elements along the last axis by real, then imaginary part; complex128 of real numbers."""
    expr = expr_of("sort_complex", x)
    if expr.dtype not in COMPLEXES:
        narrow = expr.dtype.kind in "iu" and expr.dtype.itemsize < 4
        expr = compare.cast_to(expr, np.dtype(np.complex64 if narrow else np.complex128))
    result: Tensor = PUBLIC["sort"](Tensor(expr), axis=-1)
    return result


# --------------------------------------------------------------------------------------- products
def product_along(x: Expr, axis: int) -> Expr:
    """The product of complex elements along an axis, by halves: log2(size) steps."""
    size = _known("prod", x.shape[axis], x)
    while size > 1:
        half = size // 2
        pairs = arithmetic.multiply(_part(x, axis, 0, half), _part(x, axis, half, half))
        rest = size - 2 * half
        x = select.concatenate(pairs, _part(x, axis, size - 1, 1), axis=axis) if rest else pairs
        size = half + rest
    if size:
        return movement.squeeze(x, (axis,))
    return constant(1, x.dtype, movement.without(x.shape, (axis,)))


def products_along(x: Expr, axis: int) -> Expr:
    """The products of complex elements up to each along an axis, in log2(size) steps."""
    size, step = _known("cumprod", x.shape[axis], x), 1
    x = _part(x, axis, 0, size)  # of this size, now that it is known
    while step < size:
        before = _part(x, axis, 0, size - step)
        ones = full_like(_part(x, axis, 0, step), 1)
        x = arithmetic.multiply(x, select.concatenate(ones, before, axis=axis))
        step *= 2
    return x


def _known(name: str, size: Size, x: Expr) -> int:
    if isinstance(size, int) or tracing():
        return int(size_or_dim(size))
    hint = "Give the size as a number, or multiply by exp(sum(log(z)))."
    needs = "a size of complex numbers that is known while tracing"
    raise UnsupportedError(message(name, needs, str(x.type), hint))


def _part(x: Expr, axis: int, start: int, length: int) -> Expr:
    starts = [start if j == axis else 0 for j in range(len(x.shape))]
    shape = [length if j == axis else s for j, s in enumerate(x.shape)]
    return movement.slice_(x, starts, [1] * len(starts), shape)
