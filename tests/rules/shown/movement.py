"""Programs that show the rules of ``movement.egg`` at work."""

from __future__ import annotations

from typing import Any

import numpy as np

import eqsat_tensor as et
from tests.rules.shown.arrays import M, X

# fails without the file
NEEDS: Any = "T22-keepdims"
CUBE, TRUTH = np.arange(24.0).reshape(2, 3, 4), np.ones((2, 3, 4), bool)
TURN = {0: (1, 0, 2), 1: (0, 2, 1), 2: (0, 2, 1)}  # the axes beside the one reduced are in order
UNARY: dict[str, Any] = {
    "negative": et.negative, "absolute": et.abs, "sqrt": et.sqrt, "exp": et.exp,
    "expm1": et.expm1, "log1p": et.log1p, "tanh": et.tanh, "sigmoid": et.sigmoid, "softplus": et.softplus,
}  # fmt: skip
BINARY: dict[str, Any] = {
    "add": et.add, "subtract": et.subtract, "multiply": et.multiply, "divide": et.divide,
    "maximum": et.maximum, "minimum": et.minimum,
}  # fmt: skip
REDUCED: dict[str, Any] = {
    "sum": et.sum, "prod": et.prod, "max": et.max, "min": et.min, "any": et.any, "all": et.all,
}  # fmt: skip


def turned(f: Any) -> Any:
    return lambda x: f(x.mT).mT


def both_turned(f: Any) -> Any:
    return lambda x, y: f(x.mT, y.mT).mT


def flat(f: Any) -> Any:
    return lambda x: et.reshape(f(et.reshape(x, (12,))), (3, 4))


def both_flat(f: Any) -> Any:
    return lambda x, y: et.reshape(f(et.reshape(x, (12,)), et.reshape(y, (12,))), (3, 4))


def row(f: Any) -> Any:
    return lambda x: f(et.squeeze(x, 0))[None]


def both_rows(f: Any) -> Any:
    return lambda x, y: f(et.squeeze(x, 0), et.squeeze(y, 0))[None]


def along(f: Any, axis: int) -> Any:
    return lambda x: f(et.transpose(x, TURN[axis]), axis=axis)


# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {
    "negative-of-broadcast<=": (lambda x, z: z + et.broadcast_to(-x, z.shape), (np.ones(4), M)),
    "transpose-of-vector-broadcast-beside-1": (
        lambda x: et.transpose(et.broadcast_to(x[:, None, None], (3, 2, 4)), (1, 0, 2)), (X,)),
    "transpose-of-vector-broadcast-beside-2": (
        lambda x: et.transpose(et.broadcast_to(x, (2, 4, 3)), (1, 0, 2)), (X,)),
    "add-constant-to-transpose-by-constant": (turned(lambda x: x + 3.0), (M,)),
    "multiply-transpose-by-constant": (turned(lambda x: x * 3.0), (M,)),
    "divide-transpose-by-constant": (turned(lambda x: x / 3.0), (M,)),
    "add-constant-to-reshape-by-constant": (flat(lambda x: x + 3.0), (M,)),
    "multiply-reshape-by-constant": (flat(lambda x: x * 3.0), (M,)),
    "add-of-transpose-and-number": (lambda x, s: (x.mT + s).mT, (M, np.array(2.0))),
    "multiply-of-transpose-and-number": (lambda x, s: (x.mT * s).mT, (M, np.array(2.0))),
    "divide-of-transpose-and-number": (lambda x, s: (x.mT / s).mT, (M, np.array(2.0))),
    "where-of-transposes": (lambda c, x, y: et.where(c.mT, x.mT, y.mT).mT, (M > 1, M, M)),
    "cast-of-transpose": (turned(lambda x: et.astype(x, "float32")), (M,)),
}  # fmt: skip
for _name, _f in UNARY.items():
    PROGRAMS[f"{_name}-of-transpose"] = (turned(_f), (M,))
    if _name in ("negative", "sqrt", "exp", "log1p", "tanh"):
        PROGRAMS[f"{_name}-of-reshape"] = (flat(_f), (M,))
    if _name in ("sqrt", "exp", "log1p", "tanh"):
        PROGRAMS[f"{_name}-of-squeeze"] = (row(_f), (X[None],))
for _name, _f in BINARY.items():
    PROGRAMS[f"{_name}-of-transposes"] = (both_turned(_f), (M, M))
    if _name not in ("maximum", "minimum"):
        PROGRAMS[f"{_name}-of-squeezes"] = (both_rows(_f), (X[None], X[None]))
        PROGRAMS[f"{_name}-of-reshapes"] = (both_flat(_f), (M, M))
for _name, _f in REDUCED.items():
    _cube = TRUTH if _name in ("any", "all") else CUBE
    for _axis in TURN:
        PROGRAMS[f"{_name}-of-transpose-along-{_axis}"] = (along(_f, _axis), (_cube,))
