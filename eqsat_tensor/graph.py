"""Looking at graphs of tensors and changing them: `et.graph.replace`, `toposort`, `equal`, ...

Outputs are a tensor or a nest (tuple, list, dict) of tensors; what changes a graph gives the same nest.
Tensors that were made by `et.tensor` or `et.shared` come back as the objects that they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eqsat_tensor.errors import ArgumentError, DtypeError, ShapeError, message
from eqsat_tensor.extents import Size, SizeTerm, Symbol, same_size
from eqsat_tensor.inputs import input_tensor
from eqsat_tensor.lang import Expr, replaced, substitute_sizes, topological
from eqsat_tensor.ops import movement
from eqsat_tensor.ops.captured import captured_array, input_leaf
from eqsat_tensor.ops.marker import MARKERS
from eqsat_tensor.shared import Shared, shared_of
from eqsat_tensor.tensor import Tensor, as_expr, is_operand
from eqsat_tensor.trees import Tree, flatten, unflatten


def _roots(operation: str, outputs: Any) -> tuple[list[Expr], Tree]:
    leaves, tree = flatten(outputs)
    for leaf in leaves:
        if not is_operand(leaf):
            raise ArgumentError(message(operation, "tensors", f"{leaf!r:.60}"))
    return [as_expr(leaf) for leaf in leaves], tree


def _tensor(expr: Expr) -> Tensor:
    known: Tensor | None = shared_of(expr)
    known = input_tensor(expr) if known is None else known
    return Tensor(expr) if known is None else known


def _nodes(operation: str, outputs: Any) -> list[Expr]:
    """The nodes that compute something, operands first."""
    return [n for n in topological(_roots(operation, outputs)[0]) if n.op not in MARKERS]


# --------------------------------------------------------------------------------------- changing
def replace(outputs: Any, table: Mapping[Tensor, Any]) -> Any:
    """The same outputs with tensors replaced: each old one by a tensor, array or number of its type.

    All replacements happen at once; what is replaced by is left as it is.  Sizes that may be equal are
    asserted equal.  Raises DtypeError or ShapeError where a new value has another type.
    """
    roots, tree = _roots("replace", outputs)
    exprs = {old.expr: _like(old.expr, as_expr(new)) for old, new in table.items()}
    return unflatten(tree, [_tensor(e) for e in replaced(roots, exprs)])


def _like(old: Expr, new: Expr) -> Expr:
    if old.dtype != new.dtype:
        hint = "Cast it by astype."
        raise DtypeError(message("replace", f"a value of {old.type}", str(new.type), hint))
    pairs = zip(old.shape, new.shape, strict=False)
    if len(old.shape) != len(new.shape) or any(same_size(a, b) is False for a, b in pairs):
        raise ShapeError(message("replace", f"a value of {old.type}", str(new.type)))
    return movement.refine(new, old.shape)


def clone(outputs: Any) -> tuple[Any, dict[Tensor, Tensor]]:
    """The same outputs of new inputs: (outputs, input -> its copy).  Shared tensors stay."""
    roots, tree = _roots("clone", outputs)
    inputs = inputs_of(outputs)
    copies = {
        t: Tensor(input_leaf(t.expr["name"], t.dtype, t.expr.shape), t.weak, t.fixed)
        for t in inputs
    }
    table = {old.expr: new.expr for old, new in copies.items()}
    return unflatten(tree, [_tensor(e) for e in replaced(roots, table)]), copies


# ---------------------------------------------------------------------------------------- looking
def inputs_of(outputs: Any) -> list[Tensor]:
    """The inputs that the outputs depend on, in order of use; neither shared tensors nor arrays."""
    return [
        _tensor(n)
        for n in _nodes("inputs_of", outputs)
        if n.op.name == "input" and captured_array(n) is None and shared_of(n) is None
    ]


graph_inputs = inputs_of


def shared_variables(outputs: Any) -> list[Shared]:
    """The shared tensors that the outputs depend on, in order of use."""
    found = (shared_of(n) for n in _nodes("shared_variables", outputs))
    return [s for s in found if s is not None]


def arrays_of(outputs: Any) -> list[np.ndarray]:
    """The arrays that the outputs captured, in order of use; read-only."""
    found = (captured_array(n) for n in _nodes("arrays_of", outputs))
    return [a for a in found if a is not None]


def toposort(outputs: Any) -> list[Tensor]:
    """A tensor for each node that the outputs need, operands before users, each once."""
    return [_tensor(n) for n in _nodes("toposort", outputs)]


def ancestors(outputs: Any) -> list[Tensor]:
    """What the outputs are computed from, themselves included, users before operands."""
    return toposort(outputs)[::-1]


def depends_on(outputs: Any, tensors: Any) -> bool:
    """Does an output depend on (or is it) one of these tensors?"""
    wanted = set(_roots("depends_on", tensors)[0])
    return any(n in wanted for n in topological(_roots("depends_on", outputs)[0]))


def count_ops(outputs: Any) -> dict[str, int]:
    """How many nodes of each op the outputs need, leaves included, by name, most first."""
    return dict(Counter(n.op.name for n in _nodes("count_ops", outputs)).most_common())


def equal(xs: Any, ys: Any, in_xs: Sequence[Tensor] = (), in_ys: Sequence[Tensor] = ()) -> bool:
    """Are two (nests of) outputs the same computation, the inputs ``in_ys`` standing for ``in_xs``?

    Same ops, attributes and dtypes, node by node: no algebra.  Names of sizes that the inputs bear
    correspond as the inputs do.
    """
    left, right = _roots("equal", xs), _roots("equal", ys)
    if left[1] != right[1] or len(in_xs) != len(in_ys):
        return False
    sizes: dict[str, Size] = {}
    for a, b in zip(in_xs, in_ys, strict=True):
        if len(a.expr.shape) != len(b.expr.shape):
            return False
        for ours, theirs in zip(a.expr.shape, b.expr.shape, strict=True):
            name = _name(theirs)
            if name is not None:
                sizes.setdefault(name, ours)
    olds = [b.expr for b in in_ys]
    both = substitute_sizes([*right[0], *olds], sizes) if sizes else [*right[0], *olds]
    mapped, olds = both[: len(right[0])], both[len(right[0]) :]
    if any(a.expr.type != b.type for a, b in zip(in_xs, olds, strict=True)):
        return False
    table = {b: a.expr for a, b in zip(in_xs, olds, strict=True)}
    return left[0] == replaced(mapped, table)


def _name(size: Size) -> str | None:
    """The symbol that a size is, or None."""
    if isinstance(size, SizeTerm) and len(size.terms) == 1:
        monomial, coefficient = size.terms[0]
        if coefficient == 1 and len(monomial) == 1 and isinstance(monomial[0], Symbol):
            return monomial[0].name
    return None
