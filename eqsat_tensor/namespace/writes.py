"""NumPy's functions that write to their first operand, a traced array: put, copyto and their kin."""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.errors import DtypeError, ShapeError, UnsupportedError, message
from eqsat_tensor.extents import Size, lower_bound, product, same_size
from eqsat_tensor.lang import BOOL, INT64, Expr
from eqsat_tensor.namespace.indexing import assigned, setitem
from eqsat_tensor.namespace.lookup import aligned, labels_of, numbered
from eqsat_tensor.namespace.operands import kind_of, public, show
from eqsat_tensor.ops import movement
from eqsat_tensor.ops.compare import cast_to, where
from eqsat_tensor.ops.gather import gather, scatter
from eqsat_tensor.ops.leaf import iota
from eqsat_tensor.sizes import size_or_dim
from eqsat_tensor.tensor import FUNCTIONS, Tensor, as_expr


def target(operation: str, x: Any) -> Tensor:
    """The array that is written to; DtypeError where it is none of ours."""
    if not isinstance(x, Tensor):
        hint = "Make it by zeros, full or array of eqsat_tensor."
        raise DtypeError(message(operation, "a traced array to write to", show(x), hint))
    return x


def _repeated(v: Any, dtype: np.dtype, count: Size) -> Expr | None:
    """The elements of `v`, in turn, `count` of them; None where it has none: nothing is written."""
    expr = cast_to(as_expr(v), dtype)
    expr = movement.reshape(expr, (product(expr.shape),))
    length = expr.shape[0]
    low = lower_bound(length)
    if low is None or low < 1:
        length = int(size_or_dim(length))
    if length == 0:
        return None
    if length == 1:
        return movement.broadcast_to(expr, (count,))
    if same_size(length, count):
        return movement.refine(expr, (count,))
    line = Tensor(iota(axis=0, dtype=INT64, shape=(count,)))
    return gather(expr, FUNCTIONS["remainder"](line, size_or_dim(length)).expr, False)


@public(numpy=np.put)
def put(x: Any, ind: Any, v: Any, /, mode: str = "raise") -> None:
    """Write `v`, repeated as often as needed, to places of the flat `x`."""
    whole = target("put", x)
    flat = movement.reshape(whole.expr, (product(whole.expr.shape),))
    index = labels_of("put", ind)
    index = movement.reshape(index, (product(index.shape),))
    extent = size_or_dim(flat.shape[0])
    if mode == "wrap":
        index = FUNCTIONS["remainder"](Tensor(index), extent).expr
    elif mode == "clip":
        index = FUNCTIONS["clip"](Tensor(index), 0, extent - 1).expr
    values = _repeated(v, whole.dtype, index.shape[0])
    if values is None:
        return
    whole.assign(movement.reshape(scatter(flat, index, values, "set"), whole.expr.shape))


@public(numpy=np.put_along_axis)
def put_along_axis(x: Any, indices: Any, values: Any, /, axis: int | None = -1) -> None:
    """x[.., indices[.., k, ..], ..] = values[.., k, ..] along `axis`; other axes broadcast."""
    whole, index = target("put_along_axis", x), labels_of("put_along_axis", indices)
    expr = whole.expr
    if axis is None:
        expr, axis = movement.reshape(expr, (product(expr.shape),)), 0
    wide, index, place = aligned("put_along_axis", expr, index, axis, x)
    if wide.shape != expr.shape:
        got = f"x: {show(x)}, indices: {show(indices)}"
        raise ShapeError(message("put_along_axis", "indices that broadcast to x", got))
    new = assigned(values, whole.dtype, index.shape)
    flat, numbers, shape = numbered(expr, index, place)
    last = [*(j for j in range(len(shape)) if j != place), place]
    changed = scatter(flat, numbers, movement.transpose(new, last), "set", False)
    back = movement.transpose(
        movement.reshape(changed, shape), [last.index(j) for j in range(len(last))]
    )
    whole.assign(movement.reshape(back, whole.expr.shape))


@public(numpy=np.copyto)
def copyto(dst: Any, src: Any, /, casting: str = "same_kind", where: Any = True) -> None:
    """Write `src` to `dst`, where a mask that broadcasts is true."""
    whole = target("copyto", dst)
    kind = kind_of(src)
    if isinstance(kind, np.dtype) and not np.can_cast(kind, whole.dtype, casting):  # type: ignore[arg-type]
        raise DtypeError(message("copyto", f"what can be cast to {whole.dtype}", show(src)))
    new = assigned(src, whole.dtype, whole.expr.shape)
    if where is not True:
        new = _where(assigned(where, BOOL, whole.expr.shape), new, whole.expr)
    whole.assign(new)


_where = where


@public(numpy=np.putmask)
def putmask(x: Any, mask: Any, values: Any, /) -> None:
    """Where `mask` is true `x` becomes `values`, repeated as often as needed."""
    whole = target("putmask", x)
    flags = assigned(mask, BOOL, whole.expr.shape)
    new = _repeated(values, whole.dtype, product(whole.expr.shape))
    if new is None:
        return
    whole.assign(where(flags, movement.reshape(new, whole.expr.shape), whole.expr))


@public(numpy=np.place)
def place(x: Any, mask: Any, vals: Any, /) -> None:
    """Where `mask` is true `x` becomes `vals`: one value, as their count is not known."""
    whole = target("place", x)
    values = as_expr(vals)
    if product(values.shape) != 1:
        hint = "Use putmask, or copyto with where=."
        raise UnsupportedError(message("place", "one value", show(vals), hint))
    putmask(whole, mask, vals)


def fill(x: Tensor, value: Any) -> None:
    """Write one value to all elements."""
    setitem(x, ..., value)


def in_place(x: Tensor, name: str, args: Any, options: Any) -> None:
    """Write to `x` what a function of it gives, of its shape: ``x.sort()``."""
    if name not in FUNCTIONS:
        raise UnsupportedError(message(f"x.{name}", "a function that eqsat_tensor has"))
    x.assign(FUNCTIONS[name](x, *args, **options).expr)


FUNCTIONS["fill"] = fill
FUNCTIONS["__in_place__"] = in_place
