"""`OpDef`s -> the engine's sorts, tables, ingest rules and type rules: generated, never hand-written.

A program comes in as rows: ``row/small`` holds nodes with at most one attribute and two operands,
``row/wide`` all others.  ``(Node i)`` names the class of row i.  ``type`` is supplied for input
rows and derived for what rules make; two types for one class stop the engine, which is the alarm
for an unsound union.  Rules make terms by constructors and find them in the tables of live rows beside
these (`live`); "live" enters new ones there, after each run.
"""

from __future__ import annotations

from functools import cache, lru_cache

from eqsat_tensor.lang import BOOLS, FLOATS, INTS, OPS, OpDef
from eqsat_tensor.rules.signature import (
    DTYPE_NAMES,
    ENGINE_NAMES,
    VALUES,
    engine_sorts,
    live,
    live_forms,
    signature,
    type_rule,
)
from eqsat_tensor.rules.vocabulary import RELATIONS

SMALL = (1, 2)  # attributes and operands of a row in row/small
WIDE = (3, 5)
NUMBERED = {"Axes": "number/axes", "Sizes": "number/sizes", "Value": "number/value"}
FAMILIES = {
    family: tuple(DTYPE_NAMES[dtype] for dtype in dtypes)
    for family, dtypes in (("float", FLOATS), ("int", INTS), ("bool", BOOLS))
}

DECLARATIONS = """
(sort Sizes (Vec i64))
(sort Axes (Vec i64))
(sort DType)
(sort Type)
(constructor Tensor (DType Sizes) Type)
(sort Value)
(sort Expr)
(constructor Node (i64) Expr)
(function type (Expr) Type :no-merge)
(relation fired (Expr i64))
(relation type/without (Expr DType Sizes Axes))
(relation type/permuted (Expr DType Sizes Axes))
(relation type/is-float (DType))
(relation type/is-int (DType))
(relation type/is-bool (DType))
(function number/type (i64) Type :no-merge)
(function number/axes (i64) Axes :no-merge)
(function number/sizes (i64) Sizes :no-merge)
(function number/value (i64) Value :no-merge)
(function row/small (i64 i64 i64 i64 i64 i64) Unit :no-merge)
(function row/wide (i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64) Unit :no-merge)
(function row/equal (i64 i64 i64) Unit :no-merge)
(ruleset ingest/equal)
(ruleset live/shared)
(ruleset facts/shared)
(relation contradiction (Expr i64))
(ruleset contradictions)
(rule ((row/equal ?a ?b ?r)) ((union (Node ?a) (Node ?b)) (fired (Node ?a) ?r))
  :ruleset ingest/equal :name "ingest/equal")
"""


def codes() -> dict[str, int]:
    """The number of each op in rows."""
    return {name: i for i, name in enumerate(OPS)}


def is_small(op: OpDef) -> bool:
    """True for ops whose rows are in ``row/small``."""
    attributes = 1 if op.name == "input" else len(signature(op).attributes)
    return attributes <= SMALL[0] and op.arity <= SMALL[1]


def ingest_rule(op: OpDef, code: int) -> str:
    """The rule that makes nodes of ``op`` from its rows."""
    sig = signature(op)
    small = is_small(op)
    slots, operands = SMALL if small else WIDE
    query, arguments = [], []
    sorts = ("i64",) if op.name == "input" else sig.sorts[: len(sig.attributes)]
    assert len(sorts) <= slots, op
    assert op.arity <= operands, op
    for k, sort in enumerate(sorts):
        if sort in NUMBERED:
            query.append(f"(= ?v{k} ({NUMBERED[sort]} ?p{k}))")
        arguments.append(f"?v{k}" if sort in NUMBERED else f"?p{k}")
    if sig.typed:
        arguments.append("?ty")
    arguments += [f"(Node ?x{k})" for k in range(op.arity)]
    columns = [f"?p{k}" for k in range(slots)] + [f"?x{k}" for k in range(operands)]
    table = "row/small" if small else "row/wide"
    row = f"({table} ?i {code} ?t {' '.join(columns)})"
    return (
        f"(rule ({row} (= ?ty (number/type ?t)) {' '.join(query)})"
        f" ((union (Node ?i) ({' '.join([op.constructor, *arguments])}))"
        f" (set (type (Node ?i)) ?ty))"
        f' :ruleset {ingest_ruleset(op.name)} :name "ingest/{op.constructor}")'
    )


# Conditions that no element can meet together; an array without elements has any fact.
CONTRADICTIONS = (
    "(positive ?x) (negative ?x)",
    "(positive ?x) (nonpositive ?x)",
    "(negative ?x) (nonnegative ?x)",
    "(nonzero ?x) (nonnegative ?x) (nonpositive ?x)",
    "(= ?c (at-least ?x)) (= ?d (at-most ?x)) (> ?c ?d)",
    "(integer-valued ?x) (= ?c (at-least ?x)) (= ?c (at-most ?x)) (!= ?c (to-f64 (to-i64 ?c)))",
    "(not-nan ?x) (= ?x (Full/live (NotANumber) ?t))",
    "(finite ?x) (= ?x (Full/live (Inf) ?t))",
    "(finite ?x) (= ?x (Full/live (NegativeInf) ?t))",
    "(positive-definite ?x) (nonpositive ?x)",  # its diagonal is positive
    "(permutation ?x) (nonpositive ?x)",
    "(lower-triangular ?x) (nonzero ?x) (>= (vec-get ?s (- (vec-length ?s) 1)) 2)",
    "(upper-triangular ?x) (nonzero ?x) (>= (vec-get ?s (- (vec-length ?s) 1)) 2)",
)


def contradiction_rules() -> list[str]:
    """The rules that find classes of which facts are known that contradict one another."""
    return [
        f"(rule ((= ({live('Tensor')} ?type ?s) (type ?x)) (vec-not-contains ?s 0) {conditions})"
        f' ((contradiction ?x {i})) :ruleset contradictions :name "contradiction/{i}")'
        for i, conditions in enumerate(CONTRADICTIONS)
    ]


def _seed_facts() -> list[str]:
    rules = []
    for family, names in FAMILIES.items():
        rules += [f"(type/is-{family} ({name}))" for name in names]
        rules.append(
            f"(rule ((= ({live('Tensor')} ?d ?s) (type ?x)) (type/is-{family} ?d)) ((is-{family} ?x))"
            f' :ruleset facts/shared :name "fact/is-{family}")'
        )
    for family in ("int", "bool"):
        rules.append(
            f"(rule ((is-{family} ?x)) ((integer-valued ?x) (finite ?x) (not-nan ?x))"
            f' :ruleset facts/shared :name "fact/{family}-is-whole")'
        )
    return rules


@lru_cache(maxsize=1)
def base_forms() -> tuple[str, ...]:
    """What every engine starts with: sorts, tables, dtypes, values, the built-in facts."""
    forms = _top_level(DECLARATIONS)
    forms += [f"(constructor {name} () DType)" for name in DTYPE_NAMES.values()]
    forms += live_forms("Tensor", ("DType", "Sizes"), "Type", "live/shared")
    for value, sorts in VALUES.items():
        name = ENGINE_NAMES.get(value, value)
        forms.append(f"(constructor {name} ({' '.join(sorts)}) Value)")
        if sorts:
            forms += live_forms(name, sorts, "Value", "live/shared")
    forms += [r.declaration for r in RELATIONS]
    return (*forms, *_seed_facts())


@cache
def op_forms(name: str) -> tuple[str, ...]:
    """What an engine must know of one op: its constructor, how rows become nodes, its type."""
    op = OPS[name]
    sorts = engine_sorts(op)
    forms = [
        f"(constructor {op.constructor} ({' '.join(sorts)}) Expr)",
        f"(ruleset {ingest_ruleset(name)})",
        ingest_rule(op, codes()[name]),
        f"(ruleset {live_ruleset(name)})",
        *live_forms(op.constructor, sorts, "Expr", live_ruleset(name)),
    ]
    rule = type_rule(op)
    if rule is not None:
        forms += [f"(ruleset {type_ruleset(name)})", rule]
    return tuple(forms)


def ingest_ruleset(name: str) -> str:
    """The ruleset of an op's ingest rule."""
    return f"ingest/{OPS[name].constructor}"


def live_ruleset(name: str) -> str:
    """The ruleset that enters an op's live rows in their table."""
    return f"live/{OPS[name].constructor}"


def type_ruleset(name: str) -> str:
    """The ruleset of an op's type rule."""
    return f"types/{OPS[name].constructor}"


def _top_level(text: str) -> list[str]:
    forms, depth, start = [], 0, 0
    for i, c in enumerate(text):
        if c == "(":
            if depth == 0:
                start = i
            depth += 1
        elif c == ")":
            depth -= 1
            if depth == 0:
                forms.append(text[start : i + 1])
    return forms
