"""Quotients, powers and roots less their limits; logarithms of near arguments; sums of squares out of range."""

from __future__ import annotations

import mpmath as mp

import eqsat_tensor as et
from tests.rules.cases import Case, case, exact, inf, nan

NEAR = 1.0 + 2.0**-20  # a float32, too


def share(x: mp.mpf, y: mp.mpf, k: mp.mpf) -> mp.mpf:
    return x / (x + k) - y / (y + k)


def odds(x: mp.mpf, y: mp.mpf) -> mp.mpf:
    return x / (1 - x) - y / (1 - y)


SHARES: tuple[Case, ...] = (
    case("difference-of-shares", lambda x, y, k: x / (x + k) - y / (y + k), exact(share, 2.0**40, 2.0**41, 3.0),
         exact(share, 1.0, -5.0, 0.5), exact(share, 3.0, 3.0, 1.0), (0.0, 0.0, inf, 0.0)),
    case("difference-of-odds", lambda x, y: x / (1 - x) - y / (1 - y), exact(odds, 0.25, 0.25 + 2.0**-20), exact(odds, 0.9375, -3.0)),
    case("image-of-what-is-far", lambda a, x: a * x / (x - a) - a, exact(lambda a, x: a * a / (x - a), 0.5, 2.0**30), exact(lambda a, x: a * a / (x - a), 2.0, 1.0)),
    case("one-less-reciprocal", lambda x: 1 - 1 / x, exact(lambda x: (x - 1) / x, NEAR), (inf, 1.0), (0.0, -inf), (-2.0, 1.5)),
    case("reciprocal-less-one", lambda x: 1 / x - 1, exact(lambda x: (1 - x) / x, NEAR), (inf, -1.0), (-2.0, -1.5)),
    case("one-less-reciprocal-square", lambda x: 1 - 1 / (x * x), exact(lambda x: 1 - 1 / (x * x), NEAR), (inf, 1.0), (0.5, -3.0)),
    case("doppler", lambda b: et.sqrt((1 + b) / (1 - b)) - 1, exact(lambda b: mp.sqrt((1 + b) / (1 - b)) - 1, 2.0**-30), exact(lambda b: mp.sqrt((1 + b) / (1 - b)) - 1, 0.75), (2.0, nan)),
    case("root-less-one", lambda x: et.sqrt(x) - 1, exact(lambda x: mp.sqrt(x) - 1, NEAR), (9.0, 2.0), (0.0, -1.0), (inf, inf)),
    case("one-less-cube-root", lambda x: 1 - et.cbrt(x), exact(lambda x: 1 - mp.cbrt(x), NEAR), (-8.0, 3.0), (0.0, 1.0)),
    case("root-of-square-and-more", lambda b, d: et.sqrt(b * b + d) - b, exact(lambda b, d: mp.sqrt(b * b + d) - b, 1e5, 1.0),
         exact(lambda b, d: mp.sqrt(b * b + d) - b, -3.0, 1.0), (2.0, -4.0, -2.0)),
    case("power-less-one", lambda x, n: x**n - 1, exact(lambda x, n: x**n - 1, 3.0, 2.0**-30), exact(lambda x, n: x**n - 1, 2.0, 5.0),
         (0.0, 0.0, 0.0), (-2.0, 3.0, -9.0), (inf, 0.0, 0.0), (0.0, 2.0, -1.0)),
    case("compound-interest", lambda x, n: (1 + x) ** n - 1, exact(lambda x, n: (1 + x) ** n - 1, 2.0**-30, 12.0), exact(lambda x, n: (1 + x) ** n - 1, 0.0625, 64.0),
         exact(lambda x, n: (1 + x) ** n - 1, 1023.0, 2.0**-20), (-1.0, 0.0, 0.0), (-3.0, 2.0, 3.0)),
    case("difference-of-near-powers", lambda x, y: x**2.5 - y**2.5, exact(lambda x, y: x**2.5 - y**2.5, 1024.0 + 2.0**-10, 1024.0),
         exact(lambda x, y: x**2.5 - y**2.5, 4.0, 9.0)),
    case("difference-of-logs", lambda x, y: et.log(x) - et.log(y), exact(lambda x, y: mp.log(x / y), NEAR, 1.0), exact(lambda x, y: mp.log(x / y), 1e-30, 1e30),
         (0.0, 2.0, -inf), (2.0, 0.0, inf), (-1.0, -1.0, nan), (inf, 2.0, inf), present="log_difference"),
    case("decibels", lambda x, y: 10 * et.log10(x / y), exact(lambda x, y: 10 * mp.log10(x / y), NEAR, 1.0), exact(lambda x, y: 10 * mp.log10(x / y), 100.0, 7.0)),
    case("difference-of-log2", lambda x, y: et.log2(x) - et.log2(y), exact(lambda x, y: mp.log(x / y, 2), NEAR, 1.0), (8.0, 2.0, 2.0)),
    case("difference-of-entropies", lambda x, y: x * et.log(x) - y * et.log(y), exact(lambda x, y: x * mp.log(x) - y * mp.log(y), 0.25 + 2.0**-20, 0.25),
         exact(lambda x, y: x * mp.log(x) - y * mp.log(y), 5.0, 0.5)),
    case("arsinh-near", lambda x, y: et.arcsinh(x) - et.arcsinh(y), exact(lambda x, y: mp.asinh(x) - mp.asinh(y), NEAR, 1.0), exact(lambda x, y: mp.asinh(x) - mp.asinh(y), 3.0, -5.0)),
    case("artanh-near", lambda x, y: et.arctanh(x) - et.arctanh(y), exact(lambda x, y: mp.atanh(x) - mp.atanh(y), 0.5 + 2.0**-20, 0.5)),
    case("two-values-variance", lambda a, b: (a * a + b * b) / 2 - ((a + b) / 2) ** 2, exact(lambda a, b: ((a - b) / 2) ** 2, 1024.0, 1024.0 + 2.0**-10)),
    case("bose-less-boltzmann", lambda x: 1 / (et.exp(x) - 1) - et.exp(-x), exact(lambda x: mp.exp(-x) / mp.expm1(x), 30.0), exact(lambda x: mp.exp(-x) / mp.expm1(x), 0.5)),
    case("expm1-by-divisor", lambda x, c: (et.exp(x) - 1) / c, exact(lambda x, c: mp.expm1(x) / c, 711.0, 1e10), exact(lambda x, c: mp.expm1(x) / c, 2.0, 3.0), double_only=True),
    case("second-phi", lambda x: (et.exp(x) - 1 - x) / (x * x), exact(lambda x: (mp.expm1(x) - x) / x**2, 711.0), exact(lambda x: (mp.expm1(x) - x) / x**2, 1e-5), double_only=True),
    case("three-squares", lambda x, y, z: et.sqrt(x * x + y * y + z * z), (2e200, 3e200, 6e200, 7e200), (2e-200, 3e-200, 6e-200, 7e-200), (2.0, 3.0, 6.0, 7.0),
         (0.0, 0.0, 0.0, 0.0), (inf, 1.0, 2.0, inf), double_only=True),
    case("log-of-two-squares", lambda x, y: et.log(x * x + y * y), exact(lambda x, y: mp.log(x * x + y * y), 3e200, 4e200), exact(lambda x, y: mp.log(x * x + y * y), 3e-200, 4e-200),
         exact(lambda x, y: mp.log(x * x + y * y), 3.0, 4.0), (0.0, 0.0, -inf), double_only=True),
    case("negative-reciprocal-part", lambda x, y: -y / (x * x + y * y), (1e-200, 1e-200, -5e199), (2.0, 1.0, -0.2), double_only=True),
)  # fmt: skip
