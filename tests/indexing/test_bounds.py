"""Slice bounds and indices that are sizes of either sign: what NumPy makes of the number each time."""

import numpy as np
import pytest

import eqsat_tensor as et

CUTS = [
    "y[:-(-n // 2)]", "y[:(n - 3) - (n - 3) // 2]", "y[n - n // 2:n]", "y[3:m - 3]", "y[n - 3:]", "y[:n - 9]", "y[:3 - n]",
    "y[5:n - 4]", "y[-(n // 3):]", "y[3 - n // 2:]", "y[-(n % 2):]", "y[n - 5:n - 2]", "y[n - 5:][:2]", "y[2:][:n - 4]",
    "y[m - n:]", "y[:m - n]", "y[:abs(n - 6)]", "y[::-1][:n - 4]", "y[n - 4::-1]", "y[:n - 4:-1]", "y[n - 5:n - 1:2]",
    "y[m - 3::-2]", "y[m - n:n - m:3]", "y[:divmod(n, 3)[1]]", "y[:n - 1]", "y[1:n - 1]", "y[:min(n, m) - 2]",
]  # fmt: skip
SHAPES = [
    (8, 8),
    (9, 9),
    (8, 5),
    (5, 8),
    (3, 3),
    (4, 7),
    (2, 2),
    (6, 11),
    (1, 1),
    (0, 4),
    (4, 0),
    (0, 0),
]


@pytest.mark.parametrize("cut", CUTS)
def test_slices_by_sizes_are_numpys(cut):
    """`y[n - 3:]` once counted from the end, and `y[:n - n // 2]` read beyond it."""
    code = compile(cut, cut, "eval")

    def body(x, y):
        return eval(code, {"n": y.shape[0], "m": x.shape[0], "y": y})

    x, y = et.tensor("x", ("m",)), et.tensor("y", ("n",))
    functions = [et.jit(body)]
    if "min(" not in cut:  # Python's own compares
        functions.append(et.function([x, y], body(x, y), on_unused_input="ignore"))
    for m, n in SHAPES:
        a, b = np.arange(float(m)), np.arange(float(n))
        for f in functions:
            np.testing.assert_array_equal(f(a, b), body(a, b))


def test_writes_and_items_by_sizes():
    def body(y):
        n = y.shape[0]
        z = y.copy()
        z[n - 4 :] = 0
        z[: n // 2 - 2] += 10
        return z, y[n - 3], y[2 - n], z[n - 4]

    f = et.jit(body)
    for n in (3, 4, 5, 8):
        y = np.arange(1.0, n + 1)
        for got, want in zip(f(y), body(y), strict=True):
            np.testing.assert_array_equal(got, want)
    with pytest.raises(IndexError):
        et.jit(lambda y: y[y.shape[0] - 9])(np.ones(4))
