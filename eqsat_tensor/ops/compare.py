"""Comparisons, logic, selection, casts."""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.errors import DtypeError, message
from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.lang import BOOL, BOOLS, FLOATS, Expr, OpDef, define
from eqsat_tensor.ops.leaf import constant, full_like
from eqsat_tensor.types import TensorType

Tangents = tuple[Expr | None, ...]


def _flat(ct: Expr, out: Expr, *operands: Expr, **_: Any) -> tuple[None, ...]:
    return (None,) * len(operands)


def _comparison(name: str, commutative: bool = False) -> OpDef:
    ufunc = getattr(np, name)
    return define(
        name, Kind.ELEMENTWISE, arity=2, numpy=ufunc, ufunc=ufunc, result="bool", ulps=0,
        commutative=commutative, vjp=_flat, doc=f"Element by element: {name.replace('_', ' ')}.",
    )  # fmt: skip


def _logic(name: str, arity: int) -> OpDef:
    ufunc = getattr(np, name)
    return define(
        name, Kind.ELEMENTWISE, arity=arity, numpy=ufunc, ufunc=ufunc, result="bool", ulps=0,
        dtypes=BOOLS, commutative=arity == 2, vjp=_flat,
        doc=f"Element by element: {name.replace('_', ' ')}.",
    )  # fmt: skip


equal = _comparison("equal", commutative=True)
not_equal = _comparison("not_equal", commutative=True)
less = _comparison("less")
less_equal = _comparison("less_equal")
greater = _comparison("greater")
greater_equal = _comparison("greater_equal")
logical_and = _logic("logical_and", 2)
logical_or = _logic("logical_or", 2)
logical_xor = _logic("logical_xor", 2)
logical_not = _logic("logical_not", 1)

isnan: OpDef = define(
    "isnan", Kind.ELEMENTWISE, arity=1, numpy=np.isnan, ufunc=np.isnan, dtypes=FLOATS, ulps=0,
    result="bool", vjp=_flat, doc="Is the element NaN?",
)  # fmt: skip
isfinite: OpDef = define(
    "isfinite", Kind.ELEMENTWISE, arity=1, numpy=np.isfinite, ufunc=np.isfinite, dtypes=FLOATS,
    ulps=0, result="bool", vjp=_flat, doc="Is the element neither infinite nor NaN?",
)  # fmt: skip


def _where_type(condition: TensorType, a: TensorType, b: TensorType) -> TensorType:
    assert condition.dtype == BOOL, (condition, a, b)
    assert a == b, (condition, a, b)
    assert condition.shape == a.shape, (condition, a, b)
    return a


def _where_jvp(tangents: Tangents, out: Expr, c: Expr, a: Expr, b: Expr) -> Expr:
    return where(c, *(full_like(out, 0) if t is None else t for t in tangents[1:]))


where: OpDef = define(
    "where", Kind.ELEMENTWISE, arity=3, numpy=np.where, infer=_where_type, ulps=0,
    scalar=lambda s, c, a, b: s.select(c, a, b), dtypes=BOOLS,
    vjp=lambda ct, out, c, a, b: (None, where(c, ct, full_like(ct, 0)), where(c, full_like(ct, 0), ct)),
    jvp=_where_jvp,
    doc="a where the condition holds, else b.",
)  # fmt: skip


def _cast(x: Any, dtype: np.dtype) -> Any:
    x = np.asarray(x)
    if x.dtype.kind == "c" and dtype.kind not in "cb":
        x = x.real
    if x.dtype.kind == "f" and dtype.kind == "u":  # C leaves open what becomes of numbers below 0
        x = np.where(x > 0, x, x.dtype.type(0))
    return x.astype(dtype)


cast: OpDef = define(
    "cast", Kind.ELEMENTWISE, arity=1, numpy=_cast, attributes={"dtype": Attribute.DTYPE},
    infer=lambda x, dtype: x.with_dtype(dtype),
    vjp=lambda ct, out, x, dtype: (cast(ct, dtype=x.dtype) if x.dtype.kind in "fc" else None,),
    jvp=lambda tangents, out, x, dtype: cast(tangents[0], dtype=dtype),
    doc="The element in another dtype, as NumPy's astype; floats below 0 are 0 in unsigned dtypes; "
    "of complex numbers real dtypes hold the real part.",
)  # fmt: skip


def cast_to(x: Expr, dtype: np.dtype) -> Expr:
    """``x`` in ``dtype``; itself where it has it; a constant is converted at once.

    DtypeError where an imaginary part would be lost, which only `astype` does.
    """
    if x.dtype == dtype:
        return x
    if x.dtype.kind == "c" and dtype.kind not in "cb":
        hint = "Take real(z), imag(z) or abs(z) first."
        raise DtypeError(message(f"conversion to {dtype}", "real values", str(x.type), hint))
    if x.op.name == "full":
        with np.errstate(all="ignore"):
            value = _cast(np.asarray(x["value"].value, x.dtype), dtype)
        return constant(value, dtype, x.shape)
    return cast(x, dtype=dtype)
