"""A `Rule` -> the engine rules (text) that do it: literals typed, both argument orders, provenance.

(rewrite (Add x 0.0) x :ruleset fold :name "add-zero" :subsume)
->  (rule ((= ?self (Add/live ?x ?1)) (= ?1 (Full/live (F/live 0.0) ?t/1)))
          ((union ?self ?x) (fired ?self 7) (subsume (Add ?x ?1)) (delete (Add/live ?x ?1)))
          :ruleset rules/7 :name "add-zero")
    and the same with (Add/live ?1 ?x)
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from eqsat_tensor.rules.alike import Types, literal_family
from eqsat_tensor.rules.book import Rule
from eqsat_tensor.rules.signature import ENGINE_NAMES, live, text_number
from eqsat_tensor.rules.syntax import Sexpr, Symbol, Text, show
from eqsat_tensor.rules.vocabulary import ROOT, TYPE_NAMES, Vocabulary, is_variable, variables


class UntypedNumber(Exception):
    """A bare number on the right side whose type nothing says; the message is the number."""


def expand(rule: Rule, number: int | str, vocabulary: Vocabulary) -> list[str]:
    """The engine rules of ``rule``; ``number``, or what stands for it, goes into the provenance rows, and
    names the engine's ruleset: one for each rule, so that a program runs those that can matter to it.

    Raises UntypedNumber.
    """
    texts: list[str] = []
    seen: set[str] = set()
    for lhs, conditions in _orders(rule, vocabulary):
        key = _canonical(lhs, rule.rhs, conditions, vocabulary)
        if key in seen:
            continue
        seen.add(key)
        name = rule.name if not texts else f"{rule.name}/{len(texts) + 1}"
        emit = _fact if rule.kind == "fact" else _rewrite
        query, actions = emit(rule, lhs, conditions, number, vocabulary)
        texts.append(
            f"(rule ({' '.join(query)}) ({' '.join(actions)})"
            f" :ruleset rules/{number} :name {show(Text(name))})"
        )
    return texts


# ------------------------------------------------------------------------------ argument orders
def _orders(rule: Rule, vocabulary: Vocabulary) -> Iterator[tuple[Sexpr, tuple[Sexpr, ...]]]:
    """The patterns with the operands of their commutative nodes in all orders."""
    whole: Sexpr = (Symbol("when"), rule.lhs, *rule.conditions)
    places = [p for p, t in _places(whole) if is_commutative(t, vocabulary)]
    for swaps in product((False, True), repeat=len(places)):
        chosen = {p for p, swap in zip(places, swaps, strict=True) if swap}
        done = _swapped(whole, (), chosen)
        assert isinstance(done, tuple), done
        if not _asks_for_another(done[1], done[2:]):
            yield done[1], done[2:]


def _asks_for_another(lhs: Sexpr, conditions: tuple[Sexpr, ...]) -> bool:
    """True where a value that is the left side, (= z (Add x y)), is to be another, (!= z self)."""
    same = {v for c in conditions if isinstance(c, tuple) and c[0] == "=" and lhs in c for v in c}
    others = (c for c in conditions if isinstance(c, tuple) and c[0] == "!=" and ROOT in c)
    return any(v in same for c in others for v in c[1:])


def _places(term: Sexpr, at: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Sexpr]]:
    if isinstance(term, tuple):
        yield at, term
        for i, t in enumerate(term):
            yield from _places(t, (*at, i))


def is_commutative(term: Sexpr, vocabulary: Vocabulary) -> bool:
    """True for a node of a commutative op on two operands that differ."""
    if not isinstance(term, tuple) or not term or not isinstance(term[0], Symbol):
        return False
    op = vocabulary.ops.get(str(term[0]))
    return op is not None and op.commutative and len(term) >= 3 and term[-1] != term[-2]


def _swapped(term: Sexpr, at: tuple[int, ...], chosen: set[tuple[int, ...]]) -> Sexpr:
    if not isinstance(term, tuple):
        return term
    parts = [_swapped(t, (*at, i), chosen) for i, t in enumerate(term)]
    if at in chosen:
        parts[-1], parts[-2] = parts[-2], parts[-1]
    return tuple(parts)


def _canonical(
    lhs: Sexpr, rhs: Sexpr, conditions: tuple[Sexpr, ...], vocabulary: Vocabulary
) -> str:
    """A text that is equal for variants equal up to names, and operand order on the right."""
    names: dict[str, str] = {}

    def name(term: Sexpr) -> None:
        for v in variables(term):
            names.setdefault(v, f"v{len(names)}")

    def renamed(term: Sexpr, sort: bool) -> Sexpr:
        if not isinstance(term, tuple) or not term:
            return Symbol(names.get(str(term), "v")) if is_variable(term) else term
        first = (
            term[0] if isinstance(term[0], Symbol) else renamed(term[0], sort)
        )  # of several claims
        parts = [first, *(renamed(t, sort) for t in term[1:])]
        either = sort and is_commutative(tuple(parts), vocabulary)
        if either or parts[0] == "!=":
            parts[-2:] = sorted(parts[-2:], key=show)
        return tuple(parts)

    name(lhs)
    left = list(conditions)
    while left:  # whatever order they are written in
        first = min(left, key=lambda c: show(renamed(c, False)))
        left.remove(first)
        name(first)

    # conditions hold patterns too, (= p (Multiply x y)), in which the order of operands tells
    premises = sorted((renamed(c, False) for c in conditions), key=show)
    return show((renamed(lhs, False), *premises, Symbol("=>"), renamed(rhs, True)))


# ------------------------------------------------------------------------------ emitting
def _rewrite(
    rule: Rule, lhs: Sexpr, conditions: tuple[Sexpr, ...], number: int | str, vocabulary: Vocabulary
) -> tuple[list[str], list[str]]:
    types = Types(vocabulary)
    emitter = _Emitter(vocabulary, types)
    root = types.visit(lhs, ("left",), True)
    right = types.visit(rule.rhs, ("right",), False)
    types.equate(root, right)
    types.equate(root, ROOT)
    for c in conditions:
        types.condition(c)
    types.close()
    assert isinstance(lhs, tuple), lhs
    query, arguments = [], []
    sorts = vocabulary.functions[str(lhs[0])][0]
    first = len(sorts) - vocabulary.ops[str(lhs[0])].arity
    for i, (t, sort) in enumerate(zip(lhs[1:], sorts, strict=True)):
        place = ("left", i - first + 1)
        text = emitter.term(t, sort, place)
        table = isinstance(t, tuple) and str(t[0]) in vocabulary.functions
        if table or (sort == "Expr" and not is_variable(t)):  # flattened, to be subsumed by name
            query.append(f"(= ?{i} {text})")
            text = f"?{i}"
        arguments.append(text)
    matched = f"({' '.join([live(str(lhs[0])), *arguments])})"
    query = [f"(= ?self {matched})", *query, *(t for c in conditions for t in emitter.condition(c))]
    value = emitter.term(rule.rhs, "Expr", ("right",), made=True)
    query += emitter.needed
    actions = [f"(let ?self/made {value})", "(union ?self ?self/made)"]
    if is_variable(rule.rhs):
        actions = [f"(union ?self {value})"]
    actions.append(f"(fired ?self {number})")
    if rule.subsume:
        node = f"({' '.join([str(lhs[0]), *arguments])})"
        actions += [f"(subsume {node})", f"(delete {matched})"]
    return query, actions


def _fact(
    rule: Rule, lhs: Sexpr, conditions: tuple[Sexpr, ...], number: int | str, vocabulary: Vocabulary
) -> tuple[list[str], list[str]]:
    types = Types(vocabulary)
    emitter = _Emitter(vocabulary, types)
    for c in conditions:
        types.condition(c)
    types.close()
    query = [t for c in conditions for t in emitter.condition(c)]
    assert isinstance(rule.rhs, tuple), rule.rhs
    actions = [emitter.conclusion(c) for c in rule.rhs]
    return query, actions


class _Emitter:
    """Writes terms as egglog text; variables become ``?x``, which no table's name can be."""

    def __init__(self, vocabulary: Vocabulary, types: Types) -> None:
        self.vocabulary = vocabulary
        self.types = types
        self.needed: list[str] = []  # conditions that numbers on the right side ask for
        self.fresh = 0

    def term(self, t: Sexpr, sort: str, place: tuple[object, ...], made: bool = False) -> str:
        """``t`` where a ``sort`` is expected; ``made``: on the right side."""
        if is_variable(t):
            return f"?{t}"
        if isinstance(t, tuple):
            head = str(t[0])
            if head not in self.vocabulary.functions:
                return self.primitive(t, made)
            sorts, _ = self.vocabulary.functions[head]
            arity = sum(s == "Expr" for s in sorts) if head in self.vocabulary.ops else 0
            first = len(sorts) - arity
            parts = [
                self.term(x, s, (*place, i - first + 1), made)
                for i, (x, s) in enumerate(zip(t[1:], sorts, strict=True))
            ]
            return f"({' '.join([self.table(head, made), *parts])})"
        if isinstance(t, Text):
            return str(text_number(t))
        if sort == "Expr":
            wanted = self.made_type(t, place) if made else self.matched_type(place)
            head, value = _value(t)
            return f"({self.table('Full', made)} ({self.table(head, made)} {value}) ?{wanted})"
        return show(t)

    def table(self, head: str, made: bool) -> str:
        """The engine's name for what makes or, in a query, holds a term."""
        name = ENGINE_NAMES.get(head, head)
        sorts, _ = self.vocabulary.functions.get(head, ((), ""))
        return live(name) if sorts and not made and head not in TYPE_NAMES else name

    def matched_type(self, place: object) -> str:
        """A variable for the type of a number in a pattern: whatever it is."""
        found = self.types.type_variable(place)
        if found is None:
            self.fresh += 1
            found = f"t/{self.fresh}"
            self.types.terms[self.types.same.find(place)] = found
        return found

    def made_type(self, t: Sexpr, place: object) -> str:
        """A variable for the type of a number on the right side, and the conditions it needs."""
        found = self.types.type_variable(place)
        if found is None:
            root = self.types.same.find(place)
            source: str | None = ROOT
            if self.types.same.find(("left",)) != root:
                source = self.types.expression(place)
            if source is None:
                raise UntypedNumber(show(t))
            self.fresh += 1
            found = f"t/{self.fresh}"
            self.types.terms[root] = found
            self.needed.append(f"(= ?{found} (type ?{source}))")
        family = literal_family(t)
        known = self.types.family(place)
        if known is None:
            self.types.known[self.types.same_dtype.find(place)] = family
            self.needed += [f"(= ?{found} ({live('Tensor')} ?d/{found} ?s/{found}))"]
            self.needed.append(f"(type/is-{family} ?d/{found})")
        elif known != family:
            raise UntypedNumber(show(t))
        return found

    def condition(self, t: Sexpr) -> Iterator[str]:
        """A condition; ``(= axes (vec-of i j))`` with new variables takes the vector apart."""
        assert isinstance(t, tuple), t
        if str(t[0]) == "=" and len(t) == 3:
            for vector, made in ((t[1], t[2]), (t[2], t[1])):
                if is_variable(vector) and isinstance(made, tuple) and str(made[0]) == "vec-of":
                    yield f"(= {len(made) - 1} (vec-length ?{vector}))"
                    for i, item in enumerate(made[1:]):
                        yield f"(= {self.primitive(item)} (vec-get ?{vector} {i}))"
                    return
            for left, right in ((t[1], t[2]), (t[2], t[1])):
                if isinstance(right, tuple) and str(right[0]) in self.vocabulary.ops:
                    place = ("when", id(right))
                    term = self.term(right, "Expr", place)
                    yield f"(= {self.term(left, 'Expr', ('other', id(t)))} {term})"
                    return
        if str(t[0]) in self.vocabulary.merged:
            bound = self.bound(t)
            yield f"(= {bound[1]} {bound[0]})"
            return
        yield self.primitive(t)

    def conclusion(self, t: Sexpr) -> str:
        """What a fact rule does."""
        if isinstance(t, tuple) and str(t[0]) in self.vocabulary.merged:
            return f"(set {' '.join(self.bound(t, made=True))})"
        return self.primitive(t, made=True)

    def bound(self, t: tuple[Sexpr, ...], made: bool = False) -> tuple[str, str]:
        """``(at-least x c)`` as the look-up ``(at-least ?x)`` and the value."""
        keys = [self.primitive(u, made) for u in t[1:-1]]
        return f"({' '.join([str(t[0]), *keys])})", self.primitive(t[-1], made)

    def primitive(self, t: Sexpr, made: bool = False) -> str:
        """A fact or a computation; ``made``: in an action."""
        if is_variable(t):
            return f"?{t}"
        if not isinstance(t, tuple):
            return show(t)
        head = str(t[0])
        sorts = self.vocabulary.arguments(head)
        if sorts is None:
            return f"({' '.join([head, *(self.primitive(u, made) for u in t[1:])])})"
        parts = [self.term(x, s, ("free", id(x)), made) for x, s in zip(t[1:], sorts, strict=True)]
        return f"({' '.join([self.table(head, made), *parts])})"


def _value(t: Sexpr) -> tuple[str, str]:
    """What makes the value of a number, and of what."""
    if isinstance(t, float):
        return "F", repr(t)
    return ("I", str(t)) if isinstance(t, int) else ("B", str(int(t == "true")))
