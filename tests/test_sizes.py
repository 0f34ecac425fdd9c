"""Sizes as NumPy's functions and Python see them: numbers, which are pinned where they must be known."""

import math

import numpy as np
import pytest

import eqsat_tensor as et


@pytest.mark.parametrize(
    "body",
    [
        lambda x: x * int(x.shape[0] // 2),
        lambda x: x * len(range(1, x.shape[0] - 1)),
        lambda x: x * int(x.shape[0] % 3),
        lambda x: x * int(et.concatenate([x, x]).shape[0]),
        lambda x: x * int(x[::2].shape[0]),
        lambda x: x * (1 if x.shape[0] // 2 > 3 else 2),
    ],
)
def test_a_size_made_of_others_is_pinned_by_what_it_is_made_of(body):
    """`int(n // 2)` once stayed what it was at the first call."""
    f = et.jit(body)
    for n in (4, 5, 8, 9):
        x = np.arange(1.0, n + 1)
        np.testing.assert_array_equal(f(x), body(x))


@pytest.mark.parametrize(
    "body",
    [
        lambda x: x / np.sqrt(x.shape[0]),
        lambda x: x * np.log2(x.shape[0]) + np.float32(2) / x.shape[0],
        lambda x: x * (np.ones(3)[0] / x.shape[0]),
        lambda x: x * np.minimum(x.shape[0], 3) + np.where(x > 2, x.shape[0], 0),
        lambda x: x * (np.ones(4) / x.shape[0]).sum(),
        lambda x: x + np.prod(x.shape) + x.shape[0] ** 0.5,
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numpys_functions_of_a_size_pin_nothing_that_they_need_not(body, dtype):
    f = et.jit(body)
    for n in (2, 5, 13):
        x = np.linspace(1, 4, n).astype(dtype)
        found, want = f(x), body(x)
        assert found.dtype == want.dtype
        np.testing.assert_allclose(found, want, rtol=1e-6 if dtype == "float32" else 1e-15)


def test_numbers_made_of_sizes_are_numbers():
    f = et.jit(lambda x: x / np.sqrt(x.shape[0]))
    for n in (2, 5, 13):
        f(np.ones(n))
    assert f.counters.traces == 1


@pytest.mark.parametrize(
    "body",
    [
        lambda x: x * np.arange(x.shape[0]),
        lambda x: x + np.arange(1, x.shape[0] + 1, dtype=float) + np.linspace(0, 1, x.shape[0]),
        lambda x: x[: int(x.shape[0] / 2)],
        lambda x: x * et.arange(2.0 * x.shape[0])[::2] + et.arange(x.shape[0] / 2, step=0.3).sum(),
        lambda x: sum(x[k] for k in range(int(np.log2(x.shape[0])))),
        lambda x: x * (2 if x.shape[0] / 2 > 2.5 else 3) + math.ceil(x.shape[0] / 4),
        lambda x: x * float(np.sqrt(x.shape[0])) + np.eye(x.shape[0]) @ x,
        lambda x: x[np.triu_indices(x.shape[0], 1)[0]],
        lambda x: np.array([x.shape[0], 2]) + x[:2],
        lambda x: x * np.indices(x.shape)[0] + np.meshgrid(np.arange(x.shape[0]), np.arange(2))[0],
    ],
)  # fmt: skip
def test_what_numpy_makes_of_a_size_pins_it(body):
    f = et.jit(body)
    for n in (4, 5, 9):
        x = np.linspace(1, 4, n)
        np.testing.assert_allclose(f(x), body(x), rtol=1e-14, atol=1e-14)


def test_what_is_made_of_constants_is_known():
    def body(x):
        c = et.array([1.0, 2.0])
        y = et.zeros(3)
        y[1] = 4
        if c[0] < c[1] and y.sum() == 4 and np.asarray(y).max() == 4:
            x = x + c.sum().item()
        return x * int(y[1]) + float(c[1])

    np.testing.assert_array_equal(et.jit(body)(np.ones(2)), [18, 18])


def test_what_depends_on_an_argument_is_not_known():
    with pytest.raises(et.TraceError, match=r"value that is known.*test_sizes"):
        et.jit(lambda x: x if et.zeros_like(x).sum() + x[0] > 0 else -x)(np.ones(3))
    with pytest.raises(et.TraceError, match="size that is known"):
        bool(et.zeros(et.tensor("x", shape=("n",)).shape[0]).sum() > 0)


def test_a_value_that_is_known_cannot_be_written_through_numpy():
    def body(x):
        np.asarray(et.zeros(3))[0] = 1
        return x

    with pytest.raises(ValueError, match="read-only"):
        et.jit(body)(np.ones(2))


def test_errors_name_the_users_line_and_none_of_numpys():
    with pytest.raises(et.TraceError, match=r"\(test_sizes.py:\d+\)"):
        et.jit(lambda x: np.r_[x, x])(np.ones(3))


def test_shapes_that_may_differ_are_compared_as_they_are():
    f = et.jit(lambda a, b: (np.array_equal(a, b), np.array_equiv(a, b), np.prod(a * 1j)))
    for shapes in (((3,), (3,)), ((4,), (3,)), ((1,), (3,)), ((3,), (3,))):
        a, b = (np.ones(s) for s in shapes)
        np.testing.assert_array_equal(f(a, b)[:2], (np.array_equal(a, b), np.array_equiv(a, b)))
        np.testing.assert_allclose(f(a, b)[2], np.prod(a * 1j))


def test_what_is_no_array_or_function_is_named():
    def f(words):
        return words

    with pytest.raises(
        et.DtypeError, match=r"f: needs words of a dtype among bool, .*got words: <U1"
    ):
        et.jit(f)(np.array(["a"]))
    with pytest.raises(et.ArgumentError, match="jit: needs a function; got an int"):
        et.jit(3)


@pytest.mark.parametrize(
    "body",
    [
        lambda x: x[: 8 // (x.shape[0] - 4)],
        lambda x: x * (8 % (x.shape[0] - 4)),
        lambda x: x.reshape(abs(x.shape[0] - 4), -1),
        lambda x: x.reshape(-1, x.shape[0]),
        lambda x: x[: 7 // x.shape[0]],
    ],
)
def test_division_by_a_size_that_may_be_zero(body):
    f = et.jit(body)
    for n in (5, 3, 4, 8, 5):
        x = np.arange(float(n))
        try:
            want = body(x)
        except (ZeroDivisionError, ValueError) as error:
            with pytest.raises(type(error)):
                f(x)
        else:
            np.testing.assert_array_equal(f(x), want)


def test_a_quotient_of_a_sum_is_written_so():
    n = et.tensor("x", ("n",)).shape[0]
    assert repr((n + 1) // 2) == "Dim(((n + 1) // 2))"
    assert repr(n // 2 + 1) == "Dim((n // 2) + 1)"


# --------------------------------------------------------------------------- comparisons of sizes
def traces_of(body, *sizes):
    """How many traces calls of these sizes take, each held against the body itself."""
    f = et.jit(body)
    for n in sizes:
        x = np.linspace(1, 4, n)
        np.testing.assert_allclose(f(x), body(x), rtol=1e-14, atol=1e-14)
    return f.counters.traces


@pytest.mark.parametrize(
    "body",
    [
        lambda x: x[1:] if x.shape[0] > 1 else x,
        lambda x: x * (0 if len(x.shape) == 0 or x.shape[0] == 0 else 2),
        lambda x: x * 2 if x.shape[0] else x,
        lambda x: x * 2 if x.shape[0] <= x.shape[0] + 1 and 2 * x.shape[0] != x.shape[0] else x,
    ],
)
def test_a_comparison_that_is_certain_binds_to_nothing(body):
    assert traces_of(body, 5, 2, 9, 100) == 1


def test_a_comparison_binds_to_sizes_that_compare_alike():
    def body(x):
        if x.shape[0] > 6:
            return x[:3] * 2
        return x[:2] if x.shape[0] == 4 else x[:1] / x.shape[0]

    assert traces_of(body, 5, 6, 7, 100, 3, 4, 2, 6, 4) == 4  # > 6; 5 and 6; 4; below 4
    assert traces_of(lambda x: x[: max(x.shape[0] // 2, 3)], 4, 5, 8, 9, 20) == 2


def test_a_remainder_binds_to_sizes_that_leave_the_same():
    pairs = lambda x: x.reshape(x.shape[0] // 2, 2).sum(0) if x.shape[0] % 2 == 0 else x[1:]  # noqa: E731
    assert traces_of(pairs, 4, 5, 6, 7, 8, 100, 99) == 2


def test_sizes_of_two_arguments_that_are_compared_are_not_pinned():
    @et.jit
    def f(x, y):
        assert x.shape[0] == y.shape[0]
        return x @ y if x.shape == y.shape else None

    for n in (2, 3, 4, 5, 30):
        assert f(np.ones(n), np.ones(n)) == n
    assert f.counters.traces == 1
    with pytest.raises(AssertionError):
        f(np.ones(3), np.ones(4))
    assert f(np.ones(7), np.ones(7)) == 7


def test_many_comparisons_pin():
    def halves(x):
        return x.sum() if x.shape[0] < 3 else halves(x[::2]) - halves(x[1::2])

    assert traces_of(halves, 64, 64, 65, 7) == 3


def test_what_is_pinned_is_a_number_in_the_program():
    def transform(x):
        if x.shape[0] == 1:
            return x
        even, odd = transform(x[::2]), transform(x[1::2])
        turned = odd * np.exp(-2j * np.pi * np.arange(x.shape[0] // 2) / x.shape[0])
        return np.concatenate([even + turned, even - turned])

    f = et.jit(transform)
    x = np.linspace(-1, 1, 16) ** 3 + 1j
    np.testing.assert_allclose(f(x), np.fft.fft(x), rtol=1e-12, atol=1e-12)
    story = f.explain()
    assert "x0" not in story.after
    assert story.nodes < 2000


def test_comparisons_are_saved(tmp_path):
    f = et.jit(lambda x: x[:2] if x.shape[0] > 4 else x[:1])
    for n in (3, 6):
        f(np.arange(float(n)))
    f.save(tmp_path / "f")
    g = et.load(tmp_path / "f")
    assert [g(np.arange(float(n))).size for n in (2, 4, 5, 60)] == [1, 1, 2, 2]
