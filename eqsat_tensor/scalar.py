"""The scalar vocabulary: what an op's body may use, and what each backend must supply.

A body is a function of a builder and of operands, ``lambda s, x: s.log1p(x)``; it names no
backend.  The same body runs under `NumpyBuilder` (its meaning, used in tests), under
`CountingBuilder` (its cost) and under the recorders of `schedule`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Primitive:
    """One word of the vocabulary.

    ``cost`` is in units of one float64 addition on a vector, an element, from the measured
    vector mathematics; ``result`` is "same" (the operands' dtype) or "bool".
    """

    name: str
    arity: int
    numpy: Callable[..., Any]
    cost: float
    result: str = "same"


def _in_single(function: Callable[..., Any]) -> Callable[..., Any]:
    """A formula of several steps; halves are computed in float32 and rounded once."""

    def call(x: Any) -> Any:
        x = np.asarray(x)
        wide = x.astype(np.float32) if x.dtype == np.float16 else x
        return function(wide).astype(x.dtype)

    return call


@_in_single
def _sigmoid(x: Any) -> Any:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


@_in_single
def _log1mexp(x: Any) -> Any:
    small = x > -0.6931471805599453
    return np.where(small, np.log(-np.expm1(x)), np.log1p(-np.exp(x)))


def _special(name: str) -> Callable[..., Any]:
    def call(x: Any) -> Any:
        import scipy.special

        return np.asarray(getattr(scipy.special, name)(x))

    return _in_single(call)


def _softplus(x: Any) -> Any:
    return np.logaddexp(x, np.zeros((), np.asarray(x).dtype))


# fmt: off
PRIMITIVES: dict[str, Primitive] = {p.name: p for p in (
    Primitive("add", 2, np.add, 1), Primitive("subtract", 2, np.subtract, 1),
    Primitive("multiply", 2, np.multiply, 1), Primitive("divide", 2, np.divide, 4),
    Primitive("negative", 1, np.negative, 0.5), Primitive("absolute", 1, np.absolute, 0.5),
    Primitive("sqrt", 1, np.sqrt, 4), Primitive("square", 1, np.square, 1),
    Primitive("reciprocal", 1, np.reciprocal, 4), Primitive("sign", 1, np.sign, 2),
    Primitive("exp", 1, np.exp, 16), Primitive("expm1", 1, np.expm1, 16),
    Primitive("log", 1, np.log, 22), Primitive("log1p", 1, np.log1p, 26),
    Primitive("log1mexp", 1, _log1mexp, 60),
    Primitive("sin", 1, np.sin, 100), Primitive("cos", 1, np.cos, 100), Primitive("tan", 1, np.tan, 120),
    Primitive("arctan", 1, np.arctan, 24), Primitive("tanh", 1, np.tanh, 24),
    Primitive("sigmoid", 1, _sigmoid, 24), Primitive("softplus", 1, _softplus, 45),
    Primitive("erf", 1, _special("erf"), 45), Primitive("erfc", 1, _special("erfc"), 60),
    Primitive("power", 2, np.power, 75),
    Primitive("maximum", 2, np.maximum, 1.5), Primitive("minimum", 2, np.minimum, 1.5),
    Primitive("floor", 1, np.floor, 1), Primitive("ceil", 1, np.ceil, 1), Primitive("trunc", 1, np.trunc, 1),
    Primitive("floor_divide", 2, np.floor_divide, 20), Primitive("remainder", 2, np.remainder, 24),
    Primitive("equal", 2, np.equal, 1, "bool"), Primitive("not_equal", 2, np.not_equal, 1, "bool"),
    Primitive("less", 2, np.less, 1, "bool"), Primitive("less_equal", 2, np.less_equal, 1, "bool"),
    Primitive("greater", 2, np.greater, 1, "bool"), Primitive("greater_equal", 2, np.greater_equal, 1, "bool"),
    Primitive("isnan", 1, np.isnan, 1, "bool"), Primitive("isfinite", 1, np.isfinite, 1, "bool"),
    Primitive("logical_and", 2, np.logical_and, 0.5, "bool"), Primitive("logical_or", 2, np.logical_or, 0.5, "bool"),
    Primitive("logical_xor", 2, np.logical_xor, 0.5, "bool"), Primitive("logical_not", 1, np.logical_not, 0.5, "bool"),
    Primitive("select", 3, np.where, 1), Primitive("cast", 1, np.positive, 1),
)}
# fmt: on


class Builder:
    """Base of all builders: ``s.exp(x)`` is ``s.apply("exp", x)``; ``s.constant(v, like=x)``."""

    def apply(self, name: str, *operands: Any) -> Any:
        raise NotImplementedError

    def constant(self, value: float, like: Any) -> Any:
        raise NotImplementedError

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in PRIMITIVES:
            raise AttributeError(f"{name} is no word of the scalar vocabulary")
        return lambda *operands: self.apply(name, *operands)


class NumpyBuilder(Builder):
    """The meaning of a body: NumPy on arrays, in the operands' own dtype."""

    def apply(self, name: str, *operands: Any) -> Any:
        with np.errstate(all="ignore"):
            return PRIMITIVES[name].numpy(*operands)

    def constant(self, value: float, like: Any) -> Any:
        return np.asarray(value, np.asarray(like).dtype)


class CountingBuilder(Builder):
    """The cost of a body: the sum of its primitives' costs, in vector additions an element."""

    def __init__(self) -> None:
        self.cost = 0.0

    def apply(self, name: str, *operands: Any) -> Any:
        self.cost += PRIMITIVES[name].cost

    def constant(self, value: float, like: Any) -> Any:
        return None
