"""`et.tune`: ways to compile a function, by time and error; the ones that no other beats.

function, sample -> candidates (options) -> time and error of each on the sample -> `Front`
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eqsat_tensor.accuracy.measuring import Subject, errors_of
from eqsat_tensor.accuracy.picture import Dot, front_picture
from eqsat_tensor.accuracy.report import Errors, aligned
from eqsat_tensor.compiled import Function, function
from eqsat_tensor.errors import ArgumentError, UnsupportedError, message
from eqsat_tensor.jitted import Jit, jit
from eqsat_tensor.options import CHOICES
from eqsat_tensor.shown import Shown
from eqsat_tensor.tensor import Tensor
from eqsat_tensor.trees import flatten, unflatten

ROUNDS = 7  # that candidates take turns in
ROUND_SECONDS = 0.002  # time of one candidate in one round, about
WIDE, NARROW = "float64", "float32"


@dataclass(frozen=True, eq=False)
class Candidate:
    """One way to compile the function.

    options   keywords of `jit` or `function`; ``narrow``: computed in float32.
    seconds   of a call, the least of several rounds.  errors  on the sample; the truth is that of the function as written.
    function  the compiled function itself.
    best      no other candidate is both faster and more exact.
    """

    options: dict[str, Any]
    narrow: bool
    seconds: float
    errors: Errors
    function: Callable[..., Any]
    best: bool = False

    @property
    def label(self) -> str:
        """The options in words."""
        parts = [f"{name}={value}" for name, value in self.options.items()]
        return ", ".join([*parts, NARROW] if self.narrow else parts)

    @property
    def ulp(self) -> float:
        """The largest error, in floats between a result and the truth."""
        return float(2**self.errors.worst - 1)


@dataclass(frozen=True, eq=False, repr=False)
class Front(Shown):
    """All candidates, the fastest first; `str` is a table, in which * marks those that none beats."""

    name: str
    candidates: tuple[Candidate, ...]

    @property
    def best(self) -> tuple[Candidate, ...]:
        """The candidates that no other beats, the fastest first."""
        return tuple(c for c in self.candidates if c.best)

    def pick(self, max_bits: float | None = None, max_ulp: float | None = None) -> Candidate:
        """The fastest candidate within bounds: on the mean error in bits, on the largest in ulps.

        ArgumentError where none is within.
        """
        for c in self.candidates:
            within = max_bits is None or c.errors.bits <= max_bits
            if within and (max_ulp is None or c.ulp <= max_ulp):
                return c
        exact = min(self.candidates, key=lambda c: (c.errors.bits, c.ulp))
        got = f"at best {exact.errors.bits:.2f} bits and {exact.ulp:.3g} ulp ({exact.label})"
        raise ArgumentError(message("tune", _bound(max_bits, max_ulp), got, "Allow more."))

    def as_json(self) -> dict[str, Any]:
        """The candidates as plain data."""
        records = [
            {"options": c.options, "float32": c.narrow, "seconds": c.seconds, "best": c.best}
            | c.errors.as_json()
            for c in self.candidates
        ]
        return {"name": self.name, "candidates": records}

    def plot(self, path: str | Path | None = None) -> str:
        """Error over time as SVG text; written to ``path``, too."""
        dots = [Dot(1e6 * c.seconds, c.errors.bits, c.label, c.best) for c in self.candidates]
        text = front_picture(self.name, dots)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def __str__(self) -> str:
        rows = [("", "microseconds", "bits", "worst", "nan/inf", "options")]
        rows += [
            ("*" if c.best else "", f"{1e6 * c.seconds:.2f}", f"{c.errors.bits:.2f}",
             f"{c.errors.worst:.1f}", f"{100 * c.errors.nonfinite:.1f} %", c.label)
            for c in self.candidates
        ]  # fmt: skip
        return "\n".join([self.name, *aligned(rows)])


def tune(
    f: Callable[..., Any],
    sample: tuple[Any, ...],
    max_bits: float | None = None,
    max_ulp: float | None = None,
    math: Sequence[str] = ("default", "fast"),
    float32: bool = False,
    timed: tuple[Any, ...] | None = None,
    **options: Any,
) -> Any:
    """The front of compiled programs by time and error, or the fastest of them within a bound.

    f        a Python function of arrays, what `jit` made of one, or a `Function` without state.
    sample   the arguments of a call, small arrays: every element is evaluated in high precision.
    max_bits, max_ulp  bounds on the mean error in bits, on the largest in units in the last place: with
             one of them the compiled function is returned, without any the `Front`.
    math     choices of the option that are tried, each with every choice of ``optimize``.
    float32  also try the function computed in float32: arguments and results are cast.
    timed    the arguments of the call that is timed; the sample where None.
    options  further options of all candidates.
    Raises ArgumentError where no candidate is within the bounds, UnsupportedError for what cannot be
    compiled anew.
    """
    if not isinstance(sample, tuple):
        raise ArgumentError(
            message("tune", "a sample, the arguments of a call as a tuple", f"{sample!r:.60}")
        )
    name = getattr(f, "__name__", "function")
    written = _compiled(f, {"optimize": "none", **options}, False)
    truth, places, dtypes = _truth(written, sample)
    calls: list[tuple[dict[str, Any], bool, Callable[..., Any]]] = []
    for choice, narrow in itertools.product(_choices(math), (False, True) if float32 else (False,)):
        calls.append((choice, narrow, _compiled(f, {**choice, **options}, narrow)))
    seconds = _timed([call for _, _, call in calls], sample if timed is None else timed)
    made = []
    for (choice, narrow, call), time_of in zip(calls, seconds, strict=True):
        errors = _errors(flatten(call(*sample))[0], truth, places, dtypes)
        made.append(Candidate(choice, narrow, time_of, errors, call))
    front = Front(name, tuple(_marked(sorted(made, key=lambda c: c.seconds))))
    if max_bits is None and max_ulp is None:
        return front
    return front.pick(max_bits, max_ulp).function


def _bound(max_bits: float | None, max_ulp: float | None) -> str:
    bits = [] if max_bits is None else [f"an error of at most {max_bits:g} bits"]
    return " and ".join([*bits, *([] if max_ulp is None else [f"at most {max_ulp:g} ulp"])])


def _choices(math: Sequence[str]) -> Iterator[dict[str, Any]]:
    """As written; and every other choice of ``optimize`` that is there, with every one of ``math`` that
    it takes: a search by measured error takes one."""
    for optimize in CHOICES["optimize"]:
        if optimize in ("none", "accuracy"):
            yield {"optimize": optimize}
        else:
            for choice in math:
                yield {"optimize": optimize, "math": choice}


def _compiled(f: Callable[..., Any], options: dict[str, Any], narrow: bool) -> Callable[..., Any]:
    if isinstance(f, Function):
        if narrow or f.shared:
            what = "computed in float32" if narrow else "with state"
            raise UnsupportedError(message("tune", "a Python function", f"a Function {what}"))
        made: Callable[..., Any] = function([i.variable for i in f.inputs], f.outputs, **options)
        return made
    if isinstance(f, Jit):
        if f.traces.function is None:
            raise UnsupportedError(message("tune", "a Python function", "one that was loaded"))
        f = f.traces.function
    if not narrow:
        return jit(f, **options)  # type: ignore[no-any-return]
    compiled: Callable[..., Any] = jit(_narrow(f), **options)
    return compiled


def _narrow(f: Callable[..., Any]) -> Callable[..., Any]:
    """The function with float64 arguments as float32, and float32 results as float64."""

    def cast(value: Any, source: str, target: str) -> Any:
        known = isinstance(value, Tensor) and value.dtype == source
        return value.astype(target) if known else value

    def narrowed(*args: Any) -> Any:
        results, tree = flatten(f(*[cast(a, WIDE, NARROW) for a in args]))
        return unflatten(tree, [cast(r, NARROW, WIDE) for r in results])

    return narrowed


def _truth(
    written: Callable[..., Any], sample: tuple[Any, ...]
) -> tuple[list[np.ndarray], list[int], list[np.dtype]]:
    """True values of the outputs that are floats, their numbers and dtypes."""
    if isinstance(written, Function):
        family, values = written.serving.arranged(sample, {})
        arrays = [
            np.asarray(v, a.type.dtype) for v, a in zip(values, family.arguments, strict=True)
        ]
        sizes = family.sizes(arrays)
        variant, names = family.serving(sizes), [a.name for a in family.arguments]
    else:
        assert isinstance(written, Jit)
        traces = written.traces
        entry, arrays, sizes = traces.find(traces.arrangement.arrange(sample, {}))
        variant, names = entry.variant, [a.name for a in entry.arguments]
    subject = Subject(variant, sizes, names)
    truths = subject.truth([arrays])
    outputs = subject.outputs
    return [truths[e][0] for e in outputs], subject.places, [e.dtype for e in outputs]


def _errors(
    results: Sequence[Any],
    truth: Sequence[np.ndarray],
    places: Sequence[int],
    dtypes: Sequence[np.dtype],
) -> Errors:
    every, lost = [], []
    for place, wanted, dtype in zip(places, truth, dtypes, strict=True):
        with np.errstate(over="ignore"):
            got = np.asarray(results[place]).astype(dtype)
        bits, nonfinite = errors_of(got, wanted)
        told = ~np.isnan(wanted)
        every.append(bits[told].ravel())
        lost.append(nonfinite[told].ravel())
    return Errors.of(np.concatenate(every), np.concatenate(lost))


def _timed(calls: Sequence[Callable[..., Any]], args: tuple[Any, ...]) -> list[float]:
    """Seconds of a call of each, the least over rounds in which they take turns."""
    counts = []
    for call in calls:
        call(*args)
        start = time.perf_counter()
        call(*args)
        counts.append(max(1, int(ROUND_SECONDS / max(time.perf_counter() - start, 1e-7))))
    found: list[list[float]] = [[] for _ in calls]
    for _ in range(ROUNDS):
        for call, count, seen in zip(calls, counts, found, strict=True):
            start = time.perf_counter()
            for _ in range(count):
                call(*args)
            seen.append((time.perf_counter() - start) / count)
    return [min(seen) for seen in found]


def _marked(candidates: Sequence[Candidate]) -> Iterator[Candidate]:
    """The candidates, the fastest first, with those marked that are more exact than all before."""
    least = float("inf")
    for c in candidates:
        best = c.errors.bits < least
        least = min(least, c.errors.bits)
        yield Candidate(c.options, c.narrow, c.seconds, c.errors, c.function, best)
