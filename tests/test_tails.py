"""Tails in float32: digits where arguments are rounded, and nothing wider where they are not."""

import math

import numpy as np
import pytest
from scipy import special

import eqsat_tensor as et
from eqsat_tensor.accuracy.points import error_bits
from eqsat_tensor.lang import topological
from eqsat_tensor.ops.arithmetic import add, divide, multiply, subtract
from eqsat_tensor.ops.movement import broadcast
from eqsat_tensor.ops.reduce import sum_
from eqsat_tensor.ops.transcendental import erf, erfc
from eqsat_tensor.reference import evaluate
from eqsat_tensor.tails import with_wide_tails


def inputs(count, dtype="float32", shape=(40,)):
    return [et.tensor(f"x{k}", shape, dtype).expr for k in range(count)]


def is_wide(roots):
    return any(n.dtype == np.float64 for n in topological(roots))


def test_the_tail_of_a_rounded_argument_is_right():
    x, m, s = inputs(3)
    root = erfc(divide(subtract(x, m), s))
    (wide,) = with_wide_tails([root])
    assert wide.dtype == np.float32
    assert is_wide([wide])
    random = np.random.default_rng(0)
    arrays = [random.uniform(*b, 40).astype(np.float32) for b in ((9, 11), (0, 1), (1.5, 2.5))]
    a, b, c = (v.astype(np.float64) for v in arrays)
    truth = special.erfc((a - b) / c).astype(np.float32)
    given = dict(zip((x, m, s), arrays, strict=True))
    before, after = (error_bits(v, truth).mean() for v in evaluate([root, wide], given))
    assert before > 2
    assert after < 0.5


def test_odd_values_and_those_before_the_tail_are_as_they_were():
    x, m = inputs(2, shape=(8,))
    root = erfc(multiply(add(x, m), m))
    (wide,) = with_wide_tails([root])
    values = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, -8.0, 2.0, 1e30], np.float32)
    given = {x: values, m: np.ones(8, np.float32)}
    before, after = evaluate([root, wide], given)
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_nothing_is_wide_where_one_rounding_or_none_went_before(dtype):
    x, s = inputs(2, dtype)
    roots = [erfc(x), erfc(divide(x, s)), erf(divide(subtract(x, s), s))]
    assert with_wide_tails(roots) == roots


def test_float64_stays():
    x, m, s = inputs(3, "float64")
    roots = [erfc(divide(subtract(x, m), s))]
    assert with_wide_tails(roots) == roots


def test_what_is_read_in_two_places_and_reductions_begin_anew():
    x, m, s = inputs(3)
    tail = erfc(divide(subtract(x, m), s))
    total = sum_(multiply(tail, x), axes=(0,))
    both = with_wide_tails([multiply(tail, m), total])
    assert [r.type for r in both] == [multiply(tail, m).type, total.type]
    sums = [n for n in topological(both) if n.op.name == "sum"]
    assert [n.dtype for n in sums] == [np.float32]


@pytest.mark.parametrize("n", [1, 7, 100])
def test_differences_of_tails_compiled(n):
    """As prices are: the tails are apart by little, and what is left of them has all digits."""

    def price(s, k):
        d = (et.log(s / k) + 0.5 * 0.04) / 0.2
        tail = lambda z: 0.5 * (1 + et.special.erf(z / math.sqrt(2)))  # noqa: E731
        return s * tail(d) - k * tail(d - 0.2)

    random = np.random.default_rng(n)
    s, k = (random.uniform(*b, n).astype(np.float32) for b in ((20, 60), (120, 200)))
    made = et.jit(price)(s, k)
    truth = et.jit(price, widen=True)(s, k)
    assert made.dtype == np.float32
    assert error_bits(made, truth).mean() < 1


def test_a_tail_that_is_broadcast_is_right():
    columns = inputs(3, shape=(7,))
    (row,) = inputs(1, shape=(4, 7))
    x, m, s = columns
    root = multiply(broadcast(erfc(divide(subtract(x, m), s)), (0,), (4, 7)), row)
    (wide,) = with_wide_tails([root])
    assert is_wide([wide])
    random = np.random.default_rng(1)
    arrays = [random.uniform(*b, 7).astype(np.float32) for b in ((8, 11), (0, 1), (1.5, 2.5))]
    arrays.append(random.uniform(1, 2, (4, 7)).astype(np.float32))
    a, b, c, d = (v.astype(np.float64) for v in arrays)
    truth = (special.erfc((a - b) / c) * d).astype(np.float32)
    (after,) = evaluate([wide], dict(zip((*columns, row), arrays, strict=True)))
    assert error_bits(after, truth).mean() < 0.6
