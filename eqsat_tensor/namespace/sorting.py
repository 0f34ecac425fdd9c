"""Sorting, searching and sets, with NumPy's names and signatures.

All sorts are stable; `kind` is taken and makes no difference.  What has as many elements as there
are different values needs a `size=`, as in jax.numpy: it is filled up, or cut.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from eqsat_tensor.errors import ShapeError, UnsupportedError, message
from eqsat_tensor.extents import product
from eqsat_tensor.lang import INT64, NUMBERS, Expr, OpDef
from eqsat_tensor.namespace.operands import (
    axis_of,
    common_dtype,
    converted,
    expr_of,
    public,
    show,
    show_all,
)
from eqsat_tensor.ops import compare, cumulative, movement, sorting
from eqsat_tensor.tensor import FUNCTIONS, Tensor, as_expr

KINDS = (None, "quicksort", "mergesort", "heapsort", "stable", "introselect")


def along(name: str, a: Any, axis: Any) -> tuple[Expr, int]:
    """The operand and an axis; flat where none is given."""
    expr = expr_of(name, a)
    if axis is None:
        return movement.reshape(expr, (product(expr.shape),)), 0
    return expr, axis_of(name, axis, len(expr.shape), a)


def _checked(name: str, kind: Any, order: Any) -> None:
    if kind not in KINDS:
        raise ValueError(message(name, f"kind= of {KINDS[1:]}", repr(kind)))
    if order is not None:
        raise UnsupportedError(message(name, "no order=", "", "Arrays have no fields here."))


@public(numpy=np.sort)
def sort(
    a: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: Any = None
) -> Tensor:
    """The elements along an axis in ascending order, NaN last; the flat array for axis None.

    Stable, which shows in the gradient alone: equal elements get theirs in their order.
    """
    _checked("sort", kind, order)
    expr, place = along("sort", a, axis)
    return Tensor(sorting.sort(expr, axis=place))


@public(numpy=np.argsort)
def argsort(
    a: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: Any = None
) -> Tensor:
    """The indices that sort along an axis (of the flat array for None), equal elements in order."""
    _checked("argsort", kind, order)
    expr, place = along("argsort", a, axis)
    return Tensor(sorting.argsort(expr, axis=place))


@public(numpy=np.partition)
def partition(
    a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: Any = None
) -> Tensor:
    """The elements with the `kth` smallest at its place, smaller ones before it."""
    _checked("partition", kind, order)
    expr, place = along("partition", a, axis)
    return Tensor(_parted(sorting.partition, sorting.sort, expr, kth, place))


@public(numpy=np.argpartition)
def argpartition(
    a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: Any = None
) -> Tensor:
    """Indices that partition an array."""
    _checked("argpartition", kind, order)
    expr, place = along("argpartition", a, axis)
    return Tensor(_parted(sorting.argpartition, sorting.argsort, expr, kth, place))


def _parted(op: OpDef, whole: OpDef, x: Expr, kth: Any, axis: int) -> Expr:
    """A partition by one place; by several, and of numbers that are not real, the whole order."""
    places, size = np.atleast_1d(np.asarray(kth)), x.shape[axis]
    outside = isinstance(size, int) and ((places < -size) | (places >= size)).any()
    if places.dtype.kind not in "iu" or outside:
        raise ValueError(message(op.name, f"places below {size} as kth=", f"kth={kth!r}"))
    if places.size != 1 or x.dtype not in NUMBERS:
        result: Expr = whole(x, axis=axis)
        return result
    k = int(places[0])
    parted: Expr = op(x, axis=axis, kth=(k if k >= 0 else size + k,))
    return parted


@public(numpy=np.lexsort)
def lexsort(keys: Any, axis: int = -1) -> Tensor:
    """The indices that sort by the last key, then by the one before it, and so on."""
    rows = list(keys)
    if not rows:
        raise TypeError(message("lexsort", "at least one key", "none"))
    exprs = [expr_of("lexsort", k) for k in rows]
    if any(e.shape != exprs[0].shape for e in exprs):
        raise ShapeError(message("lexsort", "keys of one shape", show_all(rows)))
    place = axis_of("lexsort", axis, len(exprs[0].shape), rows[0])
    order = sorting.argsort(exprs[0], axis=place)
    for expr in exprs[1:]:
        key = FUNCTIONS["take_along_axis"](Tensor(expr), Tensor(order), axis=place).expr
        finer = sorting.argsort(key, axis=place)
        order = FUNCTIONS["take_along_axis"](Tensor(order), Tensor(finer), axis=place).expr
    return Tensor(order)


@public(numpy=np.searchsorted)
def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Tensor:
    """Where to put each of `v` into the sorted `a`, one axis, so that it stays sorted.

    side: "left" or "right" of elements that are equal.  sorter: indices that sort `a`.
    """
    if side not in ("left", "right"):
        raise ValueError(message("searchsorted", 'side= "left" or "right"', repr(side)))
    dtype = common_dtype("searchsorted", (a, v))
    expr, values = converted(a, dtype), converted(v, dtype)
    if len(expr.shape) != 1:
        raise ShapeError(message("searchsorted", "one axis", f"a: {show(a)}"))
    if sorter is not None:
        expr = FUNCTIONS["take"](Tensor(expr), sorter).expr
    return Tensor(sorting.searchsorted(expr, values, right=int(side == "right")))


@public(numpy=lambda x, k, axis=-1: _top_k_of_arrays(x, k, axis))
def top_k(x: Any, k: int, /, axis: int = -1) -> tuple[Tensor, Tensor]:
    """The `k` largest elements along an axis, in descending order, and their indices.

    NaN counts as the largest; of equal elements the later ones come first.
    """
    expr, place = along("top_k", x, axis)
    size = expr.shape[place]
    if k < 0 or (isinstance(size, int) and k > size):
        raise ShapeError(message("top_k", f"k from 0 to {size}", f"k={k}, x: {show(x)}"))
    order = sorting.argsort(expr, axis=place)
    turned = FUNCTIONS["flip"](Tensor(order), place)
    index = turned[(slice(None),) * place + (slice(0, k),)]
    return FUNCTIONS["take_along_axis"](Tensor(expr), index, axis=place), index


def _top_k_of_arrays(x: Any, k: int, axis: int) -> Any:
    order = np.flip(np.argsort(x, axis, kind="stable"), axis)
    index = np.take(order, range(k), axis)
    return np.take_along_axis(np.asarray(x), index, axis), index


# ---------------------------------------------------------------------------------------- unique
def need_size(name: str, size: Any) -> int:
    """The static size of a result whose size depends on values."""
    if size is None:
        hint = f"Write {name}(..., size=n): the result is filled up to n, or cut."
        raise UnsupportedError(message(name, "a size= that is known while tracing", "none", hint))
    if not isinstance(size, int) or size < 1:
        raise ValueError(message(name, "a size= of at least 1", f"size={size!r}"))
    return size


def _unique_of_arrays(
    ar: Any, *args: Any, size: Any = None, fill_value: Any = None, **rest: Any
) -> Any:
    if size is None:
        return np.unique(ar, *args, **rest)
    return _unique(ar, size, fill_value, *args, on_arrays=True, **rest)


@public(numpy=_unique_of_arrays)
def unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: Any = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """The sorted unique elements of an array, `size` of them.

    size: has to be given; where there are fewer, `fill_value` (the first of them by default) fills
    up, with index and count 0; where there are more, the largest are cut off.
    """
    if axis is not None:
        raise UnsupportedError(message("unique", "axis=None", f"axis={axis}", "Ravel the array."))
    number = need_size("unique", size)
    return _unique(
        ar, number, fill_value, return_index, return_inverse, return_counts, equal_nan=equal_nan
    )


def _unique(
    ar: Any, size: int, fill_value: Any, return_index: bool = False, return_inverse: bool = False,
    return_counts: bool = False, axis: Any = None, *, equal_nan: bool = True, sorted: bool = True,
    on_arrays: bool = False,
) -> Any:  # fmt: skip
    options = (size, int(fill_value is not None), int(equal_nan))
    wanted = [0, *(r for r, w in ((1, return_index), (2, return_inverse), (3, return_counts)) if w)]
    if on_arrays:
        array = np.asarray(ar)
        rest = (
            np.zeros((), array.dtype) if fill_value is None else np.asarray(fill_value, array.dtype)
        )
        arrays = sorting.unique_op.results(array.reshape(-1), rest, options)  # type: ignore[misc]
        found = [np.reshape(arrays[r], array.shape) if r == 2 else arrays[r] for r in wanted]
    else:
        expr = expr_of("unique", ar)
        flat = movement.reshape(expr, (product(expr.shape),))
        fill = converted(0 if fill_value is None else fill_value, expr.dtype)
        exprs = [sorting.unique(flat, fill, r, options) for r in wanted]
        found = [
            Tensor(movement.reshape(e, expr.shape) if r == 2 else e)
            for r, e in zip(wanted, exprs, strict=True)
        ]
    return found[0] if len(found) == 1 else tuple(found)


# ------------------------------------------------------------------------------------------- sets
@public(numpy=np.isin)
def isin(
    element: Any, test_elements: Any, assume_unique: bool = False, invert: bool = False, *,
    kind: Any = None,
) -> Tensor:  # fmt: skip
    """Whether each element is among `test_elements`; NaN is not."""
    dtype = common_dtype("isin", (element, test_elements))
    expr, tests = converted(element, dtype), converted(test_elements, dtype)
    flat = movement.reshape(tests, (product(tests.shape),))
    ordered = sorting.sort(flat, axis=0)
    below = sorting.searchsorted(ordered, expr, right=0)
    above = sorting.searchsorted(ordered, expr, right=1)
    test = compare.equal if invert else compare.not_equal
    found = test(below, above)
    if dtype.kind == "f":  # searching finds NaN beside NaN
        unordered = compare.isnan(expr)
        known = compare.logical_not(unordered)
        found = (
            compare.logical_or(found, unordered) if invert else compare.logical_and(found, known)
        )
    return Tensor(found)


def _fitted(name: str, values: Tensor, counts: Expr, size: Any, fill_value: Any) -> Tensor:
    """The `values` that count, in their order, then the filling: `size` elements."""
    number = need_size(name, size)
    skipped = compare.cast_to(compare.logical_not(counts), INT64)
    front = sorting.ordered_by(values.expr, skipped, axis=0)
    there = compare.equal(sorting.sort(skipped, axis=0), movement.zeros_like(skipped))
    fill = Tensor(converted(0 if fill_value is None else fill_value, values.dtype))
    kept = FUNCTIONS["where"](Tensor(there), Tensor(front), fill)
    longer = FUNCTIONS["concatenate"]([kept, FUNCTIONS["broadcast_to"](fill, (number,))])
    result: Tensor = longer[:number]
    return result


def _fresh(values: Expr) -> Expr:
    """Of sorted values: is it not the same as the one before?"""
    held = cumulative.before(values, 0, 0)
    same = compare.equal(values, held)
    if values.dtype.kind == "f":
        same = compare.logical_or(same, compare.logical_and(*map(compare.isnan, (values, held))))
    first = cumulative.is_first(values, 0, 0)
    fresh: Expr = compare.logical_or(first, compare.logical_not(same))
    return fresh


def _set_of_arrays(name: str) -> Callable[..., Any]:
    def call(*args: Any, size: Any = None, fill_value: Any = 0, **rest: Any) -> Any:
        found = getattr(np, name)(*args, **rest)
        if size is None:
            return found
        padded = np.full(need_size(name, size), fill_value, found.dtype)
        padded[: len(found)] = found[:size]
        return padded

    return call


def _flat(values: Any) -> Expr:
    expr: Expr = FUNCTIONS["ravel"](Tensor(as_expr(values))).expr
    return expr


@public(numpy=_set_of_arrays("union1d"))
def union1d(ar1: Any, ar2: Any, *, size: Any = None, fill_value: Any = None) -> Tensor:
    """The sorted unique elements of both arrays, `size` of them, filled up with `fill_value` (0)."""
    both = FUNCTIONS["concatenate"]([Tensor(_flat(v)) for v in (ar1, ar2)]).expr
    values = sorting.sort(both, axis=0)
    return _fitted("union1d", Tensor(values), _fresh(values), size, fill_value)


def _selected(name: str, ar1: Any, ar2: Any, invert: bool, size: Any, fill_value: Any) -> Tensor:
    values = sorting.sort(_flat(ar1), axis=0)
    inside = isin(Tensor(values), ar2, invert=invert).expr
    counts = compare.logical_and(inside, _fresh(values))
    return _fitted(name, Tensor(values), counts, size, fill_value)


@public(numpy=_set_of_arrays("intersect1d"))
def intersect1d(
    ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False, *,
    size: Any = None, fill_value: Any = None,
) -> Tensor:  # fmt: skip
    """The sorted unique elements that are in both, `size` of them, filled up with `fill_value` (0)."""
    if return_indices:
        needs = "return_indices=False"
        raise UnsupportedError(message("intersect1d", needs, "", "Find them by searchsorted."))
    dtype = common_dtype("intersect1d", (ar1, ar2))
    first = Tensor(converted(ar1, dtype))
    return _selected("intersect1d", first, ar2, False, size, fill_value)


@public(numpy=_set_of_arrays("setdiff1d"))
def setdiff1d(
    ar1: Any, ar2: Any, assume_unique: bool = False, *, size: Any = None, fill_value: Any = None
) -> Tensor:
    """The sorted unique elements of `ar1` that are not in `ar2`, `size` of them.

    Filled up with `fill_value` (0).
    """
    return _selected("setdiff1d", ar1, ar2, True, size, fill_value)
