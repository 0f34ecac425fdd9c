"""Cases: naive spellings, points where they are wrong, and what must come out of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

import eqsat_tensor as et

mp.mp.dps = 60
inf, nan = float("inf"), float("nan")
Points = tuple[tuple[tuple[Any, ...], Any], ...]


@dataclass(frozen=True)
class Case:
    """A program, points (arguments, exact value), and ops that must, or must not, be left.

    ``double_only``: the points mean nothing in float32.
    """

    name: str
    program: Callable[..., Any]
    points: Points
    present: str = ""
    absent: str = ""
    rtol: float = 1e-13
    double_only: bool = False

    def __str__(self) -> str:
        return self.name

    @property
    def singles(self) -> Points:
        """The points that float32 can hold: arguments, what tells them apart, and values."""
        if self.double_only:
            return ()
        return tuple((tuple(map(narrowed, a)), v) for a, v in self.points if fits(a, v))


def narrowed(argument: Any) -> Any:
    """An argument in float32 if it is a float."""
    array = np.asarray(argument)
    return array.astype(np.float32) if array.dtype.kind == "f" else argument


def fits(arguments: tuple[Any, ...], value: Any) -> bool:
    limits = np.finfo(np.float32)
    floats = [a for a in map(np.asarray, (*arguments, value)) if a.dtype.kind == "f"]
    for x in floats:
        size = np.abs(x[np.isfinite(x) & (x != 0)])
        if size.size and not (limits.tiny < size.min() and size.max() < limits.max):
            return False
    numbers = np.concatenate([x.ravel() for x in floats[:-1]])
    return len(np.unique(numbers)) == len(np.unique(numbers.astype(np.float32)))


def case(name: str, program: Callable[..., Any], *points: Any, **more: Any) -> Case:
    return Case(name, program, tuple((p[:-1], p[-1]) for p in points), **more)


def exact(f: Callable[..., Any], *arguments: float) -> tuple[Any, ...]:
    """A point whose value mpmath gives."""
    return (*arguments, float(f(*map(mp.mpf, arguments))))


def sigmoid(x: Any) -> Any:
    return 1 / (1 + et.exp(-x))


def mpsigmoid(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def grad(f: Callable[..., Any]) -> Callable[..., Any]:
    """The gradient of a program by its first argument."""

    def of(*arguments: Any) -> Any:
        return et.grad(f(*arguments), arguments[0])

    return of


def softmax(x: Any) -> Any:
    e = et.exp(x)
    return e / et.sum(e, axis=-1, keepdims=True)
