"""Terms equal to some roots -> one `Graph` of all that identities make of them, small and wide.

`saturate` looks for one better program and runs directed rules to their end; this looks for many
forms of one small expression, and its rules go in all directions.  So steps are bounded: a rule that
matches too often rests (back-off), and when there are enough nodes it stops.  After each step what
shrinks runs (without back-off, which would match it all again in each step), constants are folded where the result is
exact, and the graph is read; where two numbers
became equal, some rule was applied where it does not hold, and the graph of two steps before is the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from eqsat_tensor.egraph.encode import Encoder
from eqsat_tensor.egraph.engine import Engine, EngineError
from eqsat_tensor.egraph.engines import engines
from eqsat_tensor.egraph.freeze import Frozen, freeze
from eqsat_tensor.egraph.graph import Graph
from eqsat_tensor.egraph.propose import Ingest
from eqsat_tensor.egraph.saturate import Limits, _Run
from eqsat_tensor.egraph.schema import op_forms
from eqsat_tensor.lang import Expr
from eqsat_tensor.rules.book import TYPES, RuleBook
from eqsat_tensor.rules.exact import exact_constants

SETTLE = ("cleanup", "fold", "collapse")  # rulesets that shrink, run until little changes
SEARCH = ("identities", "stable")  # rulesets that a step runs once
SETTLING = 4  # rounds of settling after a step, at most
ROWS_OF_A_NODE = 20  # rows of all tables for each node of the bound, at which exploring stops
LEAST_MATCHES = 25
SPREAD = 40  # nodes that a step adds for each match that a rule is allowed, at a guess
GIVEN = "given"  # what provenance calls equalities that came with the roots
# Quotients by a class that is zero go before a rule can read them as x/x or as 0 * x.
# Two numbers in one class: some rule was applied where it does not hold.
GUARD = (
    "(ruleset explore/guard)",
    "(rule ((= ?e (Divide/live ?a ?z)) (= ?z (Full/live (F/live 0.0) ?t)))"
    " ((delete (Divide ?a ?z)) (delete (Divide/live ?a ?z)))"
    ' :ruleset explore/guard :name "by-zero")',
    "(rule ((= ?e (Negative/live ?x)) (= ?x (Full/live (F/live ?a) ?t)) (!= ?a 0.0))"
    " ((union ?e (Full (F (neg ?a)) ?t)))"
    ' :ruleset explore/guard :name "negative-number")',
    "(relation explore/wrong (Expr))",
    "(ruleset explore/alarm)",
    "(rule ((= ?x (Full/live (F/live ?a) ?t)) (= ?x (Full/live (F/live ?b) ?t)) (!= ?a ?b))"
    " ((explore/wrong ?x))"
    ' :ruleset explore/alarm :name "two-numbers")',
)


@dataclass(frozen=True)
class Bounds:
    """How far to explore: all are counts, so that the same roots always give the same graph.

    nodes    of the e-graph, where steps stop; steps  at most; matches  of one rule in a step.
    """

    nodes: int = 2500
    steps: int = 6
    matches: int = 400


def explore(
    roots: Sequence[Expr],
    equal: Sequence[tuple[Expr, Expr]],
    rules: RuleBook,
    bounds: Bounds = Bounds(),
) -> Graph | None:
    """The graph of forms of ``roots``; None where the engine fails.

    equal  expressions that are equal, each pair one class.  rules: `RuleBook.for_search`.
    """
    try:
        return _Exploration(rules, bounds).explore(roots, equal)
    except EngineError:
        return None


class _Exploration(_Run):
    def __init__(self, rules: RuleBook, bounds: Bounds) -> None:
        super().__init__(rules, Limits(rows=10**9, seconds=1e9), None, ())
        self.bounds = bounds

    def explore(self, roots: Sequence[Expr], equal: Sequence[tuple[Expr, Expr]]) -> Graph | None:
        encoder = Encoder()
        flat = [*roots, *(e for pair in equal for e in pair)]
        ids = encoder.program(flat)
        for k in range(len(roots), len(flat), 2):
            encoder.equate(ids[k], ids[k + 1], len(self.rules.names))
        self.present = self.needs.mask([*encoder.ops, "full"])
        engine = engines.get(self.rules, self.needed().rules)
        self.load(engine)
        top = ids[: len(roots)]
        with engine.session():
            self.enter(engine, encoder)
            before_good = good = frozen = self.settled(engine, encoder, top)
            for _ in range(self.bounds.steps):
                before = len(frozen.graph.nodes)
                self.search(engine, before)
                try:
                    frozen = self.settled(engine, encoder, top)
                except EngineError:  # two numbers became equal
                    if not engine.alive:
                        raise
                    good = before_good  # the last graph may hold what led to it
                    break
                before_good, good = good, frozen
                if not before < len(frozen.graph.nodes) < self.bounds.nodes:
                    break
        return good.graph

    def enter(self, engine: Engine, encoder: Encoder) -> None:
        """Rows in."""
        commands, tables = encoder.take()
        if commands:
            engine.run(*commands)
        for table, lines in tables.items():
            engine.load_rows(table, lines)
        self.command(engine, ("ingest",))

    def settled(self, engine: Engine, encoder: Encoder, top: Sequence[int]) -> Frozen:
        """The graph after what shrinks has run and constants are folded."""
        self.settle(engine)
        frozen = self.read_graph(engine, encoder, top)
        for _ in range(SETTLING):
            ingest = Ingest(encoder, frozen.graph, frozen.handles)
            number = len(self.rules.names)
            entered = [ingest.enter(p, number) for p in exact_constants(frozen.graph)]
            if not any(entered):
                break
            self.enter(engine, encoder)
            self.settle(engine)
            frozen = self.read_graph(engine, encoder, top)
        return frozen

    def settle(self, engine: Engine) -> None:
        """Types, and rulesets that shrink."""
        for op in ("full", "divide", "negative"):
            engine.load(op, partial(op_forms, op), "schema")
        engine.load("explore/guard", partial(iter, GUARD), "schema")
        for _ in range(SETTLING):
            self.once(engine, (TYPES,))
            engine.run_schedule(f"(run-schedule (run explore/guard) {self.live(engine)})")
            wrong, _ = engine.run_schedule("(run-schedule (run explore/alarm))")
            if wrong:
                raise EngineError("two numbers in one class")
            if engine.size() > ROWS_OF_A_NODE * self.bounds.nodes:
                raise EngineError("grew without end")
            if not self.once(engine, SETTLE):
                break
        self.once(engine, (TYPES,))

    def search(self, engine: Engine, nodes: int) -> None:
        """One step of the rulesets that grow, in which a rule with too many matches rests."""
        matches = self.bounds.matches
        while matches > LEAST_MATCHES and nodes + SPREAD * matches > 3 * self.bounds.nodes:
            matches //= 2
        names = []
        for ruleset in SEARCH:
            name = self.declared(engine, (ruleset,))
            if name is not None:
                names.append(f"(run-with bo {name}) {self.live(engine)}")
        if names:
            back_off = f"(let-scheduler bo (back-off :match-limit {matches} :ban-length 2))"
            self.noted(engine, engine.run_schedule(f"(run-schedule {back_off} {' '.join(names)})"))

    def once(self, engine: Engine, rulesets: Sequence[str]) -> bool:
        """Run rulesets once; True where that changed anything."""
        changed = False
        for ruleset in rulesets:
            report = self.command(engine, (ruleset,))
            changed |= report is not None and self.noted(engine, report)
        return changed

    def noted(self, engine: Engine, report: tuple[bool, object]) -> bool:
        """See that the engine knows what can fire on the ops that rules just made."""
        changed, matches = report
        assert isinstance(matches, dict), matches
        present = self.present
        for variant, n in matches.items():
            if n:
                present |= self.needs.makes.get(variant.partition("/")[0], 0)
        if present != self.present:
            self.present = present
            self.load(engine)
        return changed

    def read_graph(self, engine: Engine, encoder: Encoder, top: Sequence[int]) -> Frozen:
        """The graph as it is now."""
        return freeze(engine, encoder, top, (*self.rules.names, GIVEN), {}, {})
