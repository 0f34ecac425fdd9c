"""Which terms of a rule have equal types or dtypes, as far as ops alone say; from this a bare number
on the right side gets its type.

    (rewrite (Log1p (Expm1 x)) (Add x 0.0))      0.0 has the type of the left side, a float
"""

from __future__ import annotations

from dataclasses import dataclass, field

from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import BOOLS, FLOATS, INTS, OpDef
from eqsat_tensor.rules.signature import signature, type_form
from eqsat_tensor.rules.syntax import Sexpr, Symbol, Text
from eqsat_tensor.rules.vocabulary import TYPE_NAMES, Vocabulary, is_variable

Key = object


class Classes:
    """Disjoint sets of keys."""

    def __init__(self) -> None:
        self.parent: dict[Key, Key] = {}

    def find(self, key: Key) -> Key:
        while (up := self.parent.setdefault(key, key)) is not key:
            key = up
        return key

    def union(self, a: Key, b: Key) -> None:
        self.parent[self.find(a)] = self.find(b)


@dataclass
class Types:
    """Equal types and equal dtypes among the terms of one rule.

    A term's key is its text path (terms may be equal and stand at several places): variables by
    name, others by place.
    """

    vocabulary: Vocabulary
    same: Classes = field(default_factory=Classes)
    same_dtype: Classes = field(default_factory=Classes)
    known: dict[Key, str] = field(default_factory=dict)  # class of dtypes -> "float" "int" "bool"
    terms: dict[Key, str] = field(default_factory=dict)  # class of types -> a variable of sort Type
    exprs: dict[Key, str] = field(default_factory=dict)  # key -> a variable of sort Expr
    _known: list[tuple[Key, str]] = field(default_factory=list)
    _terms: list[tuple[Key, str]] = field(default_factory=list)

    def equate(self, a: Key, b: Key) -> None:
        """Same type."""
        self.same.union(a, b)
        self.same_dtype.union(a, b)

    def visit(self, term: Sexpr, place: tuple[object, ...], bound: bool) -> Key:
        """Enter a term of sort Expr; ``bound``: it is matched, so its variables may be used."""
        if is_variable(term):
            if bound:
                self.exprs[str(term)] = str(term)
            return str(term)
        if isinstance(term, Symbol | int | float):
            if bound:
                self._known.append((place, literal_family(term)))
            return place
        assert isinstance(term, tuple), term
        head = str(term[0])
        op = self.vocabulary.ops[head]
        sorts = signature(op).sorts
        first = len(sorts) - op.arity
        keys = [self.visit(t, (*place, i), bound) for i, t in enumerate(term[1 + first :], start=1)]
        if signature(op).typed:
            if is_variable(term[first]):
                self._terms.append((place, str(term[first])))
            self._typed_op(op, place, keys)
        else:
            self._plain_op(op, place, keys, bound)
        return place

    def _typed_op(self, op: OpDef, place: Key, keys: list[Key]) -> None:
        if op.kind is Kind.MOVEMENT and keys:
            self.same_dtype.union(place, keys[0])

    def _plain_op(self, op: OpDef, place: Key, keys: list[Key], bound: bool) -> None:
        if not keys:
            return
        form = type_form(op)
        result = form.result if form else ""
        alike = keys
        if op.kind is Kind.ELEMENTWISE:
            if (
                form and form.whole and form.uses == (1,)
            ):  # where: the condition is not like the others
                alike = keys[1:]
                self._know(keys[0], "bool", bound)
            for key in alike[1:]:
                self.equate(alike[0], key)
        elif op.kind is Kind.CONTRACTION or op.name == "concatenate":
            for key in keys[1:]:
                self.same_dtype.union(keys[0], key)
        for k, key in enumerate(keys):
            if form and form.whole and k in form.uses:
                self.equate(place, key)
        if "?d0 " in result:
            self.same_dtype.union(place, keys[0])
        if "(Bool)" in result:
            self._know(place, "bool", True)
        for family, dtypes in (("float", FLOATS), ("int", INTS), ("bool", BOOLS)):
            if set(op.dtypes) <= set(dtypes):
                self._know(keys[0], family, bound)

    def _know(self, key: Key, family: str, certain: bool) -> None:
        if certain:
            self._known.append((key, family))

    def condition(self, term: Sexpr) -> None:
        """Learn from a condition: ``(= t (type x))``, ``(= y (Exp x))``, ``(is-float x)``."""
        if not isinstance(term, tuple) or isinstance(term[0], Text):
            return
        head = str(term[0])
        if head in ("is-float", "is-int", "is-bool") and is_variable(term[1]):
            self._known.append((str(term[1]), head.removeprefix("is-")))
        if head != "=" or len(term) != 3:
            return
        for a, b in ((term[1], term[2]), (term[2], term[1])):
            if not is_variable(a) or not isinstance(b, tuple):
                continue
            if str(b[0]) in TYPE_NAMES and is_variable(b[1]):
                self._terms.append((str(b[1]), str(a)))
            elif str(b[0]) in self.vocabulary.ops:
                self.exprs[str(a)] = str(a)
                self.equate(str(a), self.visit(b, ("when", id(b)), True))

    def close(self) -> None:
        """Carry what is known of members over to their classes."""
        for key, family in self._known:
            self.known.setdefault(self.same_dtype.find(key), family)
        for key, name in self._terms:
            self.terms.setdefault(self.same.find(key), name)

    def family(self, key: Key) -> str | None:
        """ "float", "int" or "bool" where the dtype's family is known."""
        return self.known.get(self.same_dtype.find(key))

    def type_variable(self, key: Key) -> str | None:
        """A variable that holds the type of a term, where the patterns bind one."""
        return self.terms.get(self.same.find(key))

    def expression(self, key: Key) -> str | None:
        """A matched variable of sort Expr that has the same type."""
        root = self.same.find(key)
        return next((v for k, v in self.exprs.items() if self.same.find(k) == root), None)


def literal_family(term: Sexpr) -> str:
    """Which dtypes a bare literal may have: 1.0 is a float, 1 an int, true a bool."""
    if isinstance(term, float):
        return "float"
    return "int" if isinstance(term, int) else "bool"
