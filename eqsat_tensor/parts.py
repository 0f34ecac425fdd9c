"""What the bindings to a bound code are made of: where leaves, results, checks and states lie.

In: a program and its code with all numbers filled in.  Out: `Parts`, of which `Binding`s are made, one
for each way in which a call hands over its arguments and takes its results.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eqsat_tensor.extents import evaluate
from eqsat_tensor.lower.cpu.bind import Program as Code
from eqsat_tensor.lower.cpu.bound import Bound
from eqsat_tensor.program import Program
from eqsat_tensor.runtime.binding import poke
from eqsat_tensor.runtime.forms import Form
from eqsat_tensor.runtime.native import Binding, InputSpec, OutputSpec, StateSpec
from eqsat_tensor.runtime.state import StateCell
from eqsat_tensor.trees import Tree
from eqsat_tensor.types import TensorType

RELEASE = 20_000.0  # nanoseconds of work from which a call lets other Python threads run


@dataclass(frozen=True, eq=False)
class Parts:
    """What a binding is made of: slots of every leaf, results, checks, states, steps."""

    inputs: Sequence[tuple[int, ...]]
    outputs: Sequence[OutputSpec]
    checks: Sequence[OutputSpec]
    states: Sequence[StateSpec]
    steps: np.ndarray
    release_gil: bool
    check_failed: Callable[..., Any]
    keep: tuple[Any, ...]

    def binding(
        self,
        inputs: Sequence[InputSpec],
        outputs: Sequence[OutputSpec],
        returns: Any,
        finish: Callable[..., Any] | None = None,
        nest: Tree | None = None,
        form: Form | None = None,
        arrays: tuple[np.ndarray, ...] = (),
        in_place: Collection[tuple[int, int]] = (),
    ) -> Binding:
        return Binding(
            inputs=tuple(inputs),
            outputs=(*outputs, *self.checks),
            steps=self.steps,
            states=tuple(self.states),
            returns=returns,
            finish=finish,
            nest=nest,
            form=form,
            release_gil=self.release_gil,
            check_failed=self.check_failed,
            keep=(*self.keep, arrays),
            in_place=in_place,
        )


def parts_of(
    program: Program,
    code: Code,
    bound: Bound,
    sizes: Mapping[str, int],
    states: Sequence[tuple[StateCell, int]],
    captured: Sequence[np.ndarray],
    check_failed: Callable[..., Any],
) -> Parts:
    """The parts of bindings to ``bound``, the code of a program at these sizes.

    states: the cell of each, and the version whose sizes these are.  captured: the arrays that the
    program holds.  check_failed: raises what a call raises, given the number of the check.
    """
    named = {
        name: slots for (name, _, _), slots in zip(code.inputs, bound.input_slots, strict=True)
    }
    slots_of = [tuple(named.get(str(leaf["name"]), ())) for leaf in program.leaves]
    results = [tuple(slots) for slots in bound.output_slots]
    states_at, captured_at = program.arguments, program.arguments + program.states
    updates_at = len(program.outputs)
    checks_at = updates_at + len(program.updates)
    may_fail = bool(program.checks) or bound.failure is not None
    for slots, array in zip(slots_of[captured_at:], captured, strict=True):
        poke(slots, array.ctypes.data)
    in_place = () if may_fail else code.overwritten
    specs = [
        _state(program, i, *states[i], front, results[updates_at:checks_at], in_place)
        for i, front in enumerate(slots_of[states_at:captured_at])
    ]
    outputs = [
        OutputSpec(e.dtype, concrete(e.type, sizes), slots)
        for e, slots in zip(program.outputs, results, strict=False)
    ]
    checks = [
        OutputSpec(e.dtype, (), slots, visible=False)
        for (e, _), slots in zip(program.checks, results[checks_at:], strict=True)
    ]
    if bound.failure is not None:
        flag = (bound.failure.word,)
        checks.append(OutputSpec(np.dtype(bool), (), flag, visible=False))
    keep = (bound, code, tuple(captured))
    slow = bound.work >= RELEASE
    return Parts(slots_of, outputs, checks, specs, bound.steps, slow, check_failed, keep)


def _state(
    program: Program,
    number: int,
    cell: StateCell,
    version: int,
    front: tuple[int, ...],
    news: Sequence[tuple[int, ...]],
    in_place: Collection[tuple[int, str]],
) -> StateSpec:
    """How a call reads and writes one state: in place where that is proved to be right.

    in_place: pairs (output, input) that may be one.  The new value is there then before the call has
    ended, so there are none where it may still fail.
    """
    updates = [k for k, (state, _) in enumerate(program.updates) if state == number]
    if not updates:
        return StateSpec(cell, version, front)
    (k,) = updates
    leaf = program.leaves[program.arguments + number]
    if (len(program.outputs) + k, str(leaf["name"])) in in_place:
        return StateSpec(cell, version, (*front, *news[k]))
    return StateSpec(cell, version, front, news[k], True)


def input_of(
    kind: str, type: TensorType, slots: tuple[int, ...], sizes: Mapping[str, int]
) -> InputSpec:
    """How a call hands over an argument: an array, or a Python number."""
    if kind == "array":
        return InputSpec("array", slots, type.dtype, concrete(type, sizes))
    return InputSpec("float" if kind == "float" else "int", slots)


def concrete(type: TensorType, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """A shape in numbers."""
    return tuple(evaluate(s, sizes) for s in type.shape)
