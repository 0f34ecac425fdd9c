"""Bessel functions of real order and argument.

Derivatives in the argument by recurrences (DLMF 10.6, 10.29); in the order there are none here.
Near a zero of a function its error is relative to the function's size about there, not to its value.
"""

from __future__ import annotations

from collections.abc import Callable

from eqsat_tensor.lang import Expr, OpDef
from eqsat_tensor.ops.arithmetic import add, divide, multiply, negative, sign, subtract
from eqsat_tensor.ops.compare import equal, where
from eqsat_tensor.ops.forms import external, scaled, shifted
from eqsat_tensor.ops.leaf import full_like

NO_ORDER = (
    "The derivative in the order has no formula that is quick and accurate: keep it constant."
)
Slope = Callable[[Expr, Expr], Expr]  # of the argument and the value


def _simple(name: str, doc: str, slope: Slope) -> OpDef:
    """A function of whole order."""
    return external(name, vjp=lambda ct, out, x: (multiply(ct, slope(x, out)),), doc=doc)


def _over_x(out: Expr, x: Expr, at_zero: float | None) -> Expr:
    """out / x, with its limit at 0 where it has one."""
    if at_zero is None:
        return divide(out, x)
    nothing = equal(x, full_like(x, 0))
    safe = where(nothing, full_like(x, 1), x)
    return where(nothing, full_like(x, at_zero), divide(out, safe))


j0: OpDef = _simple("j0", "The Bessel function J of order 0.", lambda x, out: negative(j1(x)))
j1: OpDef = _simple(
    "j1", "The Bessel function J of order 1.",
    lambda x, out: subtract(j0(x), _over_x(out, x, 0.5)),
)  # fmt: skip
y0: OpDef = _simple("y0", "The Bessel function Y of order 0.", lambda x, out: negative(y1(x)))
y1: OpDef = _simple(
    "y1", "The Bessel function Y of order 1.",
    lambda x, out: subtract(y0(x), _over_x(out, x, None)),
)  # fmt: skip
i0: OpDef = _simple("i0", "The modified Bessel function I of order 0.", lambda x, out: i1(x))
i1: OpDef = _simple(
    "i1", "The modified Bessel function I of order 1.",
    lambda x, out: subtract(i0(x), _over_x(out, x, 0.5)),
)  # fmt: skip
i0e: OpDef = _simple(
    "i0e", "exp(-|x|) i0(x).",
    lambda x, out: subtract(i1e(x), multiply(sign(x), out)),
)  # fmt: skip
i1e: OpDef = _simple(
    "i1e", "exp(-|x|) i1(x).",
    lambda x, out: subtract(i0e(x), add(multiply(sign(x), out), _over_x(out, x, 0.5))),
)  # fmt: skip
k0: OpDef = _simple(
    "k0", "The modified Bessel function K of order 0.", lambda x, out: negative(k1(x))
)
k1: OpDef = _simple(
    "k1", "The modified Bessel function K of order 1.",
    lambda x, out: negative(add(k0(x), _over_x(out, x, None))),
)  # fmt: skip
k0e: OpDef = _simple("k0e", "exp(x) k0(x).", lambda x, out: subtract(out, k1e(x)))
k1e: OpDef = _simple(
    "k1e", "exp(x) k1(x).",
    lambda x, out: subtract(subtract(out, _over_x(out, x, None)), k0e(x)),
)  # fmt: skip


# ------------------------------------------------------------------------------- of any order
def _neighbours(function: Callable[[Expr, Expr], Expr], v: Expr, x: Expr) -> tuple[Expr, Expr]:
    return function(shifted(v, -1), x), function(shifted(v, 1), x)


def _of_order(name: str, doc: str, slope: Callable[[Expr, Expr, Expr], Expr]) -> OpDef:
    return external(
        name, refused={0: NO_ORDER}, doc=doc,
        vjp=lambda ct, out, v, x: (None, multiply(ct, slope(v, x, out))),
    )  # fmt: skip


jv: OpDef = _of_order(
    "jv", "The Bessel function J of order v.",
    lambda v, x, out: scaled(subtract(*_neighbours(jv, v, x)), 0.5),
)  # fmt: skip
yv: OpDef = _of_order(
    "yv", "The Bessel function Y of order v.",
    lambda v, x, out: scaled(subtract(*_neighbours(yv, v, x)), 0.5),
)  # fmt: skip
iv: OpDef = _of_order(
    "iv", "The modified Bessel function I of order v.",
    lambda v, x, out: scaled(add(*_neighbours(iv, v, x)), 0.5),
)  # fmt: skip
kv: OpDef = _of_order(
    "kv", "The modified Bessel function K of order v.",
    lambda v, x, out: scaled(add(*_neighbours(kv, v, x)), -0.5),
)  # fmt: skip
ive: OpDef = _of_order(
    "ive", "exp(-|x|) iv(v, x).",
    lambda v, x, out: subtract(scaled(add(*_neighbours(ive, v, x)), 0.5), multiply(sign(x), out)),
)  # fmt: skip
kve: OpDef = _of_order(
    "kve", "exp(x) kv(v, x).",
    lambda v, x, out: subtract(out, scaled(add(*_neighbours(kve, v, x)), 0.5)),
)  # fmt: skip
