"""Whole numbers: bits, shifts, divisors, powers."""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import INTS, Expr, OpDef, define
from eqsat_tensor.ops.compare import greater_equal
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.ops.reduce import all_over
from eqsat_tensor.scalar import PRIMITIVES


def _flat(ct: Expr, out: Expr, *operands: Expr, **_: Any) -> tuple[None, ...]:
    return (None,) * len(operands)


def _whole(name: str, arity: int, doc: str, commutative: bool = False) -> Any:
    ufunc = getattr(np, name)
    return define(
        name, Kind.ELEMENTWISE, arity=arity, numpy=PRIMITIVES[name].numpy, ufunc=ufunc,
        dtypes=INTS, ulps=0, commutative=commutative, vjp=_flat, doc=doc,
    )  # fmt: skip


bitwise_and = _whole("bitwise_and", 2, "The bits set in both; of bools, `logical_and`.", True)
bitwise_or = _whole("bitwise_or", 2, "The bits set in either; of bools, `logical_or`.", True)
bitwise_xor = _whole("bitwise_xor", 2, "The bits set in one; of bools, `logical_xor`.", True)
bitwise_not = _whole("bitwise_not", 1, "The bits not set, -x - 1; of bools, `logical_not`.")
left_shift = _whole("left_shift", 2, "a 2^b, modulo the width; 0 for b not within the width.")
right_shift = _whole(
    "right_shift", 2, "floor(a / 2^b); 0, or -1 of negative a, for b not within the width."
)
bitwise_count = _whole("bitwise_count", 1, "How many bits of |x| are set.")
gcd = _whole("gcd", 2, "The greatest common divisor, not negative; gcd(0, 0) is 0.", True)
lcm = _whole("lcm", 2, "The least common multiple, not negative; 0 where one is 0.", True)


def _integer_power(a: Any, b: Any) -> Any:
    return np.power(a, np.maximum(b, 0))


def _power_checks(node: Expr) -> list[tuple[Expr, str]]:
    exponent = node.arguments[1]
    fine = greater_equal(exponent, full_like(exponent, 0))
    text = "power: needs exponents that are not negative, of integers; got a negative one."
    return [(all_over(fine, range(len(exponent.shape))), text)]


integer_power: OpDef = define(
    "integer_power", Kind.ELEMENTWISE, arity=2, numpy=_integer_power, dtypes=INTS, ulps=0,
    scalar=lambda s, a, b: s.power(a, s.maximum(b, s.constant(0, b))), checks=_power_checks,
    vjp=_flat, doc="a to the power b, modulo the width; an error where b is negative.",
)  # fmt: skip
