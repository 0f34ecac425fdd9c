"""sinh, cosh and the inverse hyperbolic functions: polynomials near 0, exp and log beyond."""

from __future__ import annotations

import numpy as np

from eqsat_tensor.lower.cpu.builder import VectorBuilder
from eqsat_tensor.lower.cpu.elementary import (
    decompose,
    expm1_reduced,
    log_core,
    power_of_two,
    reduce_by_ln2,
)

SINH_HIGH = {"float64": 710.4759, "float32": 89.4161}  # beyond, sinh and cosh are infinite


def odd_polynomial(b: VectorBuilder, x: str, name: str, high: float) -> str:
    """x + x^3 P(x^2) for |x| <= high; something finite beyond."""
    z = b.at_most(b.fmul(x, x), high * high)
    return b.fmuladd(b.fmul(x, z), b.polynomial(z, name), x)


def exp_quarter(b: VectorBuilder, a: str) -> str:
    """exp(a) / 4 for a >= 0, so that exp(a) / 2 overflows only where it must."""
    _, shifted, r = reduce_by_ln2(b, b.at_most(a, SINH_HIGH[b.name]))
    quarter = power_of_two(b, b.fsub(shifted, b.constant(2)))
    return b.fmuladd(quarter, expm1_reduced(b, r), quarter)


def sinh(b: VectorBuilder, x: str) -> str:
    """(exp(x) - exp(-x)) / 2."""
    a = b.intrinsic("fabs", x)
    e = exp_quarter(b, b.at_least(a, 1))
    far = b.fsub(b.fadd(e, e), _other_half(b, e))
    far = b.intrinsic("copysign", far, x)
    near = odd_polynomial(b, x, "sinh", 1)
    return b.select(b.test("ult", a, b.constant(1)), near, far)


def cosh(b: VectorBuilder, x: str) -> str:
    """(exp(x) + exp(-x)) / 2."""
    e = exp_quarter(b, b.at_least(b.intrinsic("fabs", x), b.format.negligible))
    return b.fadd(b.fadd(e, e), _other_half(b, e))


def _other_half(b: VectorBuilder, e: str) -> str:
    """exp(-a) / 2 from exp(a) / 4; something as negligible where it would be no normal number.

    Making one that is not takes some 70 ns a register: sinh(800) was 8.6 ns an element.
    """
    return b.fdiv(b.constant(0.125), b.at_most(e, 2.0 ** (b.format.bias - 7)))


def log_of_root(b: VectorBuilder, a: str, sign: int) -> str:
    """log(a + sqrt(a^2 + sign)) for a >= 1/2 (3/2), as log(2 a + sign / (a + sqrt(a^2 + sign)))."""
    one = b.constant(sign)
    root = b.intrinsic("sqrt", b.fmuladd(a, a, one))
    rest = b.fdiv(one, b.fadd(a, root))
    twice = b.fadd(a, a)
    total = b.fadd(twice, rest)
    lost = b.fsub(rest, b.fsub(total, twice))
    # log(2 a) for a so large that its double, or the scale of what was lost, may be no number
    zero = b.constant(0)
    huge = b.test("ogt", a, b.constant(2.0 ** (b.format.fraction // 2 + 4)))
    m, k, back = decompose(b, b.select(huge, a, total))
    lost = b.select(huge, zero, back(lost))
    k = b.fadd(k, b.select(huge, b.constant(1), zero))
    return log_core(b, b.fadd(b.fsub(m, b.constant(1)), lost), k)


def arcsinh(b: VectorBuilder, x: str) -> str:
    """The inverse of sinh."""
    a = b.intrinsic("fabs", x)
    near = odd_polynomial(b, x, "arcsinh", 0.5)
    far = log_of_root(b, b.at_least(a, 0.5), 1)
    far = b.select(b.test("oeq", a, b.constant(np.inf)), a, far)
    value = b.select(b.test("ult", a, b.constant(0.5)), near, far)
    return b.intrinsic("copysign", value, x)  # of -0 too, which the polynomial's -1/6 turns


def arccosh(b: VectorBuilder, x: str) -> str:
    """The inverse of cosh, not negative; NaN below 1."""
    one = b.constant(1)
    t = b.at_most(b.fsub(x, one), 0.5)
    root = b.intrinsic("sqrt", b.fadd(t, t))
    near = b.fmuladd(b.fmul(root, t), b.polynomial(t, "arccosh"), root)
    far = log_of_root(b, b.at_least(x, 1.5), -1)
    value = b.select(b.test("ult", x, b.constant(1.5)), near, far)
    value = b.select(b.test("olt", x, one), b.constant(np.nan), value)
    return b.select(b.test("oeq", x, b.constant(np.inf)), x, value)


def arctanh(b: VectorBuilder, x: str) -> str:
    """The inverse of tanh; infinite at -1 and 1, NaN beyond."""
    one, a = b.constant(1), b.intrinsic("fabs", x)
    near = odd_polynomial(b, x, "arctanh", 0.5)
    far_a = b.at_least(a, 0.5)
    under = b.fsub(one, far_a)  # exact
    over = b.fadd(one, far_a)
    ratio = b.fdiv(over, b.select(b.test("ogt", under, b.constant(0)), under, one))
    m, k, _ = decompose(b, ratio)
    far = b.fmul(b.constant(0.5), log_core(b, b.fsub(m, one), k))
    far = b.select(b.test("oeq", a, one), b.constant(np.inf), far)
    far = b.select(b.test("ogt", a, one), b.constant(np.nan), far)
    return b.select(b.test("ult", a, b.constant(0.5)), near, b.intrinsic("copysign", far, x))
