"""A program and a rule book -> the saturated `Graph`: the schedule, limits, what stopped it.

    push; rows in; the schedule, ruleset by ruleset, under limits of size and time;
    freeze; proposers look at the graph; what they propose goes in; at most three rounds; pop.

Whatever goes wrong in the engine, or with a wrong rule, ends in ``Saturation(graph=None,
diagnostic=...)``: the caller compiles the program as it was written.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TypeAlias

from eqsat_tensor.egraph.encode import Assumption, Encoder
from eqsat_tensor.egraph.engine import Engine, EngineError
from eqsat_tensor.egraph.engines import engines, rule_key
from eqsat_tensor.egraph.freeze import Frozen, freeze
from eqsat_tensor.egraph.graph import Graph
from eqsat_tensor.egraph.large import Large
from eqsat_tensor.egraph.needs import Need, needs_of
from eqsat_tensor.egraph.present import held, written
from eqsat_tensor.egraph.propose import Ingest, settled
from eqsat_tensor.egraph.schema import contradiction_rules, op_forms
from eqsat_tensor.errors import EqsatError
from eqsat_tensor.lang import OPS, Expr, topological
from eqsat_tensor.ops.assume import assume_op
from eqsat_tensor.rules.book import FACTS, TYPES, Relation, RuleBook, Schedule, Step
from eqsat_tensor.rules.signature import LIVE, shared_type_rules
from eqsat_tensor.rules.vocabulary import RELATIONS

ROWS_OF_A_MATCH = 16  # nodes, types and provenance that one firing can add
CATCHING_UP = 8  # runs of facts, at most, when further ones are asked for
Contradiction: TypeAlias = tuple[int, int]  # a node of the program, a place in CONTRADICTIONS
LOOKED_AT = 1000  # nodes of a program up to which the e-graph is looked at for what can fire
GENERATED = frozenset(("ingest", TYPES, "live"))  # rulesets of the engine's own rules
clock = time.perf_counter  # what stages are timed by


@dataclass(frozen=True)
class Limits:
    """rows: of all tables, absolute; seconds: of this thread's processor time, so that a busy machine
    makes the same program, checked between runs; rounds: of proposals; worth: nodes of the e-graph for
    each of which there must be one, where all are minor: a round takes the whole schedule."""

    rows: int = 400_000
    seconds: float = 10.0
    rounds: int = 3
    worth: int = 1000


@dataclass(frozen=True)
class Saturation:
    """What came of saturating.

    graph       None where the engine failed; ``diagnostic`` says why and which rules had fired.
    stopped     "saturated" (the schedule ran to its end), "rows" or "seconds".
    matches     rule -> number of matches.
    seconds     time of each stage, by name.
    assumed     what the program's `assume` nodes say; contradictions: what cannot be true of it.
    """

    graph: Graph | None
    diagnostic: str = ""
    stopped: str = "saturated"
    matches: Mapping[str, int] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    assumed: tuple[Assumption, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()


def _declaration(relation: Relation) -> tuple[str]:
    return (relation.declaration,)


def saturate(
    outputs: Sequence[Expr],
    rules: RuleBook,
    limits: Limits = Limits(),
    allowed: Collection[str] | None = None,
    facts: Collection[str] = (),
    assumptions: Collection[Assumption] | None = None,
) -> Saturation:
    """Saturate the program with the book's rules and proposers; never raises for a bad rule.

    allowed: names of the only rewrites and proposers to use, as with ``rules.only(allowed)``, but
    with the same engine: for asking again and again which rules matter.  facts: names of relations
    that the graph is to hold.  assumptions: of those that the program makes the only ones to use.
    """
    try:
        return _Run(rules, limits, allowed, facts).saturate(outputs, assumptions)
    except EngineError as e:
        return Saturation(None, diagnose(e, rules), "engine")


def diagnose(error: EngineError, rules: RuleBook) -> str:
    """The engine's words, and the rules that had fired by then, outsiders first."""
    fired = [rules.rules[i] for i in error.fired if i < len(rules.rules)]
    fired.sort(key=lambda r: (r.file not in rules.packs, r.place))
    text = " ".join(str(error).split())
    if not fired:
        return text
    shown = ", ".join(f"{r.name} ({r.place})" for r in fired[:5])
    more = f" and {len(fired) - 5} more" if len(fired) > 5 else ""
    return f"{text}. Rules that had fired: {shown}{more}"


class _Run:
    def __init__(
        self,
        rules: RuleBook,
        limits: Limits,
        allowed: Collection[str] | None,
        facts: Collection[str],
    ) -> None:
        self.read = {r.name: r for r in rules.relations if r.name in facts}
        self.relations = {r.name: r for r in rules.relations if r not in RELATIONS}
        self.rules = rules
        self.allowed = None if allowed is None else frozenset(allowed)
        self.limits = limits
        self.facts = {r.name for r in rules.rules if r.kind == "fact"}
        self.matches: dict[str, int] = {}
        self.seconds: dict[str, float] = {}
        self.stopped = "saturated"
        self.needs = needs_of(rules, len(OPS))
        self.present = 0  # ops in the e-graph, as bits
        self.skeletons: int | None = None  # that are there; None: any may be
        self.loaded: Need | None = None  # what the engine was last told of
        self.clock = 0  # counts changes of the e-graph
        self.rounds = 0  # of the schedule
        self.rows_at_most = 0
        self.idle: dict[tuple[str, ...], int] = {}  # the clock at which there was nothing to do
        self.large: Large | None = None  # what a large program is spared
        self.start, self.mark = time.thread_time(), clock()

    def lap(self, stage: str) -> None:
        now = clock()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self.mark
        self.mark = now

    def saturate(
        self, outputs: Sequence[Expr], assumptions: Collection[Assumption] | None
    ) -> Saturation:
        encoder = Encoder(assumptions=assumptions)
        roots = encoder.program(outputs)
        self.lap("encode")
        self.present = self.needs.mask(encoder.ops)
        if encoder.nodes <= LOOKED_AT:
            self.skeletons = written(outputs)
        self.large = Large.of(encoder.nodes, self.rules)
        engine = engines.get(self.rules, self.needed().rules)
        self.load(engine)
        self.lap("load")
        with engine.session():
            self.lap("push")
            if self.large is None:
                frozen = self.in_rounds(engine, encoder, roots)
            else:
                frozen = self.in_parts(self.large, engine, encoder, roots)
            wrong = (
                self.contradictions(engine)
                if any(n.op is assume_op for n in topological(outputs))
                else ()
            )
        self.lap("pop")
        return Saturation(
            self.without_replaced(encoder, frozen),
            "",
            self.stopped,
            self.matches,
            self.seconds,
            tuple(encoder.assumed),
            wrong,
        )

    def in_rounds(self, engine: Engine, encoder: Encoder, roots: Sequence[int]) -> Frozen:
        """The whole schedule, again and again with what proposers say of what came of it."""
        self.round(engine, encoder, self.rules.schedule)
        frozen = self.frozen(engine, encoder, roots)
        for _ in range(self.limits.rounds):
            if self.stopped != "saturated" or not self.propose(encoder, frozen):
                break
            self.round(engine, encoder, self.rules.schedule)
            frozen = self.frozen(engine, encoder, roots)
        return frozen

    def in_parts(
        self, large: Large, engine: Engine, encoder: Encoder, roots: Sequence[int]
    ) -> Frozen:
        """The schedule once, its last steps with what proposers say of what came of the others."""
        first, last = large.parts()
        self.round(engine, encoder, first)
        if self.stopped == "saturated" and self.limits.rounds:
            self.propose(encoder, self.frozen(engine, encoder, roots))
        large.wake()
        self.idle.clear()
        self.round(engine, encoder, last)
        return self.frozen(engine, encoder, roots)

    def contradictions(self, engine: Engine) -> tuple[Contradiction, ...]:
        """Program nodes, by number, of which contradicting facts are known; -1: what rules made."""
        engine.load("full", partial(op_forms, "full"), "schema")
        engine.load("contradictions", contradiction_rules, "schema")
        changed, _ = engine.run_schedule("(run-schedule (run contradictions))")
        if not changed:
            return ()
        tables = engine.tables({"contradiction": None, "Node": None})
        nodes: dict[int, int] = {}
        for arguments, eclass, _ in tables["Node"].rows:
            nodes[eclass] = min(arguments[0], nodes.get(eclass, arguments[0]))
        found = {(nodes.get(a[0], -1), a[1]) for a, _, _ in tables["contradiction"].rows}
        return tuple(sorted(found))

    def needed(self) -> Need:
        """What can fire on the ops that are there."""
        return self.needs.need(self.present, self.skeletons, self.allowed, frozenset(self.read))

    def load(self, engine: Engine) -> None:
        """See that the engine knows what can fire on the ops that are there."""
        need = self.needed()
        if need is self.loaded:
            return
        self.need = self.loaded = need
        for name in need.ops:
            engine.load(name, partial(op_forms, name), "schema")
        for table in need.tables:
            engine.load(f"types/{table}", partial(shared_type_rules, table), "schema")
        self.relate(engine, self.read)
        for i in need.rules:
            key = rule_key(i)
            if not engine.has(key):
                self.relate(engine, self.needs.relations_of(i))
                rule = self.rules.rules[i]
                texts = partial(self.needs.rule_texts, i)
                engine.load(key, texts, f"{rule.place}: {rule.name}")

    def relate(self, engine: Engine, names: Iterable[str]) -> None:
        """See that the engine knows relations of the book."""
        for name in names:
            relation = self.relations.get(name)
            if relation is not None:
                engine.load(f"relation/{name}", partial(_declaration, relation), "relations")

    def look(self, engine: Engine) -> None:
        """See what patterns can match by now, where the e-graph is small enough to be looked at."""
        if self.skeletons is None:
            return
        self.skeletons = held(engine, self.need.ops)

    def round(self, engine: Engine, encoder: Encoder, schedule: Schedule) -> None:
        """Rows in, then these steps."""
        if self.rounds:
            self.present |= self.needs.mask(encoder.ops)
            self.load(engine)
        commands, tables = encoder.take()
        if commands:
            engine.run(*commands)
        for table, lines in tables.items():
            engine.load_rows(table, lines)
        self.command(engine, ("ingest",))
        if self.rounds:
            self.look(engine)
            self.load(engine)
        self.lap("ingest")
        self.clock += 1
        self.rounds += 1
        self.rows_at_most = engine.size()
        for step in schedule:
            self.step(engine, step)
        self.lap("saturate")

    def command(
        self, engine: Engine, rulesets: tuple[str, ...]
    ) -> tuple[bool, Mapping[str, int]] | None:
        """Run rulesets as one, once, so that what they made can be matched; None: no rule can fire."""
        name = self.declared(engine, rulesets)
        if name is None:
            return None
        return engine.run_schedule(f"(run-schedule (run {name}) {self.live(engine)})")

    def declared(self, engine: Engine, rulesets: tuple[str, ...]) -> str | None:
        """The engine's name for those rules of rulesets that can fire; None where there are none."""
        if self.large is not None and not GENERATED.issuperset(rulesets):
            declared = self.large.declared(self.need, rulesets)
        else:
            declared = self.need.declared(rulesets)
        if declared is None:
            return None
        engine.declare(*declared)
        return declared[0]

    def live(self, engine: Engine) -> str:
        """The step of a schedule that enters new rows where rules look for them."""
        return f"(run {self.declared(engine, ('live',))})"

    def step(self, engine: Engine, step: Step) -> bool:
        """Do one step of the schedule; True where it changed anything."""
        if step.kind in ("run", "together"):
            return self.run(engine, step.names)
        changed = False
        if step.kind == "first" and self.rounds > 1 and self.large is None:
            return False
        for k in self.times(step):
            again = False
            for inner in step.steps:
                if self.large is not None:
                    self.large.turn(step, k)
                again |= self.step(engine, inner)
            changed |= again
            if not again or step.kind in ("seq", "first"):
                break
        return changed

    def times(self, step: Step) -> Iterable[int]:
        """How often a step is done at most."""
        if self.large is not None:
            return self.large.times(step)
        return range(step.count) if step.kind == "repeat" else count()

    def run(self, engine: Engine, rulesets: tuple[str, ...]) -> bool:
        """Run rulesets as one, once, unless nothing changed since they last found nothing to do."""
        if self.idle.get(rulesets) == self.clock or self.stopped != "saturated":
            return False
        report = self.command(engine, rulesets)
        if report is None:
            return False
        changed, matches = report
        present = self.present
        fired, rewrote = self.tally(matches), False
        for name in fired:
            present |= self.needs.makes.get(name, 0)
            rewrote |= name in self.needs.makes and name not in self.facts
        if present != self.present or (changed and rewrote and self.skeletons is not None):
            self.present = present
            self.look(engine)
            known = self.need.members.get(FACTS, ())
            self.load(engine)
            self.catch_up(engine, known)
        self.clock += changed
        self.idle[rulesets] = -1 if changed else self.clock
        if changed:
            self.check_limits(engine, " and ".join(rulesets), fired.total())
        return changed

    def catch_up(self, engine: Engine, known: Sequence[str]) -> None:
        """Find the facts that only rules ask for that can fire from now on, before these do: what they are
        to match may be gone when facts have their turn."""
        if set(self.need.members.get(FACTS, ())).issubset(known):
            return
        for k in range(CATCHING_UP):
            if self.large is not None:
                self.large.again = min(k, 1)
            report = self.command(engine, (FACTS,))
            if report is None:
                break
            self.tally(report[1])
            if not report[0]:
                break
            self.clock += 1

    def tally(self, matches: Mapping[str, int]) -> Counter[str]:
        """How often rules fired in one run, counted in; the argument orders of one rule count as one."""
        fired: Counter[str] = Counter()
        for variant, n in matches.items():
            if n and not variant.endswith(LIVE):
                fired[variant.partition("/")[0]] += n
        for name, n in fired.items():
            self.matches[name] = self.matches.get(name, 0) + n
        if self.large is not None:
            self.large.note(fired)
        return fired

    def check_limits(self, engine: Engine, ruleset: str, matches: int) -> None:
        """Stop where time is up or tables are full; tables are counted when they might be."""
        self.rows_at_most += matches * ROWS_OF_A_MATCH
        if self.rows_at_most > self.limits.rows:
            self.rows_at_most = engine.size()
            if self.rows_at_most > self.limits.rows:
                self.stopped = f"rows: more than {self.limits.rows} after {ruleset}"
        if time.thread_time() - self.start > self.limits.seconds:
            self.stopped = f"seconds: more than {self.limits.seconds} after {ruleset}"

    def frozen(self, engine: Engine, encoder: Encoder, roots: Sequence[int]) -> Frozen:
        known = {n for n in self.rules.names if n not in self.facts}
        fired = {n: k for n, k in self.matches.items() if n in known and k}
        result = freeze(engine, encoder, roots, self.rules.names, fired, self.read)
        self.lap("freeze")
        return result

    def without_replaced(self, encoder: Encoder, frozen: Frozen) -> Graph:
        """The graph without what proposers of rulesets that subsume replaced."""
        ingest = Ingest(encoder, frozen.graph, frozen.handles)
        subsuming = [
            p
            for p in self.rules.proposers
            if self.matches.get(p.name) and self.rules.ruleset(p.ruleset).subsumes
        ]
        found = [proposal for p in subsuming for proposal in p.propose(frozen.graph)]
        return settled(frozen.graph, found, ingest)

    def propose(self, encoder: Encoder, frozen: Frozen) -> bool:
        """Enter what proposers say of the graph; False where that is not worth a round of its own."""
        ingest = Ingest(encoder, frozen.graph, frozen.handles)
        entered: Counter[str] = Counter()
        is_worth = False
        for number, proposer in enumerate(self.rules.proposers, start=len(self.rules.rules)):
            if self.allowed is not None and proposer.name not in self.allowed:
                continue
            try:
                for proposal in proposer.propose(frozen.graph):
                    if ingest.enter(proposal, number):
                        entered[proposer.name] += 1
                        is_worth |= not proposer.is_minor
            except (AssertionError, EqsatError, LookupError, ValueError) as e:
                raise EngineError(f"proposer {proposer.name}: {e!r}") from None
        self.lap("propose")
        few = entered.total() * self.limits.worth <= len(frozen.graph.nodes)
        if few and not is_worth and self.large is None:
            return False
        for name, times in entered.items():
            self.matches[name] = self.matches.get(name, 0) + times
        return True
