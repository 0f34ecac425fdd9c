"""Differences f(a) - f(b) of arguments that nearly agree (``near.egg``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath as mp

import eqsat_tensor as et
from eqsat_tensor import special
from tests.rules.cases import Case, case, exact


def step(
    name: str,
    f: Callable[..., Any],
    true: Callable[..., Any],
    *points: tuple[float, float],
    **more: Any,
) -> Case:
    """f(x + y) - f(x)."""
    return case(
        f"{name}-near",
        lambda x, y: f(x + y) - f(x),
        *(exact(lambda x, y: true(x + y) - true(x), *p) for p in points),
        **more,
    )


SMALL = ((3.0, 2.0**-60), (1.5, -1e-20), (4.0, 3.0), (2.0, 0.0))

NEAR: tuple[Case, ...] = (
    step("sqrt", et.sqrt, mp.sqrt, *SMALL, (1e18, 1.0), (0.0, 0.0), (1e-30, 1.0)),
    step("cbrt", et.cbrt, lambda x: mp.sign(x) * mp.cbrt(abs(x)), *SMALL, (1e18, 1.0), (-1e18, 1.0), (1e-30, 1.0)),
    step("reciprocal", lambda x: 1 / x, lambda x: 1 / x, *SMALL, (-1e18, 1.0)),
    step("rsqrt", lambda x: 1 / et.sqrt(x), lambda x: 1 / mp.sqrt(x), *SMALL, (1e18, 1.0)),
    step("cube", lambda x: x**3, lambda x: x**3, *SMALL, (-1e9, 1e-9)),
    step("exp", et.exp, mp.exp, *SMALL, (-300.0, 1e-14), (-700.0, 800.0), double_only=True),
    step("log", et.log, mp.log, *SMALL, (1e18, 1.0), (1e-30, 1.0)),
    step("log10", et.log10, mp.log10, *SMALL, (1e18, 1.0), (1e-30, 1.0)),
    step("x-log-x", lambda x: x * et.log(x), lambda x: x * mp.log(x), *SMALL, (1e18, 1.0)),
    step("sinh", et.sinh, mp.sinh, *SMALL, (300.0, 1e-14), double_only=True),
    step("cosh", et.cosh, mp.cosh, *SMALL, (300.0, 1e-14), double_only=True),
    step("tanh", et.tanh, mp.tanh, *SMALL, (18.0, 1.0), (18.0, 1e-10)),
    step("sigmoid", special.expit, lambda x: 1 / (1 + mp.exp(-x)), *SMALL, (30.0, 1e-10)),
    step("arctan", et.arctan, mp.atan, *SMALL, (1e10, 1.0), (-1.0, 1e10)),
    case("roots-of-near", lambda a, b: et.sqrt(a) - et.sqrt(b), exact(lambda a, b: mp.sqrt(a) - mp.sqrt(b), 2.0, 2.0000002384185791015625)),
    case("sigmoids-as-written", lambda x, y: 1 / (1 + et.exp(-(x + y))) - 1 / (1 + et.exp(-x)),
         exact(lambda x, y: 1 / (1 + mp.exp(-x - y)) - 1 / (1 + mp.exp(-x)), 1.0, 1e-20)),
    case("hypot-less-side", lambda x, y: et.sqrt(x * x + y * y) - x,
         *(exact(lambda x, y: mp.hypot(x, y) - x, *p) for p in ((1e9, 1.0), (-1e9, 1.0), (3.0, 4.0), (0.0, 2.0)))),
    case("expm1-less-x", lambda x: et.exp(x) - 1 - x,
         *(exact(lambda x: mp.expm1(x) - x, p) for p in (1e-9, -1e-9, 0.5, -3.0, 20.0))),
    case("tan-less-sin", lambda x: et.tan(x) - et.sin(x), *(exact(lambda x: mp.tan(x) - mp.sin(x), p) for p in (1e-6, -2.0))),
    case("arccosh-near-one", lambda x: et.arccosh(1 + x), *(exact(lambda x: mp.acosh(1 + x), p) for p in (1e-18, 0.0, 3.0, 1e30))),
)  # fmt: skip
