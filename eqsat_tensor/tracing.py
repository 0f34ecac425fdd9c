"""A Python function -> `Expr`: run once on tensors, with symbols for sizes.

The shape policy of `jit`: one trace per rank, dtype and which sizes are 0 or 1; all other sizes
are symbols, at least 2, equal only where an operation needs it.  ``int()`` or ``range()`` of a
symbolic size pins it to the value at hand: the trace then serves only that, and its sizes are numbers.
A comparison binds the trace to sizes that compare alike; many comparisons pin, too.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from eqsat_tensor.errors import (
    ArgumentError,
    DtypeError,
    TraceError,
    UnsupportedError,
    message,
    named,
)
from eqsat_tensor.extents import Guard, Size, SizeFunction, evaluate, symbol, symbols_of
from eqsat_tensor.lang import OPS, Expr, apply, substitute_sizes
from eqsat_tensor.sizes import numbered
from eqsat_tensor.tensor import Tensor, as_expr
from eqsat_tensor.trees import Tree, flatten, unflatten
from eqsat_tensor.types import ALL_DTYPES, is_masked, known_dtype

_keys = count(1 << 40)
CHOICES = 16  # comparisons of sizes that a trace is bound by; beyond, it is pinned
PYTHON_DTYPES = {
    kind: np.dtype(name)
    for kind, name in (
        (bool, "bool"), (int, "int64"), (float, "float64"), (complex, "complex128")
    )
}  # fmt: skip


@dataclass(frozen=True)
class Abstract:
    """What the trace knows of one argument: dtype, sizes 0 and 1, and whether a Python number."""

    dtype: np.dtype
    shape: tuple[int | None, ...]
    weak: bool = False


@dataclass(frozen=True)
class Traced:
    """A function as a graph: its argument leaves, its results and their nest.

    pins     sizes that it serves only at these values.
    choices  what must be true of the others.
    written  arguments that the function wrote to: number, and value at the end.
    """

    arguments: tuple[Expr, ...]
    outputs: tuple[Expr, ...]
    tree: Tree
    pins: Mapping[str, int]
    written: tuple[tuple[int, Expr], ...] = ()
    choices: tuple[Guard, ...] = ()

    def serves(self, sizes: Mapping[str, int]) -> bool:
        """Is this the trace for arguments of such sizes?"""
        return all(sizes[n] == v for n, v in self.pins.items()) and all(
            choice.holds(sizes) for choice in self.choices
        )


def _is_remainder(size: Size) -> bool:
    """Is it what a division leaves, of which many sizes leave the same?"""
    if isinstance(size, int) or len(size.terms) != 1:
        return False
    return all(isinstance(a, SizeFunction) and a.name == "%" for a in size.terms[0][0])


class Noted:
    """`Numbers` of one trace, which notes what it comes to depend on."""

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}
        self.pins: dict[str, int] = {}
        self.choices: dict[Guard, None] = {}

    def pin(self, size: Size) -> int:
        for name in symbols_of(size):
            self.pins[name] = self.sizes[name]
        return evaluate(size, self.sizes)

    def equal(self, left: Size, right: Size) -> bool:
        numbers = evaluate(left, self.sizes), evaluate(right, self.sizes)
        if numbers[0] > numbers[1]:
            self._choose(">=", left, right + 1)
        elif numbers[0] < numbers[1]:
            self._choose(">=", right, left + 1)
        elif isinstance(right, int) and not _is_remainder(left):
            self.pin(left)
        else:
            self._choose("==", left, right)
        return numbers[0] == numbers[1]

    def at_least(self, left: Size, right: Size) -> bool:
        answer = evaluate(left, self.sizes) >= evaluate(right, self.sizes)
        if answer:
            self._choose(">=", left, right)
        else:
            self._choose(">=", right, left + 1)
        return answer

    def _choose(self, relation: str, left: Size, right: Size) -> None:
        choice = Guard(relation, left, right, "")
        if choice in self.choices or len(self.choices) < CHOICES:
            self.choices[choice] = None
        else:
            self.pin(left - right)

    def left(self) -> tuple[Guard, ...]:
        """The choices that pins do not settle."""
        return tuple(
            c for c in self.choices if not symbols_of(c.left - c.right) <= self.pins.keys()
        )


def abstract(function: str, name: str, value: Any) -> Abstract:
    """What is known of an argument before tracing; ArgumentError where it is no array."""
    if type(value) in PYTHON_DTYPES:
        return Abstract(PYTHON_DTYPES[type(value)], (), True)
    if is_masked(value) or not hasattr(value, "__array__"):
        got = f"{name}={named(value)}"
        raise ArgumentError(message(function, f"{name} as an array or number", got))
    array = value if hasattr(value, "__cuda_array_interface__") else np.asarray(value)
    try:
        dtype = known_dtype(array.dtype)
    except DtypeError:
        there = ", ".join(d.name for d in ALL_DTYPES)
        got = f"{name}: {array.dtype}"
        raise DtypeError(message(function, f"{name} of a dtype among {there}", got)) from None
    return Abstract(dtype, tuple(n if n < 2 else None for n in array.shape))


def trace(
    function: Callable[..., Any],
    values: Sequence[Any],
    abstracts: Sequence[Abstract],
    nest: tuple[Tree, Callable[[Any], tuple[tuple[Any, ...], dict[str, Any]]]],
    names: Sequence[str],
    pinned: frozenset[str],
) -> Traced:
    """Run ``function`` on tensors shaped like ``values``.

    ``nest`` puts leaves back into the arguments of a call; sizes named in ``pinned`` are numbers
    from the start.
    """
    leaves: list[Expr] = []
    tensors: list[Tensor] = []
    noted = Noted()
    sizes, pins = noted.sizes, noted.pins
    for name, value, known in zip(names, values, abstracts, strict=True):
        actual = np.shape(value)
        shape = []
        for axis, size in enumerate(known.shape):
            label = f"{name}{axis}"
            sizes[label] = actual[axis]
            if size is None and label in pinned:
                pins[label] = size = actual[axis]
            shape.append(symbol(label, 2) if size is None else size)
        leaf = apply(
            OPS["input"], name=name, key=next(_keys), dtype=known.dtype, shape=tuple(shape)
        )
        leaves.append(leaf)
        tensors.append(Tensor(leaf, weak=type(value) if known.weak else None))

    tree, rebuild = nest
    args, kwargs = rebuild(unflatten(tree, tensors))
    with numbered(noted):
        try:
            outputs, out_tree = flatten(function(*args, **kwargs))
        except ValueError as error:
            if isinstance(error.__cause__, TraceError):  # NumPy hides why x[0] = tensor fails
                raise error.__cause__ from None
            raise
        results = tuple(_output(o) for o in outputs)  # views are read now, where sizes can be asked
        written = tuple(
            (i, tensor.expr)
            for i, (tensor, leaf) in enumerate(zip(tensors, leaves, strict=True))
            if tensor.expr is not leaf
        )
    where = [i for i, _ in written]
    every = [*leaves, *results, *(e for _, e in written)]
    if pins:  # what is said of sizes in terms of others is settled, and simpler programs are better
        every = substitute_sizes(every, pins)
    ends = len(leaves), len(leaves) + len(results)
    return Traced(
        tuple(every[: ends[0]]),
        tuple(every[ends[0] : ends[1]]),
        out_tree,
        pins,
        tuple(zip(where, every[ends[1] :], strict=True)),
        noted.left(),
    )


def _output(value: Any) -> Expr:
    if isinstance(value, str | bytes):
        raise UnsupportedError(f"jit: a result must be an array or a number; got {value!r:.40}.")
    return as_expr(value)


def signature_of(function: Callable[..., Any]) -> inspect.Signature | None:
    """The signature, or None for a callable that has none."""
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None


def leaf_names(tree: Tree, prefix: str) -> list[str]:
    """A name for each leaf of an argument: its own, or with its path inside a nest."""
    if tree.kind == "leaf":
        return [prefix]
    keys: Sequence[Any] = tree.keys or range(len(tree.children))
    return [
        n
        for key, child in zip(keys, tree.children, strict=True)
        for n in leaf_names(child, f"{prefix}_{key}")
    ]


def distinct_names(names: Sequence[str]) -> list[str]:
    """The names, those that came before with a number: sizes are named after arguments."""
    seen: set[str] = set()
    result = []
    for name in names:
        fresh, number = name, 1
        while fresh in seen:
            number += 1
            fresh = f"{name}_{number}"
        seen.add(fresh)
        result.append(fresh)
    return result
