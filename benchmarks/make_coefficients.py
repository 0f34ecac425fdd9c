"""Writes ``eqsat_tensor/lower/cpu/coefficients.py``: the numbers of the vector mathematics.

In: the functions and intervals below, in 60-digit arithmetic (mpmath).  Out: near-minimax
polynomials (Chebyshev interpolation, whose error is within a small factor of the best) and split
constants, as literals.  Run it after a change of a degree or an interval:

    python benchmarks/make_coefficients.py
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import mpmath
import numpy as np
from mpmath import mp, mpf

mp.dps = 60
Real = Any  # mpmath has no types

Fit: TypeAlias = tuple[Callable[[Real], Real], Real, Real, dict[str, int]]

TARGET = Path(__file__).parent.parent / "eqsat_tensor" / "lower" / "cpu" / "coefficients.py"
HEADER = '''"""Polynomials and split constants of `vecmath`, as literals.

Written by ``benchmarks/make_coefficients.py``; change that file, not this one.
"""

'''


def head(value: Real, bits: int) -> Real:
    """`value` > 0 cut to its first `bits` binary digits."""
    shift = bits - 1 - int(mpmath.floor(mpmath.log(value, 2)))
    return mpf(int(mpmath.floor(mpmath.ldexp(value, shift)))) * mpf(2) ** -shift


def split(value: Real, *bits: int) -> list[Real]:
    """`value` as a sum: parts of so many bits each, then what is left."""
    parts = []
    for count in bits:
        parts.append(head(value, count))
        value -= parts[-1]
    return [*parts, value]


def exp_tail(x: Real) -> Real:
    """(exp(x) - 1 - x) / x^2."""
    if abs(x) < mpf("1e-8"):
        return mpf(1) / 2 + x / 6 + x * x / 24
    return (mpmath.exp(x) - 1 - x) / (x * x)


def log_tail(z: Real) -> Real:
    """(2 atanh(s)/s - 2) / z, z = s^2: log(1+f) = s * (2 + z * log_tail(z)), s = f / (2 + f)."""
    if z < mpf("1e-12"):
        return mpf(2) / 3 + 2 * z / 5
    s = mpmath.sqrt(z)
    return (2 * mpmath.atanh(s) / s - 2) / z


def log_tail_2(z: Real) -> Real:
    """(log_tail(z) - 2/3) / z, for the logarithm in two doubles."""
    if z < mpf("1e-10"):
        return mpf(2) / 5 + 2 * z / 7
    return (log_tail(z) - mpf(2) / 3) / z


def log2_ratio(z: Real) -> Real:
    """2 atanh(s) / (s ln2), z = s^2: log2(1 + f) = s * log2_ratio(z), s = f / (2 + f)."""
    return (2 + z * log_tail(z)) / mp.ln2


def exp2_ratio(r: Real) -> Real:
    """(2^r - 1) / r."""
    return mpmath.expm1(r * mp.ln2) / r if r else mp.ln2


def arctan_tail(z: Real) -> Real:
    """(atan(s)/s - 1) / z, z = s^2."""
    if z < mpf("1e-12"):
        return -mpf(1) / 3 + z / 5
    s = mpmath.sqrt(z)
    return (mpmath.atan(s) / s - 1) / z


def sin_tail(z: Real) -> Real:
    """(sin(s)/s - 1) / z, z = s^2."""
    if z < mpf("1e-12"):
        return -mpf(1) / 6 + z / 120
    s = mpmath.sqrt(z)
    return (mpmath.sin(s) / s - 1) / z


def cos_tail(z: Real) -> Real:
    """(cos(s) - 1 + z/2) / z^2, z = s^2."""
    if z < mpf("1e-8"):
        return mpf(1) / 24 - z / 720 + z * z / 40320
    return (mpmath.cos(mpmath.sqrt(z)) - 1 + z / 2) / (z * z)


def erf_near(z: Real) -> Real:
    """erf(s)/s - 1, z = s^2."""
    if z < mpf("1e-20"):
        return 2 / mpmath.sqrt(mp.pi) - 1
    s = mpmath.sqrt(z)
    return mpmath.erf(s) / s - 1


def odd_tail(function: Callable[[Real], Real], first: Real) -> Callable[[Real], Real]:
    """z -> (f(s)/s - 1) / z, z = s^2, of an odd function f(s) = s + first s^3 + ..."""

    def value(z: Real) -> Real:
        if z < mpf("1e-25"):
            return first
        s = mpmath.sqrt(z)
        return (function(s) / s - 1) / z

    return value


def arccosh_tail(t: Real) -> Real:
    """(acosh(1 + t) / sqrt(2 t) - 1) / t."""
    if t < mpf("1e-25"):
        return -mpf(1) / 12
    return (mpmath.acosh(1 + t) / mpmath.sqrt(2 * t) - 1) / t


def middle_map(centre: Real, x: Real) -> Real:
    """(x - c) / (x + c): takes x > 0 into (-1, 1)."""
    return (x - centre) / (x + centre)


def unmap(centre: Real, t: Real) -> Real:
    """The x of `middle_map`."""
    return centre * (1 + t) / (1 - t)


def erf_far(centre: Real) -> Callable[[Real], Real]:
    """t -> erfc(x) exp(x^2)."""

    def value(t: Real) -> Real:
        x = unmap(centre, t)
        return mpmath.erfc(x) * mpmath.exp(x * x)

    return value


def erfc_far(centre: Real) -> Callable[[Real], Real]:
    """t -> (x + c) erfc(x) exp(x^2) - 1, which stays between -1/2 and 1 for x > 1/2, c < 2.75."""

    def value(t: Real) -> Real:
        x = unmap(centre, t)
        return (x + centre) * mpmath.erfc(x) * mpmath.exp(x * x) - 1

    return value


def polynomial(f: Callable[[Real], Real], low: Real, high: Real, degree: int) -> list[Real]:
    """Coefficients, highest power first."""
    return list(mpmath.chebyfit(f, [low, high], degree + 1))


def literal(value: Real, dtype: str) -> str:
    """Shortest text that reads back as the nearest number of `dtype`."""
    rounded = float(value)
    return repr(float(np.float32(rounded))) if dtype == "float32" else repr(rounded)


def main() -> None:
    """Write the file."""
    half_ln2 = mp.ln2 / 2 * mpf("1.001")
    log_edge = ((mpmath.sqrt(2) - 1) / (mpmath.sqrt(2) + 1)) ** 2 * mpf("1.01")
    atan_edge = (mpmath.sqrt(2) - 1) ** 2 * mpf("1.001")
    trig_edge = (mp.pi / 4) ** 2 * mpf("1.001")
    erf_centre = mpf(2)
    erfc_centre = {"float64": mpf("2.25"), "float32": mpf("2.5")}
    # "single" is for float32 evaluated in float64: few terms, not rounded to float32.
    far = {"float64": (mpf(6), mpf(28)), "float32": (mpf(4), mpf("10.6"))}
    half_turn = (mp.pi / 2 * mpf("1.0001")) ** 2
    fits: list[tuple[str, Fit]] = [
        ("exp", (exp_tail, -half_ln2, half_ln2, {"float64": 9, "float32": 4, "single": 5})),
        ("log", (log_tail, mpf(0), log_edge, {"float64": 6, "float32": 2, "single": 4})),
        ("log in two doubles", (log_tail_2, mpf(0), log_edge, {"float64": 7})),
        ("log2 ratio", (log2_ratio, mpf(0), log_edge, {"single": 4})),
        ("exp2 ratio", (exp2_ratio, -mpf("0.5001"), mpf("0.5001"), {"single": 5})),
        ("arctan", (arctan_tail, mpf(0), atan_edge, {"float64": 11, "float32": 4})),
        ("sin", (sin_tail, mpf(0), trig_edge, {"float64": 6, "single": 3})),
        ("sin of half a turn", (sin_tail, mpf(0), half_turn, {"single": 4})),
        ("cos", (cos_tail, mpf(0), trig_edge, {"float64": 6, "single": 3})),
        ("erf near", (erf_near, mpf(0), mpf(1), {"float64": 11, "float32": 5})),
        ("erfc near", (erf_near, mpf(0), mpf("0.2501"), {"float64": 8, "float32": 4})),
    ]
    sixth, third, quarter = mpf(1) / 6, mpf(1) / 3, mpf("0.2501")
    for name, function, first, high, double, single in (
        ("sinh", mpmath.sinh, sixth, mpf("1.001"), 7, 3),
        ("arcsin", mpmath.asin, sixth, quarter, 12, 5),
        ("arcsinh", mpmath.asinh, -sixth, quarter, 12, 5),
        ("arctanh", mpmath.atanh, third, quarter, 13, 6),
    ):
        degrees = {"float64": double, "float32": single}
        fits.append((name, (odd_tail(function, first), mpf(0), high, degrees)))
    fits.append(("arccosh", (arccosh_tail, mpf(0), mpf("0.5001"), {"float64": 11, "float32": 4})))
    root = mpmath.sqrt(2) * mpf("1.0001")
    fits.append(("cbrt", (mpmath.cbrt, 1 / root, root, {"float64": 4})))
    fits.append(("inverse cbrt", (lambda m: 1 / mpmath.cbrt(m), 1 / root, root, {"single": 4})))
    for dtype, erf_degree, erfc_degree in (("float64", 20, 21), ("float32", 9, 8)):
        centre = erfc_centre[dtype]
        erf_high, erfc_high = far[dtype]
        low, high = middle_map(erf_centre, mpf(1)), middle_map(erf_centre, erf_high)
        fits.append(("erf far", (erf_far(erf_centre), low, high, {dtype: erf_degree})))
        low, high = middle_map(centre, mpf("0.499")), middle_map(centre, erfc_high)
        fits.append(("erfc far", (erfc_far(centre), low, high, {dtype: erfc_degree})))
    polynomials: dict[str, dict[str, list[Real]]] = {}
    for name, (function, low, high, degrees) in fits:
        for dtype, degree in degrees.items():
            fit = polynomial(function, low, high, degree)
            polynomials.setdefault(name, {})[dtype] = fit
    lines = ["# Highest power first.  What each approximates: see the script.\n"]
    lines.append("POLYNOMIALS: dict[str, dict[str, tuple[float, ...]]] = {\n")
    for name, by_dtype in polynomials.items():
        lines.append(f'    "{name}": {{\n')
        for dtype, fit in by_dtype.items():
            lines.append(f'        "{dtype}": (\n')
            lines += [f"            {literal(c, dtype)},\n" for c in fit]
            lines.append("        ),\n")
        lines.append("    },\n")
    lines.append("}\n\n")
    two_thirds = mpf(2) / 3
    log_2_of_e, log_10_of_e, log_10_of_2 = 1 / mp.ln2, 1 / mp.ln10, mp.ln2 / mp.ln10
    constants: dict[str, tuple[str, list[Real], str]] = {
        "LN2_FLOAT64": ("32 bits, then the rest", split(mp.ln2, 32), "float64"),
        "LN2_FLOAT32": ("15 bits, then the rest", split(mp.ln2, 15), "float32"),
        "HALF_PI_SHORT": ("33 bits, then the rest", split(mp.pi / 2, 33), "float64"),
        "PI_SHORT": ("32 bits, then the rest", split(mp.pi, 32), "float64"),
        "HALF_PI": (
            "three parts of 33 bits, then the rest",
            split(mp.pi / 2, 33, 33, 33),
            "float64",
        ),
        "HALF_PI_DOUBLES": ("two doubles", split(mp.pi / 2, 53), "float64"),
        "HALF_PI_SINGLES": ("two singles", split(mp.pi / 2, 24), "float32"),
        "PI_DOUBLES": ("two doubles", split(mp.pi, 53), "float64"),
        "PI_SINGLES": ("two singles", split(mp.pi, 24), "float32"),
        "THREE_QUARTERS_PI_DOUBLES": ("two doubles", split(3 * mp.pi / 4, 53), "float64"),
        "THREE_QUARTERS_PI_SINGLES": ("two singles", split(3 * mp.pi / 4, 24), "float32"),
        "LOG2_E_DOUBLES": ("27 bits, then the rest", split(log_2_of_e, 27), "float64"),
        "LOG2_E_SINGLES": ("12 bits, then the rest", split(log_2_of_e, 12), "float32"),
        "LOG10_E_DOUBLES": ("27 bits, then the rest", split(log_10_of_e, 27), "float64"),
        "LOG10_E_SINGLES": ("12 bits, then the rest", split(log_10_of_e, 12), "float32"),
        "LOG10_2_DOUBLES": ("40 bits, then the rest", split(log_10_of_2, 40), "float64"),
        "LOG10_2_SINGLES": ("15 bits, then the rest", split(log_10_of_2, 15), "float32"),
        "TWO_THIRDS": ("two doubles", split(two_thirds, 53), "float64"),
    }
    for name, (comment, parts, dtype) in constants.items():
        lines.append(f"# {comment}\n")
        lines.append(f"{name} = ({', '.join(literal(p, dtype) for p in parts)})\n")
    centres = ", ".join(f'"{d}": {literal(c, d)}' for d, c in erfc_centre.items())
    lines.append("# centres of the maps (x - c) / (x + c) of the far polynomials\n")
    lines.append(f"ERF_CENTRE = {literal(erf_centre, 'float64')}\n")
    lines.append(f"ERFC_CENTRE = {{{centres}}}\n")
    TARGET.write_text(HEADER + "".join(lines))


if __name__ == "__main__":
    main()
