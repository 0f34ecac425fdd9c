"""One random program: drawn by a seed, compiled, held.

    default   within the error bound of the program as it was written (`verify.bounds`)
    strict    the same bits as ``optimize="none"``
    both      no failure of the engine, no error but those that the program itself asks for

Programs are of all ops and dtypes, or instances of some rule's left side under a random op; with
gradients, at ordinary and at hard values, with a size that is known at run time only.  The same
seed and depth, the same program and the same values.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from eqsat_tensor.autodiff import gradient
from eqsat_tensor.compiled import Function, function
from eqsat_tensor.conditions import checks_of
from eqsat_tensor.errors import DomainError, EqsatError, GradientError, LabelError
from eqsat_tensor.extents import symbol
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import FLOATS, Expr, rewrite, text, topological
from eqsat_tensor.ops.captured import input_leaf
from eqsat_tensor.ops.reduce import sum_over
from eqsat_tensor.reference import evaluate
from eqsat_tensor.rules import RuleBook, load_rulebook
from eqsat_tensor.tensor import Tensor
from eqsat_tensor.verify.bounds import K_STABLE, K, Verdict, agrees
from eqsat_tensor.verify.conditions import Misfit
from eqsat_tensor.verify.draw import PROFILES, draw_inputs
from eqsat_tensor.verify.findings import different_bits
from eqsat_tensor.verify.hold import computes_exponent
from eqsat_tensor.verify.instances import Instance, draw_instance
from eqsat_tensor.verify.programs import (
    RandomProgram,
    program_around,
    random_program,
    with_parts,
)
from eqsat_tensor.verify.symbolic import symbolic
from eqsat_tensor.verify.trials import definitions_of

TRIES = 40
HARD = frozenset(("near", "hard", "tiny", "wide", "infinite", "nan"))
TEMPERS = ("ordinary", "moderate", "whole", *PROFILES)  # tame ones twice


class Fault(AssertionError):
    """A program came out wrong: the program, its values, and what is wrong."""


@dataclass(frozen=True)
class Case:
    """A program that can be compiled, with values for its leaves."""

    program: RandomProgram
    inputs: Mapping[Expr, np.ndarray]
    sized: tuple[list[Expr], list[Expr]] | None  # outputs and leaves with a size symbol
    from_rule: bool
    differentiated: bool
    temper: str

    def compiled(self, **options: Any) -> Function:
        """The program as a compiled function of its leaves."""
        outputs, leaves = self.sized or (self.program.outputs, list(self.program.leaves))
        inputs = [Tensor(leaf, fixed=True) for leaf in leaves]
        made = [Tensor(o) for o in outputs]
        return function(inputs, made, on_unused_input="ignore", **options)

    def run(self, compiled: Function) -> Sequence[np.ndarray]:
        """The outputs of a compiled function; Fault where the engine failed."""
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            results = compiled(*(self.inputs[leaf] for leaf in self.program.leaves))
        for warning in said:
            if "not rewritten" in str(warning.message):
                raise Fault(self.report(str(warning.message)))
        return [np.asarray(r) for r in results]

    def refused(self) -> bool:
        """True where LAPACK, or a check of values, refuses the program as written; others may not ask it."""
        outputs = self.program.outputs
        library = any(n.op.kind is Kind.LIBRARY for n in topological(outputs))
        if not library and not checks_of(outputs):
            return False
        try:
            evaluate(outputs, self.inputs)
        except (np.linalg.LinAlgError, LabelError, DomainError):
            return True
        return False

    def report(self, what: object) -> str:
        """The program and its values as text, and what is wrong."""
        values = "\n".join(f"{leaf['name']} = {x!r}" for leaf, x in self.inputs.items())
        return f"{text(self.program.outputs)}\n{values}\n{what}"


def check(seed: int, depth: int, counts: Counter[str]) -> None:
    """Draw a program and hold it; Fault says what is wrong.  ``counts`` tells what was met."""
    case = draw_case(seed, depth)
    if case.refused():
        counts["refused"] += 1
        return
    function = case.compiled()
    results = case.run(function)
    program = case.program
    verdict = held(results, program.outputs, case.inputs, function)
    tally(case, verdict, counts)
    if not verdict.ok:
        raise Fault(case.report("\n".join(map(str, verdict.faults[:3]))))
    check_strict(case, counts)


def check_strict(case: Case, counts: Counter[str]) -> None:
    """``math="strict"`` gives the bits of ``optimize="none"``; equal programs need not be run."""
    strict, plain = case.compiled(math="strict"), case.compiled(optimize="none")
    sizes = strict.family.sizes([case.inputs[leaf] for leaf in case.program.leaves])
    if strict.variant.chosen(sizes) == plain.variant.chosen(sizes):
        return
    counts["rewritten by strict"] += 1
    for number, (x, y) in enumerate(zip(case.run(strict), case.run(plain), strict=True)):
        where = np.argwhere(different_bits(x, y))
        if x.dtype != y.dtype or x.shape != y.shape or len(where):
            index = tuple(int(i) for i in where[0]) if len(where) else ()
            what = f"output {number}{list(index)}: strict {x[index]!r}, as written {y[index]!r}"
            raise Fault(case.report(what))


def draw_case(seed: int, depth: int) -> Case:
    """The case of a seed."""
    random = np.random.default_rng(seed)
    program = random_program(random, depth, outputs=1 + (seed // 2) % 2 + 2 * (seed % 7 == 0))
    ruled = from_rule(random, depth) if seed % 2 else None
    program = ruled or program
    differentiated = with_gradient(program, random) if seed % 3 == 0 else None
    program = runnable(differentiated or program)
    temper = TEMPERS[int(random.integers(len(TEMPERS)))]
    inputs = draw_inputs(list(program.leaves.values()), temper, random)
    made = sized(program) if seed % 5 == 1 else None
    return Case(program, inputs, made, ruled is not None, differentiated is not None, temper)


@cache
def book() -> RuleBook:
    """The package's rules."""
    return load_rulebook()


def from_rule(random: np.random.Generator, depth: int) -> RandomProgram | None:
    """An instance of some rule's left side, inside a program: of random expressions, and under some."""
    rewrites = [rule for rule in book().rules if rule.kind == "rewrite"]
    rule = rewrites[int(random.integers(len(rewrites)))]
    for _ in range(TRIES):
        try:
            instance = draw_instance(rule.lhs, rule.conditions, random, definitions_of(book()))
        except (Misfit, EqsatError, AssertionError):
            continue
        whole = [instance.expr, *instance.variables]
        inner, leaves = with_parts(random, whole, instance.leaves, 1)
        return program_around(random, inner, leaves, depth)
    return None


def with_gradient(program: RandomProgram, random: np.random.Generator) -> RandomProgram | None:
    """The gradient of the sum of the first output by its float inputs, beside the outputs."""
    first = program.outputs[0]
    wrt = [leaf for leaf in program.leaves if leaf.dtype in FLOATS]
    if first.dtype not in FLOATS or not wrt:
        return None
    loss = sum_over(first, range(len(first.shape)))
    try:
        gradients = gradient(loss, wrt[: int(random.integers(1, 3))])
    except GradientError:  # an op that has none, and says so
        return None
    return RandomProgram([loss, *gradients], program.leaves)


def runnable(program: RandomProgram) -> RandomProgram:
    """The same program on inputs that `function` knows."""
    new = {
        leaf: input_leaf(f"x{i}", leaf.dtype, leaf.shape) for i, leaf in enumerate(program.leaves)
    }

    def change(node: Expr, operands: tuple[Expr, ...]) -> Expr:
        return new[node] if node in new else node.rebuilt(operands)

    outputs = rewrite(program.outputs, change)
    leaves = {new[e]: replace(leaf, expr=new[e]) for e, leaf in program.leaves.items()}
    return RandomProgram(outputs, leaves)


def sized(program: RandomProgram) -> tuple[list[Expr], list[Expr]] | None:
    """The program with a size known at run time, where one of its sizes can be."""
    first, *others = program.outputs
    made = symbolic(Instance(first, dict(program.leaves), tuple(others)))
    if made is None or len(made.leaves) != len(program.leaves):
        return None
    sizes = {size for leaf in made.leaves for size in leaf.shape}
    if not sizes & {symbol(name, 1) for name in made.sizes}:
        return None  # no argument tells the size
    by_name = {leaf["name"]: leaf for leaf in made.leaves}
    leaves = [by_name[leaf["name"]] for leaf in program.leaves]
    return [made.expr, *made.variables], leaves


def held(
    results: Sequence[np.ndarray],
    outputs: Sequence[Expr],
    inputs: Mapping[Expr, np.ndarray],
    compiled: Function,
) -> Verdict:
    """What the oracle says of the results, all rules that fired being granted what theirs grant."""
    graph = compiled.variant.rewritten.graph
    ruleset_of = {r.name: r.ruleset for r in book().rules}
    ruleset_of |= {p.name: p.ruleset for p in book().proposers}
    fired = {ruleset_of[name] for name in graph.fired if name in ruleset_of} if graph else set()
    guarantees = {book().ruleset(name).guarantee for name in fired}
    improves = any(book().ruleset(name).improves for name in fired)
    sizes = compiled.family.sizes(list(inputs.values()))
    exponents = "stable" in guarantees and any(
        map(computes_exponent, compiled.variant.chosen(sizes))
    )
    k = K_STABLE if exponents else K
    return agrees(results, outputs, inputs, improves, k, reorders="real" in guarantees)


def tally(case: Case, verdict: Verdict, counts: Counter[str]) -> None:
    """Count what a program is of, and how its elements were settled."""
    nodes = topological(case.program.outputs)
    kinds = {node.op.kind for node in nodes}
    counts["programs"] += 1
    counts["from rules"] += case.from_rule
    counts["gradients"] += case.differentiated
    counts["symbolic"] += case.sized is not None
    counts["reductions"] += Kind.REDUCTION in kinds
    counts["products"] += Kind.CONTRACTION in kinds
    of_any = case.differentiated or bool(kinds & {Kind.REDUCTION, Kind.CONTRACTION})
    counts["any of these"] += of_any
    counts["hard values"] += case.temper in HARD
    counts["nodes"] += len(nodes)
    counts["elements"] += verdict.elements
    for name in ("improved", "unbounded", "precise", "out_of_range"):
        counts[name.replace("_", " ")] += getattr(verdict, name)
