"""Every op of the language beside NumPy, one thread: NumPy's time over ours, worst first.

    python benchmarks/sweep.py                                # all, some ten minutes
    python benchmarks/sweep.py --only cumsum,log2 --sizes 1000,100000 --dtypes float64
    python benchmarks/sweep.py --special                      # elementwise ops on special values instead

Ops that work element by element, reductions, cumulative ones and sorts come from the registry; forms
that are expressions stand in `FORMS`.  Rows below 1.0 are printed (``--all``: every row).  With
``--special``: nanoseconds an element on ordinary values and on each class of others; printed is
what takes more than four times the ordinary where NumPy's ratio is smaller.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

os.environ.setdefault("EQSAT_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import scipy.special

import eqsat_tensor as et
from eqsat_tensor.errors import EqsatError
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import OPS
from eqsat_tensor.lower.cpu.external import EXTERNALS

DTYPES = ("float64", "float32", "int64", "int32", "bool", "complex128")
ROUNDS, MORE_ROUNDS = 5, 30
Case = tuple[str, Callable[..., Any], Callable[..., Any], tuple[np.ndarray, ...]]

# Where functions are ordinary: all others take numbers of both signs around 1.
DOMAINS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    **dict.fromkeys(("log", "log2", "log10", "log1p", "sqrt", "power", "log1mexp"), np.abs),
    **dict.fromkeys(("arcsin", "arccos", "arctanh", "erfinv", "ndtri"), np.tanh),
    "arccosh": lambda x: 1 + np.abs(x),
}
# Expressions of arrays: (arrays taken, of rows of a few; the expression for either namespace).
FORMS: dict[str, Callable[..., Any]] = {
    "x // 7": lambda xp, x: x // 7,
    "x % 7": lambda xp, x: x % 7,
    "x ** 3": lambda xp, x: x**3,
    "x.any()": lambda xp, x: x.any(),
    "(x > 0).all()": lambda xp, x: (x > 0).all(),
    "(x == x).all()": lambda xp, x: (x == x).all(),  # every element is looked at
    "x[::-1] + 1": lambda xp, x: x[::-1] + 1,
    "x[::2] + x[1::2]": lambda xp, x: x[::2] + x[1::2],
    "where(x > 0, x, 0)": lambda xp, x: xp.where(x > 0, x, 0 * x),
    "clip": lambda xp, x: xp.clip(x, -1, 1),
    "mean": lambda xp, x: x.mean(),
    "var": lambda xp, x: x.var(),
    "count_nonzero": lambda xp, x: xp.count_nonzero(x),
    "diff": lambda xp, x: xp.diff(x),
    "roll": lambda xp, x: xp.roll(x, 3),
    "concatenate": lambda xp, x: xp.concatenate([x, x]),
    "sort": lambda xp, x: xp.sort(x),
    "argsort": lambda xp, x: xp.argsort(x),
    "dot": lambda xp, x: x @ x,
}
ROW_FORMS: dict[str, Callable[..., Any]] = {
    "x.T + 0": lambda xp, x: x.T + 0,
    "ascontiguousarray(x.T)": lambda xp, x: xp.ascontiguousarray(x.T),
    "x + row": lambda xp, x: x + x[0],
    "x * column": lambda xp, x: x * x[:, :1],
    "x.T.exp": lambda xp, x: xp.sqrt(xp.abs(x.T)),
    "x @ vector": lambda xp, x: x @ x[0],
    "column @ x": lambda xp, x: x[:, 0] @ x,
    "x.T @ x": lambda xp, x: x.T @ x,
    "mean 0": lambda xp, x: x.mean(axis=0),
    "mean 1": lambda xp, x: x.mean(axis=1),
    "any 0": lambda xp, x: (x > 0).any(axis=0),
    "any 1": lambda xp, x: (x > 0).any(axis=1),
    "sort 1": lambda xp, x: xp.sort(x, axis=1),
    "x[:, 0] + 1": lambda xp, x: x[:, 0] + 1,
    "hstack": lambda xp, x: xp.concatenate([x, x], axis=1),
}  # fmt: skip
WIDTHS = (3, 16, 100)
OF_ROWS = ("argmax", "argmin", "softmax", "log_softmax", "logsumexp", "norm")


def drawn(dtype: str, size: int, seed: int = 0) -> np.ndarray:
    """Numbers around 1 of both signs; whole ones up to 100."""
    rng = np.random.default_rng(seed)
    kind = np.dtype(dtype).kind
    if kind == "b":
        return rng.random(size) > 0.5
    if kind == "i":
        return rng.integers(1, 100, size).astype(dtype)
    values = rng.normal(size=size)
    return (values + 1j * rng.normal(size=size) if kind == "c" else values).astype(dtype)


def of_numpy(name: str) -> Callable[..., Any] | None:
    """NumPy's function of this name, or SciPy's."""
    named = {"sigmoid": "expit", "max": "max", "softplus": ""}.get(name, name)
    return getattr(np, named, None) or getattr(scipy.special, named, None) if named else None


def elementwise(
    asked: list[str],
) -> Iterator[tuple[str, int, Callable[..., Any], Callable[..., Any]]]:
    """Name, arity, ours and theirs of every elementwise op that both have.

    Those that call SciPy's own functions only where asked for.
    """
    for name, op in OPS.items():
        ours = getattr(et, name, None) or getattr(et.special, name, None)
        theirs = of_numpy(name)
        if op.kind not in (Kind.ELEMENTWISE, Kind.COMPOSITE) or not (ours and theirs):
            continue
        if name not in OF_ROWS and (name not in EXTERNALS or name in asked):
            yield name, op.arity, ours, theirs


def arrays_of(name: str, dtype: str, size: int, arity: int) -> tuple[np.ndarray, ...]:
    """Operands within the function's domain."""
    arrays = [drawn(dtype, size, seed) for seed in range(arity)]
    if np.dtype(dtype).kind == "f":
        arrays[0] = DOMAINS.get(name, lambda x: x)(arrays[0]).astype(dtype)
    if name in ("left_shift", "right_shift", "ldexp"):
        arrays[1] = np.abs(drawn("int64", size) % 8).astype(dtype if name != "ldexp" else "int32")
    if name == "where":
        arrays[0] = drawn("bool", size)
    return tuple(arrays)


def cases(dtype: str, sizes: list[int], asked: list[str]) -> Iterator[Case]:
    """Everything at every size; a function stands for all sizes of an op."""
    wanted = chosen(asked)
    for name, arity, ours, theirs in elementwise(asked):
        if wanted(name):
            for size in sizes:
                yield f"{name} {size}", ours, theirs, arrays_of(name, dtype, size, arity)
    folds = [n for n, o in OPS.items() if o.kind in (Kind.REDUCTION, Kind.CUMULATIVE)]
    for name in [*folds, "argmax", "argmin"]:
        ours, theirs = getattr(et, name, None), getattr(np, name, None)
        if ours is None or theirs is None or not wanted(name):
            continue
        for axis in (None, 0, 1):
            own, other = along(ours, axis), along(theirs, axis)
            for size in sizes:
                shapes = [(size,)] if axis is None else [(size // w, w) for w in WIDTHS]
                if axis is not None and size >= 1000:
                    shapes += [(3, size // 3), (size // 1000, 1000)]
                for shape in shapes:
                    if all(shape):
                        x = drawn(dtype, int(np.prod(shape))).reshape(shape)
                        yield f"{name} axis={axis} {shape}", own, other, (x,)
    for forms, widths in ((FORMS, (0,)), (ROW_FORMS, WIDTHS)):
        for name, form in forms.items():
            if wanted(name):
                own, other = partial_of(form, et), partial_of(form, np)
                for size in sizes:
                    for width in widths:
                        if size >= 2 * width:
                            x = drawn(dtype, size if not width else size // width * width)
                            x = x.reshape(-1, width) if width else x
                            yield f"{name} {x.shape}", own, other, (x,)


def along(function: Callable[..., Any], axis: int | None) -> Callable[..., Any]:
    """The function along an axis."""
    return lambda x: function(x, axis=axis)


def partial_of(form: Callable[..., Any], namespace: Any) -> Callable[..., Any]:
    """The expression in a namespace."""
    return lambda *arrays: form(namespace, *arrays)


def seconds(calls: list[Callable[[], Any]]) -> list[float]:
    """Least CPU time of each call, taking turns; more turns where the last seems slower."""
    repeats, least = [], [np.inf] * len(calls)
    for call in calls:
        call()
        start = time.perf_counter()
        call()
        repeats.append(max(1, int(0.0005 / (time.perf_counter() - start + 1e-9))))
    for turn in range(ROUNDS + MORE_ROUNDS):
        if turn == ROUNDS and least[0] < 0.95 * least[-1]:
            break
        for k, call in enumerate(calls):
            start = time.thread_time()
            for _ in range(repeats[k]):
                call()
            least[k] = min(least[k], (time.thread_time() - start) / repeats[k])
    return least


def compiled(function: Callable[..., Any], known: dict[Any, Any], dtype: str) -> Any:
    """The function by `et.jit`, once for all sizes."""
    if (function, dtype) not in known:
        known.clear()
        known[function, dtype] = et.jit(function)
    return known[function, dtype]


def sweep(options: argparse.Namespace) -> None:
    """Print the table."""
    names = options.only.split(",") if options.only else []
    rows: list[tuple[float, str]] = []
    for dtype in options.dtypes.split(","):
        known: dict[Any, Any] = {}
        sizes = [int(float(size)) for size in options.sizes.split(",")]
        for name, ours, theirs, arrays in cases(dtype, sizes, names):
            f = compiled(ours, known, dtype)
            try:
                f(*arrays), theirs(*arrays)
            except (EqsatError, TypeError, ValueError):
                continue  # one of them does not have it for this dtype
            own, other = seconds([lambda f=f, a=arrays: f(*a), lambda a=arrays, t=theirs: t(*a)])
            line = f"{dtype:11}{name:40}{1e6 * other:12.2f}{1e6 * own:12.2f} us"
            rows.append((other / own, line))
            if options.progress:
                sys.stderr.write(f"{other / own:6.2f}  {line}\n")
    rows.sort()
    below = [row for row in rows if options.all or row[0] < 1]
    sys.stdout.write(f"NumPy / ours of {len(rows)} rows; {len(below)} printed\n")
    sys.stdout.writelines(f"{ratio:6.2f}  {line}\n" for ratio, line in below)


def special(options: argparse.Namespace) -> None:
    """Print what is slow on special values alone."""
    names = options.only.split(",") if options.only else []
    size = 4096
    sys.stdout.write("ns an element: ordinary, on the class; the same of NumPy\n")
    for dtype in [d for d in options.dtypes.split(",") if d.startswith("float")]:
        limits = np.finfo(dtype)
        classes = {
            "inf": np.inf, "nan": np.nan, "zero": 0.0, "subnormal": limits.tiny / 3, "tiny": limits.tiny * 4,
            "huge": limits.max / 4, "100": 100.0, "800": 800.0, "-800": -800.0, "-100": -100.0, "-740": -740.0,
            "1e5": 1e5, "1e10": 1e10, "-1": -1.0, "minus inf": -np.inf,
        }  # fmt: skip
        for name, arity, ours, theirs in elementwise(names):
            if not chosen(names)(name):
                continue
            arrays = arrays_of(name, dtype, size, arity)
            f = et.jit(ours)
            try:
                f(*arrays), theirs(*arrays)
            except (EqsatError, TypeError, ValueError):
                continue
            made = {"": arrays}
            for kind, value in classes.items():
                for place in range(arity):
                    changed = list(arrays)
                    if changed[place].dtype == dtype:
                        changed[place] = np.full(size, value, dtype)
                        made[f"{kind} in {place}"] = tuple(changed)
            found = {}
            for kind, given in made.items():
                own = [lambda f=f, a=given: f(*a), lambda a=given, t=theirs: t(*a)]
                found[kind] = [1e9 * s / size for s in seconds(own)]
            for kind, (own_time, other) in found.items():
                usual, their_usual = found[""]
                if options.all or (own_time > 4 * usual and own_time / usual > other / their_usual):
                    text = f"{usual:8.2f}{own_time:9.2f}{their_usual:9.2f}{other:9.2f}"
                    sys.stdout.write(f"{dtype:9}{name:18}{kind:18}{text}\n")


def chosen(names: list[str]) -> Callable[[str], bool]:
    """Is a name asked for?  All are where none are given."""
    return lambda name: not names or any(part == name or part in name.split() for part in names)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="names of ops or forms, or words of them")
    parser.add_argument("--dtypes", default=",".join(DTYPES))
    parser.add_argument("--sizes", default="10,1000,1e5,1e6")
    parser.add_argument("--all", action="store_true", help="rows above 1.0 too")
    parser.add_argument("--progress", action="store_true", help="each row as it is timed")
    parser.add_argument("--special", action="store_true", help="special values")
    options = parser.parse_args()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        special(options) if options.special else sweep(options)


if __name__ == "__main__":
    main()
