"""Naive spellings come out stable, in value and in structure, and so do their gradients.

Each case is held at points where the naive program is wrong, against mpmath; once by the cost model
as it is, and once with every stable op a hundred times dearer: time never buys instability back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import mpmath as mp
import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.lang import topological
from tests.rules.programs import FUSED, Made, optimise

mp.mp.dps = 60
inf, nan = float("inf"), float("nan")


@dataclass(frozen=True)
class Case:
    """A program, points (arguments, exact value), and ops that must, or must not, be left."""

    name: str
    program: Callable[..., Any]
    points: tuple[tuple[tuple[Any, ...], Any], ...]
    present: str = ""
    absent: str = ""
    rtol: float = 1e-13

    def __str__(self) -> str:
        return self.name


def case(name: str, program: Callable[..., Any], *points: Any, **more: Any) -> Case:
    return Case(name, program, tuple((p[:-1], p[-1]) for p in points), **more)


def exact(f: Callable[..., Any], *arguments: float) -> tuple[Any, ...]:
    """A point whose value mpmath gives."""
    return (*arguments, float(f(*map(mp.mpf, arguments))))


def sigmoid(x: Any) -> Any:
    return 1 / (1 + et.exp(-x))


def mpsigmoid(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def grad(f: Callable[..., Any]) -> Callable[..., Any]:
    """The gradient of a program by its first argument."""

    def of(*arguments: Any) -> Any:
        return et.grad(f(*arguments), arguments[0])

    return of


def softmax(x: Any) -> Any:
    e = et.exp(x)
    return e / et.sum(e, axis=-1, keepdims=True)


EPS55 = -(2.0**-55)
SINGLES = (
    case("T1", lambda x: et.log1p(et.exp(x)), (1000.0, 1000.0), (710.0, 710.0), present="softplus"),
    case("T2", lambda x: et.log(1 + et.exp(x)), (-40.0, 4.248354255291589e-18), present="softplus"),
    case("T3", lambda x: et.log(et.sigmoid(x)), (-1000.0, -1000.0), (40.0, -4.248354255291589e-18)),
    case("T3-spelled", lambda x: et.log(sigmoid(x)), (-1000.0, -1000.0), (40.0, -4.248354255291589e-18)),
    case("T5", lambda x: et.log(1 - et.sigmoid(x)), (37.0, -37.0), (1000.0, -1000.0)),
    case("T5-log1p", lambda x: et.log1p(-et.sigmoid(x)), (37.0, -37.0)),
    case("T5-spelled", lambda x: et.log(1 - sigmoid(x)), (37.0, -37.0), (1000.0, -1000.0)),
    case("T7", lambda x: 1 - et.sigmoid(x), (40.0, 4.248354255291589e-18),
         exact(lambda x: 1 - mpsigmoid(x), 700.0), present="sigmoid", absent="subtract"),
    case("T8", lambda x: et.sigmoid(x) / (1 - et.sigmoid(x)), (100.0, 2.6881171418161354e43),
         exact(lambda x: mp.exp(x), -100.0), present="exp", absent="divide sigmoid"),
    case("T8-inverse", lambda x: (1 - et.sigmoid(x)) / et.sigmoid(x), exact(lambda x: mp.exp(-x), 100.0),
         absent="divide sigmoid"),
    case("T9", lambda x: et.log(et.sigmoid(x) / (1 - et.sigmoid(x))), (50.0, 50.0), (-800.0, -800.0),
         absent="log sigmoid exp"),
    case("T9-difference", lambda x: et.log(et.sigmoid(x)) - et.log(1 - et.sigmoid(x)), (50.0, 50.0),
         absent="log sigmoid softplus"),
    case("T9-back", lambda p: et.sigmoid(et.log(p / (1 - p))), (0.3, 0.3), (1.0, 1.0), (2.0, nan), (-1.0, nan),
         absent="log sigmoid"),
    case("T10", lambda x: et.exp(x) / (1 + et.exp(x)), (800.0, 1.0), (-800.0, 0.0), present="sigmoid"),
    case("T11", lambda x: et.exp(x) * et.sigmoid(-x), (800.0, 1.0), present="sigmoid", absent="exp"),
    case("T12", lambda x, y: -et.sigmoid(x) * et.sigmoid(-y) * et.exp(-x) * et.exp(x * y) * et.exp(y),
         exact(lambda x, y: -mpsigmoid(-x) * mpsigmoid(y) * mp.exp(x * y), 1.5, 2.5)),
    case("T13", lambda x: et.log(1 + x), (1e-20, 1e-20), (1e-10, 9.9999999995e-11), present="log1p"),
    case("T14", lambda x: et.exp(x) - 1, (1e-20, 1e-20), (-1e-16, -1e-16), present="expm1"),
    case("T15-log", lambda x: et.log(1 - et.exp(x)), (EPS55, -38.123094930796992),
         (-500.0, -7.124576406741286e-218), (-0.6, -0.79587036834631959), (-0.8, -0.59661767918897541),
         present="log1mexp"),
    case("T15-log1p", lambda x: et.log1p(-et.exp(x)), (EPS55, -38.123094930796992), present="log1mexp"),
    case("T15-expm1", lambda x: et.log(-et.expm1(x)), (-500.0, -7.124576406741286e-218), present="log1mexp"),
    case("T15-minus", lambda x: et.log(-(et.exp(x) - 1)), (EPS55, -38.123094930796992), present="log1mexp"),
    case("T18", lambda x, y: et.log(et.exp(x) - et.exp(y)), (1000.0, 999.0, 999.54132485461292),
         (1000.0, 1000 - 1e-10, float(mp.mpf(1000) + mp.log(-mp.expm1(mp.mpf(1000 - 1e-10) - 1000)))),
         (-1.0, -inf, -1.0), (-inf, -1.0, nan), (-inf, -inf, -inf)),
    case("T20", lambda x, y: et.log(et.exp(x) + et.exp(y)), (1e4, 1e4, 10000.69314718056),
         (10.0, 10.0, 10.693147180559945), (-inf, -inf, -inf), (inf, -inf, inf), present="logaddexp"),
    case("T21", lambda x, y: et.log(et.exp(x) + et.exp(y) + et.exp(x - y) + et.exp(x + y)), (1e4, 1e4, 20000.0)),
    case("T32", lambda x: 1 - et.erf(x), (6.0, 2.1519736712498913e-17), present="erfc"),
    case("T32-plus", lambda x: 1 + et.erf(x), (-6.0, 2.1519736712498913e-17), present="erfc"),
    case("T33", lambda x: 1 - et.erfc(x), (1e-17, 1.1283791670955127e-17), present="erf"),
    case("T33-minus", lambda x: -1 + et.erfc(x), (-1e-17, 1.1283791670955127e-17)),
    case("T35", lambda x: et.sqrt(x * x), (1e200, 1e200), (-3.0, 3.0), absent="sqrt multiply square"),
    case("T35-power", lambda x: et.sqrt(x**2), (1e200, 1e200), absent="sqrt"),
    case("T35-back", lambda x: et.sqrt(x) ** 2, (-1.0, nan), (4.0, 4.0), absent="sqrt"),
    case("T36", lambda x: et.exp(et.log(x)), (-1.0, nan), (0.0, 0.0), (7.0, 7.0), absent="exp log"),
    case("T36-log1p", lambda x: et.exp(et.log1p(x)), (-1.0, 0.0), (-2.0, nan), absent="exp log1p"),
    case("T36-nested", lambda x: et.exp(et.log(et.exp(et.log(et.exp(x))))), (1.0, float(mp.e)), absent="log where"),
    case("T38", lambda x, y: et.exp(x) * et.exp(y), (600.0, -599.0, float(mp.e)), rtol=1e-12),
    case("T38-quotient", lambda x, y: et.exp(x) / et.exp(y), (800.0, 799.0, float(mp.e)), rtol=1e-12),
    case("T43", lambda x: et.log(1 + et.exp(x)),
         *(exact(lambda x: mp.log1p(mp.exp(x)), p) for p in (-40.0, -17.5, 17.5, 18.5, 40.0))),
    case("T44", lambda x: et.log(float(np.nextafter(1, 2)) - et.sigmoid(x)), (40.0, -36.02), rtol=2e-2,
         present="sigmoid"),
    case("T46-tanh", lambda x: (et.exp(x) - et.exp(-x)) / (et.exp(x) + et.exp(-x)), (1000.0, 1.0), (-1000.0, -1.0),
         exact(mp.tanh, 1e-5), present="tanh", absent="exp"),
    case("T46-tanh-doubled", lambda x: (et.exp(2 * x) - 1) / (et.exp(2 * x) + 1), (1000.0, 1.0), (-1000.0, -1.0),
         exact(mp.tanh, 1e-18), present="tanh", absent="exp"),
    case("T46-tanh-sigmoid", lambda x: 2 * sigmoid(2 * x) - 1, exact(mp.tanh, 1e-18), (1000.0, 1.0), present="tanh"),
    case("T46-log-cosh", lambda x: et.log((et.exp(x) + et.exp(-x)) / 2), (1000.0, 999.30685281944005),
         (-1000.0, 999.30685281944005)),
    case("T46-cos", lambda x: 1 - et.cos(x), (1e-9, 5e-19), absent="cos"),
    case("T46-roots", lambda x: et.sqrt(x + 1) - et.sqrt(x), (1e12, 4.99999999999875e-07), (0.0, 1.0)),
    case("difference-of-squares", lambda x, y: x**2 - y**2, (1e8 + 1, 1e8, 200000001.0), rtol=1e-15),
    case("log-of-square", lambda x: et.log(x * x), exact(lambda x: mp.log(x * x), 1e200)),
    case("softplus-by-hand", lambda x: et.maximum(x, 0.0) + et.log1p(et.exp(-et.abs(x))), (1000.0, 1000.0),
         present="softplus", absent="maximum"),
)  # fmt: skip


def lse(*xs: float) -> float:
    return float(mp.log(sum(mp.exp(mp.mpf(x)) for x in xs)))


def softmax_at(*xs: float) -> np.ndarray:
    e = [mp.exp(mp.mpf(x)) for x in xs]
    return np.array([float(v / sum(e)) for v in e])


ROW = np.array([-10.0, -10.0, 999.0])
LABEL = np.array([0])
ROWS = np.array([[-10.0, -10.0, 999.0], [0.0, 1.0, -900.0]])
LABELS = np.array([0, 1])
VECTORS = (
    case("T22", lambda x: et.log(et.sum(et.exp(x))), ([-800.0, 800.0], 800.0), ([1000.0, 1001.0], 1001.3132616875182),
         ([-800.0, -805.0], -799.99328465151088), present="logsumexp"),
    case("T22-keepdims", lambda x: et.log(et.sum(et.exp(x), axis=0, keepdims=True)), ([-800.0, 800.0], [800.0])),
    case("T22-mean", lambda x: et.log(et.mean(et.exp(x))), ([-800.0, 800.0], 800 - float(mp.log(2)))),
    case("T25", softmax, ([800.0, 805.0], softmax_at(800, 805)), ([-800.0, -805.0], softmax_at(-800, -805)),
         present="softmax", absent="exp divide"),
    case("T26", lambda x: et.log(softmax(x))[0], (ROW, -1009.0), present="log_softmax"),
    case("T26-index", lambda x: et.log(softmax(x)[0]), (ROW, -1009.0), present="log_softmax"),
    case("T26-slice", lambda x: et.log(softmax(x)[:2]), (ROW, [-1009.0, -1009.0]), present="log_softmax"),
    case("T26-transpose", lambda x: et.log(softmax(x).mT)[0], (ROW[None], [-1009.0]), present="log_softmax"),
    case("T27", lambda x: x - et.log(et.sum(et.exp(x), axis=-1, keepdims=True)),
         ([1000.0, 1001.0], [1000 - lse(1000, 1001), 1001 - lse(1000, 1001)]), present="log_softmax", rtol=1e-12),
    case("T37", lambda x: et.log(et.prod(et.exp(x))), ([400.0] * 5, 2000.0), absent="exp prod"),
)  # fmt: skip


def nll(x: Any, y: Any) -> Any:
    return -et.mean(et.log(pick(softmax(x), y)))


def pick(x: Any, y: Any) -> Any:
    return x[et.arange(x.shape[0]), y]


def nll_along_axis(x: Any, y: Any) -> Any:
    return -et.mean(et.log(et.take_along_axis(softmax(x), y[:, None], axis=1)))


XENT: dict[str, Callable[..., Any]] = {
    "spelled": nll,
    "log-then-pick": lambda x, y: -et.mean(pick(et.log(softmax(x)), y)),
    "softmax": lambda x, y: -et.mean(et.log(pick(et.softmax(x, axis=-1), y))),
    "log-softmax": lambda x, y: -et.mean(pick(et.log(et.softmax(x, axis=-1)), y)),
    "logsumexp": lambda x, y: et.mean(et.log(et.sum(et.exp(x), axis=-1)) - pick(x, y)),
}
HOT = np.array([[1.0, 0.0, 0.0]])
NLL = (1009.0 + float(mp.log1p(mp.exp(-1)))) / 2
SLOPE = (np.stack([softmax_at(*row) for row in ROWS]) - np.eye(3)[LABELS]) / 2
LABELLED = (
    *(case(f"T28-{n}", f, (ROWS, LABELS, NLL)) for n, f in XENT.items()),
    *(case(f"T45-{n}", grad(f), (ROWS, LABELS, SLOPE), absent="log") for n, f in XENT.items()),
    case("T28-take-along-axis", nll_along_axis, (ROW[None], LABEL, 1009.0)),
    case("one-hot", lambda x, t: -et.sum(t * et.log(softmax(x))), (ROW[None], HOT, 1009.0)),
    case("one-hot-gradient", grad(lambda x, t: -et.sum(t * et.log(softmax(x)))),
         (ROW[None], HOT, [[-1.0, 0.0, 1.0]]), absent="log"),
)  # fmt: skip

Y = np.array([1.0, -1.0, 1.0])
GRADIENTS = (
    case("T24", grad(lambda x: 3 * et.log(et.sum(et.exp(x)))), ([1000.0, 1001.0], 3 * softmax_at(1000, 1001)),
         ([-800.0, -805.0], 3 * softmax_at(-800, -805)), present="softmax", absent="exp"),
    case("T24-mean", grad(lambda x: et.log(et.mean(et.exp(x)))), ([1000.0, 1001.0], softmax_at(1000, 1001)),
         present="softmax"),
    case("T42", grad(lambda x: et.mean(et.log(1 - et.sigmoid(x)))), ([50.0, 1000.0], [-0.5, -0.5])),
    case("T42-spelled", grad(lambda x: et.mean(et.log(1 - sigmoid(x)))), ([50.0, 1000.0], [-0.5, -0.5])),
    case("T45-log1mexp", grad(lambda x: et.log(1 - et.exp(x))), (-1e-18, -1e18)),
    case("softplus", grad(lambda x: et.sum(et.log(1 + et.exp(x)))), ([1000.0, -1000.0], [1.0, 0.0]), absent="divide"),
    case("logistic", grad(lambda z, y: et.mean(et.log(1 + et.exp(-y * z)))),
         ([1000.0, 1000.0, -1000.0], Y, [0.0, 1 / 3, -1 / 3])),
    case("log-sigmoid", grad(lambda x: et.sum(et.log(sigmoid(x)))), ([-1000.0, 40.0], [1.0, float(mpsigmoid(mp.mpf(-40)))])),
    case("tanh", grad(lambda x: (et.exp(x) - et.exp(-x)) / (et.exp(x) + et.exp(-x))), (1000.0, 0.0), (-1000.0, 0.0),
         exact(lambda x: 1 / mp.cosh(x) ** 2, 0.5), rtol=1e-11),
    case("log-cosh", grad(lambda x: et.log((et.exp(x) + et.exp(-x)) / 2)), (1000.0, 1.0), (-1000.0, -1.0),
         exact(mp.tanh, 1e-6), rtol=1e-11),
    case("softmax", grad(lambda x, w: et.sum(softmax(x) * w)),
         ([800.0, 805.0], [1.0, 0.0], softmax_at(800, 805)[0] * softmax_at(800, 805)[1] * np.array([1.0, -1.0])),
         rtol=1e-12),
    case("T41", grad(lambda x: et.where(x < 7, x, et.sqrt(x - 7))), (5.0, 1.0), (-inf, 1.0)),
)  # fmt: skip

rng = np.random.default_rng(0)
A, B, C = (rng.standard_normal((64, 64)) for _ in range(3))
V = rng.standard_normal(64)
ALGEBRA = (
    case("matrix-chain", lambda a, b, c, v: a @ b @ c @ v, (A, B, C, V, A @ (B @ (C @ V))), rtol=1e-11),
    case("sum-of-product", lambda a, b: et.sum(a @ b), (A, B, (A @ B).sum()), absent="matmul", rtol=1e-11),
    case("scaled-gemm", lambda a, b, c: 0.5 * (a @ b) + 1.5 * c, (A, B, C, 0.5 * (A @ B) + 1.5 * C),
         present="gemm", absent="matmul add", rtol=1e-11),
    case("common-factor", lambda a, b, c: a @ b + a @ c, (A, B, C, A @ (B + C)), rtol=1e-11),
    case("trace", lambda a, b: et.trace(a @ b), (A, B, np.trace(A @ B)), absent="matmul", rtol=1e-11),
)  # fmt: skip
ALL = (*SINGLES, *VECTORS, *LABELLED, *GRADIENTS, *ALGEBRA)


def hold(made: Made, it: Case, structure: bool) -> None:
    for arguments, value in it.points:
        got = made.value(*arguments)
        text = f"{it.name} at {arguments}:\n{made.extracted}"
        top = float(np.max(np.abs(value), initial=0.0)) if np.ndim(value) == 2 else 0.0
        atol = it.rtol * top + 1e-300  # a product's small elements cancel
        np.testing.assert_allclose(got, value, rtol=it.rtol, atol=atol, err_msg=text)
    if structure:
        ops = made.ops()
        assert all(op in ops for op in it.present.split()), (it.present, made.extracted)
        assert not any(op in ops for op in it.absent.split()), (it.absent, made.extracted)


@pytest.mark.parametrize("it", ALL, ids=str)
def test_the_value_is_right_and_the_form_is_as_it_should_be(it: Case) -> None:
    hold(optimise(it.program, it.points[0][0]), it, True)


@pytest.mark.parametrize("it", [*SINGLES, *VECTORS, *LABELLED, *GRADIENTS], ids=str)
def test_a_stable_form_a_hundred_times_dearer_is_still_taken(it: Case) -> None:
    hold(optimise(it.program, it.points[0][0], dear=FUSED), it, False)


@pytest.mark.parametrize("it", [*VECTORS, *LABELLED, *GRADIENTS], ids=str)
def test_it_is_the_same_for_sizes_that_are_known_at_run_time_only(it: Case) -> None:
    hold(optimise(it.program, it.points[0][0], lower=2), it, False)


def matmul_work(made: Made) -> int:
    """Multiplications in the matrix products of the extracted program."""
    total = 0
    for node in topological(made.extracted):
        if node.op.name in ("matmul", "gemm"):
            a = node.arguments[0 if node.op.name == "matmul" else 1]
            total += int(np.prod([int(s) for s in node.shape])) * int(a.shape[-1])  # type: ignore[arg-type]
    return total


def test_a_chain_with_a_vector_is_done_from_the_right() -> None:
    assert matmul_work(optimise(lambda a, b, c, v: a @ b @ c @ v, (A, B, C, V))) == 3 * 64 * 64


def test_a_common_factor_is_multiplied_once() -> None:
    assert matmul_work(optimise(lambda a, b, c: a @ b + a @ c, (A, B, C))) == 64**3


def test_a_chain_of_twenty_matrices_takes_the_cheapest_order() -> None:
    sizes = [
        10 * n for n in (10, 3, 40, 5, 30, 2, 20, 7, 25, 4, 35, 6, 15, 8, 45, 9, 12, 50, 11, 33, 10)
    ]
    arrays = [np.ones((m, n)) for m, n in pairwise(sizes)]

    def product(*factors: Any) -> Any:
        result = factors[0]
        for f in factors[1:]:
            result = result @ f
        return result

    n = len(arrays)
    best = {(i, i): 0 for i in range(n)}
    for length in range(2, n + 1):
        for i in range(n - length + 1):
            j = i + length - 1
            best[i, j] = min(
                best[i, k] + best[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1]
                for k in range(i, j)
            )
    assert matmul_work(optimise(product, arrays)) == best[0, n - 1]


KEPT = {
    "two plus exp": (lambda x: et.exp(x) / (2 + et.exp(x)), "sigmoid"),
    "one minus exp below": (lambda x: et.exp(x) / (1 - et.exp(x)), "sigmoid"),
    "other exponent": (lambda x: et.exp(x + 1) / (1 + et.exp(x)), "softplus"),
    "1.1 over": (lambda x: 1.1 / (1.5 + et.exp(-x)), "sigmoid"),
    "two plus erf": (lambda x: 2 + et.erf(x), "erfc"),
    "two minus erf": (lambda x: 2 - et.erf(x), "erfc"),
    "exp minus two": (lambda x: et.exp(x) - 2, "expm1"),
    "exp minus x": (lambda x: et.exp(x) - x, "expm1"),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_is_not_the_pattern_is_left_alone(name: str) -> None:
    program, op = KEPT[name]
    made = optimise(program, (1.5,))
    assert op not in made.ops()
    np.testing.assert_allclose(made.value(0.7), made_naively(program, 0.7), rtol=1e-14)


def made_naively(program: Callable[..., Any], x: float) -> Any:
    """The value of a program of one argument as it is written."""
    made = optimise(program, (x,))
    return Made(made.leaves, made.written, made.written, made.graph).value(x)


def test_integers_keep_their_division() -> None:
    made = optimise(lambda i: 5 * (i // (i + 1)), (np.array([3, 4]),))
    np.testing.assert_array_equal(made.value(np.array([3, 4])), [0, 0])


def test_a_sum_with_nan_ends() -> None:
    assert np.isnan(optimise(lambda x: x + nan, (1.0,)).value(1.0))


def test_descent_on_cross_entropy_reaches_zero_from_any_step() -> None:
    """T29: with steps of 1e5 the naive gradient is NaN at once."""
    labels = np.arange(5)
    made = optimise(
        grad(lambda x, y: et.sum(-et.log(pick(softmax(x), y)))), (np.zeros((5, 5)), labels)
    )
    x = np.zeros((5, 5))
    for _ in range(100):
        x = x + 100000.3 * made.value(x, labels)
    np.testing.assert_allclose(made.value(x, labels)[0], [-1.0, 0.25, 0.25, 0.25, 0.25], rtol=1e-12)
    x = np.zeros((5, 5))
    for _ in range(3):
        x = x - 100000.3 * made.value(x, labels)
    np.testing.assert_array_equal(made.value(x, labels), np.zeros((5, 5)))
