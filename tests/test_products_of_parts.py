"""Matrix products of parts of arrays, as they lie and turned: each reads its own elements."""

import numpy as np
import pytest

import eqsat_tensor as et

RNG = np.random.default_rng(1)
PARTS = {
    "rows": lambda x, k: x[:k],
    "columns": lambda x, k: x[:, :k],
    "both": lambda x, k: x[:k, :k],
    "behind": lambda x, k: x[k:, 1:],
    "every other": lambda x, k: x[::2, :k],
    "backwards": lambda x, k: x[::-1, :k],
}


@pytest.mark.parametrize("optimize", ["none", "speed"])
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("k", [1, 5])
def test_a_product_of_parts(part, k, optimize):
    """The transpose of a leading part was once read as that of the whole."""
    cut = PARTS[part]

    def body(x, y):
        a, b = cut(x, k), cut(y, k)
        return a @ b.T, a.T @ b, (a.T @ b).T, a.T.T @ b.T, b[:, 0] @ a, a @ b[0, :] + a[:, 0]

    for shape in ((40, 31), (33, 40)):
        x, y = RNG.normal(size=shape), RNG.normal(size=shape)
        named = et.tensor("x", shape), et.tensor("y", shape)
        known = et.function(list(named), list(body(*named)), optimize=optimize)
        for f in (et.jit(body, optimize=optimize), known):
            for got, want in zip(f(x, y), body(x, y), strict=True):
                np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("optimize", ["none", "speed"])
def test_products_of_parts_of_what_is_computed_and_of_stacks(optimize):
    def body(x, y, b):
        s, t = et.sort(x), et.sort(y, axis=-2)
        return (
            s[..., :3] @ et.swapaxes(t[..., :3], -1, -2) + b[:5],
            2 * (et.swapaxes(s[..., :3, :], -1, -2) @ t[..., :3, :2]) - b[:2],
        )

    def numpys(x, y, b):
        s, t = np.sort(x), np.sort(y, axis=-2)
        return (
            s[..., :3] @ np.swapaxes(t[..., :3], -1, -2) + b[:5],
            2 * (np.swapaxes(s[..., :3, :], -1, -2) @ t[..., :3, :2]) - b[:2],
        )

    f = et.jit(body, optimize=optimize)
    for lead in ((), (2,), (3, 2)):
        x, y, b = RNG.normal(size=(*lead, 5, 7)), RNG.normal(size=(*lead, 5, 7)), RNG.normal(size=9)
        for got, want in zip(f(x, y, b), numpys(x, y, b), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)
