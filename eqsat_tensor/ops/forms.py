"""What the records of special functions are written with: SciPy's dtypes, scaling, polynomials."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import FLOAT32, FLOAT64, Expr, OpDef, define
from eqsat_tensor.ops.arithmetic import add, divide, multiply, subtract
from eqsat_tensor.ops.compare import cast_to
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.scalar import PRIMITIVES, scipy_function
from eqsat_tensor.types import TensorType

WIDE_FLOATS = (FLOAT32, FLOAT64)  # what SciPy's functions compute in
SCIPY: dict[str, OpDef] = {}  # the ops made by `external` and `composite`


# Largest errors of SciPy 1.17 in units in the last place, seen on 150 ordinary values away from
# zeros, and doubled; `tests/verify/test_special.py` checks them.
ULPS = dict.fromkeys(PRIMITIVES, 16.0) | {
    "gammasgn": 0, "spence": 32, "owens_t": 64, "dawsn": 128, "erfi": 128, "exp1": 32, "binom": 256,
    "y0": 64, "y1": 512, "betaln": 512, "ndtri_exp": 1024, "gammainc": 512, "gammaincc": 512,
    "gammaincinv": 512, "gammainccinv": 512, "jv": 2048, "yv": 2048, "iv": 2048, "ive": 2048,
    "kv": 2048, "kve": 2048,
}  # fmt: skip


def external(name: str, **fields: Any) -> OpDef:
    """An op whose scalar word is SciPy's own function."""
    word = PRIMITIVES[name]
    fields["ulps"] = ULPS[name]
    SCIPY[name] = define(
        name, Kind.ELEMENTWISE, arity=word.arity, numpy=word.numpy, dtypes=WIDE_FLOATS, **fields
    )
    return SCIPY[name]


def _first(x: TensorType, *others: TensorType) -> TensorType:
    return x


def composite(name: str, arity: int, **fields: Any) -> OpDef:
    """An op that means what SciPy's function of that name does, made of other ops."""
    fields = {"ulps": 8, "numpy": scipy_function(name), **fields}
    SCIPY[name] = define(
        name, Kind.COMPOSITE, arity=arity, infer=_first, dtypes=WIDE_FLOATS, **fields
    )
    return SCIPY[name]


def scaled(x: Expr, factor: float) -> Expr:
    """``factor * x``."""
    return multiply(full_like(x, factor), x)


def shifted(x: Expr, number: float) -> Expr:
    """``x + number``."""
    return add(x, full_like(x, number))


def complement(x: Expr) -> Expr:
    """``1 - x``."""
    return subtract(full_like(x, 1), x)


def horner(x: Expr, coefficients: Sequence[float]) -> Expr:
    """The polynomial with these coefficients, that of the highest power first."""
    total = full_like(x, coefficients[0])
    for c in coefficients[1:]:
        total = add(multiply(total, x), full_like(x, c))
    return total


def slope_in(
    function: Callable[..., Expr], operands: Sequence[Expr], number: int, step: Expr
) -> Expr:
    """The derivative of ``function(*operands)`` in one operand, by differences.

    (45 (f1 - f-1) - 9 (f2 - f-2) + (f3 - f-3)) / (60 h), which is off by h^6 / 140 of the seventh
    derivative.  operands and step are float64; the step is to be a fiftieth of the length over which
    the function changes, and a fourth of the distance to the end of its domain at most: then what
    is cut off and what is rounded are both about 1e-12 of the function, in units of that length.
    """
    total = None
    for k, weight in ((1, 45.0), (2, -9.0), (3, 1.0)):
        ends = []
        for sign in (k, -k):
            moved = list(operands)
            moved[number] = add(moved[number], scaled(step, sign))
            ends.append(function(*moved))
        part = scaled(subtract(*ends), weight)
        total = part if total is None else add(total, part)
    assert total is not None
    return divide(total, scaled(step, 60.0))


def in_float64(operands: Sequence[Expr]) -> list[Expr]:
    """The operands in float64, for what float32 is not enough for."""
    return [cast_to(x, FLOAT64) for x in operands]
