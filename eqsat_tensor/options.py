"""The options of `function` and `jit`, one frozen record that is part of every cache key."""

from __future__ import annotations

import hashlib
import importlib.util
import math
import os
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from eqsat_tensor.errors import ArgumentError, UnsupportedError

CHOICES = {
    "target": ("cpu", "cuda"),
    "optimize": ("speed", "accuracy", "none"),
    "math": ("strict", "default", "fast"),
    "mode": ("run", "profile", "reference", "verify", "nan-guard"),
}
FLAGS = ("widen", "deterministic", "verbose")
OPEN = ("rules", "ranges", "seed", "sample")  # any value that says something


@dataclass(frozen=True)
class Calls:
    """Arguments of calls, the arrays of each in order; equal where these are, bit by bit."""

    digest: str
    arrays: tuple[tuple[np.ndarray, ...], ...] = field(compare=False, repr=False)


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
    deterministic  of target="cuda", False: floats that are scattered are added by atomics, in any order, so
              that two calls may differ in the last bits.
    sample    of optimize="accuracy": the arguments of a call, arrays, as a tuple, or a list of such tuples:
              errors are measured there, and ranges are not asked.
    verbose   optimize="accuracy" tells on standard error what it does.
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
    deterministic: bool = True
    sample: Calls | None = None
    verbose: bool = field(default=False, compare=False)

    def key(self) -> str:
        """The options as text for the cache key."""
        return " ".join(f"{f.name}={getattr(self, f.name)}" for f in fields(self) if f.compare)


def make_options(given: dict[str, Any]) -> Options:
    """Options from keywords; ArgumentError or UnsupportedError says what there is instead."""
    names = [f.name for f in fields(Options)]
    for name, value in given.items():
        if name not in names:
            raise ArgumentError(f"options: no option {name!r}. There are: {', '.join(names)}.")
        if name in OPEN:
            continue
        if name in FLAGS:
            if type(value) is not bool:
                raise ArgumentError(f"options: {name} needs True or False; got {value!r}.")
            continue
        if value not in CHOICES[name]:
            there = ", ".join(map(repr, CHOICES[name]))
            raise ArgumentError(f"options: {name}={value!r} is none of {there}.")
    if given.get("target") == "cuda" and given.get("mode", "run") != "run":
        raise UnsupportedError(
            f"options: mode={given['mode']!r} needs target='cpu'; got target='cuda'. What holds of a "
            "program holds on both: compile it for the CPU to check it."
        )
    if not given.get("deterministic", True) and given.get("target") != "cuda":
        raise ArgumentError(
            "options: deterministic=False: of target='cuda' alone; got target='cpu', where the same "
            "call always gives the same bits."
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
    if given.get("sample") is not None:
        given = given | {"sample": make_calls(given["sample"])}
    options = Options(**given)
    alone = ("ranges", "seed", "sample", "verbose")
    strange = [name for name in alone if getattr(options, name)]
    if options.optimize != "accuracy" and strange:
        needs = f"{' and '.join(strange)}: of optimize='accuracy' alone"
        raise ArgumentError(f"options: {needs}; got optimize={options.optimize!r}.")
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


def make_calls(given: Any) -> Calls:
    """A sample as arrays; ArgumentError says what is wrong with it."""
    calls = given if isinstance(given, list) else [given]
    if not calls or not all(isinstance(call, tuple) for call in calls):
        needs = "the arguments of a call as a tuple, or a list of such tuples"
        raise ArgumentError(f"options: sample needs {needs}; got {given!r:.60}.")
    arrays = tuple([tuple([np.array(x) for x in call]) for call in calls])
    digest = hashlib.sha256()
    for array in (a for call in arrays for a in call):
        if array.dtype.kind not in "biuf":
            raise ArgumentError(f"options: sample needs arrays of real numbers; got {array.dtype}.")
        digest.update(f"{array.dtype}{array.shape}".encode() + array.tobytes())
    digest.update(repr([len(call) for call in arrays]).encode())
    return Calls(digest.hexdigest(), arrays)


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
