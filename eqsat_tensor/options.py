"""The options of `function` and `jit`, one frozen record that is part of every cache key."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass, fields
from typing import Any

from eqsat_tensor.errors import ArgumentError, UnsupportedError

CHOICES = {
    "target": ("cpu", "cuda"),
    "optimize": ("speed", "none"),
    "math": ("strict", "default", "fast"),
    "mode": ("run", "profile", "reference", "verify", "nan-guard"),
}
PLANNED = {
    "optimize": ("accuracy",),
}


@dataclass(frozen=True)
class Options:
    """How a program is compiled.

    target    "cpu", or "cuda": kernels for a CUDA device, run by CuPy (`eqsat_tensor.device`).
    optimize  "speed": saturate and take the cheapest stable program; "none": as written.
    math      "strict": rules that keep every bit; "default": also rules that keep or better the
              error; "fast": also approximations.
    mode      "run": compiled code; "profile": the same code, and `profile()` of the function tells the
              time of each kernel; "reference": the NumPy evaluator, node by node; "verify": both,
              compared, and the rule at fault named where they part beyond the error bound;
              "nan-guard": as "reference", and the first op that makes a NaN out of none is an error.
    rules     rule files of your own to add; "-name" leaves out a ruleset, a file, a rule or a pack.
    """

    target: str = "cpu"
    optimize: str = "speed"
    math: str = "default"
    mode: str = "run"
    rules: tuple[str, ...] = ()

    def key(self) -> str:
        """The options as text for the cache key."""
        return " ".join(f"{f.name}={getattr(self, f.name)}" for f in fields(self))


def make_options(given: dict[str, Any]) -> Options:
    """Options from keywords; ArgumentError or UnsupportedError says what there is instead."""
    names = [f.name for f in fields(Options)]
    for name, value in given.items():
        if name not in names:
            raise ArgumentError(f"options: no option {name!r}. There are: {', '.join(names)}.")
        if name == "rules":
            continue
        if value in PLANNED.get(name, ()):
            there = ", ".join(map(repr, CHOICES[name]))
            raise UnsupportedError(
                f"options: {name}={value!r} is not there yet; there are {there}."
            )
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
    return Options(**given)
