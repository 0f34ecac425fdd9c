"""What must be in an e-graph for a pattern to match anywhere: its ops, one on the other, and its numbers.

(rewrite (Log (Add 1.0 (Exp x))) ...)   ->   log(add(1.0, exp(any)))

A skeleton says nothing of attributes, types and facts, and of variables only that both operands are one.
So where its skeleton is not there no pattern matches; where it is, one may.  Skeletons are numbered, parts
before wholes, and `Skeletons.found` tells in one sweep which ones an e-graph holds: what a class matches
follows from what the operands of its nodes match, as in a tree automaton.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable, Mapping, Sequence
from threading import Lock
from typing import NamedTuple, TypeAlias

from eqsat_tensor.lang import OPS
from eqsat_tensor.rules.syntax import Sexpr
from eqsat_tensor.rules.vocabulary import ROOT, Vocabulary, is_variable

KEPT = 20_000  # nodes on such operands whose skeletons are kept in mind


class Skeleton(NamedTuple):
    """An op's number in `OPS`; for each operand the skeletons that it must have; the number that a
    constant must be; whether the last two operands must be one."""

    op: int
    operands: tuple[tuple[int, ...], ...] = ()
    value: float | None = None
    same: bool = False


Node: TypeAlias = tuple[Hashable, int, Sequence[Hashable], float | None]
"""A node of an e-graph: its class, its op's number, its operands' classes, its value if it is a number."""

_Head: TypeAlias = tuple[int, float | None, bool]
"""An op, its value, whether its last two operands are one."""


class Skeletons:
    """All skeletons that were ever asked for, by number; sets of them are bits of one number.

    What a class matches is a set of skeletons, and the set has a number, its state; what a node adds
    follows from its head and its operands' states, and is kept in mind.  Threads take turns.
    """

    def __init__(self) -> None:
        self.all: list[Skeleton] = []
        self._number: dict[Skeleton, int] = {}
        self._of_op: dict[int, _OfOp] = {}
        self.renew()

    def renew(self) -> None:
        """Begin anew in a forked child, where another thread of the parent may have had its turn."""
        self._turn = Lock()
        self._forget()

    def enter(self, skeleton: Skeleton) -> int:
        """The number of a skeleton."""
        with self._turn:
            number = self._number.get(skeleton)
            if number is None:
                number = len(self.all)
                self.all.append(skeleton)
                self._of_op.setdefault(skeleton.op, _OfOp()).enter(1 << number, skeleton)
                self._number[skeleton] = number
                if self._heads:
                    self._forget()
            return number

    def _forget(self) -> None:
        self._masks, self._states = [0], {0: 0}  # sets of skeletons, and their numbers
        self._heads: dict[_Head, int] = {}
        self._known: dict[tuple[int, ...], int] = {}  # head and operands' states -> state
        self._joined: dict[tuple[int, int], int] = {}  # two states -> that of both sets together
        self._commutative = [op.commutative for op in OPS.values()]

    def found(self, nodes: Iterable[Node]) -> int:
        """Which skeletons these nodes of an e-graph hold, together, as bits."""
        with self._turn:
            return self._found(nodes)

    def _found(self, nodes: Iterable[Node]) -> int:
        if len(self._known) > KEPT or len(self._commutative) < len(OPS):
            self._forget()
        known, joined, heads = self._known, self._joined, self._heads
        classes: dict[Hashable, int] = {}
        rows: list[tuple[int, int, list[int]]] = []
        users: dict[int, list[int]] = {}
        for eclass, op, operands, value in nodes:
            head = op, value, len(operands) > 1 and operands[-1] == operands[-2]
            number = heads.setdefault(head, len(heads))
            places = [classes.setdefault(x, len(classes)) for x in operands]
            for x in places:
                users.setdefault(x, []).append(len(rows))
            rows.append((classes.setdefault(eclass, len(classes)), number, places))
        now = [0] * len(classes)
        work: Iterable[int] = range(len(rows))
        while work:  # a class matches ever more, until no node adds to what it does
            grown = set()
            for i in work:
                place, number, places = rows[i]
                key = (number, *[now[x] for x in places])
                state = known.get(key)
                if state is None:
                    state = known[key] = self._state_of(key)
                other = now[place]
                if state == other or not state:
                    continue
                if other:
                    both = joined.get((other, state))
                    if both is None:
                        both = self._numbered(self._masks[other] | self._masks[state])
                        joined[other, state] = both
                    if both == other:
                        continue
                    state = both
                now[place] = state
                grown.add(place)
            work = sorted({i for place in grown for i in users.get(place, ())})
        present = 0
        for state in set(now):
            present |= self._masks[state]
        return present

    def _numbered(self, mask: int) -> int:
        """The state that is this set of skeletons."""
        state = self._states.setdefault(mask, len(self._masks))
        if state == len(self._masks):
            self._masks.append(mask)
        return state

    def _state_of(self, key: tuple[int, ...]) -> int:
        """The skeletons of a node with this head, whose operands' classes have such states."""
        op, value, same = list(self._heads)[key[0]]
        of_op = self._of_op.get(op)
        if of_op is None:
            return 0
        operands = [self._masks[s] for s in key[1:]]
        mask = of_op.matching(operands)
        if self._commutative[op] and len(operands) > 1:
            mask |= of_op.matching([*operands[:-2], operands[-1], operands[-2]])
        mask &= of_op.of_value.get(value, 0) | of_op.of_any_value
        return self._numbered(mask if same else mask & ~of_op.of_same)


class _OfOp:
    """The skeletons of one op, as sets: by what they ask of each operand, by value."""

    def __init__(self) -> None:
        self.every = 0
        self.asking: list[dict[int, int]] = []  # for each operand: skeletons it must have -> whose
        self.of_value: dict[float | None, int] = {}
        self.of_any_value = self.of_same = 0

    def enter(self, bit: int, skeleton: Skeleton) -> None:
        """Add a skeleton, which is this bit."""
        self.every |= bit
        for k, parts in enumerate(skeleton.operands):
            if k == len(self.asking):
                self.asking.append({})
            asked = mask_of(parts)
            self.asking[k][asked] = self.asking[k].get(asked, 0) | bit
        if skeleton.value is None:
            self.of_any_value |= bit
        else:
            self.of_value[skeleton.value] = self.of_value.get(skeleton.value, 0) | bit
        if skeleton.same:
            self.of_same |= bit

    def matching(self, operands: Sequence[int]) -> int:
        """Those that operands with such skeletons satisfy."""
        mask = self.every
        for asking, has in zip(self.asking, operands, strict=False):  # constants have no operands
            satisfied = 0
            for asked, whose in asking.items():
                if not asked & ~has:
                    satisfied |= whose
            mask &= satisfied
        return mask


def mask_of(numbers: Iterable[int]) -> int:
    """A set of skeletons as bits."""
    mask = 0
    for number in numbers:
        mask |= 1 << number
    return mask


SKELETONS = Skeletons()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=SKELETONS.renew)


def skeletons_of(
    lhs: Sexpr, conditions: Sequence[Sexpr], vocabulary: Vocabulary, numbers: Mapping[str, int]
) -> frozenset[int]:
    """The skeletons, by number, that must be there for a rule to fire; numbers: of ops, by constructor."""
    return _Reader(lhs, conditions, vocabulary, numbers).read()


class _Reader:
    """Reads the patterns of one rule."""

    def __init__(
        self,
        lhs: Sexpr,
        conditions: Sequence[Sexpr],
        vocabulary: Vocabulary,
        numbers: Mapping[str, int],
    ) -> None:
        self.terms = (lhs, *conditions)
        self.vocabulary, self.numbers = vocabulary, numbers
        self.full = numbers[OPS["full"].constructor]
        self.named: dict[str, list[Sexpr]] = {}  # a variable -> the patterns that it is
        if self._op(lhs) is not None:
            self.named[ROOT] = [lhs]
        for term in conditions:
            if isinstance(term, tuple) and len(term) == 3 and str(term[0]) == "=":
                for name, made in ((term[1], term[2]), (term[2], term[1])):
                    if is_variable(name) and self._op(made) is not None:
                        self.named.setdefault(str(name), []).append(made)

    def read(self) -> frozenset[int]:
        return frozenset(n for term in self.terms for n in self._outermost(term))

    def _op(self, term: Sexpr) -> int | None:
        if not isinstance(term, tuple) or not term:
            return None
        return self.numbers.get(str(term[0]))

    def _outermost(self, term: Sexpr) -> list[int]:
        """Of the patterns in a term that are in no other."""
        if not isinstance(term, tuple):
            return []
        if self._op(term) is not None:
            return [self._skeleton(term, frozenset())]
        return [n for t in term for n in self._outermost(t)]

    def _skeleton(self, term: Sexpr, within: frozenset[str]) -> int:
        """The number of a pattern's; ``within``: variables whose patterns it stands in."""
        assert isinstance(term, tuple), term
        number, op = self.numbers[str(term[0])], self.vocabulary.ops[str(term[0])]
        if number == self.full:
            return self._constant(term[1])
        operands = term[len(term) - op.arity :] if op.arity else ()
        parts = [tuple(sorted(self._parts(t, within))) for t in operands]
        if op.commutative and len(parts) > 1:
            parts[-2:] = sorted(parts[-2:])
        same = len(operands) > 1 and operands[-1] == operands[-2]
        return SKELETONS.enter(Skeleton(number, tuple(parts), None, same))

    def _parts(self, term: Sexpr, within: frozenset[str]) -> set[int]:
        """What an operand must have."""
        if isinstance(term, tuple):
            return {self._skeleton(term, within)} if self._op(term) is not None else set()
        if not is_variable(term):
            return {self._constant(term)}
        name = str(term)
        if name in within:
            return set()
        inside = within | {name}
        return {self._skeleton(t, inside) for t in self.named.get(name, ())}

    def _constant(self, value: Sexpr) -> int:
        """The skeleton of a number, ``2.0`` or ``(F 2.0)``, or of any constant."""
        if isinstance(value, tuple) and len(value) == 2:
            value = value[1]
        number = None
        if isinstance(value, int | float) or str(value) in ("true", "false"):
            number = float(value) if isinstance(value, int | float) else float(value == "true")
        return SKELETONS.enter(Skeleton(self.full, (), number))
