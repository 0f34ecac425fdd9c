"""Derivatives of the special functions against mpmath's of their formulas, at ordinary and far points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.autodiff import pullback
from eqsat_tensor.errors import GradientError
from eqsat_tensor.inputs import tensor
from eqsat_tensor.lang import FLOAT64, OPS
from eqsat_tensor.ops.captured import input_leaf
from eqsat_tensor.ops.forms import SCIPY
from eqsat_tensor.ops.leaf import constant
from eqsat_tensor.reference import evaluate
from eqsat_tensor.verify.special import FORMULAS

C: Any = mpmath.MPContext()
C.dps = 32


def _boxcox(c: Any, x: Any, power: Any) -> Any:
    return (x**power - 1) / power


def _inv_boxcox(c: Any, x: Any, power: Any) -> Any:
    return (1 + power * x) ** (1 / power)


def _xlogy(c: Any, x: Any, y: Any) -> Any:
    return x * c.log(y)


COMPOSITES: dict[str, Callable[..., Any]] = {
    "ndtr": lambda c, x: c.erfc(-x / c.sqrt(2)) / 2,
    "cosm1": lambda c, x: c.cos(x) - 1,
    "exprel": lambda c, x: c.expm1(x) / x,
    "logit": lambda c, x: c.log(x / (1 - x)),
    "xlogy": _xlogy,
    "xlog1py": lambda c, x, y: x * c.log(1 + y),
    "entr": lambda c, x: -x * c.log(x),
    "rel_entr": lambda c, x, y: x * c.log(x / y),
    "kl_div": lambda c, x, y: x * c.log(x / y) - x + y,
    "huber": lambda c, d, r: r * r / 2 if abs(r) <= d else d * (abs(r) - d / 2),
    "pseudo_huber": lambda c, d, r: r * r / (1 + c.sqrt(1 + (r / d) ** 2)),
    "boxcox": _boxcox,
    "boxcox1p": lambda c, x, power: _boxcox(c, 1 + x, power),
    "inv_boxcox": _inv_boxcox,
    "inv_boxcox1p": lambda c, x, power: _inv_boxcox(c, x, power) - 1,
}
INVERSES = {
    "gammaincinv": "gammainc",
    "gammainccinv": "gammaincc",
    "betaincinv": "betainc",
    "betainccinv": "betaincc",
}
POINTS: dict[str, list[tuple[float, ...]]] = {
    "erfcx": [(-3.0,), (0.4,), (9.9,), (10.1,), (300.0,)],
    "erfi": [(-2.0,), (0.3,), (4.0,)],
    "dawsn": [(-12.0,), (0.3,), (2.0,), (9.5,), (50.0,)],
    "erfinv": [(-0.9,), (0.2,), (0.999,)],
    "erfcinv": [(1e-20,), (0.7,), (1.9,)],
    "ndtr": [(-30.0,), (0.3,), (5.0,)],
    "log_ndtr": [(-200.0,), (-1.0,), (0.5,), (9.0,)],
    "ndtri": [(1e-20,), (0.3,), (0.99,)],
    "ndtri_exp": [(-0.1,), (-3.0,), (-200.0,)],
    "owens_t": [(0.5, 0.8), (-1.0, 3.0), (2.0, -0.1)],
    "exp1": [(0.01,), (2.0,), (50.0,)],
    "expi": [(-3.0,), (0.5,), (20.0,)],
    "spence": [(0.3,), (1.0 + 1e-9,), (7.0,)],
    "cosm1": [(1e-8,), (2.0,)],
    "exprel": [(-50.0,), (-0.9,), (1e-9,), (0.99,), (1.01,), (300.0,)],
    "logit": [(1e-12,), (0.3,), (0.55,)],
    "gamma": [(-2.5,), (0.1,), (4.5,), (50.0,)],
    "gammaln": [(-0.5,), (0.01,), (1.3,), (1e8,)],
    "rgamma": [(-2.5,), (-2.0,), (0.0,), (3.5,)],
    "digamma": [(-1.3,), (0.2,), (30.0,)],
    "zeta": [(2.5, 0.3), (1.1, 4.0), (9.0, 2.0)],
    "gammainc": [(0.5, 0.2), (3.0, 2.0), (40.0, 45.0), (2.0, 1e-6), (0.01, 0.5)],
    "gammaincc": [(0.5, 3.0), (3.0, 20.0), (40.0, 45.0)],
    "gammaincinv": [(2.5, 0.3), (0.7, 0.9)],
    "gammainccinv": [(2.5, 0.3), (0.7, 0.9)],
    "beta": [(0.5, 2.0), (10.0, 0.1)],
    "betaln": [(0.5, 2.0), (30.0, 100.0)],
    "binom": [(5.5, 2.2), (30.0, 4.0)],
    "poch": [(2.5, 3.0), (0.3, 0.2)],
    "betainc": [(0.5, 2.0, 0.3), (30.0, 20.0, 0.55), (2.0, 3.0, 1e-5)],
    "betaincc": [(0.5, 2.0, 0.3), (30.0, 20.0, 0.55)],
    "betaincinv": [(2.5, 1.5, 0.3)],
    "betainccinv": [(2.5, 1.5, 0.3)],
    "xlogy": [(0.3, 2.0), (-2.0, 1e-5)],
    "xlog1py": [(0.3, 1e-9), (-2.0, 5.0)],
    "entr": [(1e-9,), (0.3,), (5.0,)],
    "rel_entr": [(0.3, 0.5), (5.0, 1e-7), (1.0, 1.0001)],
    "kl_div": [(0.3, 0.5), (5.0, 1e-7)],
    "huber": [(1.5, 0.7), (1.5, -4.0)],
    "pseudo_huber": [(1.5, 0.7), (1e-3, -4.0), (100.0, 1e-6), (1e-8, 1e3)],
    "boxcox": [(0.3, 2.5), (5.0, 1e-10), (2.0, -1.5), (3.0, 1.0)],
    "boxcox1p": [(0.3, 2.5), (1e-9, 0.7), (2.0, -1e-5)],
    "inv_boxcox": [(0.3, 2.5), (1.5, 1e-9), (2.0, -0.3), (0.9, 0.1)],
    "inv_boxcox1p": [(0.3, 2.5), (1e-9, 0.7)],
    "ellipk": [(-2.0,), (0.0,), (1e-9,), (0.0999,), (0.1001,), (0.99,)],
    "ellipkm1": [(1e-9,), (0.5,), (0.99,)],
    "ellipe": [(-2.0,), (0.0,), (1e-9,), (0.0999,), (0.99,)],
}
for _name in ("j0", "j1", "y0", "y1", "i0", "i1", "i0e", "i1e", "k0", "k1", "k0e", "k1e"):
    POINTS[_name] = [(0.01,), (0.7,), (5.0,), (30.0,)]
for _name in ("jv", "yv", "iv", "kv", "ive", "kve"):
    POINTS[_name] = [(0.0, 0.7), (2.5, 5.0), (1.0, 0.01)]
FLAT = ("gammasgn", "riemann_zeta")  # no derivative, or none that is here
# Relative errors: of formulas with a difference in them, and of differences of the function.
LOOSE = {"gammaln": 1e-11, "kl_div": 1e-11, "i0e": 1e-11, "i1e": 1e-11, "k0e": 1e-11, "k1e": 1e-11}
LOOSE |= {"ive": 1e-11, "kve": 1e-11, "ellipkm1": 1e-11, "erfcx": 1e-11, "dawsn": 1e-11}
BY_DIFFERENCES = 2e-10


def gradients(name: str, points: list[tuple[float, ...]]) -> list[np.ndarray]:
    """The derivatives in each operand at each point, those that are refused left out."""
    op = OPS[name]
    leaves = [input_leaf(f"x{k}", FLOAT64, (len(points),)) for k in range(op.arity)]
    node = op(*leaves)
    ones = constant(1, FLOAT64, node.shape)
    wrt = [x for k, x in enumerate(leaves) if k not in op.refused]
    values = {
        x: np.array(column) for x, column in zip(leaves, zip(*points, strict=True), strict=True)
    }
    return evaluate(pullback([node], [ones], wrt), values)


def derivative(name: str, point: tuple[float, ...], number: int) -> float:
    """mpmath's, in one operand."""
    exact = [C.mpf(x) for x in point]
    if name in INVERSES:  # f(p, g(p, y)) = y
        with np.errstate(all="ignore"):
            at = C.mpf(float(OPS[name].numpy(*(np.float64(x) for x in point))))
        direct = INVERSES[name]
        inner = (*exact[:-1], at)
        slope = _partial(direct, inner, len(point) - 1)
        return float(
            1 / slope if number == len(point) - 1 else -_partial(direct, inner, number) / slope
        )
    return float(_partial(name, tuple(exact), number))


def _partial(name: str, point: tuple[Any, ...], number: int) -> Any:
    formula = FORMULAS.get(name) or COMPOSITES[name]

    def along(x: Any) -> Any:
        return formula(C, *point[:number], x, *point[number + 1 :])

    return C.diff(along, point[number])


def test_every_function_is_tested() -> None:
    assert set(SCIPY) == {*POINTS, *FLAT}


@pytest.mark.parametrize("name", sorted(POINTS))
def test_a_derivative_is_that_of_the_formula(name: str) -> None:
    op, points = SCIPY[name], POINTS[name]
    numbers = [k for k in range(op.arity) if k not in op.refused]
    for number, found in zip(numbers, gradients(name, points), strict=True):
        differences = "inc" in name and number < op.arity - 1
        for point, got in zip(points, found, strict=True):
            want = derivative(name, point, number)
            allowed = BY_DIFFERENCES if differences else LOOSE.get(name, 1e-12)
            if name in INVERSES:
                allowed = 1e-9  # the value itself is rounded
            assert abs(got - want) <= allowed * abs(want), (point, number, got, want)


@pytest.mark.parametrize(("name", "point", "want"), [
    ("xlogy", (0.0, 0.0), (0, 0)), ("xlogy", (0.0, 2.0), (np.log(2), 0)),
    ("xlogy", (2.0, 0.0), (-np.inf, np.inf)), ("xlog1py", (0.0, -1.0), (0, 0)),
    ("entr", (0.0,), (np.inf,)), ("rel_entr", (0.0, 0.0), (0, 0)),
    ("rel_entr", (0.0, 1.0), (-np.inf, 0)), ("kl_div", (0.0, 0.0), (0, 1)),
    ("kl_div", (0.0, 2.0), (-np.inf, 1)), ("huber", (1.0, 1.0), (0, 1)),
    ("pseudo_huber", (1.0, 0.0), (0, 0)), ("pseudo_huber", (0.0, 0.0), (0, 0)),
    ("boxcox", (0.0, 2.0), (0, 0.25)), ("boxcox", (3.0, 0.0), (1 / 3, np.log(3) ** 2 / 2)),
    ("inv_boxcox", (2.0, 0.0), (np.exp(2), -2 * np.exp(2))),
    ("gammainc", (2.0, 0.0), (0, 0)), ("gammainc", (1.0, 0.0), (0, 1)),
    ("gammaincc", (2.0, np.inf), (0, 0)), ("betainc", (1.0, 2.0, 0.0), (0, 0, 2)),
    ("betainc", (2.0, 1.0, 1.0), (0, 0, 2)), ("i0e", (0.0,), (0,)), ("j1", (0.0,), (0.5,)),
    ("i1", (0.0,), (0.5,)), ("i1e", (0.0,), (0.5,)), ("spence", (1.0,), (-1,)),
    ("exprel", (0.0,), (0.5,)), ("log_ndtr", (np.inf,), (0,)), ("erfcx", (np.inf,), (0,)),
    ("gammasgn", (-0.5,), (0,)),
])  # fmt: skip
def test_derivatives_at_the_ends(
    name: str, point: tuple[float, ...], want: tuple[float, ...]
) -> None:
    found = [float(part[0]) for part in gradients(name, [point])]
    np.testing.assert_allclose(found, want, rtol=1e-12, atol=1e-300)


def test_a_derivative_that_is_not_there_is_refused_with_a_reason() -> None:
    v, x = tensor("v", (), "float64"), tensor("x", (), "float64")
    with pytest.raises(GradientError, match=r"jv: needs operand 0 not to .* keep it constant"):
        et.grad(et.special.jv(v, x), v)
    et.grad(et.special.jv(v, x), x)
    et.grad(et.special.jv(2, x), x)
    with pytest.raises(GradientError, match="zeta: needs operand 0 not"):
        et.grad(et.special.zeta(x, 2.0), x)
    with pytest.raises(GradientError, match="riemann_zeta"):
        et.grad(et.special.zeta(x), x)


def test_polygamma_and_its_derivative() -> None:
    x = tensor("x", (), "float64")
    outputs = [et.special.polygamma(n, x) for n in range(5)]
    outputs += [et.grad(y, x) for y in outputs]
    found = et.function([x], outputs)(1.75)
    want = [float(C.polygamma(n, C.mpf(1.75))) for n in (0, 1, 2, 3, 4, 1, 2, 3, 4, 5)]
    np.testing.assert_allclose(found, want, rtol=1e-13)


def test_second_and_forward_derivatives() -> None:
    def f(x: Any) -> Any:
        return et.special.gammaln(x) + et.special.log_ndtr(x) * et.special.jv(1.5, x)

    def exact(x: Any) -> Any:
        return C.loggamma(x) + C.log(C.ncdf(x)) * C.besselj(1.5, x)

    second = et.grad(et.grad(f))(np.float64(2.25))
    np.testing.assert_allclose(second, float(C.diff(exact, C.mpf(2.25), 2)), rtol=1e-11)
    value, slope = et.jvp(f, [np.float64(2.25)], [np.float64(2)])
    np.testing.assert_allclose(value, float(exact(C.mpf(2.25))), rtol=1e-13)
    np.testing.assert_allclose(slope, 2 * float(C.diff(exact, C.mpf(2.25))), rtol=1e-12)


def test_a_float32_parameter_is_differentiated_in_float64() -> None:
    a = tensor("a", (), "float32")
    found = et.function([a], et.grad(et.special.gammainc(a, 2.0), a), mode="reference")(
        np.float32(3)
    )
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, derivative("gammainc", (3.0, 2.0), 0), rtol=1e-6)
