"""Random programs through the public pipeline, held against the true values.

Programs over all ops, dtypes and mixed shapes, a third and more with gradients, reductions or
matrix products, at ordinary and at hard values; each is compiled by `et.function` and its outputs
are held against the error bound of the program as it was written (`verify.bounds`).  That the
comparator sees what goes wrong is shown by mutated lowerings.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import eqsat_tensor as et
from eqsat_tensor import ops as _ops  # noqa: F401
from eqsat_tensor.autodiff import gradient
from eqsat_tensor.errors import EqsatError
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import FLOAT64, FLOATS, OPS, Expr, rewrite, text, topological
from eqsat_tensor.lower.cpu import accumulate, passes
from eqsat_tensor.lower.cpu.builder import VectorBuilder
from eqsat_tensor.lower.cpu.evaluate import Evaluator
from eqsat_tensor.lower.cpu.writer import Known
from eqsat_tensor.ops.reduce import sum_over
from eqsat_tensor.rules import load_rulebook
from eqsat_tensor.runtime import cache
from eqsat_tensor.tensor import Tensor, input_leaf
from eqsat_tensor.types import symbol
from eqsat_tensor.verify.bounds import Verdict, agrees
from eqsat_tensor.verify.conditions import Misfit
from eqsat_tensor.verify.draw import PROFILES, draw_inputs
from eqsat_tensor.verify.instances import Instance, draw_instance, symbolic
from eqsat_tensor.verify.programs import RandomProgram, random_program
from eqsat_tensor.verify.rules import definitions_of

PROGRAMS = 320
TRIES = 40
BOOK = load_rulebook()
REWRITES = [rule for rule in BOOK.rules if rule.kind == "rewrite"]
DEFINITIONS = definitions_of(BOOK)
HARD = frozenset(("near", "hard", "tiny", "wide", "infinite", "nan"))
TEMPERS = ("ordinary", "moderate", "whole", *PROFILES)  # tame ones twice


# ------------------------------------------------------------------------------- one program
def from_rule(random: np.random.Generator, depth: int) -> RandomProgram | None:
    """An instance of some rule's left side, under a random op and beside a random program."""
    rule = REWRITES[int(random.integers(len(REWRITES)))]
    for _ in range(TRIES):
        try:
            instance = draw_instance(rule.lhs, rule.conditions, random, DEFINITIONS)
        except (Misfit, EqsatError, AssertionError):
            continue
        other = random_program(random, depth, 1)
        outputs = [instance.expr, *other.outputs]
        if other.outputs[0].type == instance.expr.type and instance.expr.dtype in FLOATS:
            outputs = [OPS["multiply"](*outputs)]
        return RandomProgram(outputs, instance.leaves | other.leaves)
    return None


def with_gradient(program: RandomProgram, random: np.random.Generator) -> RandomProgram | None:
    """The gradient of the sum of the first output by its float inputs, beside the outputs."""
    first = program.outputs[0]
    wrt = [leaf for leaf in program.leaves if leaf.dtype in FLOATS]
    if first.dtype not in FLOATS or not wrt:
        return None
    loss = sum_over(first, range(len(first.shape)))
    gradients = gradient(loss, wrt[: int(random.integers(1, 3))])
    return RandomProgram([loss, *gradients], program.leaves)


def compiled(outputs: list[Expr], leaves: list[Expr]) -> Any:
    """The outputs as a compiled function of the leaves."""
    inputs = [Tensor(leaf, fixed=True) for leaf in leaves]
    return et.function(inputs, [Tensor(o) for o in outputs], on_unused_input="ignore")


def runnable(program: RandomProgram) -> RandomProgram:
    """The same program on inputs that `et.function` knows."""
    new = {
        leaf: input_leaf(f"x{i}", leaf.dtype, leaf.shape) for i, leaf in enumerate(program.leaves)
    }

    def change(node: Expr, operands: tuple[Expr, ...]) -> Expr:
        return new[node] if node in new else node.rebuilt(operands)

    outputs = rewrite(program.outputs, change)
    leaves = {new[e]: type(leaf)(new[e], leaf.labels) for e, leaf in program.leaves.items()}
    return RandomProgram(outputs, leaves)


def check(seed: int, depth: int, counts: Counter[str]) -> None:
    """Draw a program, compile it, run it, hold it against the oracle."""
    random = np.random.default_rng(seed)
    program = random_program(random, depth, outputs=1 + (seed // 2) % 2)
    ruled = from_rule(random, depth) if seed % 2 else None
    counts["from rules"] += ruled is not None
    program = ruled or program
    differentiated = with_gradient(program, random) if seed % 3 == 0 else None
    program = runnable(differentiated or program)
    temper = TEMPERS[int(random.integers(len(TEMPERS)))]
    leaves = list(program.leaves)
    inputs = draw_inputs(list(program.leaves.values()), temper, random)
    function = sized(program, leaves) if seed % 5 == 1 else None
    counts["symbolic"] += function is not None
    function = function or compiled(program.outputs, leaves)
    results = function(*(inputs[leaf] for leaf in leaves))
    verdict = agrees(results, program.outputs, inputs, improves_nonfinite(function))
    tally(program, differentiated is not None, temper, verdict, counts)
    assert verdict.ok, report(program, inputs, verdict)


def improves_nonfinite(function: Any) -> bool:
    """True where a rule fired whose ruleset may have a number for a NaN."""
    graph = function.variant.rewritten.graph
    rules = {r.name: r for r in BOOK.rules}
    fired = [rules[name] for name in graph.fired if name in rules] if graph else []
    return any(BOOK.ruleset(rule.ruleset).improves for rule in fired)


def sized(program: RandomProgram, leaves: list[Expr]) -> Any:
    """The program compiled for a size known at run time, where one of its sizes can be."""
    first, *others = program.outputs
    made = symbolic(Instance(first, dict(program.leaves), tuple(others)))
    if made is None or len(made.leaves) != len(leaves):
        return None
    sizes = {size for leaf in made.leaves for size in leaf.shape}
    if not sizes & {symbol(name, 1) for name in made.sizes}:
        return None  # no argument tells the size
    by_name = {leaf["name"]: leaf for leaf in made.leaves}
    return compiled([made.expr, *made.variables], [by_name[leaf["name"]] for leaf in leaves])


def tally(
    program: RandomProgram,
    differentiated: bool,
    temper: str,
    verdict: Verdict,
    counts: Counter[str],
) -> None:
    kinds = {node.op.kind for node in topological(program.outputs)}
    counts["programs"] += 1
    counts["gradients"] += differentiated
    counts["reductions"] += Kind.REDUCTION in kinds
    counts["products"] += Kind.CONTRACTION in kinds
    counts["any of these"] += differentiated or bool(kinds & {Kind.REDUCTION, Kind.CONTRACTION})
    counts["hard values"] += temper in HARD
    counts["nodes"] += len(topological(program.outputs))
    counts["elements"] += verdict.elements
    for name in ("improved", "unbounded", "precise"):
        counts[name] += getattr(verdict, name)


def report(program: RandomProgram, inputs: dict[Expr, np.ndarray], verdict: Verdict) -> str:
    values = "\n".join(f"{leaf['name']} = {x!r}" for leaf, x in inputs.items())
    return "\n".join([text(program.outputs), values, *map(str, verdict.faults[:3])])


def test_random_programs_are_right(capsys: pytest.CaptureFixture[str]) -> None:
    counts: Counter[str] = Counter()

    @settings(max_examples=PROGRAMS, phases=(Phase.explicit, Phase.generate))
    @given(st.integers(0, 2**32 - 1), st.integers(1, 5))
    def run(seed: int, depth: int) -> None:
        check(seed, depth, counts)

    run()
    with capsys.disabled():
        print("\nrandom programs:", ", ".join(f"{n} {v}" for n, v in counts.items()))
    assert counts["programs"] >= PROGRAMS * 0.9
    assert counts["any of these"] >= counts["programs"] / 3
    assert counts["hard values"] >= counts["programs"] / 3
    assert counts["unbounded"] <= counts["elements"] / 4


# ----------------------------------------------------------------------------------- mutants
def swapped(patch: pytest.MonkeyPatch) -> None:
    """Differences and quotients with their operands exchanged."""
    apply = VectorBuilder.apply

    def mutated(self: VectorBuilder, primitive: str, *operands: str) -> str:
        if primitive in ("subtract", "divide"):
            operands = operands[::-1]
        return apply(self, primitive, *operands)

    patch.setattr(VectorBuilder, "apply", mutated)


def tail_dropped(patch: pytest.MonkeyPatch) -> None:
    """Reductions that leave out the masked end of a row."""
    take_in = passes.take_in

    def mutated(reduce: Any, builder: Any, old: Any, value: str, mask: str | None) -> list[str]:
        return take_in(reduce, builder, old, value, mask) if mask is None else list(old)

    patch.setattr(passes, "take_in", mutated)


def nan_lost(patch: pytest.MonkeyPatch) -> None:
    """Maxima and minima that do not carry a NaN."""
    patch.setattr(accumulate, "flagged", lambda reduce: False)


def wrong_axis(patch: pytest.MonkeyPatch) -> None:
    """Indices along the first axis, whichever was asked for."""
    iota = Evaluator.iota

    def mutated(self: Evaluator, value: Any, access: Any, guards: Any, here: Any) -> Known:
        return iota(self, value, (access[0],) * len(access), guards, here)

    patch.setattr(Evaluator, "iota", mutated)


def off_by_one(patch: pytest.MonkeyPatch) -> None:
    """Labels that point to the element after."""
    label = Evaluator.label

    def mutated(self: Evaluator, axis: Any, guards: Any, here: Any) -> Known:
        known = label(self, axis, guards, here)
        builder = self.builder(np.dtype(np.int64), here.lanes if known.kind == "vector" else 0)
        size = builder.splat(self.size(axis.pick.source.shape[axis.pick.axis]))
        beyond = builder.binary("add", known.text, builder.constant(1))
        inside = builder.compare("less", beyond, size)
        return Known(known.kind, builder.select(inside, beyond, builder.constant(0)))

    patch.setattr(Evaluator, "label", mutated)


MUTANTS = {f.__name__: f for f in (swapped, tail_dropped, nan_lost, wrong_axis, off_by_one)}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutated_lowering_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "get", lambda key: None)
    monkeypatch.setattr(cache, "put", lambda key, data: None)
    assert check_one(name).ok
    MUTANTS[name](monkeypatch)
    assert not check_one(name).ok


def check_one(name: str) -> Verdict:
    """The verdict on a program that has what the mutant breaks."""
    x = input_leaf("x", FLOAT64, (7, 5))
    label = input_leaf("label", np.dtype(np.int64), (7,))
    values = {x: np.linspace(-2, 3, 35).reshape(7, 5), label: np.arange(7) % 5}
    match name:
        case "swapped":
            output = OPS["subtract"](x, OPS["exp"](x))
        case "tail_dropped":
            output = OPS["sum"](x, axes=(1,))
        case "nan_lost":
            output = OPS["max"](x, axes=(1,))
            values[x][3, 2] = np.nan
        case "wrong_axis":
            output = OPS["multiply"](x, OPS["iota"](axis=1, dtype=FLOAT64, shape=(7, 5)))
        case _:
            output = OPS["pick"](x, label, axis=1)
    leaves = [leaf for leaf in values if leaf in topological([output])]
    results = compiled([output], leaves)(*(values[leaf] for leaf in leaves))
    inputs = {leaf: values[leaf] for leaf in leaves}
    return agrees(results, [output], inputs, improves_nonfinite=False)
