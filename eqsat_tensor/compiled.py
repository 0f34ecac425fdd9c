"""`et.function`: a graph of tensors -> a callable on arrays.

step = et.function([x, y], loss, updates={w: w - 0.1 * et.grad(loss, w)})
"""

from __future__ import annotations

from collections.abc import Callable as AnyCallable
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eqsat_tensor import compile as pipeline
from eqsat_tensor.errors import ArgumentError, DtypeError, ShapeError, message
from eqsat_tensor.explain import Explanation, explain_variant
from eqsat_tensor.lang import Expr, rewrite
from eqsat_tensor.options import make_options
from eqsat_tensor.program import input_leaves, make_program, missing_input
from eqsat_tensor.runtime.arguments import Argument, accept, arrange, check_guards, sizes_of
from eqsat_tensor.runtime.native import Callable, run
from eqsat_tensor.tensor import Shared, Tensor, as_expr, captured_array, shared_of
from eqsat_tensor.trees import Tree, flatten, unflatten
from eqsat_tensor.variant import Counters, Variant


class Function(Callable):
    """A compiled function.  Calls are native; what the entry does not take goes through `slow`.

    explain() tells what was rewritten, by which rules, and which kernels came out.
    """

    variant: Variant
    arguments: tuple[Argument, ...]
    tree: Tree

    def explain(self) -> Explanation:
        """What the compiler did, at the sizes of the last compile (or at nominal ones)."""
        return explain_variant(self.variant)

    @property
    def counters(self) -> Counters:
        """How often this function was rewritten, compiled and bound."""
        return self.variant.counters


def function(
    inputs: Sequence[Tensor],
    outputs: Any,
    updates: Mapping[Shared, Any] | None = None,
    givens: Mapping[Tensor, Any] | None = None,
    name: str = "function",
    **options: Any,
) -> Function:
    """A callable from arrays for ``inputs`` to arrays for ``outputs``.

    inputs   tensors made by `et.tensor`, each once.
    outputs  a tensor, or a nest (tuple, list, dict) of tensors; None: only updates.
    updates  shared tensor -> its new value, of the same type; all read the old values and are
             committed together, after the last step that can fail.
    givens   tensor -> what stands for it.
    options  see `Options`.
    Raises ArgumentError, DtypeError or ShapeError, in the user's line.
    """
    chosen = make_options(options)
    leaves = [_input_leaf(name, t) for t in inputs]
    if len(set(leaves)) < len(leaves):
        raise ArgumentError(message(name, "each input once", "one of them twice"))
    results, tree = flatten(outputs)
    roots = [as_expr(r) for r in results]
    targets = [_state(name, s) for s in (updates or {})]
    news = [_update(name, s, v) for s, v in (updates or {}).items()]
    if givens:
        replaced = _replace([*roots, *news], givens)
        roots, news = replaced[: len(roots)], replaced[len(roots) :]
    # targets come first among the states, so an update's number is its target's
    states, captured = _others(name, leaves, [*roots, *news], targets)
    program = make_program(
        leaves,
        [s.expr for s in states],
        captured,
        roots,
        list(enumerate(news)),
    )
    arguments = tuple(Argument(str(leaf["name"]), leaf.type) for leaf in leaves)
    variant = Variant(
        name=name,
        program=program,
        options=chosen,
        kinds=["array"] * len(leaves),
        tree=tree,
        cells=[s.state for s in states],
        captured=[np.ascontiguousarray(captured_array(e)) for e in captured],
    )
    usual = variant.nonempty()
    made = Function(_slow_path(name, arguments, usual, variant, tree), name)
    made.variant, made.arguments, made.tree = usual, arguments, tree
    usual.owner = variant.owner = made
    return made


def _slow_path(
    name: str, arguments: tuple[Argument, ...], usual: Variant, variant: Variant, tree: Tree
) -> AnyCallable[..., Any]:
    """What the entry does not take.  ``usual`` serves sizes of at least 1, ``variant`` all."""
    names = [a.name for a in arguments]
    leaves = variant.program.leaves[len(arguments) :]
    states = [Argument(c.name, leaf.type) for c, leaf in zip(variant.cells, leaves, strict=False)]

    def slow(*args: Any, **kwargs: Any) -> Any:
        arrays = accept(name, arguments, arrange(name, names, args, kwargs))
        held = [cell.get_value(borrow=True) for cell in variant.cells]
        sizes = sizes_of(name, [*arguments, *states], [*arrays, *held])
        broken = check_guards(variant.program.guards, sizes)
        if broken is not None:
            raise ShapeError(broken.text)
        if variant.options.mode == "reference" or pipeline.disabled():
            return unflatten(tree, variant.reference(arrays))
        return call_bound(variant if 0 in sizes.values() else usual, arrays, sizes)

    return slow


def call_bound(variant: Variant, values: Sequence[Any], sizes: Mapping[str, int]) -> Any:
    """Bind these sizes, run natively, and let the entry try this binding first from now on."""
    while True:
        binding = variant.binding(sizes)
        if variant.owner is not None and binding not in variant.owner.bindings:
            variant.owner.add(binding)
        result = run(binding, tuple(values))
        if result is not NotImplemented:  # a state changed its shape meanwhile
            return result


def _input_leaf(name: str, tensor: Any) -> Expr:
    if not isinstance(tensor, Tensor) or tensor.expr.op.name != "input":
        raise ArgumentError(
            message(
                name, "inputs made by et.tensor", f"{tensor!r:.60}", "An expression is no input."
            )
        )
    return tensor.expr


def _state(name: str, key: Any) -> Shared:
    if not isinstance(key, Shared):
        raise ArgumentError(message(name, "updates of shared tensors", f"a key {key!r:.60}"))
    return key


def _update(name: str, state: Shared, value: Any) -> Expr:
    new = as_expr(value)
    if new.dtype != state.expr.dtype:
        raise DtypeError(
            message(name, f"an update of {state.expr.type} for {state.name}", str(new.type))
        )
    if new.shape != state.expr.shape:
        raise ShapeError(
            message(name, f"an update of {state.expr.type} for {state.name}", str(new.type))
        )
    return new


def _replace(roots: Sequence[Expr], givens: Mapping[Tensor, Any]) -> list[Expr]:
    table = {t.expr: as_expr(v) for t, v in givens.items()}
    for old, new in table.items():
        if old.type != new.type:
            raise DtypeError(message("function", f"a given of {old.type}", str(new.type)))

    def change(node: Expr, operands: tuple[Expr, ...]) -> Expr:
        if node in table:
            return table[node]
        return node if operands == node.arguments else node.rebuilt(operands)

    return rewrite(roots, change)


def _others(
    name: str, leaves: Sequence[Expr], roots: Sequence[Expr], targets: Sequence[Shared]
) -> tuple[list[Shared], list[Expr]]:
    """States and captured arrays among the leaves; an error for any other leaf."""
    states = {s.expr: s for s in targets}
    rest = []
    for leaf in input_leaves(roots):
        shared = shared_of(leaf)
        if shared is None:
            rest.append(leaf)
        else:
            states.setdefault(leaf, shared)
    return list(states.values()), captured_leaves(name, leaves, rest)


def captured_leaves(name: str, arguments: Sequence[Expr], roots: Sequence[Expr]) -> list[Expr]:
    """The leaves that hold arrays; an error for one that is neither such nor an argument."""
    captured = []
    for leaf in input_leaves(roots):
        if leaf in arguments:
            continue
        if captured_array(leaf) is None:
            raise missing_input(name, leaf)
        captured.append(leaf)
    return captured
