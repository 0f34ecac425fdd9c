"""``mode="verify"``: each call beside the program as it was written.

    compiled code on the arguments, into arrays of its own; the program as written, by NumPy; the two
    compared (`verify.calls`); states updated once, if nothing is wrong.

Where the compiled side is wrong the rules at fault are found (`guilty`), and nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eqsat_tensor.complexes import split_all
from eqsat_tensor.complexes.parts import Parts
from eqsat_tensor.errors import VerificationError, message
from eqsat_tensor.guilty import blame
from eqsat_tensor.lang import Expr, replaced, topological
from eqsat_tensor.ops.assume import assume_op, facts_of
from eqsat_tensor.ops.captured import input_leaf
from eqsat_tensor.ops.complexes import imag, real
from eqsat_tensor.reference import evaluate
from eqsat_tensor.runtime.native import run
from eqsat_tensor.runtime.state import held
from eqsat_tensor.trees import LEAF, Tree
from eqsat_tensor.verification import KEPT
from eqsat_tensor.verify.assumptions import assumption_holds
from eqsat_tensor.verify.calls import PLACES, Comparison, compare

if TYPE_CHECKING:
    from eqsat_tensor.variant import Variant


def pure_variant(variant: Variant) -> Variant:
    """The same program with states as arguments and their new values as results."""
    program = variant.program
    outputs = (*program.outputs, *(e for _, e in program.updates))
    arguments = program.arguments + program.states
    return replace(
        variant,
        program=replace(program, arguments=arguments, states=0, outputs=outputs, updates=()),
        options=replace(variant.options, mode="run"),
        kinds=["array"] * arguments,
        tree=Tree(tuple, (), (LEAF,) * len(outputs)),
        cells=(),
        codes={},
        written=(),
        statics=(),
    )


def checked_call(
    variant: Variant, pure: Variant, arrays: Sequence[np.ndarray], sizes: Mapping[str, int]
) -> Any:
    """All outputs of one call, once they are held; NotImplemented where a state changed its shape.

    Raises VerificationError, and then no state is changed.
    """
    program = variant.program
    with held(variant.cells):
        states = [cell.front.copy() for cell in variant.cells]
        inputs = [np.asarray(a, order="C") for a in (*arrays, *states)]
        made = run(pure.binding(sizes), tuple(inputs))
        if made is NotImplemented:
            return made
        results = [np.asarray(r) for r in made]
        hold(pure, labels_of(variant), inputs, results, sizes)
        for (state, _), value in zip(program.updates, results[len(program.outputs) :], strict=True):
            variant.cells[state].replace(value)
    return results[: len(program.outputs)]


def labels_of(variant: Variant) -> list[str]:
    """What messages call the leaves of a program."""
    arguments = [f"argument {k}" for k in range(variant.program.arguments)]
    states = [f"state {cell.name or k}" for k, cell in enumerate(variant.cells)]
    return [*arguments, *states, *("a captured array" for _ in variant.captured)]


def hold(
    pure: Variant,
    labels: Sequence[str],
    inputs: Sequence[np.ndarray],
    results: Sequence[np.ndarray],
    sizes: Mapping[str, int],
) -> None:
    """Compare, count, and raise VerificationError where the compiled side or an assumption is wrong."""
    arrays = [*inputs, *pure.captured]
    hold_assumptions(pure, arrays, sizes)
    found = against_written(pure, arrays, results, sizes, PLACES)
    seen = pure.counters.verification
    seen.calls += 1
    seen.elements += found.elements
    seen.improved += found.improved
    seen.unheld += found.unheld
    seen.unsettled += found.unsettled
    seen.precise += found.precise
    seen.improvements += [str(f) for f in found.better][: KEPT - len(seen.improvements)]
    if not found.wrong:
        return
    verdict = blame(pure, labels, arrays, sizes, against_written)
    if verdict.allowed:
        seen.approximate += found.wrong
        return
    more = f" ({found.wrong} elements are wrong)" if found.wrong > 1 else ""
    raise VerificationError(
        message(pure.name, "compiled results within the bound", f"{found.faults[0]}{more}", verdict.text)
    )  # fmt: skip


def hold_assumptions(pure: Variant, arrays: Sequence[np.ndarray], sizes: Mapping[str, int]) -> None:
    """VerificationError for a fact that `assume` says and that is not true of this call."""
    program = pure.program
    assumed = [node for node in topological(program.outputs) if node.op is assume_op]
    if not assumed:
        return
    inputs = dict(zip(program.leaves, arrays, strict=True))
    values = evaluate([node.arguments[0] for node in assumed], inputs, sizes)
    for node, value in zip(assumed, values, strict=True):
        for name, bound in facts_of(node):
            if not assumption_holds(name, bound, value):
                fact = name if bound is None else f"{name} {bound:g}"
                place = f" at {node['place']}" if node["place"] else ""
                got = f"a {node.type} that is not {fact}, which was assumed{place}"
                raise VerificationError(message(pure.name, "values as they are assumed", got))


def against_written(
    pure: Variant,
    arrays: Sequence[np.ndarray],
    results: Sequence[np.ndarray],
    sizes: Mapping[str, int],
    places: int,
) -> Comparison:
    """Results held against the program as written; complex ones by their parts."""
    program = pure.program.with_sizes(sizes)
    inputs = dict(zip(program.leaves, arrays, strict=True))
    outputs: list[Expr] = []
    computed: list[np.ndarray] = []
    for output, result in zip(split_all(program.outputs), results, strict=False):
        parts = isinstance(output, Parts)
        outputs += output if isinstance(output, Parts) else [output]
        computed += [np.asarray(p) for p in ((result.real, result.imag) if parts else (result,))]
    improves = pure.options.math != "strict"
    return compare(computed, *real_alone(outputs, inputs), improves, places)


def real_alone(
    outputs: Sequence[Expr], inputs: dict[Expr, np.ndarray]
) -> tuple[list[Expr], dict[Expr, np.ndarray]]:
    """The outputs on the parts of complex inputs, each part an input of its own."""
    table: dict[Expr, Expr] = {}
    values: dict[Expr, np.ndarray] = {}
    for leaf, array in inputs.items():
        if leaf.dtype.kind != "c":
            values[leaf] = array
            continue
        for op, part in ((real, array.real), (imag, array.imag)):
            table[op(leaf)] = new = input_leaf(str(leaf["name"]), part.dtype, leaf.shape)
            values[new] = part
    return replaced(outputs, table) if table else list(outputs), values
