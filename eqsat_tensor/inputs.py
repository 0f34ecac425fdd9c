"""Inputs of graphs: declared by name, shape and dtype; and the tensors that stand for them."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from eqsat_tensor.errors import ArgumentError, DtypeError, message
from eqsat_tensor.extents import Size, symbol
from eqsat_tensor.lang import Expr
from eqsat_tensor.ops.captured import input_leaf
from eqsat_tensor.sizes import Dim
from eqsat_tensor.tensor import Tensor
from eqsat_tensor.types import known_dtype


def tensor(name: str, shape: Sequence[int | str | Dim] = (), dtype: Any = "float64") -> Tensor:
    """An input of a graph.

    shape: ints, and names of sizes known at run time only; one name means one size everywhere.
    Raises DtypeError for a dtype that is not bool, int8 to int64, uint8 to uint64, float16 to
    float64, complex64 or complex128.
    """
    if not isinstance(name, str):
        raise ArgumentError(message("tensor", "a name", f"{name!r:.60}", "The name comes first."))
    if isinstance(shape, str | int | Dim):
        shape = (shape,)
    sizes = tuple(declared_size(s) for s in shape)
    try:
        given = np.dtype(dtype)
    except TypeError:
        raise DtypeError(message("tensor", "a dtype of NumPy", f"{dtype!r:.60}")) from None
    made = Tensor(input_leaf(name, known_dtype(given), sizes), fixed=True)
    _inputs[made.expr] = made
    return made


_inputs: WeakValueDictionary[Expr, Tensor] = WeakValueDictionary()


def input_tensor(expr: Expr) -> Tensor | None:
    """The tensor made by `tensor` that an input leaf stands for, while it lives; or None."""
    return _inputs.get(expr)


def declared_size(size: int | str | Dim) -> Size:
    """The size that a number, a name or a `Dim` says; ArgumentError for anything else."""
    if isinstance(size, str):
        if not size.isidentifier():
            needs = "names of sizes that are words"
            hint = "Sizes are not computed here; take them of x.shape."
            raise ArgumentError(message("tensor", needs, repr(size), hint))
        return symbol(size)
    if isinstance(size, Dim):
        return size.size
    try:
        number = index(size)
    except TypeError:
        number = -1
    if number < 0:
        needs = "sizes that are names, or whole and not negative"
        raise ArgumentError(message("tensor", needs, f"{size!r:.60}"))
    return number
