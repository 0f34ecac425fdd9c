"""The scalar vocabulary as LLVM IR text, on vectors or scalars of one dtype.

In: names of SSA values and a callback that appends an instruction.  Out: names of SSA values.
The mathematics is our own, after fdlibm and Cephes: argument reduction and polynomials, with
selects in place of branches.  A result does not depend on the lane, its neighbours or the number of
lanes.  Code for every x86 level: rounding by a magic number, logical shifts only, `llvm.fmuladd`;
machines without FMA differ in last bits, and keep to the same bounds.  (power of float64 must have
FMA; LLVM calls libm's where the machine has none: right, but slow.)  Nothing flushes subnormals;
NaN, infinities and signed zeros come out as from NumPy.  Floating-point flags: ``contract`` on add,
subtract, multiply and square, if asked; no other anywhere.

Some need more than instructions in a row: sin, cos and tan of arguments beyond `TRIG_LIMIT` (libm,
lane by lane), powers and divisors of integers (a loop).  They stand in functions of their own, whose text is kept with the ``declare`` lines in `VectorBuilder.declared`.

Largest error seen: `ULPS`.
"""

from __future__ import annotations

import numpy as np

from eqsat_tensor.lower.cpu import arcs, bits, division, hyperbolic, roots, whole
from eqsat_tensor.lower.cpu.angles import TRIG_LIMIT, arctan, fmod, power, trigonometric
from eqsat_tensor.lower.cpu.builder import COMPARISONS, OutlinedFunction, Rule, VectorBuilder
from eqsat_tensor.lower.cpu.elementary import (
    erf,
    erfc,
    exp,
    expm1,
    log,
    log1mexp,
    log1p,
    shifted_exp,
    sigmoid,
    softplus,
    tanh,
)
from eqsat_tensor.lower.cpu.external import EXTERNALS

__all__ = ["COMPARISONS", "TRIG_LIMIT", "ULPS", "VOCABULARY", "VectorBuilder"]

# Declared largest errors in units in the last place, by primitive and dtype: what was seen on 3e6
# points each (from exp2 on 1.5e6; erf, erfc and power in float64: 3e5), on x86-64 with and without FMA, rounded up.  No
# proven bounds.  `tests/lower/test_vecmath_accuracy.py` checks them and says how to measure again.
ULPS: dict[str, dict[str, float]] = {
    name: {"float64": double, "float32": single}
    for name, double, single in (
        ("exp", 1.2, 1.2),
        ("shifted_exp", 1.2, 1.2),
        ("expm1", 2.5, 2.0),
        ("log", 1.0, 1.0),
        ("log1p", 1.5, 1.5),
        ("log1mexp", 2.5, 2.3),
        ("tanh", 2.8, 2.6),
        ("sigmoid", 2.6, 2.6),
        ("softplus", 1.9, 1.9),
        ("erf", 1.6, 2.1),
        ("erfc", 2.7, 3.0),
        ("arctan", 2.0, 2.0),
        ("sin", 0.9, 0.7),
        ("cos", 0.9, 0.7),
        ("tan", 2.5, 1.5),
        ("power", 1.3, 0.6),
        ("exp2", 1.3, 1.2),
        ("log2", 0.9, 0.9),
        ("log10", 0.9, 0.8),
        ("cbrt", 0.7, 0.6),
        ("hypot", 1.3, 1.3),
        ("sinh", 1.8, 1.8),
        ("cosh", 1.6, 1.6),
        ("arcsinh", 2.3, 2.3),
        ("arccosh", 1.7, 1.7),
        ("arctanh", 1.5, 1.5),
        ("arcsin", 1.3, 1.3),
        ("arccos", 1.3, 1.3),
        ("arctan2", 2.1, 2.0),
    )
}


# --------------------------------------------------------------------------- simple float rules
def arithmetic(op: str) -> Rule:
    def rule(b: VectorBuilder, x: str, y: str) -> str:
        return b.binary(f"{op} contract" if b.contract else op, x, y)

    return rule


def unary_intrinsic(name: str) -> Rule:
    return lambda b, x: b.intrinsic(name, x)


def extremum(predicate: str) -> Rule:
    def rule(b: VectorBuilder, x: str, y: str) -> str:
        # with a NaN the comparison fails and gives y: right unless only x is NaN
        value = b.select(b.test(predicate, x, y), x, y)
        return b.select(b.test("uno", x, x), x, value)

    return rule


def sign(b: VectorBuilder, x: str) -> str:
    zero = b.constant(0)
    value = b.select(b.test("oeq", x, zero), zero, x)
    value = b.select(b.test("olt", x, zero), b.constant(-1), value)
    return b.select(b.test("ogt", x, zero), b.constant(1), value)


def square(b: VectorBuilder, x: str) -> str:
    return b.apply("multiply", x, x)


def isfinite(b: VectorBuilder, x: str) -> str:
    return b.test("olt", b.intrinsic("fabs", x), b.constant(np.inf))


def float_modulus(b: VectorBuilder, x: str, y: str) -> tuple[str, str, str]:
    """fmod(x, y), the same with the sign of y, and where they differ (NumPy's npy_divmod)."""
    zero = b.constant(0)
    plain = fmod(b, x, y)
    opposed = b.both("xor", b.test("olt", y, zero), b.test("olt", plain, zero))
    moved = b.both("and", b.test("une", plain, zero), opposed)
    value = b.select(moved, b.fadd(plain, y), plain)
    signed_zero = b.intrinsic("copysign", zero, y)
    return plain, b.select(b.test("oeq", plain, zero), signed_zero, value), moved


def float_remainder(b: VectorBuilder, x: str, y: str) -> str:
    return float_modulus(b, x, y)[1]


def float_floor_divide(b: VectorBuilder, x: str, y: str) -> str:
    zero, one = b.constant(0), b.constant(1)
    plain, _, moved = float_modulus(b, x, y)
    ratio = b.fdiv(x, y)
    quotient = b.fdiv(b.fsub(x, plain), y)
    quotient = b.select(moved, b.fsub(quotient, one), quotient)
    whole = b.intrinsic("floor", quotient)
    rounded_up = b.test("ogt", b.fsub(quotient, whole), b.constant(0.5))
    whole = b.select(rounded_up, b.fadd(whole, one), whole)
    signed_zero = b.intrinsic("copysign", zero, ratio)
    whole = b.select(b.test("oeq", quotient, zero), signed_zero, whole)
    return b.select(b.test("oeq", y, zero), ratio, whole)


# ------------------------------------------------------------------------------ integers, bools
def instruction(op: str) -> Rule:
    return lambda b, x, y: b.binary(op, x, y)


def binary_intrinsic(name: str) -> Rule:
    return lambda b, x, y: b.intrinsic(name, x, y)


def int_negative(b: VectorBuilder, x: str) -> str:
    return b.binary("sub", b.constant(0), x)


def int_absolute(b: VectorBuilder, x: str) -> str:
    return b.intrinsic("abs", x, flag="i1 false")  # of the smallest: itself


def int_sign(b: VectorBuilder, x: str) -> str:
    return b.intrinsic("smax", b.intrinsic("smin", x, b.constant(1)), b.constant(-1))


def int_power(b: VectorBuilder, x: str, y: str) -> str:
    """x^y modulo 2^bits by squaring, y >= 0; a negative y is read as unsigned."""

    def body(function: OutlinedFunction) -> None:
        f, kind = function.builder, function.builder.type
        one, zero = f.constant(1), f.constant(0)
        function.line("br label %loop")
        function.label("loop")
        for name, first, then in (("n", "%b", "%m"), ("p", one, "%q"), ("s", "%a", "%t")):
            function.line(f"%{name} = phi {kind} [ {first}, %0 ], [ {then}, %loop ]")
        odd = f.compare("not_equal", f.binary("and", "%n", one), zero)
        function.line(f"%q = mul {kind} %p, {f.select(odd, '%s', one)}")
        function.line(f"%t = mul {kind} %s, %s")
        function.line(f"%m = lshr {kind} %n, {one}")
        more = f.any_lane(f.compare("not_equal", "%m", zero))
        function.line(f"br i1 {more}, label %loop, label %done")
        function.label("done")
        function.line(f"ret {kind} %q")

    return b.outlined("power", [x, y], body)


def invert(b: VectorBuilder, x: str) -> str:
    return b.binary("xor", x, b.constant(1 if b.dtype.kind == "b" else -1))


# ---------------------------------------------------------------------------------- vocabulary
_FLOAT_RULES: dict[str, Rule] = {
    "add": arithmetic("fadd"),
    "subtract": arithmetic("fsub"),
    "multiply": arithmetic("fmul"),
    "divide": VectorBuilder.fdiv,
    "negative": VectorBuilder.fneg,
    "fma": VectorBuilder.fmuladd,
    "absolute": unary_intrinsic("fabs"),
    "sqrt": unary_intrinsic("sqrt"),
    "floor": unary_intrinsic("floor"),
    "ceil": unary_intrinsic("ceil"),
    "trunc": unary_intrinsic("trunc"),
    "copysign": binary_intrinsic("copysign"),
    "maximum": extremum("ogt"),
    "minimum": extremum("olt"),
    "sign": sign,
    "square": square,
    "reciprocal": lambda b, x: b.fdiv(b.constant(1), x),
    "isnan": lambda b, x: b.test("uno", x, x),
    "isfinite": isfinite,
    "floor_divide": float_floor_divide,
    "remainder": float_remainder,
    "exp": exp,
    "shifted_exp": shifted_exp,
    "expm1": expm1,
    "tanh": tanh,
    "sigmoid": sigmoid,
    "log": log,
    "log1p": log1p,
    "log1mexp": log1mexp,
    "softplus": softplus,
    "erf": erf,
    "erfc": erfc,
    "arctan": arctan,
    "sin": trigonometric("sin"),
    "cos": trigonometric("cos"),
    "tan": trigonometric("tan"),
    "power": power,
    "exp2": roots.exp2,
    "log2": roots.log2,
    "log10": roots.log10,
    "cbrt": roots.cbrt,
    "hypot": roots.hypot,
    "sinh": hyperbolic.sinh,
    "cosh": hyperbolic.cosh,
    "arcsinh": hyperbolic.arcsinh,
    "arccosh": hyperbolic.arccosh,
    "arctanh": hyperbolic.arctanh,
    "arcsin": arcs.arcsin,
    "arccos": arcs.arccos,
    "arctan2": arcs.arctan2,
    "signbit": bits.signbit,
    "nextafter": bits.nextafter,
    "spacing": bits.spacing,
    "mantissa": bits.mantissa,
    "exponent": bits.exponent,
    "ldexp": bits.ldexp,
    "rint": unary_intrinsic("rint"),
    "fmod": fmod,
    "fmax": bits.number_extremum("oge"),
    "fmin": bits.number_extremum("ole"),
}

_INT_RULES: dict[str, Rule] = {
    "add": instruction("add"),
    "subtract": instruction("sub"),
    "multiply": instruction("mul"),
    "negative": int_negative,
    "absolute": int_absolute,
    "maximum": binary_intrinsic("smax"),
    "minimum": binary_intrinsic("smin"),
    "sign": int_sign,
    "square": square,
    "floor_divide": division.rounded_down_part(0),
    "remainder": division.rounded_down_part(1),
    "power": int_power,
    "bitwise_and": instruction("and"),
    "bitwise_or": instruction("or"),
    "bitwise_xor": instruction("xor"),
    "bitwise_not": invert,
    "left_shift": whole.left_shift,
    "right_shift": whole.right_shift,
    "bitwise_count": whole.bitwise_count,
    "fmod": division.fmod,
    "gcd": whole.gcd,
    "lcm": whole.lcm,
}

_UNSIGNED_RULES: dict[str, Rule] = _INT_RULES | {
    "absolute": lambda b, x: x,
    "maximum": binary_intrinsic("umax"),
    "minimum": binary_intrinsic("umin"),
    "sign": lambda b, x: b.intrinsic("umin", x, b.constant(1)),
}

_BOOL_RULES: dict[str, Rule] = {
    "logical_and": instruction("and"),
    "logical_or": instruction("or"),
    "logical_xor": instruction("xor"),
    "logical_not": invert,
    "maximum": instruction("or"),
    "minimum": instruction("and"),
    "add": instruction("or"),
    "multiply": instruction("and"),
}

# What `apply` takes, by dtype; besides, for all: `COMPARISONS` and select; for floats: `EXTERNALS`.
# float16 takes what float32 does, by way of it, but for words on its own bits.
VOCABULARY: dict[str, dict[str, Rule]] = {
    "float64": _FLOAT_RULES,
    "float32": _FLOAT_RULES,
    "float16": bits.OF_HALVES,
    "bool": _BOOL_RULES,
}
for _bits in (8, 16, 32, 64):
    VOCABULARY[f"int{_bits}"], VOCABULARY[f"uint{_bits}"] = _INT_RULES, _UNSIGNED_RULES
VectorBuilder.vocabulary.update(
    {d: rules | (EXTERNALS if np.dtype(d).kind == "f" else {}) for d, rules in VOCABULARY.items()}
)
