"""Every rule file is needed, every rule does something, and nobody else fuses.

A rule is shown at work in one of two ways: an instance of its left side, with this rule alone, is
extracted as something else; or, for rules that only open the way for others, a program in
`PROGRAMS` comes out otherwise without it.
"""

from __future__ import annotations

import ast
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.egraph.decode import decode
from eqsat_tensor.egraph.saturate import saturate
from eqsat_tensor.errors import EqsatError
from eqsat_tensor.extract import extract
from eqsat_tensor.extract.cost import CostModel
from eqsat_tensor.lang import Expr
from eqsat_tensor.rules import RuleBook, rule_files
from eqsat_tensor.rules.book import Rule
from eqsat_tensor.verify.instances import Misfit, draw_instance
from eqsat_tensor.verify.rules import definitions_of
from tests.rules.programs import Made, optimise, package_rules
from tests.rules.test_cases import ALL, LABELS, ROWS, XENT, Case, case, grad, hold

PACKAGE = Path(et.__file__).parent
X, Y, M = np.array([0.5, -2.0, 3.0]), np.array([1.5, 0.25, -1.0]), np.arange(12.0).reshape(3, 4)
SQUARE = np.ones((70, 70))
MASK = np.array([True, False, True])

# ------------------------------------------------------------------ every file
NEUTRAL = case("neutral", lambda x: et.exp(x * 1.0 + 0.0), (0.0, 1.0), absent="multiply add")
NEGATED = case(
    "negated", lambda x: et.where(et.logical_not(x < 1.0), x, 2.0), (0.0, 2.0), absent="logical_not"
)
TAIL = case(
    "tail", lambda x: et.log(et.special.ndtr(x)), (-40.0, -804.6084420137538), absent="log ndtr"
)
SERVES = {
    "facts.egg": "one-hot-gradient",
    "identity.egg": "neutral",
    "arithmetic.egg": "T33-minus",
    "transcendental.egg": "T35",
    "stable.egg": "T1",
    "softmax.egg": "T25",
    "special.egg": "tail",
    "cancel.egg": "T42",
    "reduce.egg": "one-hot-gradient",
    "contract.egg": "sum-of-product",
    "movement.egg": "T22-keepdims",
    "logic.egg": "negated",
}
CASES = {c.name: c for c in (*ALL, NEUTRAL, NEGATED, TAIL)}


def holds(it: Case, book: RuleBook) -> bool:
    try:
        hold(optimise(it.program, it.points[0][0], book), it, True)
    except AssertionError:
        return False
    return True


def test_the_table_names_every_file() -> None:
    assert set(SERVES) == {p.name for p in rule_files()}


@pytest.mark.parametrize("file", SERVES)
def test_a_case_fails_without_the_file(file: str) -> None:
    it = CASES[SERVES[file]]
    assert holds(it, package_rules())
    assert not holds(it, package_rules().without([file]))


# ------------------------------------------------------------------ every rule
def programs() -> dict[str, tuple[Callable[..., Any], tuple[Any, ...]]]:
    """Programs for rules that change nothing alone: others need what they make."""
    positive = et.exp
    return {
        "multiply-of-negative": (lambda x, y, z: z + (-x) * y, (X, Y, X)),
        "divide-of-negative=>": (lambda x, y, z: z + (-x) / y, (X, Y, X)),
        "divide-by-negative": (lambda x, y, z: z + x / (-y), (X, Y, X)),
        "multiply-by-negative-constant": (lambda x: et.exp(x * 2.0) * et.sigmoid(x * -2.0), (X,)),
        "divide-by-negative-constant": (lambda x: et.exp(x / 3.0) * et.sigmoid(x / -3.0), (X,)),
        "negative-constant-divided": (lambda x: et.exp(3.0 / x) * et.sigmoid(-3.0 / x), (X,)),
        "square-as-product<=": (lambda x: et.sqrt(x * x), (X,)),
        "add-same": (lambda x: (x + x) * 0.5, (X,)),
        "factor-of-add-one": (lambda x, y: (positive(x) * y + positive(x)) / positive(x), (X, Y)),
        "multiply-of-masked": (
            lambda c, x, y, z: et.where(c, x * et.where(c, y, 0.0), z), (MASK, X, Y, X)),
        "multiply-of-unmasked": (
            lambda c, x, y, z: et.where(c, z, x * et.where(c, 0.0, y)), (MASK, X, Y, X)),
        "transpose-of-matmul=>": (lambda a, b: (a @ b.mT).mT, (M, M)),
        "matmul-by-hand": (
            lambda a, b: et.sum(a[:, :, None] * b[None, :, :], axis=1), (SQUARE, SQUARE)),
        "greater-as-less": (lambda x, y: (x > y) & (y < x), (X, Y)),
        "greater-equal-as-less-equal": (lambda x, y: (x >= y) & (y <= x), (X, Y)),
        "add-of-wheres": (lambda c, x, y: et.where(c, x, 0.0) + et.where(c, 0.0, y), (MASK, X, Y)),
        "multiply-of-wheres": (
            lambda c, x, y: et.where(c, x, 1.0) * et.where(c, 1.0, y), (MASK, X, Y)),
        "subtract-of-wheres": (
            lambda c, x, y: et.where(c, x, 0.0) - et.where(c, 0.0, y), (MASK, X, Y)),
        "negative-of-broadcast<=": (lambda x, z: z + et.broadcast_to(-x, z.shape), (np.ones(4), M)),
        "negative-of-transpose": (lambda x: (-(x.mT)).mT, (M,)),
        "exp-of-transpose": (lambda x: et.exp(x.mT).mT, (M,)),
        "tanh-of-transpose": (lambda x: et.tanh(x.mT).mT, (M,)),
        "multiply-transpose-by-constant": (lambda x: (x.mT * 3.0).mT, (M,)),
        "divide-transpose-by-constant": (lambda x: (x.mT / 3.0).mT, (M,)),
        "arctan-of-negative": (lambda x, z: z + et.arctan(-x), (X, Y)),
        "erf-of-negative": (lambda x, z: z + et.erf(-x), (X, Y)),
        "cast-through-long": (
            lambda i: et.astype(et.astype(i, "int64"), "int32"), (np.array([1, 2], "int32"),)),
        "marked-quotient-by-pick": (grad(XENT["spelled"]), (ROWS, LABELS)),
        "exp-sigmoid-product": (lambda x, y, z: et.exp(x) * y * z * et.sigmoid(-x), (X, Y, X)),
        "factor-of-long-sum": (lambda a, b, c, d: a * b + c + a * d, (X, Y, X, Y)),
        "fold-constants": (lambda x: et.log(et.sum(et.exp(x)) / 3.0), (X,)),
    }  # fmt: skip


CHAIN = "long-matrix-chain"  # test_cases has its program
REWRITES = [r for r in package_rules().rules if r.kind == "rewrite"]


@cache
def definitions() -> Any:
    return definitions_of(package_rules())


def changed_alone(rule: Rule) -> bool:
    """Is some instance of the rule's left side extracted as another program, by this rule alone?"""
    random = np.random.default_rng(zlib.crc32(rule.name.encode()))
    alone = package_rules().only([rule.name])
    tries = 0
    while tries < 400:
        tries += 1
        try:
            instance = draw_instance(rule.lhs, rule.conditions, random, definitions())
        except (Misfit, AssertionError, EqsatError):
            continue
        if 0 in instance.expr.shape:
            continue
        found = saturate([instance.expr], alone)
        assert found.graph is not None, found.diagnostic
        if found.graph.fired.get(rule.name) and extracted(found.graph) != [instance.expr]:
            return True
    return False


def extracted(graph: Any) -> list[Expr]:
    return decode(graph, extract(graph, CostModel()))


def without(name: str) -> Callable[[Callable[..., Any], tuple[Any, ...]], Made]:
    return lambda program, arrays: optimise(program, arrays, package_rules().without([name]))


@pytest.mark.parametrize("rule", REWRITES, ids=lambda r: r.name)
def test_the_rule_changes_what_is_extracted(rule: Rule) -> None:
    if rule.name not in programs():
        assert changed_alone(rule), f"{rule.name}: give it a program in PROGRAMS"
        return
    program, arrays = programs()[rule.name]
    made = optimise(program, arrays)
    assert made.graph.fired.get(rule.name), f"{rule.name} does not fire"
    assert repr(made.extracted) != repr(without(rule.name)(program, arrays).extracted)


@pytest.mark.parametrize("proposer", [p for p in package_rules().proposers if p.name != CHAIN],
                         ids=lambda p: p.name)  # fmt: skip
def test_the_proposer_changes_what_is_extracted(proposer: Any) -> None:
    program, arrays = programs()[proposer.name]
    made = optimise(program, arrays)
    assert repr(made.extracted) != repr(without(proposer.name)(program, arrays).extracted)


def test_every_program_is_that_of_a_rule() -> None:
    names = {r.name for r in REWRITES} | {p.name for p in package_rules().proposers}
    assert set(programs()) <= names


# ------------------------------------------------------------------ the only place that fuses
STABLE = frozenset((
    "log1p", "expm1", "log1mexp", "softplus", "logaddexp", "logsumexp", "softmax", "log_softmax",
    "erfc",
))  # fmt: skip
ROOMS = ("normalize.py", "autodiff.py", "tracing.py", "compile.py", "egraph", "extract", "schedule")


def fused_names(source: str) -> set[str]:
    """Stable ops that a module names in code: as a word, an attribute or a string."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return found & STABLE


@pytest.mark.parametrize("room", ROOMS)
def test_stable_ops_are_made_by_rules_and_ops_alone(room: str) -> None:
    path = PACKAGE / room
    for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
        assert not fused_names(file.read_text()), file
