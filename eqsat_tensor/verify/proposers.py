"""Every proposer, held against its ruleset's guarantee like a rule.

A proposer has no pattern to draw from, so each has a generator of programs here by its name; a
proposer without one fails verification.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Mapping

import numpy as np

from eqsat_tensor.egraph.saturate import saturate
from eqsat_tensor.lang import FLOAT32, FLOAT64, OPS, Expr
from eqsat_tensor.rules.book import RuleBook
from eqsat_tensor.rules.propose import Proposer
from eqsat_tensor.types import TensorType
from eqsat_tensor.verify.draw import draw_inputs
from eqsat_tensor.verify.hold import Measure, hold
from eqsat_tensor.verify.instances import ANY_DTYPE, Draw, Instance
from eqsat_tensor.verify.rules import EXAMPLES, Report, profile_of
from eqsat_tensor.verify.trials import Counterexample, Reader, Trial, smallest, total_size, trial_of

INSTANCES = 12
SIZES = (1, 2, 3)


def product(draw: Draw) -> Expr:
    """A product of exponentials, sigmoids of the same and of opposite arguments, and others."""
    random = draw.random
    wanted = TensorType((FLOAT64, FLOAT32)[int(random.integers(2))], draw.shape(1))
    arguments = [draw.leaf(wanted) for _ in range(2)]
    arguments += [OPS["negative"](a) for a in arguments]
    factors = [OPS["exp"](arguments[0]), OPS["sigmoid"](arguments[2])]
    for _ in range(int(random.integers(1, 4))):
        op = ("exp", "sigmoid", "leaf")[int(random.integers(3))]
        argument = arguments[int(random.integers(4))]
        factors.append(draw.leaf(wanted) if op == "leaf" else OPS[op](argument))
    return folded(draw, factors, ("multiply",))


def factored_sum(draw: Draw) -> Expr:
    """A sum of products, elementwise or of matrices, some with a common factor, and others."""
    random = draw.random
    m, k = (int(SIZES[int(random.integers(3))]) for _ in range(2))
    dtype = (FLOAT64, FLOAT32)[int(random.integers(2))]
    wanted = TensorType(dtype, (m, m))
    op = OPS[("multiply", "matmul")[int(random.integers(2))]]
    inner = wanted if op.name == "multiply" else wanted.with_shape((m, k))
    outer = wanted if op.name == "multiply" else wanted.with_shape((k, m))
    shared, terms = draw.leaf(inner), []
    for _ in range(2):
        terms.append(op(shared, draw.leaf(outer)))
    for _ in range(int(random.integers(1, 4))):
        plain = random.random() < 0.5
        terms.append(draw.leaf(wanted) if plain else op(draw.leaf(inner), draw.leaf(outer)))
    return folded(draw, terms, ("add", "subtract"))


def matrix_chain(draw: Draw) -> Expr:
    """A product of 17 to 20 matrices, bracketed anyhow."""
    random = draw.random
    count = int(random.integers(17, 21))
    sizes = [SIZES[int(i)] for i in random.integers(3, size=count + 1)]
    dtype = (FLOAT64, FLOAT32)[int(random.integers(2))]
    parts = [draw.leaf(TensorType(dtype, pair)) for pair in itertools.pairwise(sizes)]
    while len(parts) > 1:
        i = int(random.integers(len(parts) - 1))
        parts[i : i + 2] = [OPS["matmul"](parts[i], parts[i + 1])]
    return parts[0]


def folded(draw: Draw, parts: list[Expr], ops: tuple[str, ...]) -> Expr:
    """The parts, in any order, joined from the left by any of the ops."""
    first, *rest = (parts[int(i)] for i in draw.random.permutation(len(parts)))
    for part in rest:
        first = OPS[ops[int(draw.random.integers(len(ops)))]](first, part)
    return first


GENERATORS: Mapping[str, Callable[[Draw], Expr]] = {
    "exp-sigmoid-product": product,
    "factor-of-long-sum": factored_sum,
    "long-matrix-chain": matrix_chain,
}


def verify_proposer(proposer: Proposer, book: RuleBook, examples: int = EXAMPLES) -> Report:
    """Hold one proposer on ``examples`` draws of values over programs made for it."""
    measure = Measure()

    def report(trials: int, example: Counterexample | None, problem: str = "") -> Report:
        ruleset = book.ruleset(proposer.ruleset)
        return Report(
            proposer.name, "proposer", ruleset.name, ruleset.guarantee, "propose", trials,
            measure.draws, round(measure.max_ulp, 3), measure.rescued, measure.range_losses,
            example, problem,
        )  # fmt: skip

    generator = GENERATORS.get(proposer.name)
    if generator is None:
        return report(0, None, "no generator of programs in verify/proposers.py")
    random = np.random.default_rng(zlib.crc32(proposer.name.encode()))
    trials: list[Trial] = []
    for _ in range(INSTANCES):
        draw = Draw(random, {}, {}, ANY_DTYPE)
        instance = Instance(generator(draw), draw.leaves)
        result = saturate([instance.expr], book, allowed=[proposer.name])
        if result.graph is None:
            return report(0, None, f"the engine failed: {result.diagnostic}")
        rights = Reader(result.graph, [instance.expr]).right_sides(0)
        trials += [trial_of(instance, right) for right in rights]
    if not trials:
        return report(0, None, "it proposed nothing on any program made for it")
    trials.sort(key=lambda t: total_size(t.left))
    improves = bool(book.ruleset(proposer.ruleset).improves)
    guarantee = book.ruleset(proposer.ruleset).guarantee
    for number in range(examples):
        trial = trials[number % len(trials)]
        inputs = draw_inputs(trial.leaves, profile_of(number, len(trials)), random)
        finding = hold(trial.left, trial.right, inputs, guarantee, improves, measure)
        if finding is not None:
            return report(len(trials), smallest(trial, inputs, finding, guarantee, improves))
    return report(len(trials), None)
