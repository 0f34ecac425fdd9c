"""`accuracy` of functions: figures that are known beforehand, on scalars, arrays and gradients."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from xml.etree import ElementTree

import mpmath
import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.accuracy.meanings import known_ops
from eqsat_tensor.accuracy.points import error_bits
from eqsat_tensor.accuracy.truths import true_arrays
from eqsat_tensor.accuracy.unrolled import Unrolled
from eqsat_tensor.errors import ArgumentError, UnsupportedError


def bits(got: float, want: float) -> float:
    """log2(1 + doubles between), counted by spacing: for numbers of one binade."""
    return math.log2(1 + abs(got - want) / np.spacing(want))


def test_the_bits_are_those_counted_by_hand():
    f = et.jit(lambda x: et.sqrt(x + 1) - et.sqrt(x), optimize="none")
    x = np.array([1e8])
    found = f.accuracy(sample=(x,)).outputs[0]
    with mpmath.workprec(300):
        want = float(mpmath.sqrt(mpmath.mpf(1e8) + 1) - mpmath.sqrt(mpmath.mpf(1e8)))
    assert found.written.bits == pytest.approx(bits(math.sqrt(1e8 + 1) - math.sqrt(1e8), want))
    assert found.compiled.bits == found.written.bits
    assert found.elements == 1


def test_the_node_that_cancels_is_to_blame():
    report = et.jit(lambda x: et.sqrt(x + 1.75) - et.sqrt(x)).accuracy(
        sample=(np.array([1e10, 1e12]),)
    )
    assert report.written[0].text.startswith("subtract(sqrt")
    assert report.written[0].bits > 20 > 1 > report.written[1].bits
    assert "test_reports.py" in report.written[0].place
    assert report.compiled[0].bits < 2
    assert report.after < 2 < report.before


def test_an_overflow_counts_as_not_finite():
    report = et.jit(lambda x: et.log(1 + et.exp(x))).accuracy(sample=(np.array([1.0, 800.0]),))
    assert report.outputs[0].written.nonfinite == 0.5
    assert report.outputs[0].written.worst == 64.0
    assert report.outputs[0].compiled.nonfinite == 0.0


def test_arrays_reductions_and_their_gradients_are_measured():
    x = et.tensor("x", shape=("n",))
    variance = et.mean(x * x) - et.mean(x) ** 2
    f = et.function([x], [variance, et.grad(variance, x)])
    report = f.accuracy(seed=3)
    assert [o.name for o in report.outputs] == ["output 0", "output 1"]
    assert all(o.elements >= 50 for o in report.outputs)
    assert report.outputs[0].written.bits > 8 > 2 > report.outputs[0].compiled.bits


def test_a_seed_gives_the_same_report_and_another_one_another():
    f = et.jit(lambda x: x * x - 1)
    f(np.ones(3))
    first, same, other = (f.accuracy(seed=s, points=64) for s in (1, 1, 2))
    assert first.as_json() == same.as_json()
    assert first.before != other.before


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ranges_bound_what_is_drawn(dtype):
    x = et.tensor("x", shape=("n",), dtype=dtype)
    f = et.function([x], et.log(x))
    report = f.accuracy(ranges={"x": (0.5, 2)})
    [(name, drawn, _, _)] = report.points
    assert name == "x"
    assert drawn.min() >= 0.5
    assert drawn.max() <= 2
    assert report.outputs[0].untold == 0
    assert report.outputs[0].dtype == dtype


def test_states_and_captured_arrays_are_read_as_they_are():
    w = et.shared(np.array([1.0, 1e20]))
    x = et.tensor("x", shape=(2,))
    f = et.function([x], et.sum(x * w), updates={w: w + 1})
    report = f.accuracy(sample=(np.array([1.0, -0.0]),))
    assert report.before == 0
    assert w.get_value().tolist() == [1.0, 1e20]  # measuring updates nothing


def test_the_report_is_text_data_and_a_picture(tmp_path):
    f = et.jit(lambda x, y: et.exp(x) - et.exp(y))
    f(np.ones(2), np.ones(2))
    report = f.accuracy(points=64)
    assert "as written" in str(report)
    assert json.loads(json.dumps(report.as_json()))["before"] == report.before
    path = tmp_path / "error.svg"
    text = report.plot(path)
    assert path.read_text() == text
    root = ElementTree.fromstring(text)
    circles = root.findall(".//{*}g/{*}circle")
    assert len(circles) == 4 * report.calls  # two arguments, before and after


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"ranges": ((0, 1), (0, 1))}, "a range, or None, for each of x"),
        ({"ranges": {"z": (0, 1)}}, "ranges of x"),
        ({"ranges": ((2, 1),)}, r"ranges \(low, high\)"),
        ({"ranges": ((-2, -1),)}, "a real result"),
        ({"sizes": {"zz": 3}}, "sizes of n"),
        ({"sample": []}, "the same shapes"),
    ],
)
def test_what_cannot_be_measured_is_said(given, text):
    x = et.tensor("x", shape=("n",))
    with pytest.raises(ArgumentError, match=text):
        et.function([x], et.log(x)).accuracy(**given)


def test_a_jitted_function_needs_a_call_or_a_sample():
    with pytest.raises(ArgumentError, match="a call before accuracy"):
        et.jit(lambda x: x).accuracy()


def test_integers_need_a_range_and_results_must_be_floats():
    i = et.tensor("i", shape=("n",), dtype="int64")
    with pytest.raises(UnsupportedError, match="a range for integers"):
        et.function([i], et.sqrt(i)).accuracy()
    assert et.function([i], et.sqrt(i)).accuracy(ranges=((0, 9),)).before < 1
    with pytest.raises(UnsupportedError, match="an output of floats"):
        et.function([i], i + 1).accuracy()


def test_an_op_without_terms_is_measured_by_whole_arrays():
    x = et.tensor("x", shape=("n",))
    report = et.function([x], et.special.gammaln(x)).accuracy(sample=(np.array([0.5, 3.25]),))
    assert report.outputs[0].elements == 2
    assert report.before < 3


PROGRAMS = {
    "sum": lambda x, y: et.sum(x * y, axis=0),
    "matmul": lambda x, y: x @ y.T,
    "cumsum": lambda x, y: et.cumsum(x - y, axis=1),
    "softmax": lambda x, y: et.exp(x) / et.sum(et.exp(x), axis=1, keepdims=True),
    "logsumexp": lambda x, y: et.special.logsumexp(x, axis=1),
    "moves": lambda x, y: et.concatenate([x[:, ::-1], y[1:]], axis=0).T,
    "where": lambda x, y: et.where(x > y, x / y, et.maximum(x, y) ** 2),
    "max": lambda x, y: et.max(x, axis=0) - et.prod(y, axis=0),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_unroll_to_terms_of_the_same_value(name):
    random = np.random.default_rng(5)
    tensors = [et.tensor(n, shape=(2, 3)) for n in "xy"]
    root = PROGRAMS[name](*tensors).expr
    calls = [{t.expr: random.standard_normal((2, 3)) for t in tensors} for _ in range(2)]
    Unrolled([root], known_ops())  # it has terms
    truth = true_arrays([root], calls)[root]
    from eqsat_tensor.reference import evaluate

    for number, call in enumerate(calls):
        np.testing.assert_allclose(truth[number], evaluate([root], call)[0], rtol=1e-13)


def test_a_constant_is_the_number_that_was_meant():
    x = et.tensor("x", shape=(1,))
    root = (x ** (1 / 3)).expr
    [value] = true_arrays([root], [{x.expr: np.array([1e300])}])[root].ravel()
    with mpmath.workprec(200):
        assert value == float(mpmath.mpf(1e300) ** (mpmath.mpf(1) / 3))
    assert Fraction(1 / 3) != Fraction(1, 3)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("count", [2, 100, 5000])
def test_the_bound_of_a_sum_holds_and_tells_of_cancellation(count: int, dtype: type) -> None:
    random = np.random.default_rng(0)
    same, mixed = random.uniform(1, 2, count).astype(dtype), random.normal(size=count).astype(dtype)
    bounds = []
    for x in (same, mixed):
        f = et.jit(lambda x: et.sum(x))
        report = f.accuracy(sample=(x,))
        [cause] = [c for c in report.compiled if c.text.startswith("sum")]
        assert cause.bound is not None
        true = np.array(math.fsum(x.tolist()), dtype)
        assert error_bits(np.array([f(x)]), true[None])[0] <= cause.bound
        assert f"{cause.bound:.1f}" in str(report)
        assert report.as_json()["compiled"][0]["bound"] == cause.bound
        bounds.append(cause.bound)
    assert bounds[0] <= np.log2(2 + count / 16 + 16)
    assert bounds[1] > bounds[0]


def test_what_is_no_sum_has_no_bound() -> None:
    report = et.jit(lambda x: et.exp(x)).accuracy(sample=(np.ones(3),))
    assert [c.bound for c in report.compiled] == [None]


def test_running_sums_of_thousands_have_their_truth() -> None:
    report = et.jit(lambda x: et.cumsum(x)).accuracy(sample=(np.full(1500, 0.1),))
    assert report.outputs[0].elements == 1500
    assert report.outputs[0].untold == 0
