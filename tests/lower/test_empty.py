"""Arrays without elements, whose axes have steps of 0 where a later axis is empty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import eqsat_tensor as et

SHAPES = ((2, 0, 2), (0, 3), (3, 0), (40, 0, 5), (0, 0), (4, 2, 0), (1, 0, 1))
PROGRAMS: dict[str, Callable[..., Any]] = {
    "sum beside": lambda x, y: (x + y, np.sum(x + y, axis=tuple(range(1, x.ndim)))),
    "sum of the first beside": lambda x, y: (x * y, np.sum(x * y, axis=0)),
    "weighted mean": lambda x, y: np.sum(np.exp(x) * y, axis=-1) / np.sum(np.exp(x), axis=-1),
    "cumulative": lambda x, y: (np.cumsum(x, axis=0), np.sum(np.cumsum(x, axis=0) * y, axis=-1)),
    "turned": lambda x, y: (np.transpose(x) + np.transpose(y), np.sum(x + y, axis=0)),
    "reversed": lambda x, y: (x[::-1] - y, np.sum(x[::-1] - y, axis=-1)),
}


@pytest.mark.parametrize("optimize", ["speed", "none"])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "bool"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_nothing_is_computed_and_nothing_fails(name: str, dtype: str, optimize: str) -> None:
    program = PROGRAMS[name]
    if dtype == "bool" and name in ("weighted mean", "reversed"):
        program = PROGRAMS["sum beside"]
    for shape in SHAPES:
        x, y = np.ones(shape, dtype), np.ones(shape, dtype)
        with np.errstate(all="ignore"):
            expected = program(x, y)
        found = et.jit(program, optimize=optimize)(x, y)
        expected, found = (r if isinstance(r, tuple) else (r,) for r in (expected, found))
        for a, b in zip(found, expected, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)
