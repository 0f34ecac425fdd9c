"""No rule book leans on another to be right: each is left out in turn, and results stay in the bounds.

What is extracted is evaluated by NumPy, op by op, and held against the error bound of the program as
it was written; programs that come out the same without a book are judged once.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from eqsat_tensor.autodiff import gradient
from eqsat_tensor.errors import EqsatError
from eqsat_tensor.fuzz.programs import TEMPERS, from_rule, runnable, with_gradient
from eqsat_tensor.lang import FLOAT64, Expr, text
from eqsat_tensor.ops.captured import input_leaf
from eqsat_tensor.ops.reduce import sum_over
from eqsat_tensor.reference import evaluate
from eqsat_tensor.rules import load_rulebook
from eqsat_tensor.rules.book import RuleBook
from eqsat_tensor.tensor import Tensor
from eqsat_tensor.verify.bounds import agrees
from eqsat_tensor.verify.draw import draw_inputs
from eqsat_tensor.verify.programs import random_program
from tests.rules.programs import optimise_exprs
from tests.test_explain import attention, mixture

PROGRAMS = 50
BOOK = load_rulebook().for_math("default")
FILES = tuple(dict.fromkeys(rule.file for rule in BOOK.rules if rule.kind == "rewrite"))
Case = tuple[list[Expr], dict[Expr, np.ndarray]]


@cache
def random_cases() -> tuple[Case, ...]:
    """Programs, most of them around the left side of a rule, a third with gradients, and inputs."""
    found: list[Case] = []
    for seed in range(PROGRAMS):
        random = np.random.default_rng(seed)
        program = (from_rule(random, 2) if seed % 4 else None) or random_program(random, 3, 1)
        if seed % 3 == 0:
            program = with_gradient(program, random) or program
        program = runnable(program)
        temper = TEMPERS[seed % len(TEMPERS)]
        inputs = draw_inputs(list(program.leaves.values()), temper, random)
        found.append((list(program.outputs), inputs))
    return tuple(found)


def gradient_case(function: object, count: int, *shapes: tuple[int, ...]) -> Case:
    """A value and its gradients by the first ``count`` arguments."""
    random = np.random.default_rng(0)
    leaves = [input_leaf(f"x{i}", FLOAT64, s) for i, s in enumerate(shapes)]
    loss = function(*map(Tensor, leaves)).expr  # type: ignore[operator]
    outputs = [loss, *gradient(sum_over(loss, range(len(loss.shape))), leaves[:count])]
    return outputs, {leaf: random.normal(size=leaf.shape) for leaf in leaves}


@cache
def gradient_cases() -> tuple[Case, ...]:
    return (
        gradient_case(attention, 3, (4, 4), (4, 4), (4, 4), (6, 4), (6, 4)),
        gradient_case(mixture, 3, (3,), (3, 2), (3, 2), (10, 2)),
    )


_judged: dict[tuple[Expr, ...], None] = {}  # programs that held, kept alive


def hold(case: Case, book: RuleBook) -> int:
    """Hold what a book makes of a program; the number of rules that fired."""
    outputs, inputs = case
    leaves = list(inputs)
    made = optimise_exprs(outputs, leaves, book)
    key = (*outputs, *made.extracted)
    if key not in _judged:
        values = {new: inputs[old] for old, new in zip(leaves, made.leaves, strict=True)}
        try:
            results = evaluate(list(made.extracted), values)
        except (EqsatError, np.linalg.LinAlgError):
            with pytest.raises(
                (EqsatError, np.linalg.LinAlgError)
            ):  # what the program refuses as it was written, too
                evaluate(outputs, inputs)
            return len(made.graph.fired)
        rules = {r.name: r for r in book.rules}
        fired = [rules[name] for name in made.graph.fired if name in rules]
        improves = any(book.ruleset(r.ruleset).improves for r in fired)
        verdict = agrees(results, outputs, inputs, improves)
        assert verdict.ok, (text(outputs), text(made.extracted), verdict.faults[:3])
        _judged[key] = None
    return len(made.graph.fired)


@pytest.mark.parametrize("file", FILES)
def test_results_are_right_without_a_book(file: str) -> None:
    book = BOOK.without([file])
    assert len(book.rules) < len(BOOK.rules)
    fired = [hold(case, book) for case in (*gradient_cases(), *random_cases())]
    assert sum(n > 0 for n in fired) > PROGRAMS / 3
