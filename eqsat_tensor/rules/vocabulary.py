"""What may stand in a rule beside ops: types, values, facts, primitives."""

from __future__ import annotations

from collections.abc import Iterable

from eqsat_tensor.ops.assume import FACTS
from eqsat_tensor.rules.book import Relation
from eqsat_tensor.rules.signature import DTYPE_NAMES, VALUES, constructors, signature
from eqsat_tensor.rules.syntax import Sexpr, Symbol

MERGES = ("max", "min")  # how a bound is tightened
SORTS = ("Expr", "Type", "DType", "Sizes", "Axes", "Value", "i64", "f64")
# Facts of values, whatever file concludes them.  `verify/facts.py` says what each claims.
RELATIONS = (
    *(Relation(name, ("Expr",)) for name in (*FACTS, "is-float", "is-int", "is-bool")),
    Relation("at-least-one", ("i64",)),
    # of a value of the program: no more than parts of it are asked for
    Relation("is-asked-in-part", ("Expr",)),
    # bounds of every element; only exact steps lead from bound to bound, so that there are finitely many
    Relation("at-least", ("Expr", "f64"), "max"),
    Relation("at-most", ("Expr", "f64"), "min"),
    # y is a strictly increasing (decreasing) function of x, one for all elements
    Relation("increasing", ("Expr", "Expr")),
    Relation("decreasing", ("Expr", "Expr")),
)  # fmt: skip
TYPE_NAMES = ("type", "type-of")
ROOT = "self"  # in conditions and on the right side: the matched left side as a whole

# May fail, so no action may compute with them: a condition that fails merely does not match.
PARTIAL = frozenset(
    [
        "/",
        "%",
        "^",
        "<<",
        ">>",
        "log2",
        "pow",
        "sqrt",
        "log",
        "vec-get",
        "vec-pop",
        "vec-remove",
        "vec-set",
        "map-get",
        "to-i64",
        "vec-union",
        "from-string",
    ]
)
COMPARISONS = frozenset(
    [
        "<",
        ">",
        "<=",
        ">=",
        "!=",
        "bool-<",
        "bool->",
        "bool-<=",
        "bool->=",
        "bool-=",
        "not",
        "and",
        "or",
    ]
)
PRIMITIVES = (
    PARTIAL
    | COMPARISONS
    | frozenset(
        [
            "+",
            "-",
            "*",
            "min",
            "max",
            "abs",
            "neg",
            "to-f64",
            "vec-of",
            "vec-empty",
            "vec-append",
            "vec-push",
            "vec-length",
            "vec-range",
            "vec-contains",
            "vec-not-contains",
        ]
    )
)


class Vocabulary:
    """Names that patterns may use, with the sorts of their arguments and of their result."""

    def __init__(self, relations: Iterable[Relation]) -> None:
        self.ops = constructors()
        declared = tuple(relations)
        self.relations = {r.name: r.sorts for r in declared}
        self.merged = frozenset(r.name for r in declared if r.merge)
        self.functions: dict[str, tuple[tuple[str, ...], str]] = {
            name: (signature(op).sorts, "Expr") for name, op in self.ops.items()
        }
        self.functions |= dict.fromkeys(DTYPE_NAMES.values(), ((), "DType"))
        self.functions |= {name: (sorts, "Value") for name, sorts in VALUES.items()}
        self.functions["Tensor"] = (("DType", "Sizes"), "Type")
        self.functions |= dict.fromkeys(TYPE_NAMES, (("Expr",), "Type"))

    def arguments(self, head: str) -> tuple[str, ...] | None:
        """Sorts of the arguments of a table; None for a primitive or an unknown name."""
        if head in self.functions:
            return self.functions[head][0]
        return self.relations.get(head)

    def is_table(self, head: object) -> bool:
        """True for names that are matched in a table, so that they bind variables."""
        return head in self.functions or head in self.relations


def is_variable(term: Sexpr) -> bool:
    """True for a bare word that is no literal."""
    return isinstance(term, Symbol) and term not in ("true", "false")


def variables(term: Sexpr) -> dict[str, None]:
    """The variables of a term, in order of appearance."""
    found: dict[str, None] = {}
    stack = [term]
    while stack:
        t = stack.pop()
        if isinstance(t, tuple):
            stack.extend(reversed(t[1:]))
        elif is_variable(t):
            found[str(t)] = None
    return found
