"""Functions of functions: how `grad`, `vmap` and their like take tensors, and arrays by compiling.

A transformed function called on tensors (or while `jit` traces, or closing over tensors) builds a graph;
called on arrays alone it is compiled by `jit` and run.  What is made for a function and asked for again
(`jvp`, `hvp`) is compiled once a function: as with `jit`, what the function closes over is read once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eqsat_tensor.errors import GradientError, message, needs_function
from eqsat_tensor.lang import Expr, replaced
from eqsat_tensor.ops.captured import input_leaf
from eqsat_tensor.sizes import tracing
from eqsat_tensor.tensor import Tensor, as_tensor, is_operand, is_traced
from eqsat_tensor.trees import Tree, flatten, unflatten

# Set by the compiler: what makes a function of arrays from a function of tensors.
compile_hook: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None

PLAIN = frozenset((np.ndarray, np.float64, np.float32, float))  # surely no tensors
REMEMBERED = 256  # compiled functions kept for functions that are transformed again
_compiled: OrderedDict[tuple[Hashable, ...], Callable[..., Any]] = OrderedDict()


def traces(function: Any, *values: Any) -> bool:
    """Must a call build a graph: is something traced here, or held by the function?"""
    if tracing() or any(is_traced(leaf) for leaf in flatten(values)[0]):
        return True
    return _holds_tensors(function, 3)


def _holds_tensors(value: Any, depth: int) -> bool:
    """Does a function close over tensors?"""
    while depth and hasattr(value, "__wrapped__"):
        value = value.__wrapped__
    for cell in getattr(value, "__closure__", None) or ():
        try:
            held = cell.cell_contents
        except ValueError:  # a name that is not bound yet
            continue
        if any(is_traced(leaf) for leaf in flatten(held)[0]):
            return True
        if depth and callable(held) and _holds_tensors(held, depth - 1):
            return True
    return False


def compiled(operation: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` on arrays."""
    if compile_hook is None:
        raise GradientError(message(operation, "traced arguments, or the compiler"))
    return compile_hook(function)


def call_compiled(
    operation: str, function: Any, key: Hashable, body: Callable[..., Any], *args: Any
) -> Any:
    """``body(*args)`` on arrays, compiled once for the same ``operation``, ``function`` and ``key``.

    Nests in ``args`` are taken apart before: calls with flat arguments are native.
    """
    leaves, tree = flatten(args)

    def flat(*values: Any) -> Any:
        return body(*unflatten(tree, values))

    whole = (operation, function, key, tree)
    try:
        found = _compiled.get(whole)
    except TypeError:  # not hashable: compiled at each call
        return compiled(operation, flat)(*leaves)
    if found is None:
        found = _compiled[whole] = compiled(operation, flat)
        while len(_compiled) > REMEMBERED:
            _compiled.popitem(last=False)
    _compiled.move_to_end(whole)
    return found(*leaves)


class Transformed:
    """A function made of another: on tensors it builds a graph, on arrays it is compiled and run."""

    def __init__(
        self, operation: str, function: Callable[..., Any], traced: Callable[..., Any]
    ) -> None:
        needs_function(operation, function)
        self.operation, self.function, self.traced = operation, function, traced
        self.compiled: Callable[..., Any] | None = None
        name = getattr(function, "__name__", "function")
        self.__name__ = f"{operation}_of_{name}"
        self.__doc__ = getattr(function, "__doc__", None)
        self.__wrapped__ = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        made = self.compiled
        plain = not kwargs and all(type(a) in PLAIN for a in args)
        if made is not None and plain and not tracing():
            return made(*args)
        if traces(self.function, args, kwargs):
            return self.traced(*args, **kwargs)
        if self.compiled is None:
            self.compiled = compiled(self.__name__, self)
        return self.compiled(*args, **kwargs)


# ------------------------------------------------------------------------------ arguments opened
@dataclass(frozen=True)
class Opened:
    """Arguments of a call with fresh leaves in their place, so that nothing else depends on them.

    leaves  one a leaf of the arguments' nests;  given  what they stand for.
    trees   the nest of each opened argument;  args  the arguments to call the function with.
    """

    leaves: tuple[Expr, ...]
    given: tuple[Expr, ...]
    trees: tuple[Tree, ...]
    args: tuple[Any, ...]

    def close(self, exprs: Sequence[Expr]) -> list[Expr]:
        """Expressions with the given arguments put back."""
        return replaced(exprs, dict(zip(self.leaves, self.given, strict=True)))

    def nests(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """One value a leaf -> a nest like each opened argument."""
        rest = iter(values)
        return tuple(unflatten(t, [next(rest) for _ in range(t.leaves)]) for t in self.trees)


def open_arguments(operation: str, args: Sequence[Any], numbers: Sequence[int]) -> Opened:
    """Fresh leaves for the leaves of the arguments at ``numbers``."""
    call = list(args)
    leaves: list[Expr] = []
    given: list[Expr] = []
    trees = []
    for number in numbers:
        if not -len(args) <= number < len(args):
            got = f"argnums {tuple(numbers)} of {len(args)} arguments"
            raise GradientError(message(operation, "argnums of positional arguments", got))
        values, tree = flatten(args[number])
        tensors = [as_tensor(v) for v in values]
        fresh = [input_leaf("argument", t.dtype, t.expr.shape) for t in tensors]
        stand_ins = [Tensor(e, t.weak) for e, t in zip(fresh, tensors, strict=True)]
        call[number] = unflatten(tree, stand_ins)
        leaves += fresh
        given += [t.expr for t in tensors]
        trees.append(tree)
    return Opened(tuple(leaves), tuple(given), tuple(trees), tuple(call))


def closed_over(outputs: Sequence[Expr], leaves: Sequence[Expr], start: int) -> list[Expr]:
    """The values older than the serial ``start``, the outermost ones, that outputs are made of."""
    found: dict[Expr, None] = {}
    seen: set[Expr] = set(leaves)
    stack = list(reversed(outputs))
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.op.name == "input" or (node.arguments and node.serial < start):
            found[node] = None
        else:
            stack.extend(reversed(node.arguments))
    return list(found)


def tensors_in(operation: str, value: Any) -> tuple[list[Tensor], Tree]:
    """The leaves of a nest as tensors; GradientError for what is no array or number."""
    leaves, tree = flatten(value)
    for leaf in leaves:
        if not is_operand(leaf):
            raise GradientError(message(operation, "results that are arrays", f"{leaf!r:.60}"))
    return [as_tensor(leaf) for leaf in leaves], tree
