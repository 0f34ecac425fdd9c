"""Helpers of the tests of reductions: samples of every dtype, and NumPy's functions on tensors."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import eqsat_tensor as et
from eqsat_tensor.autodiff import grad
from eqsat_tensor.inputs import tensor
from eqsat_tensor.lang import DTYPES, topological
from eqsat_tensor.reference import evaluate
from eqsat_tensor.tensor import captured_array
from tests.oracle import assert_same

# One dtype of each kind and of the widths that are computed differently.
NAMES = ("bool", "int8", "int64", "uint16", "float16", "float32", "float64")
SWEPT = [d for d in DTYPES if d.name in NAMES]
SHAPES = [(7,), (1,), (3, 5), (2, 3, 4), (2, 1, 5)]
EMPTY = [(0,), (3, 0), (0, 2, 3)]


def sample(shape: Any, dtype: Any, seed: int = 0, nan: bool = False) -> np.ndarray:
    """Ordinary values of a dtype; a third of the floats NaN where that is wanted."""
    random = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        x = random.uniform(-2, 2, shape).astype(dtype)
        if nan:
            x[random.random(shape) < 0.3] = np.nan
        return x
    if dtype.kind == "b":
        return np.asarray(random.random(shape) < 0.5)
    return random.integers(0 if dtype.kind == "u" else -4, 5, shape).astype(dtype)


def values(results: Sequence[Any], known: dict[Any, Any]) -> list[np.ndarray]:
    """Values of tensors by the reference, given those of the inputs."""
    exprs = [r.expr for r in results]
    inputs = {t.expr: v for t, v in known.items()}
    inputs |= {n: captured_array(n) for n in topological(exprs) if captured_array(n) is not None}
    return evaluate(exprs, inputs)


def quiet(function: Callable[..., Any], *args: Any) -> Any:
    """A call without NumPy's warnings."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return function(*args)


def held(
    function: Callable[..., Any], *arrays: np.ndarray, guarantee: str = "real", label: str = ""
) -> None:
    """``function(numpy, *tensors)``, by NumPy's own names, is what NumPy makes of arrays."""
    tensors = [tensor(f"x{k}", a.shape, a.dtype) for k, a in enumerate(arrays)]
    want, made = quiet(function, np, *arrays), function(np, *tensors)
    made = made if isinstance(made, tuple | list) else [made]
    want = want if isinstance(want, tuple | list) else [want]
    got = values(made, dict(zip(tensors, arrays, strict=True)))
    for g, w in zip(got, want, strict=True):
        assert_same(g, w, guarantee, label)


def slope(function: Callable[..., Any], at: np.ndarray) -> np.ndarray:
    """The gradient of the sum of a function."""
    x = tensor("x", at.shape)
    return values([grad(et.sum(function(x)), x)], {x: at})[0]


def quotients(function: Callable[..., Any], at: np.ndarray) -> np.ndarray:
    """The same by difference quotients."""
    x = tensor("x", at.shape)
    total = et.sum(function(x))
    result = np.zeros(at.shape)
    for index in np.ndindex(at.shape):
        ends = []
        for sign in (1, -1):
            moved = at.copy()
            moved[index] += sign * 1e-6
            ends.append(values([total], {x: moved})[0])
        result[index] = (ends[0] - ends[1]) / 2e-6
    return result


def differentiated_twice(function: Callable[..., Any], at: np.ndarray, tolerance: float) -> None:
    """First and second derivatives are what difference quotients say."""
    got, want = slope(function, at), quotients(function, at)
    np.testing.assert_allclose(got, want, rtol=tolerance / 10, atol=tolerance / 10)

    def first(x: Any) -> Any:
        return grad(et.sum(function(x)), x) * np.arange(1.0, at.size + 1).reshape(at.shape)

    np.testing.assert_allclose(slope(first, at), quotients(first, at), tolerance, tolerance)
