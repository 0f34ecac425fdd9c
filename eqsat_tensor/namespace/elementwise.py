"""Elementwise functions: one made from each record that names its NumPy ufunc, and a few more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from eqsat_tensor.errors import DtypeError, UnsupportedError, message
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import BOOL, FLOAT16, FLOAT32, FLOATS, INTS, OPS, Expr, OpDef
from eqsat_tensor.namespace.operands import (
    PUBLIC,
    broadcast_together,
    common_dtype,
    converted,
    dtype_of,
    expr_of,
    promoted,
    public,
    show_all,
)
from eqsat_tensor.namespace.wholes import COMPARISONS, whole_comparison
from eqsat_tensor.ops import arithmetic, compare
from eqsat_tensor.ops.barrier import keep as keep_op
from eqsat_tensor.ops.leaf import constant_of, full_like
from eqsat_tensor.tensor import Tensor, as_expr

# What an op on numbers is on truth values, as in NumPy.
ON_BOOLS = {"add": "logical_or", "multiply": "logical_and"}
UNCHANGED = frozenset(("floor", "ceil", "trunc", "absolute", "positive"))  # on integers, on bools


def lift(op: OpDef) -> Callable[..., Any]:
    """The public function of an elementwise op: NumPy's promotion and broadcasting.

    Of arrays and numbers alone it is NumPy's own function, or the op's meaning.
    """
    ufunc = op.ufunc
    assert ufunc is not None, op

    def function(*operands: Any) -> Any:
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
        kinds = [type(x) if type(x) in (int, float) else np.asarray(x).dtype for x in operands]
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
    elif dtype not in op.dtypes:
        if op.name in UNCHANGED:
            return exprs[0]
        if op.name in ("isnan", "isfinite"):
            return full_like(compare.cast_to(exprs[0], BOOL), op.name == "isfinite")
        if dtype != BOOL or op.name not in ON_BOOLS:
            names = ", ".join(d.name for d in op.dtypes)
            raise DtypeError(message(op.name, f"one of {names}", show_all(operands)))
        op = OPS[ON_BOOLS[op.name]]
    return op(*exprs)


# `power` and `where` follow rules of their own, below.
for _op in [o for o in OPS.values() if o.ufunc is not None and o.name != "power"]:
    assert _op.kind in (Kind.ELEMENTWISE, Kind.COMPOSITE), _op
    lift(_op)
for _alias, _name in {
    "abs": "absolute", "div": "divide", "sub": "subtract", "mul": "multiply", "neg": "negative",
    "true_divide": "divide", "mod": "remainder", "atan": "arctan",
}.items():  # fmt: skip
    PUBLIC[_alias] = PUBLIC[_name]


@public("pow", numpy=np.power)
def power(a: Any, b: Any, /) -> Tensor:
    """`a` to the power `b`.

    Of integers the exponent must be a Python int, not negative.
    """
    exprs = promoted("power", np.power, (a, b))
    if exprs[0].dtype in FLOATS:
        return Tensor(arithmetic.power(*exprs))
    exponent = constant_of(exprs[1])
    if exponent is None:
        raise UnsupportedError(
            message(
                "power",
                "a Python int as exponent of integers",
                show_all((a, b)),
                "Cast one of them to float64.",
            )
        )
    if exponent < 0:
        raise ValueError("Integers to negative integer powers are not allowed.")
    return Tensor(_whole_power(exprs[0], int(exponent)))


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
    return Tensor(expr_of("positive", x))


@public(numpy=np.where)
def where(condition: Any, x: Any, y: Any, /) -> Tensor:
    """`x` where the condition is true, else `y`; dtype as NumPy's `result_type` of both."""
    dtype = common_dtype("where", (x, y))
    exprs = [compare.cast_to(as_expr(condition), BOOL), converted(x, dtype), converted(y, dtype)]
    return Tensor(compare.where(*broadcast_together("where", (condition, x, y), exprs)))


@public(numpy=lambda x, dtype: np.asarray(x).astype(dtype))
def astype(x: Any, dtype: Any, /) -> Tensor:
    """`x` converted to `dtype` as `ndarray.astype` does it."""
    return Tensor(compare.cast_to(expr_of("astype", x), dtype_of(dtype)))


@public(numpy=np.clip)
def clip(x: Any, min: Any = None, max: Any = None, /, **bounds: Any) -> Any:
    """`x`, but not below `min` and not above `max`; None is no bound."""
    low = bounds.pop("a_min", bounds.pop("min", min))
    high = bounds.pop("a_max", bounds.pop("max", max))
    if bounds:
        raise TypeError(f"clip() got an unexpected keyword argument {next(iter(bounds))!r}")
    result = x
    if low is not None and not _no_bound(x, low, below=True):
        result = PUBLIC["maximum"](result, low)
    if high is not None and not _no_bound(x, high, below=False):
        result = PUBLIC["minimum"](result, high)
    return result if isinstance(result, Tensor) else Tensor(as_expr(result))


def _no_bound(x: Any, bound: Any, below: bool) -> bool:
    """A Python int that no element of an integer dtype is beyond, as NumPy lets it be."""
    dtype = as_expr(x).dtype
    if type(bound) is not int or dtype not in INTS:
        return False
    limits = np.iinfo(dtype)
    return bound < limits.min if below else bound > limits.max


@public(numpy=lambda x: np.maximum(x, 0))
def relu(x: Any, /) -> Any:
    """The larger of x and 0; its gradient at 0 is 1/2, as of any `maximum` at a tie."""
    return PUBLIC["maximum"](x, 0)


@public(numpy=np.isinf)
def isinf(x: Any, /) -> Any:
    """True where `x` is infinite."""
    return PUBLIC["equal"](PUBLIC["absolute"](x), float("inf"))


@public(numpy=np.hypot)
def hypot(a: Any, b: Any, /) -> Any:
    """sqrt(a^2 + b^2), computed so that the squares do not overflow."""
    return Tensor(_in_single(_hypot, promoted("hypot", np.hypot, (a, b))))


def _hypot(a: Expr, b: Expr) -> Expr:
    x, y = arithmetic.absolute(a), arithmetic.absolute(b)
    top, low = arithmetic.maximum(x, y), arithmetic.minimum(x, y)
    zero, one = full_like(x, 0), full_like(x, 1)
    ratio = arithmetic.divide(low, compare.where(compare.equal(top, zero), one, top))
    length = arithmetic.multiply(
        top, arithmetic.sqrt(arithmetic.add(one, arithmetic.square(ratio)))
    )
    infinite = compare.equal(top, full_like(x, np.inf))
    return compare.where(infinite, top, length)


def _in_single(body: Callable[..., Expr], operands: Sequence[Expr]) -> Expr:
    """A formula of several steps; of halves it is rounded once, at the end."""
    if operands[0].dtype != FLOAT16:
        return body(*operands)
    return compare.cast_to(body(*(compare.cast_to(e, FLOAT32) for e in operands)), FLOAT16)


def _derived(name: str, doc: str, body: Callable[..., Any]) -> None:
    ufunc = getattr(np, name)

    def function(*operands: Any) -> Any:
        return Tensor(_in_single(body, promoted(name, ufunc, operands)))

    function.__name__, function.__doc__ = name, doc
    public(numpy=ufunc)(function)


def _scaled_log(base: float) -> Callable[[Expr], Expr]:
    return lambda x: arithmetic.divide(OPS["log"](x), full_like(x, np.log(base)))


def _half(x: Expr) -> Expr:
    return full_like(x, 0.5)


def _sinh(x: Expr) -> Expr:
    """(u + u / (1 + u)) / 2 with u = expm1(x): accurate near 0."""
    u = OPS["expm1"](x)
    rest = arithmetic.divide(u, arithmetic.add(u, full_like(u, 1)))
    inside = arithmetic.multiply(_half(x), arithmetic.add(u, rest))
    large = arithmetic.multiply(_half(x), OPS["exp"](x))
    return compare.where(compare.equal(u, full_like(u, np.inf)), large, inside)


_derived("log2", "The logarithm to base 2.", _scaled_log(2.0))
_derived("log10", "The logarithm to base 10.", _scaled_log(10.0))
_derived("exp2", "2 to the power x.", lambda x: arithmetic.power(full_like(x, 2), x))
_derived(
    "cosh", "The hyperbolic cosine.",
    lambda x: arithmetic.multiply(
        _half(x), arithmetic.add(OPS["exp"](x), OPS["exp"](arithmetic.negative(x)))
    ),
)  # fmt: skip
_derived("sinh", "The hyperbolic sine.", _sinh)


# ------------------------------------------------------------------- &, |, ^, ~ on truth values
def _bitwise(name: str, logical: str) -> None:
    ufunc = getattr(np, name)

    def function(*operands: Any) -> Any:
        exprs = promoted(name, ufunc, operands)
        if exprs[0].dtype != BOOL:
            hint = f"Compare first, or use {logical}."
            raise DtypeError(message(name, "bool operands", show_all(operands), hint))
        return Tensor(OPS[logical](*exprs))

    function.__name__ = name
    function.__doc__ = f"`{logical}` of bool operands."
    public(numpy=ufunc)(function)


_bitwise("bitwise_and", "logical_and")
_bitwise("bitwise_or", "logical_or")
_bitwise("bitwise_xor", "logical_xor")
_bitwise("bitwise_not", "logical_not")
PUBLIC["invert"] = PUBLIC["bitwise_invert"] = PUBLIC["bitwise_not"]


@public()
def keep(x: Any, /) -> Any:
    """`x`, computed as it is written: no rewrite crosses this."""
    return Tensor(keep_op(x.expr)) if isinstance(x, Tensor) else x


@public(numpy=np.copy)
def copy(x: Any, /) -> Tensor:
    """Another tensor of the same value; `y += 1` on it leaves `x` as it is."""
    return Tensor(expr_of("copy", x))
