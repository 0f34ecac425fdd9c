"""What a derivative needs of the primal: the values that pass from a first call to later ones.

    pullback of sin(x) * y:  ct -> (ct * y * cos(x), ct * sin(x))       residuals: y, cos(x), sin(x)

So a pullback on arrays computes nothing of the primal again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from eqsat_tensor.autodiff.calls import like, nested
from eqsat_tensor.autodiff.forward import pushforward
from eqsat_tensor.autodiff.reverse import check_inputs, pullback
from eqsat_tensor.errors import GradientError, message
from eqsat_tensor.lang import Expr, replaced, topological
from eqsat_tensor.ops import movement
from eqsat_tensor.ops.captured import captured_array, input_leaf
from eqsat_tensor.tensor import Tensor, as_expr
from eqsat_tensor.transform import Opened, call_compiled, open_arguments, tensors_in
from eqsat_tensor.trees import Tree


@dataclass(frozen=True)
class Linear:
    """A function at its arguments, with its derivative as a linear map from seeds to results.

    forward: seeds are tangents of the arguments, results those of the outputs; else seeds are cotangents
    of the outputs, results those of the arguments.
    """

    opened: Opened
    outputs: tuple[Expr, ...]
    tree: Tree
    forward: bool

    @property
    def arguments(self) -> Tree:
        return Tree(tuple, (), self.opened.trees)

    def value(self) -> Any:
        """The value of the function, nested."""
        return nested(self.tree, self.opened.close(self.outputs))

    def seeds(self, values: Any) -> list[Expr]:
        """What a user gives, as expressions."""
        if self.forward:
            return like("pushforward", "tangents", values, self.opened.leaves, self.arguments)
        return like("pullback", "cotangents", values, self.outputs, self.tree)

    def results(self, seeds: Sequence[Expr]) -> list[Expr]:
        """The linear map, on the stand-ins of the arguments."""
        if self.forward:
            return pushforward(self.outputs, self.opened.leaves, seeds)
        return pullback(self.outputs, seeds, self.opened.leaves)

    def finished(self, results: Sequence[Expr]) -> Any:
        """Results as the user sees them."""
        closed = self.opened.close(results)
        if self.forward:
            return nested(self.tree, closed)
        return self.opened.nests([Tensor(e) for e in closed])

    def split(self) -> tuple[list[Expr], list[Expr], list[Expr]]:
        """The map on fresh seeds: these, the results, and the residuals."""
        targets = self.opened.leaves if self.forward else self.outputs
        seeds = [input_leaf("seed", t.dtype, t.shape) for t in targets]
        results = self.results(seeds)
        return seeds, results, residuals(results, seeds)


def linear(
    operation: str, function: Callable[..., Any], primals: Sequence[Any], forward: bool
) -> Linear:
    """The function run on stand-ins of its arguments, all of which are floats."""
    opened = open_arguments(operation, primals, range(len(primals)))
    check_inputs(operation, opened.leaves)
    outputs, tree = tensors_in(operation, function(*opened.args))
    return Linear(opened, tuple(o.expr for o in outputs), tree, forward)


def residuals(results: Sequence[Expr], seeds: Sequence[Expr]) -> list[Expr]:
    """The outermost values that do not depend on the seeds; no constants, and nothing repeated."""
    varying = set(seeds)
    found: dict[Expr, None] = {}
    order = topological(results)
    for node in order:
        if any(a in varying for a in node.arguments):
            varying.add(node)
    for node in order:
        if node in varying:
            found.update((_below(a), None) for a in node.arguments if a not in varying)
    found.update((_below(r), None) for r in results if r not in varying)
    return [e for e in found if not _is_constant(e)]


def _below(node: Expr) -> Expr:
    while node.op.name == "broadcast":  # repeated again where it is used
        node = node.arguments[0]
    return node


def _is_constant(node: Expr) -> bool:
    return not node.arguments and (node.op.name != "input" or captured_array(node) is not None)


def on_arrays(
    operation: str, function: Callable[..., Any], primals: Sequence[Any], forward: bool
) -> tuple[Any, Callable[[Any], Any]]:
    """The value, and the linear map: two functions compiled once; residuals pass between them."""

    def first(given: Any) -> Any:
        at = linear(operation, function, given, forward)
        kept = at.opened.close(at.split()[2])
        return at.value(), [Tensor(e) for e in kept]

    def then(given: Any, held: Any, values: Any) -> Any:
        at = linear(operation, function, given, forward)
        seeds, results, kept = at.split()
        if len(kept) != len(held):
            raise GradientError(
                message(operation, "a function that does the same when called again")
            )
        pairs = zip(kept, map(as_expr, held), strict=True)
        table = {old: movement.refine(new, old.shape) for old, new in pairs}
        table |= dict(zip(seeds, at.seeds(values), strict=True))
        return at.finished(replaced(results, table))

    value, held = call_compiled(operation, function, "value", first, tuple(primals))

    def apply(values: Any) -> Any:
        return call_compiled(operation, function, "map", then, tuple(primals), held, values)

    return value, apply
