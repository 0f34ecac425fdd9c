"""What a program of the benchmark is, and the draws of arguments at which digits are at stake.

A program takes the array namespace and arrays; the same text runs on every system.  A draw makes
the arguments of one call: shapes are small, for every element is evaluated in high precision, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

N = 6  # elements of a vector
Random = np.random.Generator
Draw = Callable[[Random], tuple[np.ndarray, ...]]


@dataclass(frozen=True)
class Program:
    """A program and a draw of its arguments, as float64.

    wide: float32 does not hold them.
    slope: what is computed is the gradient of the program along its first argument, by each system's own
    differentiation; NumPy has none.
    """

    name: str
    run: Callable[..., Any]
    draw: Draw
    wide: bool = False
    slope: bool = False


PROGRAMS: list[Program] = []


def program(
    name: str, draw: Draw, wide: bool = False, slope: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def add(run: Callable[..., Any]) -> Callable[..., Any]:
        PROGRAMS.append(Program(name, run, draw, wide, slope))
        return run

    return add


# ------------------------------------------------------------------------------------- arguments
def normal(*shapes: tuple[int, ...], scale: float = 1.0, shift: float = 0.0) -> Draw:
    return lambda r: tuple(shift + scale * r.standard_normal(s) for s in shapes)


def between(low: float, high: float, *shapes: tuple[int, ...]) -> Draw:
    return lambda r: tuple(r.uniform(low, high, s) for s in shapes)


def powers(low: float, high: float, *shapes: tuple[int, ...], signed: bool = False) -> Draw:
    """Magnitudes 10^low to 10^high."""

    def draw(r: Random) -> tuple[np.ndarray, ...]:
        made = [10.0 ** r.uniform(low, high, s) for s in shapes]
        return tuple(m * r.choice([-1.0, 1.0], m.shape) if signed else m for m in made)

    return draw


def near(low: float, high: float, apart: float) -> Draw:
    """Two vectors whose elements agree but for a part of about ``apart``."""

    def draw(r: Random) -> tuple[np.ndarray, ...]:
        x = r.uniform(low, high, N)
        return x, x * (1 + apart * r.standard_normal(N))

    return draw


def shares(r: Random, scale: float = 3.0) -> np.ndarray:
    e = np.exp(scale * r.standard_normal(N))
    return e / e.sum()


V, M = (N,), (4, N)
LARGE = normal(V, scale=60)  # logits that overflow float32
SHIFTED = normal(V, shift=1000.0)


def softmax_of(xp, x):
    e = xp.exp(x)
    return e / xp.sum(e, axis=-1, keepdims=True)
