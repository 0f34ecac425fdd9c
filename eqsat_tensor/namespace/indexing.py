"""``x[key]``, ``x[key] = v`` and ``x.at[key]``, with NumPy's meaning.

Slices move elements; labels gather and scatter them (`labels`); masks whose count is not known now
select (`masks`).  What NumPy gives as a view is one (`views`): writes go through.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from eqsat_tensor.errors import DtypeError, ShapeError, message
from eqsat_tensor.extents import same_size
from eqsat_tensor.lang import BOOL, FLOATS, Expr
from eqsat_tensor.namespace.keys import Key, parsed
from eqsat_tensor.namespace.labels import picked, rows_of
from eqsat_tensor.namespace.masks import Selection, masked_read, masked_write
from eqsat_tensor.namespace.operands import kind_of, show
from eqsat_tensor.ops import movement
from eqsat_tensor.ops.compare import cast_to
from eqsat_tensor.ops.leaf import constant
from eqsat_tensor.tensor import (
    FUNCTIONS,
    PYTHON_NUMBERS,
    Tensor,
    View,
    as_expr,
    holds_traced,
    is_operand,
    weak_type,
)
from eqsat_tensor.types import Shape

ACCUMULATE = {
    "add": "add", "multiply": "multiply", "minimum": "minimum", "maximum": "maximum",
}  # fmt: skip


def getitem(x: Tensor, key: Any) -> Any:
    """``x[key]``: ints, slices, None, Ellipsis, integer arrays and masks, in any mixture.

    A mask whose count is not known while tracing gives a `Selection`.
    """
    meant = parsed(x, key)
    cut = meant.cut(x.expr)
    if meant.mask is not None:
        return masked_read(cut, meant)
    made = Tensor(_labelled(cut, meant))
    if meant.is_view and not x.is_number:
        made.share(View(x, lambda e: _labelled(meant.cut(e), meant), _written(meant)))
    return made


def _labelled(cut: Expr, key: Key) -> Expr:
    if not key.labels:
        return cut
    found = picked(cut, key)
    return rows_of(key).read(cut) if found is None else found


def _written(key: Key) -> Callable[[View, Expr], Expr]:
    return lambda view, value: replaced(view.parent.expr, key, value, "set")


def replaced(x: Expr, key: Key, value: Expr, mode: str) -> Expr:
    """`x` with what the key means (of the value's shape and of x's dtype) set, added to, ..."""
    if key.labels:
        return key.paste(x, rows_of(key).write(key.cut(x), value, mode))
    if mode != "set":
        value = FUNCTIONS[mode](Tensor(key.cut(x)), Tensor(value)).expr
    return key.paste(x, value)


def setitem(x: Tensor, key: Any, value: Any) -> None:
    """``x[key] = value``: the value cast to x's dtype, whatever it is, and broadcast."""
    write(x, key, value, "set")


def write(x: Tensor, key: Any, value: Any, mode: str) -> None:
    """Set what ``x[key]`` means, or add the value to it, ...: an element once for each label."""
    meant = parsed(x, key)
    if meant.mask is not None or isinstance(value, Selection):
        x.assign(masked_write(x, meant, value, mode))
        return
    if not is_operand(value):
        raise DtypeError(message("x[...] = v", "an array or a number", f"v: {show(value)}"))
    shape = rows_of(meant).result if meant.labels else meant.shape()
    x.assign(replaced(x.expr, meant, assigned(value, x.dtype, shape), mode))


def assigned(value: Any, dtype: np.dtype, shape: Shape) -> Expr:
    """A value as an assignment takes it: cast, broadcast, 1s in front dropped.

    Arrays are cast whatever they hold; Python numbers must fit, as in NumPy.
    """
    expr = cast_to(as_expr(_fitting(value, dtype)), dtype)
    extra = len(expr.shape) - len(shape)
    if extra > 0 and all(s == 1 for s in expr.shape[:extra]):
        expr = movement.squeeze(expr, range(extra))
    pairs = zip(reversed(expr.shape), reversed(shape), strict=False)
    if len(expr.shape) > len(shape) or any(a != 1 and same_size(a, b) is False for a, b in pairs):
        wanted = "[" + ", ".join(map(str, shape)) + "]"
        raise ShapeError(message("x[...] = v", f"a value that broadcasts to {wanted}", show(value)))
    return movement.broadcast_to(expr, shape)


def _fitting(value: Any, dtype: np.dtype) -> Any:
    """Python numbers, or nests of them, in `dtype`; OverflowError or ValueError where NumPy has it."""
    if type(value) in PYTHON_NUMBERS:
        with np.errstate(over="ignore"):
            return constant(np.array(value, dtype).item(), dtype)
    if isinstance(value, list | tuple) and not holds_traced(value):
        with np.errstate(over="ignore"):
            return np.array(value, dtype)
    return value


FUNCTIONS["__getitem__"] = getitem
FUNCTIONS["__setitem__"] = setitem


# ------------------------------------------------------------------------ places, functionally
class At:
    """``x.at``: what stands between the brackets comes next."""

    def __init__(self, x: Tensor) -> None:
        self.x = x

    def __getitem__(self, key: Any) -> Place:
        return Place(self.x, key)


class Place:
    """``x.at[key]``: each method gives a new array, with the elements of ``x[key]`` changed.

    The value is cast to x's dtype.  Of labels that repeat, `set` keeps the last value and `apply`
    calls once; the others take in every one.
    """

    def __init__(self, x: Tensor, key: Any) -> None:
        self.x, self.key = x, key

    def _with(self, mode: str, value: Any) -> Tensor:
        new = Tensor(self.x.expr)
        write(new, self.key, value, mode)
        return new

    def get(self) -> Any:
        """``x[key]``, as a new array."""
        found = getitem(self.x, self.key)
        return Tensor(found.expr) if isinstance(found, Tensor) else found

    def set(self, value: Any) -> Tensor:
        """The elements replaced."""
        return self._with("set", value)

    def add(self, value: Any) -> Tensor:
        """The value added."""
        return self._with("add", value)

    def subtract(self, value: Any) -> Tensor:
        """The value subtracted."""
        return self._with("add", FUNCTIONS["negative"](Tensor(as_expr(value), weak_type(value))))

    def multiply(self, value: Any) -> Tensor:
        """Multiplied by the value."""
        return self._with("multiply", value)

    def min(self, value: Any) -> Tensor:
        """The smaller of both."""
        return self._with("minimum", value)

    def max(self, value: Any) -> Tensor:
        """The larger of both."""
        return self._with("maximum", value)

    def _factors(self, name: str, value: Any) -> Tensor:
        if self.x.dtype not in FLOATS:
            got = f"x: {show(self.x)}"
            raise DtypeError(message(f"x.at[...].{name}", "a float array", got, "Use apply."))
        ones: Tensor = FUNCTIONS["ones_like"](self.x)
        return Place(ones, self.key).multiply(value)

    def divide(self, value: Any) -> Tensor:
        """Divided by the value (by the product of all, where labels repeat)."""
        result: Tensor = FUNCTIONS["divide"](self.x, self._factors("divide", value))
        return result

    def power(self, value: Any) -> Tensor:
        """To the power of the value (of the product of all, where labels repeat)."""
        result: Tensor = FUNCTIONS["power"](self.x, self._factors("power", value))
        return result

    def apply(self, function: Callable[[Any], Any]) -> Tensor:
        """What a function makes of the elements."""
        return self.set(function(self.get()))

    mul, sub, div, pow = multiply, subtract, divide, power


FUNCTIONS["__at__"] = At


# ------------------------------------------------------------------------------ numpy.add.at
AT = {
    "add": "add", "subtract": "subtract", "multiply": "multiply", "divide": "divide",
    "minimum": "min", "maximum": "max", "power": "power",
}  # fmt: skip


def ufunc_at(ufunc: np.ufunc, x: Any, key: Any, *operands: Any) -> None:
    """``numpy.add.at(x, key, v)``: each element taken in, also where labels repeat."""
    name = ufunc.__name__
    if not isinstance(x, Tensor):
        needs, hint = (
            "a traced array to write to",
            "Make it by zeros, full or array of eqsat_tensor.",
        )
        raise DtypeError(message(f"numpy.{name}.at", needs, f"x: {show(x)}", hint))
    if x.dtype == BOOL and name in ("add", "multiply"):
        AT_BOOLS = {"add": "maximum", "multiply": "minimum"}
        write(x, key, operands[0], AT_BOOLS[name])
        return
    if name not in AT:
        known = ", ".join(AT)
        raise DtypeError(message(f"numpy.{name}.at", f"one of {known}", name, "Use x[key] = ..."))
    kinds = [kind_of(v) for v in (x, *operands)]
    result = ufunc.resolve_dtypes((*kinds, None))[-1]
    if not np.can_cast(result, x.dtype, "same_kind"):
        needs = f"a result that can be cast to {x.dtype}"
        raise DtypeError(message(f"numpy.{name}.at", needs, str(result)))
    method = getattr(Place(Tensor(x.expr), key), AT[name])
    x.assign(method(*operands).expr)


FUNCTIONS["__ufunc_at__"] = ufunc_at
