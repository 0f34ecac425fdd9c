"""Everything that can be wrong with a rule, said as ``file:line: what; how to mend it`` before the
engine sees it (which would panic, point nowhere, or blow up)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from eqsat_tensor.errors import RuleError
from eqsat_tensor.rules.book import Rule, Ruleset
from eqsat_tensor.rules.expand import UntypedNumber, expand
from eqsat_tensor.rules.primitives import SortFault, check_sorts
from eqsat_tensor.rules.signature import VALUES, has_type_rule
from eqsat_tensor.rules.syntax import Sexpr, Symbol, Text, rule_error, show
from eqsat_tensor.rules.vocabulary import (
    COMPARISONS,
    PARTIAL,
    PRIMITIVES,
    ROOT,
    TYPE_NAMES,
    Vocabulary,
    is_variable,
    variables,
)
from eqsat_tensor.rules.words import check_words

MAX_ATOMS = 6
BOUND_STEPS = ("max", "min", "abs", "to-f64")
SPECIAL = {"-0.0": "NegativeZero", "nan": "NaN", "inf": "Inf", "-inf": "NegativeInf"}


def check_rule(
    rule: Rule, ruleset: Ruleset | None, vocabulary: Vocabulary, own: bool = False
) -> None:
    """Raise RuleError for the first thing that is wrong with ``rule``.  ``own``: the package's."""
    _Lint(rule, vocabulary, own).check(ruleset)


class _Lint:
    def __init__(self, rule: Rule, vocabulary: Vocabulary, own: bool) -> None:
        self.rule, self.own = rule, own
        self.vocabulary = vocabulary
        self.sorts: dict[str, str] = {}

    def error(self, what: str, mend: str) -> RuleError:
        return rule_error(self.rule.file, self.rule.line, f"{self.rule.name}: {what}", mend)

    def check(self, ruleset: Ruleset | None) -> None:
        rule = self.rule
        check_words(rule)
        if rule.kind == "rewrite":
            if not isinstance(rule.lhs, tuple) or str(rule.lhs[0]) not in self.vocabulary.ops:
                self.term(rule.lhs, "Expr")  # which may know better what is wrong
                raise self.error(
                    f"the left side {show(rule.lhs)} is no op", "write (Op ...) on the left"
                )
            self.term(rule.lhs, "Expr")
        for c in rule.conditions:
            self.condition(c)
        self.constants_compared()
        bound = self.bound_variables()
        if rule.kind == "rewrite":
            self.made(rule.lhs, bound, "a computation on the left side", partial_allowed=True)
            self.term(rule.rhs, "Expr")
            self.made(rule.rhs, bound, "the right side")
            self.typed_right_side(rule.rhs)
        else:
            self.conclusions(bound)
        for c in rule.conditions:
            self.made(c, bound, "a condition", partial_allowed=True)
        try:
            check_sorts(rule, self.vocabulary, self.own)
        except SortFault as fault:
            raise self.error(fault.what, fault.mend) from None
        self.atoms()
        if ruleset is not None and ruleset.shrinks and self.size(rule.rhs) > self.size(rule.lhs):
            raise self.error(
                f"the right side has {self.size(rule.rhs)} nodes, the left {self.size(rule.lhs)}, and"
                f" ruleset {ruleset.name} is declared :shrinks",
                "move the rule to a ruleset that may grow, such as simplify",
            )
        try:
            expand(rule, 0, self.vocabulary)
        except UntypedNumber as e:
            raise self.error(
                f"nothing says the type of the number {e}",
                f"write (Full (F {e}) t) with :when ((= t (type x)))",
            ) from None

    # ------------------------------------------------------------------ terms and their sorts
    def term(self, t: Sexpr, sort: str) -> None:
        """Names, arities and sorts in a term where a ``sort`` is expected."""
        if is_variable(t):
            known = self.sorts.setdefault(str(t), sort) if sort else sort
            if sort and known != sort:
                raise self.error(
                    f"{t} is used as {known} and as {sort}", "give the two different names"
                )
            return
        if isinstance(t, Text):
            if sort != "Text":
                raise self.error(f"a string {show(t)} in a term", "write a variable or a number")
            return
        if not isinstance(t, tuple):
            self.number(t, sort)
            return
        head = self.head(t)
        if head in self.vocabulary.relations:
            raise self.error(f"the fact {head} inside a term", "ask for facts under :when")
        if head not in self.vocabulary.functions:
            self.primitive(t, sort)
            return
        sorts, result = self.vocabulary.functions[head]
        if sort and result != sort:
            raise self.error(f"{show(t)} is a {result}, needed is a {sort}", "check the order")
        self.arguments(t, sorts)

    def head(self, t: tuple[Sexpr, ...]) -> str:
        if not t or not isinstance(t[0], Symbol):
            raise self.error(f"{show(t)} begins with no name", "write (Name argument ...)")
        return str(t[0])

    def arguments(self, t: tuple[Sexpr, ...], sorts: tuple[str, ...]) -> None:
        head = str(t[0])
        if len(t) - 1 != len(sorts):
            form = f"({' '.join([head, *sorts])})"
            raise self.error(
                f"{head} takes {len(sorts)} arguments, not {len(t) - 1}", f"write {form}"
            )
        for argument, sort in zip(t[1:], sorts, strict=True):
            self.term(argument, sort)

    def primitive(self, t: tuple[Sexpr, ...], sort: str) -> None:
        head = str(t[0])
        if head not in PRIMITIVES:
            raise self.unknown(head)
        if head in COMPARISONS:
            raise self.error(f"the comparison {head} inside a term", "put it under :when by itself")
        for argument in t[1:]:
            self.term(argument, "")

    def unknown(self, head: str) -> RuleError:
        names = [*self.vocabulary.functions, *self.vocabulary.relations, *PRIMITIVES]
        near = difflib.get_close_matches(head, names, 1)
        mend = f"did you mean {near[0]}?" if near else "ops are CamelCase; declare new facts"
        return self.error(f"no op, fact or function {head}", mend.rstrip("?"))

    def number(self, t: Sexpr, sort: str) -> None:
        if isinstance(t, float) and repr(t) in SPECIAL:
            name = SPECIAL[repr(t)]
            raise self.error(
                f"the literal {t!r}, which the engine cannot keep apart",
                f"write ({name}), or (Full ({name}) t) for an operand",
            )
        if isinstance(t, int) and not -(2**63) <= t < 2**63:
            raise self.error(f"the number {t} is beyond 64 bits", "write one that fits an int64")
        if isinstance(t, Symbol):  # true and false
            if sort not in ("Expr", ""):
                raise self.error(f"{t} where a {sort} is expected", "write (B 1) or (B 0)")
            return
        wanted = {"f64": float, "i64": int}.get(sort)
        if wanted is not None and not isinstance(t, wanted):
            mend = f"write {float(t)!r}" if wanted is float else "write a whole number"  # type: ignore[arg-type]
            raise self.error(f"{show(t)} where an {sort} is expected", mend)
        if sort not in ("Expr", "f64", "i64", ""):
            raise self.error(f"{show(t)} where a {sort} is expected", "check the order")

    # ------------------------------------------------------------------ conditions
    def condition(self, c: Sexpr) -> None:
        if not isinstance(c, tuple):
            raise self.error(f"{show(c)} is no condition", "write (fact x) or (= a b)")
        head = self.head(c)
        if head == "=":
            if len(c) != 3:
                raise self.error(f"{show(c)} compares {len(c) - 1} things", "write (= a b)")
            sides = sorted(c[1:], key=_is_literal)  # 1.0 may be an f64 or a value
            sort = self.sort_of(sides[0]) or self.sort_of(sides[1])
            self.term(c[1], sort)
            self.term(c[2], sort)
        elif head in self.vocabulary.relations:
            self.arguments(c, self.vocabulary.relations[head])
            if head in self.vocabulary.merged and not is_variable(c[-1]):
                raise self.error(
                    f"{show(c)} asks for one bound exactly",
                    f"read it, ({head} {show(c[1])} c), and compare: (>= c 0.0)",
                )
        elif head in COMPARISONS:
            if head in ("not", "or", "and") or head.startswith("bool-"):
                raise self.error(f"the bare boolean {show(c)}", "write comparisons and facts alone")
            sort = next(filter(None, (self.sort_of(t) for t in c[1:])), "")
            for t in c[1:]:
                self.term(t, sort)
        elif head in PRIMITIVES or head in self.vocabulary.functions:
            raise self.error(f"{show(c)} is a value, no condition", "write (= v ...) or a fact")
        else:
            raise self.unknown(head)

    def constants_compared(self) -> None:
        """What a comparison names beside variables is looked up: where it is not, nothing is different from it."""
        matched = variables((Symbol("when"), self.rule.lhs))
        alone = {
            str(left): right
            for c in self.rule.conditions
            if isinstance(c, tuple) and len(c) == 3 and c[0] == "="
            for left, right in (c[1:], c[:0:-1])
            if is_variable(left) and str(left) not in matched and _is_constant(right)
        }
        for c in self.rule.conditions:
            assert isinstance(c, tuple), c
            if len(c) != 3 or c[0] not in ("=", "!="):
                continue
            for left, right in (c[1:], c[:0:-1]):
                if self.sort_of(left) != "Expr":
                    continue
                if c[0] == "=" and _is_literal(right):
                    full = f"(Full ({'F' if isinstance(right, float) else 'I'} {show(right)}) t)"
                    if isinstance(right, Symbol):
                        full = f"(Full (B {int(right == 'true')}) t)"
                    raise self.error(
                        f"{show(c)} compares a value with a number",
                        f"write (= {show(left)} {full})",
                    )
                known = is_variable(right) and str(right) not in alone
                if c[0] == "!=" and not known:
                    raise self.error(
                        f"{show(c)} looks {show(right)} up, and holds in no program without it",
                        "compare variables that the left side matches, such as one with"
                        " (= one (Full (F 1.0) t)); or match (Full (F c) t) and compare c",
                    )

    def sort_of(self, t: Sexpr) -> str:
        """The sort of a term where it shows; "" where not."""
        if is_variable(t):
            return self.sorts.get(str(t), "")
        if isinstance(t, tuple):
            return self.vocabulary.functions.get(str(t[0]), ((), ""))[1]
        if isinstance(t, float):
            return "f64"
        return "i64" if isinstance(t, int) else ""

    # ------------------------------------------------------------------ variables
    def bound_variables(self) -> set[str]:
        """What the patterns bind: a fixpoint over the conditions."""
        bound = self.matched(self.rule.lhs)
        if self.rule.kind == "rewrite":
            bound.add(ROOT)
        before = -1
        while len(bound) != before:
            before = len(bound)
            for c in self.rule.conditions:
                assert isinstance(c, tuple), c
                if c[0] == "=":
                    for a, b in ((c[1], c[2]), (c[2], c[1])):
                        self.bind_equal(a, b, bound)
                elif str(c[0]) in self.vocabulary.relations:
                    bound |= self.matched(c)
        return bound

    def bind_equal(self, a: Sexpr, b: Sexpr, bound: set[str]) -> None:
        bound |= self.matched(b)
        if is_variable(a) and (set(variables(b)) <= bound):
            bound.add(str(a))
        if isinstance(b, tuple) and str(b[0]) == "vec-of" and is_variable(a) and str(a) in bound:
            bound |= {str(v) for v in b[1:] if is_variable(v)}

    def matched(self, t: Sexpr) -> set[str]:
        """Variables that a table's pattern binds."""
        if not isinstance(t, tuple) or not t or not self.vocabulary.is_table(t[0]):
            return set()
        found = {str(v) for v in t[1:] if is_variable(v)}
        for v in t[1:]:
            found |= self.matched(v)
        return found

    def made(self, t: Sexpr, bound: set[str], where: str, partial_allowed: bool = False) -> None:
        """Only bound variables, and no primitive that may fail where it would stop the engine."""
        for v in variables(t):
            if v not in bound:
                raise self.error(
                    f"{where} uses {v}, which the left side does not bind",
                    f"use {v} on the left, or bind it under :when ((= {v} ...))",
                )
        if partial_allowed:
            return
        stack = [t]
        while stack:
            u = stack.pop()
            if not isinstance(u, tuple):
                continue
            if str(u[0]) in PARTIAL:
                raise self.error(
                    f"{u[0]} on {where} may fail",
                    f"compute it under :when ((= v {show(u)})) and use v",
                )
            if str(u[0]) in TYPE_NAMES:
                raise self.error(
                    f"{show(u)} on {where} is a look-up", "bind it under :when ((= t (type x)))"
                )
            stack.extend(u[1:])

    def typed_right_side(self, t: Sexpr) -> None:
        if not isinstance(t, tuple):
            return
        op = self.vocabulary.ops.get(str(t[0]))
        if op is not None and not has_type_rule(op):
            raise self.error(
                f"the right side makes {t[0]}, whose type the engine cannot tell",
                "write it with an op that carries its type",
            )
        for u in t[1:]:
            self.typed_right_side(u)

    def conclusions(self, bound: set[str]) -> None:
        rule = self.rule
        assert isinstance(rule.rhs, tuple), rule.rhs
        if not rule.conditions:
            raise self.error("a fact of everything", "say when it holds, :when ((= x ...))")
        for c in rule.rhs:
            if not isinstance(c, tuple) or not c or str(c[0]) not in self.vocabulary.relations:
                if isinstance(c, tuple) and c and isinstance(c[0], Symbol):
                    raise self.unknown(str(c[0]))
                raise self.error(f"{show(c)} is no fact", "write (positive x) or the like")
            sorts = self.vocabulary.relations[str(c[0])]
            self.arguments(c, sorts)
            for t, sort in zip(c[1:], sorts, strict=True):
                if sort == "Expr" and not is_variable(t):
                    raise self.error(
                        f"the conclusion speaks of {show(t)}",
                        f"ask for it under :when ((= v {show(t)})) and conclude of v",
                    )
            self.made(c, bound, "the conclusion")
            if str(c[0]) in self.vocabulary.merged:
                self.bound_made(c[-1])

    def bound_made(self, t: Sexpr) -> None:
        """A bound comes of others by steps that are exact and lead to finitely many values: cycles of
        the e-graph would tighten any other for ever."""
        if not isinstance(t, tuple):
            return
        head, *rest = t
        negated = head == "-" and len(rest) == 2 and rest[0] == 0
        if not negated and head not in BOUND_STEPS:
            raise self.error(
                f"the bound {show(t)} is computed by {show(head)}",
                f"a bound is a number, another bound, (- 0.0 c), or made by {', '.join(BOUND_STEPS)}",
            )
        for u in rest:
            self.bound_made(u)

    def size(self, t: Sexpr) -> int:
        """Nodes of a term: ops, constants, variables; their types, values, axes count nothing."""
        if not isinstance(t, tuple) or str(t[0]) == "Full":
            return 1
        arity = self.vocabulary.ops[str(t[0])].arity
        return 1 + sum(self.size(u) for u in t[len(t) - arity :])

    def atoms(self) -> None:
        count = sum(map(self.atoms_of, (self.rule.lhs, *self.rule.conditions)))
        if count > MAX_ATOMS:
            raise self.error(
                f"the pattern joins {count} tables, {MAX_ATOMS} at most",
                "split it: conclude a fact about a part, and ask for the fact",
            )

    def atoms_of(self, t: Sexpr) -> int:
        """Tables that a pattern joins: ops and facts, without types and constants."""
        if not isinstance(t, tuple) or not t:
            return 0
        head = str(t[0])
        own = (head in self.vocabulary.ops and head != "Full") or head in self.vocabulary.relations
        return int(own and head not in VALUES) + sum(map(self.atoms_of, t[1:]))


def _is_literal(t: Sexpr) -> bool:
    return isinstance(t, int | float) or (isinstance(t, Symbol) and not is_variable(t))


def _is_constant(t: Sexpr) -> bool:
    return isinstance(t, tuple) and t[:1] == ("Full",)


def duplicates(rules: Iterable[Rule]) -> None:
    """RuleError where two rules have one name: the engine would panic."""
    seen: dict[str, Rule] = {}
    for rule in rules:
        other = seen.setdefault(rule.name, rule)
        if other is not rule:
            raise rule_error(
                rule.file,
                rule.line,
                f"rule name {rule.name!r} is already used at {other.place}",
                "give one of them another name",
            )
