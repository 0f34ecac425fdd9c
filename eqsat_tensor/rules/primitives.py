"""The sorts of what a rule computes: numbers, lists of axes and of sizes.

    (= n (+ a 1.0)), a an axis    ->   "+ of i64 and f64"; the engine has no such operation

Sorts of variables are sets that narrow until nothing changes: the engine would find the same faults,
but says them of its own text.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from eqsat_tensor.rules.book import Rule
from eqsat_tensor.rules.syntax import Sexpr, Symbol, Text, show
from eqsat_tensor.rules.vocabulary import SORTS, Vocabulary, is_variable

Sorts = frozenset[str]
ANY: Sorts = frozenset((*SORTS, "Text"))
NUMBERS, VECTORS = ("i64", "f64"), ("Axes", "Sizes")
CONDITION: Sorts = frozenset(["condition"])
# (sorts of arguments, sort of the result); n is one of NUMBERS and v of VECTORS, the same throughout.
FORMS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("+", "-", "*", "/", "%", "^", "min", "max"), ("n n", "n")),
    "abs": ("n", "n"),
    "neg": ("f64", "f64"),
    "to-f64": ("i64", "f64"),
    "to-i64": ("f64", "i64"),
    **dict.fromkeys(("<<", ">>"), ("i64 i64", "i64")),
    "vec-empty": ("", "v"),
    "vec-push": ("v i64", "v"),
    "vec-pop": ("v", "v"),
    "vec-get": ("v i64", "i64"),
    "vec-length": ("v", "i64"),
    "vec-range": ("i64", "v"),
    **dict.fromkeys(("vec-contains", "vec-not-contains"), ("v i64", "condition")),
    **dict.fromkeys(("<", ">", "<=", ">="), ("n n", "condition")),
}
MANY = {"vec-of": "i64", "vec-append": "v"}  # as many arguments as are there, all of this sort
# The engine panics where these are out of range, also in a condition: for the package's rules alone,
# whose instances verification has seen.
PANICS = {"vec-remove": ("v i64", "v"), "vec-set": ("v i64 i64", "v")}
UNUSABLE = {  # the engine has none for our sorts
    "log2": "name the exponents that you mean",
    **dict.fromkeys(
        ("pow", "sqrt", "log", "vec-union", "map-get", "from-string"), "write the constant itself"
    ),
}


class SortFault(Exception):
    """What is wrong, and how to mend it."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.what, self.mend = what, mend


def check_sorts(rule: Rule, vocabulary: Vocabulary, own: bool) -> None:
    """Raise `SortFault` where a rule computes with what does not fit.  ``own``: the package's."""
    sorts = _Sorts(vocabulary, own)
    while True:
        before = dict(sorts.of)
        if rule.kind == "rewrite":
            sorts.term(rule.lhs, frozenset(["Expr"]))
            sorts.term(rule.rhs, frozenset(["Expr"]))
        elif isinstance(rule.rhs, tuple):
            for claim in rule.rhs:
                sorts.condition(claim)
        for condition in rule.conditions:
            sorts.condition(condition)
        if sorts.of == before:
            return


class _Sorts:
    def __init__(self, vocabulary: Vocabulary, own: bool) -> None:
        self.vocabulary = vocabulary
        self.own = own
        self.of: dict[str, Sorts] = {}

    def condition(self, c: Sexpr) -> None:
        assert isinstance(c, tuple), c
        head = str(c[0])
        if head in ("=", "!="):
            if len(c) != 3:
                raise SortFault(f"{show(c)} compares {len(c) - 1} things", f"write ({head} a b)")
            both = self.look(c[1]) & self.look(c[2])
            if not both:
                first, second = (_named(self.look(t)) for t in c[1:])
                raise SortFault(
                    f"{show(c)} compares {first} with {second}", "compare things of one sort"
                )
            for t in c[1:]:
                self.term(t, both)
        elif head in self.vocabulary.relations:
            for t, sort in zip(c[1:], self.vocabulary.relations[head], strict=True):
                self.term(t, frozenset([sort]))
        else:
            self.term(c, CONDITION)

    def term(self, t: Sexpr, wanted: Sorts) -> None:
        """Narrow what is in ``t``, which is to have one of the sorts ``wanted``."""
        there = self.look(t)
        if not there & wanted:
            raise SortFault(
                f"{show(t)} is {_named(there)}, needed is {_named(wanted)}", "check the order"
            )
        if is_variable(t):
            self.of[str(t)] = there & wanted
        if not isinstance(t, tuple):
            return
        if str(t[0]) in self.vocabulary.functions:
            for part, sort in zip(t[1:], self.vocabulary.functions[str(t[0])][0], strict=True):
                self.term(part, frozenset([sort]))
            return
        forms = [f for f in self.forms(t) if f[1] in wanted]
        for i, part in enumerate(t[1:]):
            self.term(part, frozenset(f[0][i] for f in forms) or ANY)

    def look(self, t: Sexpr) -> Sorts:
        """The sorts that ``t`` may have."""
        if is_variable(t):
            return self.of.get(str(t), ANY)
        if isinstance(t, Symbol):  # true and false
            return frozenset(["Expr"])
        if isinstance(t, Text):
            return frozenset(["Text"])
        if isinstance(t, float):
            return frozenset(["f64", "Expr"])
        if isinstance(t, int):
            return frozenset(["i64", "Expr"])
        if str(t[0]) in self.vocabulary.functions:
            return frozenset([self.vocabulary.functions[str(t[0])][1]])
        return frozenset(f[1] for f in self.forms(t))

    def forms(self, t: tuple[Sexpr, ...]) -> list[tuple[tuple[str, ...], str]]:
        """The ways to read a computation; `SortFault` where there is none."""
        head = str(t[0])
        if head in UNUSABLE:
            raise SortFault(f"{head}, which rules cannot use", UNUSABLE[head])
        if head in PANICS and not self.own:
            mend = "build the list anew by vec-get and vec-of"
            raise SortFault(f"{head}, which rules cannot use", mend)
        every = list(_forms(head, len(t) - 1))
        if not every and (head in FORMS or head in MANY):
            arguments = FORMS[head][0].split()
            raise SortFault(
                f"{head} takes {len(arguments)} arguments, not {len(t) - 1}",
                f"write ({' '.join([head, *arguments])})",
            )
        there = [self.look(part) for part in t[1:]]
        fit = [f for f in every if all(s in set for s, set in zip(f[0], there, strict=True))]
        if every and not fit:
            raise SortFault(
                f"{show(t)} is {head} of {' and '.join(map(_named, there))}",
                "compute with numbers of one kind, and with lists of axes or of sizes",
            )
        return fit or [(("",) * len(there), sort) for sort in (*ANY, "condition")]


def _forms(head: str, count: int) -> Iterator[tuple[tuple[str, ...], str]]:
    if head in MANY:
        arguments, result = (MANY[head],) * count, "v"
    elif head in FORMS or head in PANICS:
        takes, result = FORMS[head] if head in FORMS else PANICS[head]
        arguments = tuple(takes.split())
    else:
        return
    if len(arguments) != count:
        return
    for n, v in product(NUMBERS, VECTORS):
        read = {"n": n, "v": v}
        form = tuple(read.get(a, a) for a in arguments), read.get(result, result)
        yield form


def _named(sorts: Sorts) -> str:
    return "anything" if sorts >= ANY else " or ".join(sorted(sorts)) or "no sort"
