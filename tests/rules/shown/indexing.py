"""Programs that show the rules of ``indexing.egg`` at work."""

from __future__ import annotations

from typing import Any

import numpy as np

import eqsat_tensor as et
from tests.rules.moved import unique
from tests.rules.shown.movement import BINARY, UNARY
from tests.rules.test_cases import case

# fails without the file
NEEDS: Any = case(
    "all-that-was-added", lambda x, i, v: et.sum(et.zeros_like(x).at[i].add(v)),
    ([0.0] * 4, [1, 3, 1], [1.0, 2.0, 4.0], 7.0), absent="scatter",
)  # fmt: skip
WIDE, FEW = np.ones((300, 60)), np.array([2, 0])
ROWS = np.zeros(300, int)


def rows(f: Any) -> Any:
    return lambda x, i: f(x)[i]


def rows_of_both(f: Any) -> Any:
    return lambda x, y, i: f(x, y)[i]


def picked(f: Any) -> Any:
    return lambda x, i: f(x)[et.arange(x.shape[0]), i]


def picked_of_both(f: Any) -> Any:
    return lambda x, y, i: f(x, y)[et.arange(x.shape[0]), i]


def hot(x: Any, y: Any) -> Any:
    return et.sum(et.where(y[:, None] == et.arange(60, dtype=y.dtype), x, 0.0), axis=1)


# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {
    "gather-of-gather": (lambda x, i, j: x[i][j], (WIDE, FEW, FEW[1:])),
    "gather-of-cast": (lambda x, i: et.astype(x, "float32")[i], (WIDE, FEW)),
    "sum-of-one-hot-where-i64": (hot, (WIDE, ROWS)),
    "sum-of-one-hot-where-i32": (hot, (WIDE, ROWS.astype("int32"))),
    "set-of-zeros": (
        lambda x, i, v: x - et.zeros_like(x).at[unique(i)].set(v), (WIDE[0], FEW, WIDE[0, :2])),
    "update-of-zeros": (lambda x, v: x + et.zeros_like(x).at[1:3].set(v), (WIDE[0], WIDE[0, :2])),
}  # fmt: skip
for _name, _f in (UNARY | {"log": et.log}).items():
    if _name not in ("expm1", "softplus"):
        PROGRAMS[f"gather-of-{_name}"] = (rows(_f), (WIDE, FEW))
        PROGRAMS[f"pick-of-{_name}"] = (picked(_f), (WIDE, ROWS))
for _name, _f in BINARY.items():
    PROGRAMS[f"gather-of-{_name}"] = (rows_of_both(_f), (WIDE, WIDE, FEW))
    PROGRAMS[f"pick-of-{_name}"] = (picked_of_both(_f), (WIDE, WIDE, ROWS))
