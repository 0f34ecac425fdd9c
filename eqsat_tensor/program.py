"""A whole program: its leaves in order, its results, what it writes and what it checks.

Leaves are canonical: position and type are all that is left of an input, so that equal programs
of different users are one and the same, in memory and in the cache.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from eqsat_tensor.conditions import checks_of, guards_of
from eqsat_tensor.errors import ArgumentError, message
from eqsat_tensor.extents import Guard, Size
from eqsat_tensor.lang import OPS, Expr, apply, rewrite, substitute_sizes, topological
from eqsat_tensor.ops.array_facts import facts_of_array
from eqsat_tensor.ops.assume import assume
from eqsat_tensor.ops.captured import captured_array
from eqsat_tensor.ops.marker import MARKERS
from eqsat_tensor.types import TensorType


@dataclass(frozen=True)
class Program:
    """What is compiled.

    leaves   canonical input leaves: first the ``arguments`` arguments, then states, then arrays
             that the program captured.
    outputs  the results.
    updates  new values of states, as (number among the states, value).
    checks   0-d bool values that must come out true, each with its error's text.
    guards   conditions on sizes, to be checked before anything runs.
    """

    leaves: tuple[Expr, ...]
    arguments: int
    states: int
    outputs: tuple[Expr, ...]
    updates: tuple[tuple[int, Expr], ...]
    checks: tuple[tuple[Expr, str], ...]
    guards: tuple[Guard, ...]

    @property
    def roots(self) -> tuple[Expr, ...]:
        """All values to compute: outputs, updates, checks."""
        return (*self.outputs, *(e for _, e in self.updates), *(e for e, _ in self.checks))

    def with_sizes(self, values: Mapping[str, Size]) -> Program:
        """The same program with size symbols replaced by name."""
        new = substitute_sizes([*self.leaves, *self.roots], values)
        leaves, roots = tuple(new[: len(self.leaves)]), new[len(self.leaves) :]
        n, u = len(self.outputs), len(self.updates)
        return replace(
            self,
            leaves=leaves,
            outputs=tuple(roots[:n]),
            updates=tuple((i, e) for (i, _), e in zip(self.updates, roots[n : n + u], strict=True)),
            checks=tuple((e, t) for (_, t), e in zip(self.checks, roots[n + u :], strict=True)),
            guards=tuple(guards_of(roots)),
        )


def canonical_leaf(position: int, type: TensorType) -> Expr:
    """The input leaf that stands for the input at ``position``."""
    return apply(
        OPS["input"], name=f"a{position}", key=-1 - position, dtype=type.dtype, shape=type.shape
    )


def make_program(
    arguments: Sequence[Expr],
    states: Sequence[Expr],
    captured: Sequence[Expr],
    outputs: Sequence[Expr],
    updates: Sequence[tuple[int, Expr]],
) -> Program:
    """The program over canonical leaves.  ``arguments``, ``states``, ``captured`` are its leaves."""
    leaves = [*arguments, *states, *captured]
    canonical = {leaf: canonical_leaf(i, leaf.type) for i, leaf in enumerate(leaves)}
    known = {leaf: assume(canonical[leaf], facts_of_captured(leaf)) for leaf in captured}
    roots = [*outputs, *(e for _, e in updates)]
    checks = checks_of(roots)
    guards = guards_of([*roots, *(e for e, _ in checks)])
    everything = [*roots, *(e for e, _ in checks)]

    def change(node: Expr, operands: tuple[Expr, ...]) -> Expr:
        if node in known:
            return known[node]
        if node in canonical:
            return canonical[node]
        if node.op in MARKERS:
            return operands[0]
        return node if operands == node.arguments else node.rebuilt(operands)

    new = rewrite(everything, change)
    n, u = len(outputs), len(updates)
    return Program(
        leaves=tuple(canonical[leaf] for leaf in leaves),
        arguments=len(arguments),
        states=len(states),
        outputs=tuple(new[:n]),
        updates=tuple((i, e) for (i, _), e in zip(updates, new[n : n + u], strict=True)),
        checks=tuple((e, t) for (_, t), e in zip(checks, new[n + u :], strict=True)),
        guards=tuple(guards),
    )


def facts_of_captured(leaf: Expr) -> Mapping[str, float | None]:
    """What rules may take for true of an array that a program captured."""
    array = captured_array(leaf)
    return {} if array is None else facts_of_array(array)


def input_leaves(roots: Sequence[Expr]) -> list[Expr]:
    """The input leaves that the roots need, in order of use."""
    return [n for n in topological(roots) if n.op.name == "input"]


def missing_input(function: str, leaf: Expr) -> ArgumentError:
    """The error for a leaf that is neither argument, state nor captured array."""
    return ArgumentError(
        message(
            function,
            "every tensor that the outputs use among its inputs",
            f"no {leaf['name']}: {leaf.type}",
            f"Add {leaf['name']} to the inputs, or give it a value by givens.",
        )
    )
