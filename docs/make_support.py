"""Writes docs/support.md: what each function of NumPy and of scipy.special becomes, or why it is missing.

    python docs/make_support.py

How a function is computed is read off the functions and op records that it can reach.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
import scipy.special

import eqsat_tensor as et
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import OPS, OpDef
from eqsat_tensor.namespace import NOT_THERE, OBJECTS, PUBLIC
from eqsat_tensor.namespace.fourier import FOURIER
from eqsat_tensor.namespace.linalg import LINALG, LINALG_MISSING
from eqsat_tensor.namespace.special import SPECIAL
from eqsat_tensor.scalar import PRIMITIVES

TARGET = Path(__file__).with_name("support.md")
TABLES = {
    "PUBLIC": PUBLIC,
    "FUNCTIONS": PUBLIC,
    "LINALG": LINALG,
    "FOURIER": FOURIER,
    "OPS": OPS,
    "SPECIAL": SPECIAL,
}
ROOMS = ("eqsat_tensor.namespace", "eqsat_tensor.ops")

COMPILED = "compiled"
SINGULAR = 'of matrices with ord=2, -2 or "nuc" by a library call'
MOSTLY_COMPILED = {"norm": SINGULAR, "matrix_norm": SINGULAR, "vector_norm": ""}
EXTERNAL = "SciPy's C function"
LIBRARY = "library call"
HEAD = f"""# What is supported

Made by `python docs/make_support.py` from the registries; a test holds it to them.

* **{COMPILED}**: loops of our own, fused with what is around them (a composition of ops, or one op).
  Matrix products are calls of the BLAS.
* **{EXTERNAL}**: loops of our own, that call SciPy's compiled function for each element.
* **{LIBRARY}**: one call of NumPy or SciPy on whole arrays, from within the compiled program.
* **by reference**: nothing is computed so by itself. `et.wrap` makes an op of a Python function,
  `mode="reference"` computes a whole program by NumPy.
* All else says why it is not there.  Every function is traced through NumPy's own name as well.
"""


def reached(function: Any) -> Iterator[OpDef]:
    """The op records that a function of the namespace can come to."""
    seen: set[int] = set()
    stack = [function]
    while stack:
        item = stack.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, OpDef):
            yield item
            stack += [item.expand] if item.expand is not None else []
        elif isinstance(item, functools.partial):
            stack += [item.func, *item.args]
        else:
            while hasattr(item, "__wrapped__"):
                item = item.__wrapped__
            if isinstance(item, FunctionType) and item.__module__.startswith(ROOMS):
                stack += _named(item)


def _named(function: FunctionType) -> Iterator[Any]:
    """What a function's text names: functions, records, entries of tables, and what it closes over."""
    codes: list[CodeType] = [function.__code__]
    while codes:
        code = codes.pop()
        codes += [c for c in code.co_consts if isinstance(c, CodeType)]
        texts = [c for c in code.co_consts if isinstance(c, str)]
        for name in code.co_names:
            table: Any = TABLES.get(name, {})
            yield from (table[t] for t in texts if t in table)
            value = function.__globals__.get(name)
            if isinstance(value, FunctionType | OpDef | functools.partial):
                yield value
            elif isinstance(value, ModuleType) and value.__name__.startswith("eqsat_tensor.ops"):
                found = (getattr(value, inner, None) for inner in code.co_names)
                yield from (f for f in found if isinstance(f, FunctionType | OpDef))
    for cell in function.__closure__ or ():
        yield cell.cell_contents


def how(function: Callable[..., Any]) -> str:
    """The way in which a function is computed."""
    ops = list(reached(function))
    if any(op.kind is Kind.LIBRARY for op in ops):
        return LIBRARY
    words = {op.name for op in ops if op.kind is Kind.ELEMENTWISE}
    external = any(w in PRIMITIVES and PRIMITIVES[w].external for w in words)
    return EXTERNAL if external else COMPILED


def rows(
    names: list[str], there: dict[str, Any], others: dict[str, Any], missing: dict[str, str]
) -> Iterator[str]:
    """A line a name: how it is computed, a plain object, or why it is missing."""
    for name in sorted(names, key=str.lower):
        if name in there and name in MOSTLY_COMPILED:
            note = MOSTLY_COMPILED[name]
            yield f"| `{name}` | {COMPILED} | {note} |" if note else f"| `{name}` | {COMPILED} | |"
        elif name in there:
            yield f"| `{name}` | {how(there[name])} | |"
        elif name == "extract":
            yield "| `extract` | compiled | as numpy.extract; `et.extract` is a room of the compiler |"
        elif name in others:
            yield f"| `{name}` | as in NumPy | |"
        else:
            yield f"| `{name}` | not there | {missing[name]} |"


def table(title: str, lines: Iterator[str]) -> str:
    """One section."""
    return "\n".join([f"## {title}\n", "| function | how | note |", "|---|---|---|", *lines, ""])


def text() -> str:
    """The whole document."""
    numpy = [n for n in sorted(np.__all__) if not n.startswith("__")]
    others = {n: getattr(et, n) for n in numpy if n in OBJECTS or hasattr(et, n)}
    linalg = [n for n in np.linalg.__all__ if n != "LinAlgError"]
    special = [n for n in scipy.special.__all__ if isinstance(getattr(scipy.special, n), np.ufunc)]
    special = sorted({*special, *(n for n in dir(et.special) if n in scipy.special.__all__)})
    norms = {**LINALG, "norm": PUBLIC["norm"]}
    own = [n for n in PUBLIC if n not in numpy and not n.startswith("_")]
    sections = [
        table("numpy", rows(numpy, PUBLIC, others, NOT_THERE)),
        table("numpy.linalg", rows(linalg, norms, {}, LINALG_MISSING)),
        table("numpy.fft", rows(list(np.fft.__all__), FOURIER, {}, {})),
        table("scipy.special, as et.special", rows(special, SPECIAL, {}, et.special.NOT_THERE)),
        table("Beyond NumPy", rows(own, PUBLIC, {}, {})),
    ]
    return "\n".join([HEAD, *sections])


if __name__ == "__main__":
    TARGET.write_text(text())
