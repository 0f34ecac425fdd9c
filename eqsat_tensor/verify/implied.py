"""Rules that others imply: what they find is found without them.

A rewrite is implied where, on every instance drawn for it, its right side turns up in the class of
its left side when all other rules of its guarantee or a stricter one run and it does not.  A fact
is implied where it is known without its rule on every instance.  One is reported at a time: of two
rules that imply each other both are reported, and one must stay.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from eqsat_tensor.egraph.graph import Graph
from eqsat_tensor.egraph.saturate import saturate
from eqsat_tensor.lang import Expr, topological
from eqsat_tensor.rules.book import GUARANTEES, Rule, RuleBook
from eqsat_tensor.rules.syntax import Symbol
from eqsat_tensor.verify.instances import Instance
from eqsat_tensor.verify.rules import subject_of, with_rule
from eqsat_tensor.verify.trials import (
    ROUNDS,
    Reader,
    Refuted,
    candidates,
    definitions_of,
    find_trials,
)

LEAST = 2  # instances below which nothing is said


@dataclass(frozen=True)
class Implied:
    """A rule that the others imply, on how many instances, and rules that fired on its left sides."""

    name: str
    guarantee: str
    place: str
    instances: int
    by: tuple[str, ...]

    def __str__(self) -> str:
        found = f"on {self.instances} instances" + f", by {', '.join(self.by)}" * bool(self.by)
        return f"{self.place}: {self.name} is implied {found}"


Progress = Callable[[Rule, int, int], None]


def implied_rules(
    book: RuleBook, names: Iterable[str] | None = None, progress: Progress | None = None
) -> list[Implied]:
    """The rewrites and facts of a book, or of those named, that the others imply.

    progress: called after each rule with how many are done and how many there are.
    """
    wanted = None if names is None else set(names)
    chosen = [r for r in book.rules if wanted is None or r.name in wanted]
    found = []
    for number, rule in enumerate(chosen, start=1):
        one = _fact(rule, book) if rule.kind == "fact" else _rewrite(rule, book)
        found += [one] if one is not None else []
        if progress is not None:
            progress(rule, number, len(chosen))
    return found


def _random(rule: Rule) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(rule.name.encode()))


# ----------------------------------------------------------------------------------- rewrites
def _rewrite(rule: Rule, book: RuleBook) -> Implied | None:
    try:
        trials, problem = find_trials(rule, book, _random(rule))
    except Refuted:
        return None
    trials = [t for t in trials if t.left is not t.right]
    if problem or len(trials) < LEAST:
        return None
    strictness = GUARANTEES[: GUARANTEES.index(rule.guarantee) + 1]
    others = [
        r.name
        for r in book.rules
        if r.kind == "rewrite" and r.guarantee in strictness and r.name != rule.name
    ]
    by: set[str] = set()
    for trial in trials:  # each in a graph of its own, for constants of one may help another
        result = saturate([trial.left], book, allowed=others)
        if result.graph is None or not holds_both(result.graph, trial.left, trial.right):
            return None
        by |= result.graph.rules.get(result.graph.roots[0], frozenset())
    return Implied(rule.name, rule.guarantee, rule.place, len(trials), tuple(sorted(by)))


def holds_both(graph: Graph, left: Expr, right: Expr) -> bool:
    """True where the root's class, which is that of ``left``, holds ``right`` too."""
    index = {(n.op, n.operands, n.attributes): n.eclass for n in graph.nodes}
    classes: dict[Expr, int] = {}
    for node in topological([right]):
        operands = tuple([classes[a] for a in node.arguments])
        found = index.get((node.op.name, operands, node.attributes))
        if found is None:
            return False
        classes[node] = found
    return classes[right] == graph.roots[0]


# -------------------------------------------------------------------------------------- facts
def _fact(rule: Rule, book: RuleBook) -> Implied | None:
    """Facts of an op.  One that follows from other facts of the same value is asked of any op that
    has those, which is more than instances can tell: nothing is said of it."""
    subject, pattern, conditions = subject_of(rule)
    assert isinstance(rule.rhs, tuple), rule
    if not isinstance(pattern, tuple):
        return None
    random = _random(rule)
    claims = tuple(
        tuple(Symbol("self") if part == subject else part for part in claim)
        for claim in rule.rhs
        if isinstance(claim, tuple)
    )
    without = book.without([rule.name])
    count = 0
    for _ in range(ROUNDS):
        drawn, _ = candidates(pattern, conditions, random, definitions_of(book))
        drawn = fires(rule, pattern, conditions, book, drawn)
        if len(fires(rule, pattern, claims, without, drawn)) < len(drawn):
            return None
        count += len(drawn)
    if count < LEAST:
        return None
    return Implied(rule.name, "", rule.place, count, ())


def fires(
    rule: Rule,
    pattern: tuple,
    conditions: tuple,
    book: RuleBook,
    drawn: Sequence[Instance],
) -> list[Instance]:
    """The instances on which a rewrite of ``pattern`` to `keep` fires under ``conditions``, by the
    facts of ``book`` alone."""
    if not drawn:
        return []
    probe = Rule(
        "probe", "rewrite", book.rulesets[0].name, "exact", pattern, (Symbol("Keep"), pattern),
        conditions, False, rule.file, rule.line,
    )  # fmt: skip
    outputs = [i.expr for i in drawn]
    beside = [v for i in drawn for v in i.variables]
    result = saturate([*outputs, *beside], with_rule(book, probe), allowed=[probe.name])
    if result.graph is None:
        return []
    reader = Reader(result.graph, outputs)
    return [i for n, i in enumerate(drawn) if reader.right_sides(n)]
