"""Naive spellings, compiled: values and gradients where the formula as written overflows or cancels.

Exact values by mpmath at 60 digits.  The formulas are written as in a book; that they come out
right is the work of the rules, so with ``optimize="none"`` the same cases must fail.
"""

import mpmath
import numpy as np
import pytest

import eqsat_tensor as et


def sigmoid(x):
    return 1 / (1 + et.exp(-x))


def softmax(x):
    return et.exp(x) / et.sum(et.exp(x), axis=-1, keepdims=True)


# name -> formula, points, exact values
SCALAR = {
    "softplus": (lambda x: et.log(1 + et.exp(x)), [1000.0, -40.0], ["1000", "4.248354255291589e-18"]),
    "log1p": (lambda x: et.log(1 + x), [1e-20, 1e-10], ["1e-20", "9.9999999995e-11"]),
    "expm1": (lambda x: et.exp(x) - 1, [1e-20, -1e-16], ["1e-20", "-1e-16"]),
    "log sigmoid": (lambda x: et.log(sigmoid(x)), [-1000.0, 40.0], ["-1000", "-4.248354255291589e-18"]),
    "log of 1 - sigmoid": (lambda x: et.log(1 - sigmoid(x)), [37.0, 1000.0], ["-37", "-1000"]),
    "1 - sigmoid": (lambda x: 1 - sigmoid(x), [40.0, 700.0], ["4.248354255291589e-18", "9.859676543759770e-305"]),
    "odds": (lambda x: et.exp(x) / (1 + et.exp(x)), [800.0, -800.0], ["1", "0"]),
    "log1mexp": (lambda x: et.log(1 - et.exp(-x)), [2.0**-55, 500.0], ["-38.123094930796992", "-7.124576406741286e-218"]),
    "root of a square": (lambda x: et.sqrt(x * x), [1e200, -1e200], ["1e200", "1e200"]),
    "tanh by exponentials": (
        lambda x: (et.exp(x) - et.exp(-x)) / (et.exp(x) + et.exp(-x)), [1000.0, -1000.0], ["1", "-1"]),
    "log cosh": (lambda x: et.log(et.cosh(x)), [1000.0], ["999.30685281944005469058"]),
    "sinh by cosh": (lambda x: et.sinh(x) / et.cosh(x), [1000.0, -1000.0], ["1", "-1"]),
    "1 - cos": (lambda x: 1 - et.cos(x), [1e-9], ["5e-19"]),
}  # fmt: skip
ROWS = np.array([[1000.0, 1001.0], [-800.0, -805.0], [800.0, 805.0]])


@pytest.mark.parametrize("name", SCALAR)
def test_a_naive_formula_comes_out_right(name):
    formula, points, exact = SCALAR[name]
    got = et.jit(formula)(np.array([*points, 1.0]))[:-1]
    np.testing.assert_allclose(got, [float(mpmath.mpf(v)) for v in exact], rtol=1e-13, atol=1e-300)


@pytest.mark.parametrize("name", SCALAR)
def test_as_written_it_does_not(name):
    formula, points, exact = SCALAR[name]
    got = et.jit(formula, optimize="none")(np.array([*points, 1.0]))[:-1]
    wanted = np.array([float(mpmath.mpf(v)) for v in exact])
    assert not np.allclose(got, wanted, rtol=1e-13, atol=1e-300)


def exact_softmax(row):
    with mpmath.workdps(60):
        e = [mpmath.exp(mpmath.mpf(float(v))) for v in row]
        return [float(v / mpmath.fsum(e)) for v in e]


def test_log_sum_exp_and_its_gradient():
    f = et.jit(et.value_and_grad(lambda x: et.sum(et.log(et.sum(et.exp(x), axis=1)))))
    value, slope = f(ROWS)
    with mpmath.workdps(60):
        exact = mpmath.fsum(
            mpmath.log(mpmath.fsum(mpmath.exp(mpmath.mpf(v)) for v in row)) for row in ROWS
        )
    np.testing.assert_allclose(value, float(exact), rtol=1e-14)
    np.testing.assert_allclose(slope, [exact_softmax(r) for r in ROWS], rtol=1e-13)


CROSS_ENTROPIES = {
    "log of the picked": lambda x, y: -et.sum(et.log(softmax(x)[et.arange(x.shape[0]), y])),
    "picked from the log": lambda x, y: -et.sum(et.log(softmax(x))[et.arange(x.shape[0]), y]),
    "one-hot product": lambda x, y: (
        -et.sum(et.where(et.arange(3) == y[:, None], et.log(softmax(x)), 0.0))
    ),
    "log-sum-exp less the picked": lambda x, y: et.sum(
        et.log(et.sum(et.exp(x), axis=1)) - x[et.arange(x.shape[0]), y]
    ),
    "log_softmax": lambda x, y: -et.sum(et.log_softmax(x, axis=1)[et.arange(x.shape[0]), y]),
}


@pytest.mark.parametrize("name", CROSS_ENTROPIES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_cross_entropy_in_every_spelling_with_its_gradient(name, dtype):
    x = np.array([[-10, -10, 999], [999, -10, -10], [1, 2, 3]], dtype)
    y = np.array([0, 0, 2])
    value, slope = et.jit(et.value_and_grad(CROSS_ENTROPIES[name]))(x, y)
    rtol = 1e-12 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(value, 1009 + 0.4076059644443804, rtol=rtol)
    expected = np.array([exact_softmax(r) for r in x]) - np.eye(3)[y]
    np.testing.assert_allclose(slope, expected, rtol=rtol, atol=1e-30 + rtol * 1e-3)


def test_logistic_loss_and_its_gradient_for_large_margins():
    def loss(w, x, y):
        return et.mean(et.log(1 + et.exp(-y * (x @ w))))

    x = np.array([[1000.0, 0.0], [0.0, 1000.0], [1.0, 1.0]])
    w, y = np.array([1.0, -1.0]), np.array([-1.0, 1.0, 1.0])
    value, slope = et.jit(et.value_and_grad(loss))(w, x, y)
    np.testing.assert_allclose(value, (2000 + np.log(2)) / 3, rtol=1e-14)
    np.testing.assert_allclose(slope, [(1000 - 0.5) / 3, (-1000 - 0.5) / 3], rtol=1e-13)


@pytest.mark.parametrize("turned", [False, True])
def test_the_share_of_either_of_two_exponentials(turned):
    def share(x, y):
        total = et.exp(y) + et.exp(x) if turned else et.exp(x) + et.exp(y)
        return et.exp(x) / total, et.exp(y) / total

    x, y = np.array([1000.0, -1000.0, 100.0]), np.array([1001.0, -1003.0, 800.0])
    first, second = et.jit(share)(x, y)
    np.testing.assert_allclose(first, 1 / (1 + np.exp(y - x)), rtol=1e-13)
    np.testing.assert_allclose(second, 1 / (1 + np.exp(x - y)), rtol=1e-13)


def test_a_branch_not_taken_gives_no_nan():
    slope = et.jit(et.grad(lambda x: et.sum(et.where(x < 7, x, et.sqrt(x - 7)))))
    np.testing.assert_allclose(slope(np.array([5.0, 11.0, -np.inf])), [1, 0.25, 1])


def test_keep_holds_a_compensation():
    def kahan(a, b):
        total = et.keep(a + b)
        return et.keep(total - a) - b

    a, b = np.array([1.0, 1e16]), np.array([1e-17, 1.0])
    np.testing.assert_array_equal(et.jit(kahan)(a, b), ((a + b) - a) - b)


@pytest.mark.parametrize("product", [lambda x, y: x * y, lambda x, y: x**2], ids=["xy", "square"])
def test_a_product_read_twice_is_rounded_once(product):
    def peak(x, y):
        p = product(x, y)
        return et.sum(et.exp(p - et.max(p)))

    a = np.array([1e9 + 1 / 3, -2.0, 3.0])
    assert et.jit(peak)(a, np.array([1e9 + 1 / 7, 1.0, 1.0])) == 1
    rows = et.jit(lambda x: et.softmax(x * x, axis=0))(np.array([1e30, -2.0, 3.0]))
    np.testing.assert_array_equal(rows, [1, 0, 0])


@pytest.mark.parametrize("name", CROSS_ENTROPIES)
def test_cross_entropy_with_named_sizes(name):
    x, y = et.tensor("x", ("n", "k")), et.tensor("y", ("n",), "int64")
    formula = CROSS_ENTROPIES[name]
    if name == "one-hot product":  # its classes are counted in the formula
        x = et.tensor("x", ("n", 3))
    loss = formula(x, y)
    f = et.function([x, y], (loss, et.grad(loss, x)))
    rows = np.array([[-10.0, -10, 999], [999, -10, -10], [1, 2, 3]])
    labels = np.array([0, 0, 2])
    value, slope = f(rows, labels)
    np.testing.assert_allclose(value, 1009 + 0.4076059644443804, rtol=1e-12)
    expected = np.array([exact_softmax(r) for r in rows]) - np.eye(3)[labels]
    np.testing.assert_allclose(slope, expected, rtol=1e-12, atol=1e-15)
    value, slope = f(rows[:0], labels[:0])
    assert value == 0
    assert slope.shape == (0, 3)
