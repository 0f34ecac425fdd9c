"""Elementwise functions: one made from each record that names its NumPy ufunc, and a few more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from eqsat_tensor.errors import DtypeError, message
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import BOOL, COMPLEXES, FLOAT64, INEXACT, OPS, Expr, OpDef, takes_complex
from eqsat_tensor.namespace.operands import (
    NUMPY,
    PUBLIC,
    broadcast_together,
    common_dtype,
    converted,
    dtype_of,
    expr_of,
    gathered,
    promoted,
    public,
    show_all,
    written_out,
)
from eqsat_tensor.namespace.wholes import COMPARISONS, whole_comparison
from eqsat_tensor.ops import arithmetic, compare, whole
from eqsat_tensor.ops.barrier import keep as keep_op
from eqsat_tensor.ops.leaf import constant_of, full_like
from eqsat_tensor.tensor import FUNCTIONS, Tensor, as_expr

# What an op on numbers is on truth values, as in NumPy.
ON_BOOLS = {
    "add": "logical_or", "multiply": "logical_and",
    **{f"bitwise_{word}": f"logical_{word}" for word in ("and", "or", "xor", "not")},
}  # fmt: skip
ON_WHOLE = {"fmax": "maximum", "fmin": "minimum"}  # where there is no NaN
UNCHANGED = frozenset(("floor", "ceil", "trunc", "absolute", "positive"))  # on integers, on bools


def lift(op: OpDef) -> Callable[..., Any]:
    """The public function of an elementwise op: NumPy's promotion and broadcasting.

    Of arrays and numbers alone it is NumPy's own function, or the op's meaning.
    """
    ufunc = op.ufunc
    assert ufunc is not None, op

    def function(*operands: Any) -> Any:
        if len(operands) == op.arity + 1:  # the last is where the result goes
            return written_out(op.name, operands[-1], function(*operands[:-1]))
        if len(operands) != op.arity:
            raise TypeError(f"{op.name}() takes {op.arity} operands, got {len(operands)}")
        return Tensor(elementwise(op, ufunc, operands))

    function.__name__ = function.__qualname__ = op.name
    function.__doc__ = (
        f"{op.doc}\n\nElement by element; operands are promoted and broadcast as in NumPy.\n"
        "Raises ShapeError or DtypeError, in the caller's line."
    )
    own = getattr(np, op.name, None) is ufunc
    return public(numpy=ufunc if own else _meaning(op, ufunc))(function)


def _meaning(op: OpDef, ufunc: np.ufunc) -> Callable[..., Any]:
    """What NumPy has not, on arrays: the op's meaning in the dtype that `ufunc` would compute in."""

    def call(*operands: Any) -> Any:
        kinds = [
            type(x) if type(x) in (int, float, complex) else np.asarray(x).dtype for x in operands
        ]
        dtype = ufunc.resolve_dtypes((*kinds, None))[0]
        with np.errstate(all="ignore"):
            return op.numpy(*(np.asarray(x, dtype) for x in operands))[()]

    return call


def elementwise(op: OpDef, ufunc: np.ufunc, operands: tuple[Any, ...]) -> Expr:
    """The node of an elementwise op on promoted, broadcast operands."""
    if op.name in COMPARISONS:
        exact = whole_comparison(op, operands)
        if exact is not None:
            return exact
    exprs = promoted(op.name, ufunc, operands)
    dtype = exprs[0].dtype
    if op.name.startswith("logical"):
        exprs = [compare.cast_to(e, BOOL) for e in exprs]
    elif dtype in COMPLEXES:
        if not takes_complex(op):
            hint = "Take real(z), imag(z) or abs(z) first."
            raise DtypeError(message(op.name, "real operands", show_all(operands), hint))
    elif dtype not in op.dtypes:
        if op.name in UNCHANGED:
            return exprs[0]
        if op.name in ON_WHOLE:
            return OPS[ON_WHOLE[op.name]](*exprs)
        if op.name == "reciprocal" and dtype.kind in "iu":
            return _whole_reciprocal(exprs[0])
        if op.name in ("isnan", "isfinite"):
            return full_like(compare.cast_to(exprs[0], BOOL), op.name == "isfinite")
        if dtype != BOOL or op.name not in ON_BOOLS:
            names = ", ".join(d.name for d in op.dtypes)
            raise DtypeError(message(op.name, f"one of {names}", show_all(operands)))
        op = OPS[ON_BOOLS[op.name]]
    return op(*exprs)


def _whole_reciprocal(x: Expr) -> Expr:
    """1, or -1 of -1; 0 beyond; of 0, what NumPy has there."""
    with np.errstate(all="ignore"):
        at_zero = np.reciprocal(np.zeros((), x.dtype)).item()
    inside = compare.equal(arithmetic.absolute(x), full_like(x, 1))
    value = compare.where(inside, x, full_like(x, 0))
    return compare.where(compare.equal(x, full_like(x, 0)), full_like(x, at_zero), value)


# `power`, `sinc` and `where` follow rules of their own, below.
OWN = ("power", "sinc")
for _op in [o for o in OPS.values() if o.ufunc is not None and o.name not in OWN]:
    assert _op.kind in (Kind.ELEMENTWISE, Kind.COMPOSITE), _op
    lift(_op)
for _alias, _name in {
    "abs": "absolute", "div": "divide", "sub": "subtract", "mul": "multiply", "neg": "negative",
    "true_divide": "divide", "mod": "remainder", "atan": "arctan", "asin": "arcsin",
    "acos": "arccos", "atan2": "arctan2", "asinh": "arcsinh", "acosh": "arccosh",
    "atanh": "arctanh", "invert": "bitwise_not", "bitwise_invert": "bitwise_not",
    "bitwise_left_shift": "left_shift", "bitwise_right_shift": "right_shift", "fix": "trunc",
}.items():  # fmt: skip
    PUBLIC[_alias] = PUBLIC[_name]
NUMPY[np.fix] = PUBLIC["fix"]


@public("pow", numpy=np.power)
def power(a: Any, b: Any, /) -> Tensor:
    """`a` to the power `b`; the square root of an array where `b` is the number 0.5.

    Of integers, exponents that are not negative: else a ValueError, of an array at run time.
    """
    exprs = promoted("power", np.power, (a, b))
    exponent = constant_of(exprs[1])
    if exprs[0].dtype in INEXACT:
        # as NumPy has it: -0, and not 0, of -0; NaN, and not inf, of -inf
        root = exponent == 0.5 and exprs[0].dtype not in COMPLEXES
        if root and as_expr(a).shape and not as_expr(b).shape:
            return Tensor(arithmetic.sqrt(exprs[0]))
        return Tensor(arithmetic.power(*exprs))
    if exponent is None:
        return Tensor(whole.integer_power(*exprs))
    if exponent < 0:
        raise ValueError("Integers to negative integer powers are not allowed.")
    return Tensor(_whole_power(exprs[0], int(exponent)))


@public(numpy=np.sinc)
def sinc(x: Any, /) -> Tensor:
    """sin(pi x) / (pi x), and 1 at 0; of integers in float64."""
    expr = expr_of("sinc", x)
    expr = compare.cast_to(expr, FLOAT64) if expr.dtype.kind in "biu" else expr
    return Tensor(elementwise(OPS["sinc"], np.sin, (Tensor(expr),)))


def _whole_power(x: Expr, exponent: int) -> Expr:
    """By squaring: x^5 = x (x^2)^2."""
    result, factor = full_like(x, 1), x
    first = True
    while exponent:
        if exponent % 2:
            result, first = (
                (factor, False) if first else (arithmetic.multiply(result, factor), False)
            )
        exponent //= 2
        if exponent:
            factor = arithmetic.square(factor)
    return result


@public(numpy=np.positive)
def positive(x: Any, /) -> Tensor:
    """`x` itself."""
    return Tensor(promoted("positive", np.positive, (x,))[0])


def _numpy_where(condition: Any, *values: Any, size: Any = None, fill_value: Any = 0) -> Any:
    return np.where(condition, *values)


@public(numpy=_numpy_where)
def where(
    condition: Any, x: Any = None, y: Any = None, /, size: Any = None, fill_value: Any = 0
) -> Any:
    """`x` where the condition is true, else `y`; dtype as NumPy's `result_type` of both.

    Of a condition alone: `nonzero` of it, with its `size` and `fill_value`.
    """
    if x is None or y is None:
        return FUNCTIONS["nonzero"](condition, size=size, fill_value=fill_value)
    dtype = common_dtype("where", (x, y))
    exprs = [compare.cast_to(as_expr(condition), BOOL), converted(x, dtype), converted(y, dtype)]
    return Tensor(compare.where(*broadcast_together("where", (condition, x, y), exprs)))


@public(numpy=lambda x, dtype, **options: np.asarray(x).astype(dtype, **options))
def astype(x: Any, /, dtype: Any, *, casting: Any = "unsafe", copy: bool = True) -> Tensor:
    """`x` converted to `dtype` as `ndarray.astype` does it; itself where nothing need be copied."""
    if isinstance(x, Tensor) and not copy and x.dtype == dtype_of(dtype):
        return x
    (expr,) = gathered("astype", (x,), dtype_of(dtype), casting)
    return Tensor(expr)


@public(numpy=lambda x: np.maximum(x, 0))
def relu(x: Any, /) -> Any:
    """The larger of x and 0; its gradient at 0 is 1/2, as of any `maximum` at a tie."""
    return PUBLIC["maximum"](x, 0)


@public()
def keep(x: Any, /) -> Any:
    """`x`, computed as it is written: no rewrite crosses this."""
    return Tensor(keep_op(x.expr)) if isinstance(x, Tensor) else x


@public(numpy=np.copy)
def copy(x: Any, /) -> Tensor:
    """Another tensor of the same value; `y += 1` on it leaves `x` as it is."""
    return Tensor(expr_of("copy", x))
