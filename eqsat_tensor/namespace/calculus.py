"""Differences, integrals, interpolation and convolution along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eqsat_tensor.errors import DtypeError, ShapeError, UnsupportedError, message
from eqsat_tensor.extents import Size, maximum, minimum, product
from eqsat_tensor.lang import BOOL, FLOAT64, INEXACT, INT64, Expr
from eqsat_tensor.namespace.operands import (
    axes_of,
    axis_of,
    converted,
    expr_of,
    gathered,
    public,
    show,
    show_all,
)
from eqsat_tensor.namespace.reducing import absent
from eqsat_tensor.ops import arithmetic, compare, movement, select, sorting
from eqsat_tensor.ops.complexes import complex_, imag, real
from eqsat_tensor.ops.convolution import convolution
from eqsat_tensor.ops.leaf import constant, full_like, size_value
from eqsat_tensor.sizes import size_or_dim, tracing
from eqsat_tensor.tensor import FUNCTIONS, Tensor, as_expr

UNROLLED = 2  # longest kernel whose products are written out


def cut(x: Expr, axis: int, start: Size, length: Size, step: int = 1) -> Expr:
    """Some elements along one axis."""
    zeros: list[Size] = [0] * len(x.shape)
    starts = [start if j == axis else z for j, z in enumerate(zeros)]
    steps = [step if j == axis else 1 for j in range(len(zeros))]
    shape = [length if j == axis else s for j, s in enumerate(x.shape)]
    return movement.slice_(x, starts, steps, shape)


# ------------------------------------------------------------------------------------ differences
def _step(x: Expr, axis: int) -> Expr:
    """Each element less the one before it; of bools whether they differ."""
    length = maximum(x.shape[axis] - 1, 0)
    later, earlier = cut(x, axis, 0 if length == 0 else 1, length), cut(x, axis, 0, length)
    result: Expr = (compare.not_equal if x.dtype == BOOL else arithmetic.subtract)(later, earlier)
    return result


@public(numpy=np.diff)
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Tensor:
    """Differences of neighbours along an axis, `n` times over.

    prepend, append: numbers or arrays to put in front of the elements, or behind.
    """
    if n < 0:
        raise ValueError(message("diff", "n of at least 0", f"n={n}"))
    expr = expr_of("diff", a)
    if not expr.shape:
        raise ValueError(message("diff", "at least one axis", f"a: {show(a)}"))
    if n == 0:
        return Tensor(expr)
    place = axis_of("diff", axis, len(expr.shape), a)
    parts: list[Any] = []
    for part in (prepend, a, append):
        if absent(part):
            continue
        added = as_expr(part)
        if not added.shape:
            one = tuple(1 if j == place else s for j, s in enumerate(expr.shape))
            part = Tensor(movement.broadcast_to(added, one))
        parts.append(part)
    if len(parts) > 1:
        expr = FUNCTIONS["concatenate"](parts, axis=place).expr
    for _ in range(n):
        expr = _step(expr, place)
    return Tensor(expr)


@public(numpy=np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Tensor:
    """Differences of neighbours of the flat array, between `to_begin` and `to_end`."""
    expr = expr_of("ediff1d", ary)
    flat = movement.reshape(expr, (product(expr.shape),))
    if expr.dtype == BOOL:
        raise DtypeError(message("ediff1d", "numbers", f"ary: {show(ary)}", "Cast by astype."))
    parts = [Tensor(_step(flat, 0))]
    for end, front in ((to_begin, True), (to_end, False)):
        if end is None:
            continue
        added = as_expr(end)
        if not np.can_cast(added.dtype, expr.dtype, "same_kind"):
            got = f"{added.type}, ary: {show(ary)}"
            raise DtypeError(message("ediff1d", "ends of the array's dtype", got))
        row = movement.reshape(compare.cast_to(added, expr.dtype), (product(added.shape),))
        parts.insert(0 if front else len(parts), Tensor(row))
    joined: Tensor = FUNCTIONS["concatenate"](parts)
    return joined


@public(numpy=np.gradient)
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Central differences inside, one-sided ones at the edges: one array an axis.

    varargs: the distance between elements, a number or the coordinates along the axis; one for all
    axes or one an axis.  edge_order: 1 or 2 neighbours at the edges.
    """
    expr = expr_of("gradient", f)
    if expr.dtype not in INEXACT:
        expr = compare.cast_to(expr, FLOAT64)
    axes = _gradient_axes(axis, len(expr.shape), f)
    if len(varargs) > 1 and len(varargs) != len(axes):
        raise TypeError(message("gradient", "one distance an axis", f"{len(varargs)} of them"))
    spacing = list(varargs) * len(axes) if len(varargs) == 1 else list(varargs) or [1.0] * len(axes)
    if edge_order not in (1, 2):
        raise ValueError(message("gradient", "edge_order of 1 or 2", f"edge_order={edge_order}"))
    results = tuple(
        Tensor(_gradient(expr, j, as_expr(h), edge_order))
        for j, h in zip(axes, spacing, strict=True)
    )
    return results[0] if len(results) == 1 else results


def _gradient_axes(axis: Any, rank: int, f: Any) -> list[int]:
    if axis is None:
        return list(range(rank))
    axes_of("gradient", axis, rank, f)
    return [axis_of("gradient", j, rank, f) for j in (axis if isinstance(axis, tuple) else (axis,))]


def _gradient(x: Expr, axis: int, spacing: Expr, edge_order: int) -> Expr:
    size = x.shape[axis]
    if isinstance(size, int) and size < edge_order + 1:
        needs = f"at least {edge_order + 1} elements along axis {axis}"
        raise ValueError(message("gradient", needs, f"f: {x.type}"))
    if len(spacing.shape) > 1:
        raise ValueError(
            message("gradient", "numbers or one axis of coordinates", str(spacing.type))
        )
    near, inner = maximum(size - 1, 0), maximum(size - 2, 0)
    steps = compare.cast_to(spacing, x.dtype)
    if spacing.shape:
        steps = _step(movement.refine(steps, (size,)), 0)
        others = [j for j in range(len(x.shape)) if j != axis]
        wide = [near if j == axis else s for j, s in enumerate(x.shape)]
        steps = movement.broadcast(steps, others, wide)
    else:
        steps = movement.broadcast_to(
            steps, [near if j == axis else s for j, s in enumerate(x.shape)]
        )
    slopes = arithmetic.divide(_step(x, axis), steps)  # between neighbours
    first, last = cut(slopes, axis, 0, 1), cut(slopes, axis, size - 2, 1)
    if edge_order == 2:
        first = _beyond(slopes, steps, axis, 0, 1)
        last = _beyond(slopes, steps, axis, size - 2, size - 3)
    before, after = cut(steps, axis, 0, inner), cut(steps, axis, 1, inner)
    total = arithmetic.add(before, after)
    if spacing.shape:  # each slope weighs as much as the distance on the other side
        middle = arithmetic.add(
            arithmetic.multiply(arithmetic.divide(after, total), cut(slopes, axis, 0, inner)),
            arithmetic.multiply(arithmetic.divide(before, total), cut(slopes, axis, 1, inner)),
        )
    else:
        rise = arithmetic.subtract(cut(x, axis, 2, inner), cut(x, axis, 0, inner))
        middle = arithmetic.divide(rise, total)
    joined = select.concatenate(select.concatenate(first, middle, axis=axis), last, axis=axis)
    return movement.refine(joined, x.shape)


def _beyond(slopes: Expr, steps: Expr, axis: int, at: Size, inward: Size) -> Expr:
    """The slope at an edge of the parabola through the last three elements."""
    near, far = cut(slopes, axis, at, 1), cut(slopes, axis, inward, 1)
    h, g = cut(steps, axis, at, 1), cut(steps, axis, inward, 1)
    bend = arithmetic.divide(arithmetic.subtract(near, far), arithmetic.add(h, g))
    return arithmetic.add(near, arithmetic.multiply(h, bend))


@public(numpy=np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """The integral along an axis by trapezoids, of widths `dx` or between the points `x`."""
    expr = expr_of("trapezoid", y)
    place = axis_of("trapezoid", axis, len(expr.shape), y)
    width: Any = dx
    if x is not None:
        points = as_expr(x)
        if len(points.shape) == 1:
            width = Tensor(_step(points, 0))
            shape = [width.expr.shape[0] if j == place else 1 for j in range(len(expr.shape))]
            width = Tensor(movement.reshape(width.expr, shape))
        else:
            width = diff(x, axis=axis)
    length = maximum(expr.shape[place] - 1, 0)
    later: Any = Tensor(cut(expr, place, 0 if length == 0 else 1, length))
    both = later + Tensor(cut(expr, place, 0, length))
    return FUNCTIONS["sum"](width * both / 2.0, axis=place)


# ---------------------------------------------------------------------------------- interpolation
@public(numpy=np.interp)
def interp(
    x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
) -> Tensor:
    """The piecewise linear function through the points (xp, fp), xp ascending, at `x`.

    left, right: values below the first point and above the last, theirs by default.  period: of x;
    the points need not ascend then, and left and right do not count.
    """
    at, points, values = (converted(v, FLOAT64) for v in (x, xp, fp))
    if len(points.shape) != 1 or len(values.shape) != 1 or points.shape == (0,):
        raise ShapeError(
            message("interp", "points with one axis, at least one", show_all((xp, fp)))
        )
    values = movement.refine(values, points.shape)
    if period is not None:
        if period == 0:
            raise ValueError(message("interp", "a period that is not 0", "period=0"))
        at, points, values = _wound_up(at, points, values, abs(period))
        left = right = None
    (size,) = points.shape
    label = sorting.searchsorted(points, at, right=1)
    one = full_like(label, 1)
    top = movement.broadcast_to(size_value(maximum(size - 2, 0), INT64), label.shape)
    low = arithmetic.maximum(
        arithmetic.minimum(arithmetic.subtract(label, one), top), movement.zeros_like(label)
    )
    high = arithmetic.minimum(
        arithmetic.add(low, one), movement.broadcast_to(size_value(size - 1, INT64), label.shape)
    )
    x0, x1, y0, y1 = (sorting.lookup(t, i) for t in (points, values) for i in (low, high))
    gap = arithmetic.subtract(x1, x0)
    step = compare.where(compare.equal(gap, full_like(gap, 0)), full_like(gap, 1), gap)
    slope = arithmetic.divide(arithmetic.subtract(y1, y0), step)
    inside = arithmetic.add(arithmetic.multiply(slope, arithmetic.subtract(at, x0)), y0)
    # as NumPy does it where a number is infinite: from the other end, and along a level line
    other = arithmetic.add(arithmetic.multiply(slope, arithmetic.subtract(at, x1)), y1)
    level = compare.logical_and(compare.isnan(other), compare.equal(y0, y1))
    inside = compare.where(compare.isnan(inside), compare.where(level, y0, other), inside)
    inside = compare.where(compare.isnan(at), at, inside)
    inside = compare.where(compare.equal(at, x0), y0, inside)
    inside = y0 if size == 1 else compare.where(compare.equal(at, x1), y1, inside)
    ends = [movement.broadcast_to(cut(t, 0, k, 1), at.shape) if at.shape else movement.squeeze(cut(t, 0, k, 1), (0,))
            for t in (points, values) for k in (0, size - 1)]  # fmt: skip
    below = ends[2] if left is None else movement.broadcast_to(converted(left, FLOAT64), at.shape)
    above = ends[3] if right is None else movement.broadcast_to(converted(right, FLOAT64), at.shape)
    result = compare.where(compare.greater(at, ends[1]), above, inside)
    return Tensor(compare.where(compare.less(at, ends[0]), below, result))


def _wound_up(at: Expr, points: Expr, values: Expr, period: Any) -> tuple[Expr, Expr, Expr]:
    """Everything within one period, the points in order, with a copy of the last and the first."""
    at = arithmetic.remainder(at, full_like(at, period))
    points = arithmetic.remainder(points, full_like(points, period))
    values = sorting.ordered_by(values, points, axis=0)
    points = sorting.sort(points, axis=0)
    (size,) = points.shape
    shift = constant(period, FLOAT64, (1,))
    first = arithmetic.subtract(cut(points, 0, size - 1, 1), shift)
    last = arithmetic.add(cut(points, 0, 0, 1), shift)
    points = _joined(first, points, last)
    return at, points, _joined(cut(values, 0, size - 1, 1), values, cut(values, 0, 0, 1))


def _joined(*parts: Expr) -> Expr:
    result = parts[0]
    for part in parts[1:]:
        result = select.concatenate(result, part, axis=0)
    return result


# ------------------------------------------------------------------------------------ convolution
def _operands(name: str, a: Any, v: Any) -> tuple[Expr, Expr]:
    exprs = gathered(name, (a, v))
    if exprs[0].dtype == BOOL:
        raise DtypeError(message(name, "numbers", show_all((a, v)), "Cast one by astype."))
    if name == "convolve":
        exprs = [movement.expand_dims(e, (0,)) if not e.shape else e for e in exprs]
    if any(len(e.shape) != 1 for e in exprs):
        raise ShapeError(message(name, "one axis each", show_all((a, v))))
    if any(e.shape == (0,) for e in exprs):
        raise ValueError(message(name, "operands with elements", show_all((a, v))))
    return exprs[0], exprs[1]


def _convolved(a: Expr, v: Expr, start: Size, length: Size) -> Expr:
    """Some of all products: element k of these is the sum of a[k - j] v[j].

    What lies beyond the ends of `a` is left out, not multiplied by 0: v may hold NaN or infinity.
    """
    (n,), (m,) = a.shape, v.shape
    if isinstance(n, int) and (not isinstance(m, int) or n < m):
        a, v, n, m = v, a, m, n
    if not isinstance(m, int) or m > UNROLLED:
        return _by_parts(a, v, start, length)
    total = None
    for j in range(m):
        factor = movement.broadcast_to(movement.squeeze(cut(v, 0, j, 1), (0,)), (n,))
        term = movement.pad(arithmetic.multiply(a, factor), [j], [1], [n + m - 1])
        total = term if total is None else arithmetic.add(total, term)
    assert total is not None, v
    return cut(total, 0, start, length)


def _by_parts(a: Expr, v: Expr, start: Size, length: Size) -> Expr:
    """By the library's convolution, of complex numbers by those of their parts."""
    if a.dtype.kind != "c":
        return convolution(a, v, start=(start,), shape=(length,))
    parts = [[part(x) for part in (real, imag)] for x in (a, v)]
    (rr, ri), (ir, ii) = (
        [convolution(x, y, start=(start,), shape=(length,)) for y in parts[1]] for x in parts[0]
    )
    return complex_(arithmetic.subtract(rr, ii), arithmetic.add(ri, ir))


def _part(name: str, a: Expr, v: Expr, mode: Any, turned: bool) -> Tensor:
    """What a mode keeps of all products.  turned: as seen from the other end."""
    modes: Sequence[str] = ("full", "same", "valid")
    if mode not in modes:
        raise ValueError(message(name, "mode full, same or valid", repr(mode)))
    (n,), (m,) = a.shape, v.shape
    whole = n + m - 1
    if mode == "full":
        return Tensor(_convolved(a, v, 0, whole))
    short, long = minimum(n, m), maximum(n, m)
    length = long if mode == "same" else long - short + 1
    start = short - 1 if mode == "valid" else (short - 1) // 2
    if turned:
        start = whole - start - length
    return Tensor(_convolved(a, v, start, length))


@public(numpy=np.convolve)
def convolve(a: Any, v: Any, mode: str = "full") -> Tensor:
    """The convolution of two sequences: element k is the sum of a[k - j] v[j].

    mode: "full", "same" (as long as the longer) or "valid" (where they overlap wholly).
    """
    left, right = _operands("convolve", a, v)
    return _part("convolve", left, right, mode, False)


@public(numpy=np.correlate)
def correlate(a: Any, v: Any, mode: str = "valid") -> Tensor:
    """The correlation of two sequences: element k is the sum of a[k + j] v[j]; modes of `convolve`.

    Of complex numbers, v is conjugated.
    """
    left, right = _operands("correlate", a, v)
    if right.dtype.kind == "c":
        right = FUNCTIONS["conjugate"](Tensor(right)).expr
    (n,), (m,) = left.shape, right.shape
    if mode == "same" and minimum(n, m) not in (n, m) and tracing():
        n, m = (int(size_or_dim(size)) for size in (n, m))  # which is longer: for these sizes alone
        left, right = movement.refine(left, (n,)), movement.refine(right, (m,))
    shorter = minimum(n, m)
    if mode == "same" and shorter not in (n, m):
        hint = "Use mode full or valid, or sizes that are known."
        raise UnsupportedError(
            message("correlate", "to know which is longer", show_all((a, v)), hint)
        )
    turned = cut(right, 0, m - 1, m, -1)
    return _part("correlate", left, turned, mode, shorter == n and n != m)
