"""The types that the engine's own rules give to nodes that no program held: what type rules say.

sum(x, axes=(0,)), x of f64[2, n]   ->   (Sum (vec-of 0) (Keep x)) is made   ->   f64[n]
"""

from __future__ import annotations

from collections.abc import Sequence

from eqsat_tensor.egraph.encode import Encoder
from eqsat_tensor.egraph.engine import Engine
from eqsat_tensor.egraph.freeze import support_tables, type_reader
from eqsat_tensor.egraph.schema import (
    base_forms,
    ingest_ruleset,
    live_ruleset,
    op_forms,
    type_ruleset,
)
from eqsat_tensor.lang import OPS, Expr, OpDef
from eqsat_tensor.rules.signature import SHARED_TYPES, live, shared_type_rules, signature, type_rule
from eqsat_tensor.types import TensorType

MADE = "probe/made"  # the table of made nodes: a program's node -> its like on kept operands
MAKE = "probe/make"


def derived_types(op: OpDef, nodes: Sequence[Expr]) -> list[TensorType | None]:
    """For each of ``nodes``, all of ``op`` on inputs, the type that the engine derives for a node
    with these attributes on other operands of these types; None where it derives none.

    Raises EngineError.
    """
    names = ["input", "keep", op.name]
    forms = [*base_forms(), *(f for name in dict.fromkeys(names) for f in op_forms(name))]
    forms += [form for table in SHARED_TYPES for form in shared_type_rules(table)]
    engine = Engine([*forms, *_probe(op)])
    encoder = Encoder()
    roots = encoder.program(nodes)
    ingest = ["ingest/equal", *map(ingest_ruleset, dict.fromkeys(names))]
    types = [f"types/{table}" for table in SHARED_TYPES]
    types += [type_ruleset(n) for n in dict.fromkeys(names) if type_rule(OPS[n])]
    with engine.session():
        commands, entered = encoder.take()
        if commands:
            engine.run(*commands)
        for table, lines in entered.items():
            engine.load_rows(table, lines)
        rows = ["live/shared", *map(live_ruleset, dict.fromkeys(names))]
        for ruleset, members in (("in", ingest), ("derived", types), ("live", rows)):
            engine.declare(ruleset, f"(unstable-combined-ruleset {ruleset} {' '.join(members)})")
        engine.run(f"(run-schedule in live {MAKE} live (saturate derived live))")
        tables = engine.tables(dict.fromkeys([*support_tables(), MADE]))
    type_of = type_reader(tables, encoder)
    made = {node: result for (node,), result, _ in tables[MADE].rows}
    known = {node: type_of[type] for (node,), type, _ in tables["type"].rows}
    numbered = {number: node for (number,), node, _ in tables["Node"].rows}
    return [known.get(made[numbered[root]]) for root in roots]


def _probe(op: OpDef) -> list[str]:
    sig = signature(op)
    arguments = [*(f"?{n}" for n in sig.attributes), *["?t"] * sig.typed]
    operands = [f"?x{k}" for k in range(op.arity)]
    given = f"({' '.join([live(op.constructor), *arguments, *operands])})"
    kept = f"({' '.join([op.constructor, *arguments, *(f'(Keep {x})' for x in operands)])})"
    return [
        f"(ruleset {MAKE})",
        f"(function {MADE} (Expr) Expr :merge new)",
        f'(rule ((= ?e {given})) ((set ({MADE} ?e) {kept})) :ruleset {MAKE} :name "{MAKE}")',
    ]
