"""Tensors that share elements, as NumPy's views do: how they are made, and written through.

A view keeps the tensor that it was made from, and how: where that changed since, the view is made
again when it is read.  A write goes back the way that the view came: each movement is inverted,
a slice is pasted into what it was cut from, a part of complex numbers is joined to the other part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from eqsat_tensor.errors import ReadOnlyError, message
from eqsat_tensor.extents import Size, SizeFunction, SizeTerm, Symbol, evaluate, product, symbol
from eqsat_tensor.lang import Expr
from eqsat_tensor.namespace.keys import replaced_slice
from eqsat_tensor.namespace.operands import READ_ONLY
from eqsat_tensor.ops import complexes, movement
from eqsat_tensor.ops.captured import input_leaf
from eqsat_tensor.sizes import size_or_dim, sizes_now
from eqsat_tensor.storage import Storage
from eqsat_tensor.tensor import FUNCTIONS, Tensor, View
from eqsat_tensor.types import Shape


def as_views(
    name: str,
    function: Callable[..., Any],
    args: Sequence[Any],
    options: Mapping[str, Any],
    made: Any,
) -> Any:
    """What a function of `VIEWS` made of its first operand, as views of that."""
    x, *rest = args
    given = (*rest, *options.values())
    if not isinstance(x, Tensor) or x.is_number:
        return made
    zeros = name == "imag" and x.dtype.kind != "c"
    write = None if name in READ_ONLY or zeros else written_back

    def part(k: int | None, parent: Expr) -> Expr:
        again = function(Tensor(parent), *rest, **options)
        result: Tensor = again if k is None else again[k]
        return result.expr

    if not isinstance(made, Tensor):
        for k, piece in enumerate(made):
            piece.share(View(x, partial(part, k), write))
        return made
    if name in ("reshape", "ravel") and any(isinstance(v, str) and v == "F" for v in given):
        return made  # made by other functions, which know whose elements they share
    view = View(x, partial(part, None), write)
    if name not in ("reshape", "ravel") or shares_memory(view, made.expr.shape, name == "ravel"):
        made.share(view)
    return made


FUNCTIONS["__views__"] = as_views


# --------------------------------------------------------------------------------- the way back
def steps_of(view: View) -> list[Expr]:
    """The movements that lead from the parent to the view, on a leaf that stands for the parent."""
    parent = view.parent.expr
    leaf = input_leaf("base", parent.dtype, parent.shape)
    node = view.again(leaf)
    steps: list[Expr] = []
    while node is not leaf:
        steps.append(node)
        node = node.arguments[0]
    return steps[::-1]


def written_back(view: View, value: Expr) -> Expr:
    """The parent's value, where the view is to have this one."""
    before = [view.parent.expr]
    steps = steps_of(view)
    for step in steps[:-1]:
        before.append(moved(step, before[-1]))
    for step, x in zip(reversed(steps), reversed(before), strict=False):
        value = moved_back(step, x, value)
    return value


def moved(step: Expr, x: Expr) -> Expr:
    """One movement, done to `x`."""
    named = step.named
    match step.op.name:
        case "slice":
            return movement.slice_(x, named["start"], named["step"], named["shape"])
        case "transpose":
            return movement.transpose(x, named["axes"])
        case "squeeze":
            return movement.squeeze(x, named["axes"])
        case "broadcast":
            return movement.broadcast(x, named["axes"], named["shape"])
        case "reshape":
            return movement.reshape(x, named["shape"])
        case "refine" | "stretch":
            return movement.refine(x, named["shape"])
    return step.rebuilt((x, *step.arguments[1:]))


def moved_back(step: Expr, x: Expr, value: Expr) -> Expr:
    """`x`, where one movement of it is to give ``value``."""
    named = step.named
    match step.op.name:
        case "slice":
            return replaced_slice(x, value, named["start"], named["step"], named["shape"])
        case "transpose":
            order = named["axes"]
            return movement.transpose(value, [order.index(j) for j in range(len(order))])
        case "squeeze":
            return movement.expand_dims(value, named["axes"])
        case "reshape":
            return movement.reshape(value, x.shape)
        case "refine" | "stretch":
            return movement.refine(value, x.shape)
        case "real":
            return complexes.complex_(value, complexes.imag(x))
        case "imag":
            return complexes.complex_(complexes.real(x), value)
        case "broadcast" if all(named["shape"][a] == 1 for a in named["axes"]):
            return movement.squeeze(value, named["axes"])
    raise ReadOnlyError(
        message(
            "x[...] = v",
            "a view that may be written to",
            f"one by {step.op.name}",
            "Write to a copy().",
        )
    )


# ------------------------------------------------------------------- where NumPy's reshape copies
Layout = tuple[tuple[int, ...], tuple[int, ...]]  # shape and strides, in elements


def shares_memory(view: View, new: Shape, whole: bool) -> bool:
    """Is a reshape a view in NumPy, the base being in C order?  ``whole``: only if it is contiguous.

    Asked of the sizes at hand, and of primes in their place.  Where the answers differ the trace is
    for the sizes at hand alone.
    """
    anywhere = _shares(view, new, whole, Numbers())
    known = sizes_now()
    if known is None:
        return bool(anywhere)
    now = Numbers(known)
    here = _shares(view, new, whole, now)
    if here != anywhere:
        for name in now.asked:
            int(size_or_dim(symbol(name)))
    return bool(here)


def _shares(view: View, new: Shape, whole: bool, sizes: Numbers) -> bool | None:
    """None where the sizes do not fit together."""
    before = layout(view.parent, sizes)
    if before is None:
        return None
    shape, strides = before
    lines = zip(shape, strides, contiguous(shape), strict=True)
    if 0 in shape or all(n == 1 or s == whole_step for n, s, whole_step in lines):
        return True
    after = sizes.of(new)
    if whole or product(shape) != product(after):
        return False if whole else None
    return reshaped(before, after) is not None


class Numbers(dict[str, int]):
    """A number for each size symbol: as given, or a prime."""

    def __init__(self, known: Mapping[str, int] | None = None) -> None:
        super().__init__(known or {})
        self.asked: set[str] = set()

    def of(self, shape: Shape) -> tuple[int, ...]:
        """The sizes of a shape."""
        for size in shape:
            for name in names_in(size):
                self.asked.add(name)
                self.setdefault(name, PRIMES[len(self) % len(PRIMES)])
        return tuple(evaluate(s, self) for s in shape)


PRIMES = (101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157)


def names_in(size: Size) -> list[str]:
    """The symbols of a size, in the order in which they stand."""
    if not isinstance(size, SizeTerm):
        return []
    found: list[str] = []
    for atom in chain.from_iterable(monomial for monomial, _ in size.terms):
        if isinstance(atom, Symbol):
            found.append(atom.name)
        elif isinstance(atom, SizeFunction):
            found += names_in(atom.left) + names_in(atom.right)
    return found


def contiguous(shape: Sequence[int]) -> tuple[int, ...]:
    """Strides of C order."""
    return tuple(int(np.prod(shape[j + 1 :], dtype=np.int64)) for j in range(len(shape)))


def layout(x: Storage, sizes: Numbers) -> Layout | None:
    """How a tensor lies in memory, its base being in C order; None where sizes do not fit."""
    shape = sizes.of(x.expr.shape)
    if x.shown is None:
        return shape, contiguous(shape)
    found = layout(x.shown.parent, sizes)
    for step in steps_of(x.shown):
        if found is None:
            return None
        found = _step(step, found, sizes)
    return found


def _step(step: Expr, before: Layout, sizes: Numbers) -> Layout | None:
    named, strides = step.named, before[1]
    after = sizes.of(step.shape)
    match step.op.name:
        case "slice":
            return after, tuple(s * t for s, t in zip(strides, named["step"], strict=True))
        case "transpose":
            return after, tuple(strides[a] for a in named["axes"])
        case "squeeze":
            return after, tuple(s for j, s in enumerate(strides) if j not in named["axes"])
        case "broadcast":
            rest = iter(strides)
            return after, tuple(0 if j in named["axes"] else next(rest) for j in range(len(after)))
        case "diagonal":
            return after, (*strides[:-2], strides[-2] + strides[-1])
        case "gather":  # by one label: an axis less
            return after, strides[1:]
        case "reshape":
            return reshaped(before, after)
    return after, strides


def reshaped(before: Layout, shape: Sequence[int]) -> Layout | None:
    """The layout of another shape of the same memory, where NumPy need not copy."""
    old, strides = before
    if product(old) != product(shape):
        return None
    byte = np.empty(1, np.uint8)
    dummy = np.lib.stride_tricks.as_strided(byte, old, strides)  # never read: strides alone matter
    try:
        return tuple(shape), np.reshape(dummy, shape, copy=False).strides
    except ValueError:
        return None
