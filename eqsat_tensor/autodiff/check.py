"""`check_grad`: a function's derivatives against difference quotients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from eqsat_tensor.autodiff.products import jvp, vjp
from eqsat_tensor.errors import GradientError, message
from eqsat_tensor.transform import compiled
from eqsat_tensor.trees import flatten, unflatten

INEXACT = "fc"  # kinds of dtypes that have derivatives
MODES = ("reverse", "forward")


def check_grad(
    function: Callable[..., Any],
    args: Sequence[Any],
    *,
    modes: Sequence[str] = MODES,
    step: float | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    seed: int = 0,
) -> float:
    """The largest relative error of the derivatives of ``function`` at ``args``; GradientError if it is large.

    The value (of any shape or nest) is weighed by random numbers; its derivative by each element of each
    float argument, in reverse and in forward mode, is held against the central difference, extrapolated
    from two steps.  step: of the differences, times the magnitude of the element where that is above 1;
    rtol, atol: by default by the coarsest dtype (1e-6 for float64, 2e-2 for float32).  Choose args
    away from kinks and jumps.
    """
    random = np.random.default_rng(seed)
    leaves, tree = flatten(tuple(args))
    arrays = [np.asarray(leaf) for leaf in leaves]
    floats = [a.dtype for a in arrays if a.dtype.kind in INEXACT]
    if not floats:
        raise GradientError(message("check_grad", "a float argument", f"{tuple(args)!r:.60}"))
    value, back = vjp(function, *args)
    outputs, nest = flatten(value)
    exact = all(
        np.asarray(o).dtype.itemsize >= 8 for o in [*floats_like(outputs), *floats_like(arrays)]
    )
    step = step or (1e-4 if exact else 2e-2)
    rtol, atol = rtol or (1e-6 if exact else 2e-2), atol or (1e-7 if exact else 2e-2)
    weights = [_weights(random, np.asarray(o)) for o in outputs]
    run = compiled("check_grad", function)

    def weighed(moved: Sequence[Any]) -> float:
        results = flatten(run(*unflatten(tree, moved)))[0]
        pairs = zip(results, weights, strict=True)
        return float(sum(_weighed(r, w) for r, w in pairs))

    wanted = [_differences(weighed, arrays, i, step) if a.dtype.kind in INEXACT else None
              for i, a in enumerate(arrays)]  # fmt: skip
    worst = 0.0
    for mode in modes:
        if mode == "reverse":
            found = flatten(back(unflatten(nest, weights)))[0]
        elif mode == "forward":
            found = _by_tangents(function, arrays, tree, weights)
        else:
            raise GradientError(message("check_grad", f"modes among {', '.join(MODES)}", mode))
        for number, (got, want) in enumerate(zip(found, wanted, strict=True)):
            if want is not None:
                worst = max(worst, _compare(mode, number, np.asarray(got), want, rtol, atol))
    return worst


def floats_like(values: Sequence[Any]) -> list[np.ndarray]:
    """Those that are floats or complex numbers, as arrays of the parts' dtype."""
    found = [np.asarray(v) for v in values]
    return [v.real if v.dtype.kind == "c" else v for v in found if v.dtype.kind in INEXACT]


def _weights(random: np.random.Generator, like: np.ndarray) -> np.ndarray:
    made = random.uniform(-1, 1, like.shape)
    if like.dtype.kind == "c":
        made = made + 1j * random.uniform(-1, 1, like.shape)
    return made.astype(like.dtype)


def _weighed(value: Any, weights: np.ndarray) -> float:
    """The real part of the weighed sum."""
    exact = np.asarray(value)
    wide = np.complex128 if exact.dtype.kind == "c" else np.float64
    return float(np.sum(exact.astype(wide) * weights).real)


def _directions(dtype: np.dtype) -> tuple[complex, ...]:
    """In which an element is moved: along its parts."""
    if dtype.kind not in INEXACT:
        return ()
    return (1, 1j) if dtype.kind == "c" else (1,)


def _differences(
    weighed: Callable[[Sequence[Any]], float],
    arrays: Sequence[np.ndarray],
    number: int,
    step: float,
) -> np.ndarray:
    at = arrays[number]
    result = np.zeros(at.shape, at.dtype if at.dtype.kind == "c" else np.float64)
    for index in np.ndindex(at.shape):
        far = step * max(1.0, float(abs(at[index])))
        for direction in _directions(at.dtype):
            slopes = []
            for h in (2 * far, far):
                ends = []
                for sign in (1, -1):
                    moved = at.copy()
                    moved[index] += sign * h * direction
                    there = float(np.real(moved[index] / direction))
                    given = [*arrays[:number], moved, *arrays[number + 1 :]]
                    ends.append((there, weighed(given)))
                slopes.append((ends[0][1] - ends[1][1]) / (ends[0][0] - ends[1][0]))
            result[index] += (4 * slopes[1] - slopes[0]) / 3 / direction
    return result


def _by_tangents(
    function: Callable[..., Any], arrays: Sequence[np.ndarray], tree: Any, weights: Sequence[Any]
) -> list[np.ndarray]:
    """The gradient of the weighed value, one tangent an element."""
    primals = unflatten(tree, arrays)
    found = []
    for number, a in enumerate(arrays):
        result = np.zeros(a.shape, a.dtype if a.dtype.kind == "c" else np.float64)
        for index in np.ndindex(a.shape):
            for direction in _directions(a.dtype):
                tangents = [np.zeros_like(b) for b in arrays]
                tangents[number][index] = direction
                slopes = flatten(jvp(function, primals, unflatten(tree, tangents))[1])[0]
                pairs = zip(slopes, weights, strict=True)
                result[index] += sum(_weighed(s, w) for s, w in pairs) / direction
        found.append(result)
    return found


def _compare(
    mode: str, number: int, got: np.ndarray, want: np.ndarray, rtol: float, atol: float
) -> float:
    error = np.abs(got - want)
    scale = np.maximum(np.abs(want), np.abs(got))
    bad = ~((error <= atol + rtol * scale) | (got == want))
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        text = f"{mode} mode gives {got[where]!s}, differences {want[where]!s} by argument {number} at {where}"
        raise GradientError(message("check_grad", "derivatives that agree with differences", text))
    relative = error / np.maximum(scale, 1)
    return float(relative.max(initial=0.0))
