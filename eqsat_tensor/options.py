"""The options of `function` and `jit`, one frozen record that is part of every cache key."""

from __future__ import annotations

import importlib.util
import math
import os
from dataclasses import dataclass, fields
from typing import Any

from eqsat_tensor.errors import ArgumentError, UnsupportedError

CHOICES = {
    "target": ("cpu", "cuda"),
    "optimize": ("speed", "accuracy", "none"),
    "math": ("strict", "default", "fast"),
    "mode": ("run", "profile", "reference", "verify", "nan-guard"),
}


@dataclass(frozen=True)
class Options:
    """How a program is compiled.

    target    "cpu", or "cuda": kernels for a CUDA device, run by CuPy (`eqsat_tensor.device`).
    optimize  "speed": saturate and take the cheapest stable program; "accuracy": then search for the
              forms whose measured error is least, for seconds; "none": as written.
    math      "strict": rules that keep every bit; "default": also rules that keep or better the
              error; "fast": also approximations.
    mode      "run": compiled code; "profile": the same code, and `profile()` of the function tells the
              time of each kernel; "reference": the NumPy evaluator, node by node; "verify": both,
              compared, and the rule at fault named where they part beyond the error bound;
              "nan-guard": as "reference", and the first op that makes a NaN out of none is an error.
    ranges    of optimize="accuracy": for each argument the least and the largest value it may have, both
              inclusive, infinite ends allowed, or None: all finite floats.  () is None for each.
    seed      of the samples that optimize="accuracy" draws.
    widen     True: float32 and float16 are computed in float64 throughout; results have the dtypes that
              they have without.
    rules     rule files of your own to add; "-name" leaves out a ruleset, a file, a rule or a pack.
    """

    target: str = "cpu"
    optimize: str = "speed"
    math: str = "default"
    mode: str = "run"
    rules: tuple[str, ...] = ()
    ranges: tuple[tuple[float, float] | None, ...] = ()
    seed: int = 0
    widen: bool = False

    def key(self) -> str:
        """The options as text for the cache key."""
        return " ".join(f"{f.name}={getattr(self, f.name)}" for f in fields(self))


def make_options(given: dict[str, Any]) -> Options:
    """Options from keywords; ArgumentError or UnsupportedError says what there is instead."""
    names = [f.name for f in fields(Options)]
    for name, value in given.items():
        if name not in names:
            raise ArgumentError(f"options: no option {name!r}. There are: {', '.join(names)}.")
        if name in ("rules", "ranges", "seed"):
            continue
        if name == "widen":
            if type(value) is not bool:
                raise ArgumentError(f"options: widen needs True or False; got {value!r}.")
            continue
        if value not in CHOICES[name]:
            there = ", ".join(map(repr, CHOICES[name]))
            raise ArgumentError(f"options: {name}={value!r} is none of {there}.")
    if given.get("target") == "cuda" and given.get("mode", "run") != "run":
        raise UnsupportedError(
            f"options: mode={given['mode']!r} needs target='cpu'; got target='cuda'. What holds of a "
            "program holds on both: compile it for the CPU to check it."
        )
    if given.get("mode") == "verify" and importlib.util.find_spec("mpmath") is None:
        hint = 'pip install "eqsat_tensor[verify]".'
        raise UnsupportedError(f"options: mode='verify' needs the package mpmath. {hint}")
    if "rules" in given:
        rules = given["rules"]
        several = [rules] if isinstance(rules, str | os.PathLike) else rules
        given = given | {"rules": tuple(str(r) for r in several)}
    if "ranges" in given:
        given = given | {"ranges": make_ranges(given["ranges"])}
    options = Options(**given)
    if options.optimize != "accuracy" and (options.ranges or options.seed):
        raise ArgumentError("options: ranges and seed are of optimize='accuracy' alone.")
    if options.optimize == "accuracy":
        check_accuracy(options)
    return options


def make_ranges(given: Any) -> tuple[tuple[float, float] | None, ...]:
    """Ranges as pairs of floats; ArgumentError says what is wrong with one."""
    if given is None:
        return ()
    found: list[tuple[float, float] | None] = []
    for number, one in enumerate(given):
        try:
            low, high = (-math.inf, math.inf) if one is None else map(float, one)
        except (TypeError, ValueError):
            raise ArgumentError(f"options: ranges[{number}] is no pair: {one!r}.") from None
        if not low <= high or low == math.inf or high == -math.inf:
            got = f"ranges[{number}]={one!r}"
            raise ArgumentError(f"options: a range needs low <= high; got {got}.")
        found.append(None if one is None else (low, high))
    return tuple(found)


def check_accuracy(options: Options) -> None:
    """ArgumentError or UnsupportedError where a search by measured error cannot be."""
    if options.math != "default":
        got = f"math={options.math!r}"
        raise ArgumentError(f"options: optimize='accuracy' needs math='default'; got {got}.")
    if type(options.seed) is not int or options.seed < 0:
        raise ArgumentError(f"options: seed needs a whole number; got {options.seed!r}.")
    if not any(map(importlib.util.find_spec, ("flint", "mpmath"))):
        hint = 'pip install "eqsat_tensor[accuracy]".'
        raise UnsupportedError(f"options: optimize='accuracy' needs true values. {hint}")
