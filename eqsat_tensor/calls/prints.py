"""`print`: what a value is, told while a program runs.

    y = et.print(x, "x") + 1     ->    y = x + 1, and x goes to a call of Python besides

The value itself is x, for derivatives and rewrites alike: nothing is computed otherwise than without
the print.  The call is a check of the program (`lang.checks_of`) that always comes out true, and each
takes the one before it as an operand, so that they come in the order in which they were written.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, TextIO

import numpy as np

from eqsat_tensor.calls.ops import Callback, all_types, wrapped
from eqsat_tensor.errors import ArgumentError, message
from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.lang import BOOL, Expr, OpDef
from eqsat_tensor.ops.marker import MARKERS
from eqsat_tensor.tensor import Tensor, as_tensor, is_traced
from eqsat_tensor.types import TensorType

WHOLE = 100  # elements of an array that is printed; of a larger one what stands in `summary`
TRUE = all_types((TensorType(BOOL, ()),))
_numbers = count()


@dataclass(frozen=True, eq=False)
class Note:
    """One `print` of a program."""

    label: str
    file: TextIO | None
    callback: Callback
    number: int


def print_(x: Any, label: str = "", file: TextIO | None = None) -> Any:
    """`x`; each time that a program computes it, its label, dtype, shape and value are printed.

    An array of more than 100 elements is told by its smallest, mean and largest element, and by how
    many are NaN or infinite.  file: where to, standard output (as it is then) for None.
    Prints come in the order of their calls, each once a run; under `et.vmap` for the whole batch;
    of a value that nothing needs, none.  An array that is no tensor is printed at once.
    """
    if not isinstance(label, str):
        raise ArgumentError(message("print", "a label that is a str", f"{label!r:.60}"))
    if not is_traced(x):
        show(np.asarray(x), label, file)
        return x
    tensor = as_tensor(x)

    def tell(array: np.ndarray[Any, Any], *before: Any) -> np.bool_:
        show(array, label, file)
        return np.True_

    note = Note(label, file, Callback(tell, f"print {label}", 1, None), next(_numbers))
    return Tensor(printed(tensor.expr, note=note), tensor.weak)


def show(array: np.ndarray[Any, Any], label: str, file: TextIO | None) -> None:
    """Print one value."""
    head = f"{label}: " if label else ""
    shape = ", ".join(map(str, array.shape))
    if array.size > WHOLE:
        value = summary(array)
    else:
        value = np.array2string(array) if array.ndim else str(array[()])
    gap = "\n" if "\n" in value else " "
    out = sys.stdout if file is None else file
    out.write(f"{head}{array.dtype}[{shape}]{gap}{value}\n")
    out.flush()


def summary(array: np.ndarray[Any, Any]) -> str:
    """``min -2.1, mean 0.03, max 1.9, 2 nan, 1 infinite``: of the finite elements; of sizes of complex
    ones; of bools how many are true."""
    if array.dtype.kind == "b":
        return f"{int(array.sum())} true"
    sizes = np.abs(array) if array.dtype.kind == "c" else array
    finite = sizes[np.isfinite(sizes)]
    told = []
    if finite.size:
        mean = finite.mean(dtype=np.float64)
        told.append(f"min {finite.min():.6g}, mean {mean:.6g}, max {finite.max():.6g}")
    for number, name in (
        (int(np.isnan(sizes).sum()), "nan"),
        (int(np.isinf(sizes).sum()), "infinite"),
    ):
        if number:
            told.append(f"{number} {name}")
    return ", ".join(told)


def _calls(nodes: Sequence[Expr]) -> list[tuple[Expr, str]]:
    found: list[tuple[Expr, str]] = []
    for node in sorted(nodes, key=lambda n: n["note"].number):
        operands = [node.arguments[0], *(call for call, _ in found[-1:])]
        found.append((wrapped(node["note"].callback, TRUE, operands, 0), "print: failed"))
    return found


printed = OpDef(
    "printed",
    Kind.BARRIER,
    arity=1,
    numpy=lambda x, note: x,
    infer=lambda x, note: x,
    attributes={"note": Attribute.OBJECT},
    vjp=lambda ct, out, x, note: (ct,),
    jvp=lambda tangents, out, x, note: tangents[0],
    batch=lambda node, operands, size: node.rebuilt(operands),
    all_checks=_calls,
    ulps=0.0,
    doc="x, printed.",
)
MARKERS.add(printed)
