"""Sizes are polynomials in a canonical form."""

from hypothesis import given
from hypothesis import strategies as st

from eqsat_tensor.extents import (
    Guard,
    evaluate,
    floor_divide,
    lower_bound,
    maximum,
    minimum,
    product,
    remainder,
    same_size,
    substitute,
    symbol,
    symbols_of,
)

N, M = symbol("n"), symbol("m", 2)
LEAVES = st.sampled_from((N, M)) | st.integers(0, 4)


def _grown(sizes):
    pairs = st.tuples(sizes, sizes)
    return (
        pairs.map(lambda p: p[0] + p[1])
        | pairs.map(lambda p: p[0] * p[1])
        | pairs.map(lambda p: maximum(*p))
        | pairs.map(lambda p: minimum(*p))
        | sizes.map(lambda s: floor_divide(s, 3))
    )


SIZES = st.recursive(LEAVES, _grown, max_leaves=6)
VALUES = {"n": 3, "m": 5}


@given(SIZES, SIZES)
def test_size_arithmetic_is_that_of_the_numbers(a, b):
    x, y = evaluate(a, VALUES), evaluate(b, VALUES)
    assert evaluate(a + b - a, VALUES) == y
    assert a + b - a == b
    assert evaluate(a * b, VALUES) == x * y
    assert evaluate(maximum(a, b), VALUES) == max(x, y)
    assert evaluate(minimum(a, b), VALUES) == min(x, y)
    if y > 0:
        assert evaluate(floor_divide(a, b), VALUES) == x // y
        assert evaluate(remainder(a, b), VALUES) == x % y


@given(SIZES)
def test_a_lower_bound_is_one(size):
    low = lower_bound(size)
    for n, m in ((0, 2), (1, 3), (7, 2)):
        assert low is None or low <= evaluate(size, {"n": n, "m": m})


def test_equal_polynomials_are_equal():
    assert N + M - N == M
    assert 2 * N - N - N == 0
    assert (N + 1) * (N - 1) == N * N - 1
    assert floor_divide(N * M, M) == N
    assert floor_divide(4 * N, 2) == 2 * N
    assert product([N, 2, M]) == 2 * M * N
    assert symbols_of(N * M + floor_divide(N, 2)) == {"n", "m"}
    assert substitute(N * M + 1, {"n": 2}) == 2 * M + 1


def test_whether_sizes_are_equal_may_be_unknown():
    assert same_size(N, N) is True
    assert same_size(N, N + 1) is False
    assert same_size(M, 1) is False
    assert same_size(N, 1) is None
    assert same_size(N, M) is None


def test_guards_hold_or_not():
    assert Guard("==", N * 2, M + 1, "").holds({"n": 3, "m": 5})
    assert not Guard(">=", N, 4, "").holds(VALUES)


def test_the_smaller_and_the_larger_of_two_sizes_are_one_term_in_either_order() -> None:
    n, m = symbol("n"), symbol("m")
    assert minimum(n, m) == minimum(m, n)
    assert maximum(n + 1, m) == maximum(m, n + 1)
