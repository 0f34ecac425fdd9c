"""Reductions over `axes` (ascending, never empty): the result lacks them.  Dual of `broadcast`.

The gradient of `max` and `min` is shared equally among the elements that tie.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eqsat_tensor.errors import DtypeError, message
from eqsat_tensor.extents import Guard
from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.lang import (
    BOOLS,
    FLOAT16,
    FLOAT32,
    FLOATS,
    INT64,
    NUMBERS,
    OPS,
    Expr,
    OpDef,
    apply,
    define,
)
from eqsat_tensor.ops.arithmetic import divide, multiply
from eqsat_tensor.ops.compare import cast_to, equal, isnan, logical_or, where
from eqsat_tensor.ops.leaf import constant, full_like, iota
from eqsat_tensor.types import DTYPES, TensorType

AXES = {"axes": Attribute.AXES}


def reduced_type(x: TensorType, axes: tuple[int, ...]) -> TensorType:
    """The type of what is reduced over `axes`."""
    assert axes, x
    assert tuple(axes) == tuple(sorted(set(axes))), axes
    assert axes[-1] < x.rank, (x, axes)
    return x.with_shape(s for j, s in enumerate(x.shape) if j not in axes)


def _spread(x: Expr, axes: Sequence[int], like: Expr) -> Expr:
    """A reduced value repeated along the axes that were reduced."""
    if x.op.name == "full":
        return apply(x.op, value=x["value"], shape=like.shape)
    return apply(OPS["broadcast"], x, axes=tuple(axes), shape=like.shape)


def nonempty_guards(node: Expr) -> list[Guard]:
    """What has no value for no elements asks for at least one along each axis."""
    x = node.arguments[0]
    needs = f"{node.op.name}: needs at least one element along the reduced axes."
    return [
        Guard(">=", x.shape[a], 1, needs) for a in node["axes"] if not isinstance(x.shape[a], int)
    ]


# ------------------------------------------------------------------------------------- gradients
def _prod_vjp(ct: Expr, out: Expr, x: Expr, axes: tuple[int, ...]) -> tuple[Expr]:
    """To each element the product of the others: those before it times those after it.

    No quotient of the product, which is wrong at zeros and in the derivatives there.
    """
    from eqsat_tensor.ops.cumulative import prod_of_others  # it is made of ops that need these

    return (multiply(_spread(ct, axes, x), prod_of_others(x, axes=axes)),)


def _extreme_vjp(ct: Expr, out: Expr, x: Expr, axes: tuple[int, ...]) -> tuple[Expr]:
    hit = equal(x, _spread(out, axes, x))
    count = sum_over(cast_to(hit, x.dtype), axes)
    return (where(hit, _spread(divide(ct, count), axes, x), full_like(x, 0)),)


def _extreme_jvp(tangents: tuple[Expr, ...], out: Expr, x: Expr, axes: tuple[int, ...]) -> Expr:
    hit = equal(x, _spread(out, axes, x))
    total = sum_over(where(hit, tangents[0], full_like(x, 0)), axes)
    return divide(total, sum_over(cast_to(hit, x.dtype), axes))


# ------------------------------------------------------------------------------------------- ops
def _reduction(name: str, numpy: Any, doc: str, **fields: Any) -> OpDef:
    return define(
        name, Kind.REDUCTION, arity=1, numpy=numpy, infer=reduced_type, attributes=AXES, doc=doc,
        **fields,
    )  # fmt: skip


def _refuse_complex(dtype: np.dtype) -> None:
    if dtype.kind == "c":
        hint = "Take real(z), imag(z) or abs(z) first."
        raise DtypeError(message("max and min", "real operands", str(dtype), hint))


def lowest(dtype: np.dtype) -> Any:
    """The value that no other is below: the maximum of no elements."""
    _refuse_complex(dtype)
    if dtype.kind == "f":
        return -np.inf
    return False if dtype.kind == "b" else np.iinfo(dtype).min


def highest(dtype: np.dtype) -> Any:
    """The value that no other is above: the minimum of no elements."""
    _refuse_complex(dtype)
    if dtype.kind == "f":
        return np.inf
    return True if dtype.kind == "b" else np.iinfo(dtype).max


def _accumulated(numpy: Any) -> Any:
    """A sum or product in the dtype of `x`; of halves in float32, rounded once."""

    def call(x: Any, axes: tuple[int, ...]) -> Any:
        total = numpy(x, axes, dtype=FLOAT32 if x.dtype == FLOAT16 else x.dtype)
        return np.asarray(total).astype(x.dtype)

    return call


sum_ = _reduction(
    "sum", _accumulated(np.sum), "The sum.", dtypes=NUMBERS, linear=True,
    vjp=lambda ct, out, x, axes: (_spread(ct, axes, x),),
)  # fmt: skip
prod = _reduction(
    "prod", _accumulated(np.prod), "The product.", dtypes=NUMBERS,
    vjp=_prod_vjp,
)  # fmt: skip
max_ = _reduction(
    "max", lambda x, axes: np.max(x, axes, initial=lowest(x.dtype)),
    "The largest element, or NaN if there is one.", dtypes=DTYPES, vjp=_extreme_vjp,
    jvp=_extreme_jvp, guards=nonempty_guards, ulps=0.0,
)  # fmt: skip
min_ = _reduction(
    "min", lambda x, axes: np.min(x, axes, initial=highest(x.dtype)),
    "The smallest element, or NaN if there is one.", dtypes=DTYPES, vjp=_extreme_vjp,
    jvp=_extreme_jvp, guards=nonempty_guards, ulps=0.0,
)  # fmt: skip
any_ = _reduction(
    "any", lambda x, axes: np.any(x, axes), "Whether an element is true.", dtypes=BOOLS, ulps=0.0
)
all_ = _reduction(
    "all", lambda x, axes: np.all(x, axes), "Whether all elements are true.", dtypes=BOOLS, ulps=0.0
)


def sum_over(x: Expr, axes: Sequence[int]) -> Expr:
    """The sum over `axes`; `x` itself where there are none."""
    return sum_(x, axes=tuple(axes)) if axes else x


def all_over(x: Expr, axes: Sequence[int]) -> Expr:
    """Whether all elements along `axes` are true; `x` itself where there are none."""
    return all_(x, axes=tuple(axes)) if axes else x


# ---------------------------------------------------------------------------------- arg-extremes
def _position_type(x: TensorType, axes: tuple[int, ...]) -> TensorType:
    assert len(axes) == 1, axes
    return reduced_type(x, axes).with_dtype(INT64)


def _position(extreme: OpDef) -> Any:
    """The first index at which the extreme (or a NaN) stands."""

    def expand(x: Expr, axes: tuple[int, ...]) -> Expr:
        hit = equal(x, _spread(extreme(x, axes=axes), axes, x))
        if x.dtype in FLOATS:
            hit = logical_or(hit, isnan(x))
        index = iota(axis=axes[0], dtype=INT64, shape=x.shape)
        beyond = constant(np.iinfo(np.int64).max, INT64, x.shape)
        return min_(where(hit, index, beyond), axes=axes)

    return expand


def _arg(name: str, numpy: Any, extreme: OpDef, doc: str) -> OpDef:
    return define(
        name, Kind.COMPOSITE, arity=1, numpy=lambda x, axes: np.asarray(numpy(x, axes[0]), INT64),
        infer=_position_type, attributes=AXES, expand=_position(extreme), guards=nonempty_guards,
        doc=doc, ulps=0.0,
    )  # fmt: skip


argmax = _arg("argmax", np.argmax, max_, "Index of the first largest element, or of the first NaN.")
argmin = _arg(
    "argmin", np.argmin, min_, "Index of the first smallest element, or of the first NaN."
)
