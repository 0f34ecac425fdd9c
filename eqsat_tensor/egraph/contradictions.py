"""Facts that contradict one another: which assumption, and which rules or other assumption, say them.

    y = exp(x); assume(y, negative=True)     ->  ContradictionError: ... negative, assumed at model.py:7;
                                                 rule exp-positive (facts.egg:75)

A contradiction that is there without any assumption is no fault of the user: log(-1) is no number,
and of no number anything may be said.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from eqsat_tensor.egraph.encode import Assumption
from eqsat_tensor.egraph.saturate import Contradiction, Saturation, saturate
from eqsat_tensor.errors import ContradictionError
from eqsat_tensor.lang import OPS, Expr
from eqsat_tensor.rules.book import Rule, RuleBook
from eqsat_tensor.rules.syntax import Sexpr

SECONDS = 5.0  # spent on finding the fewest sources
T = TypeVar("T")


def refuse_contradictions(outputs: Sequence[Expr], rules: RuleBook, saturation: Saturation) -> None:
    """Raise ContradictionError where what the program assumes cannot be true.

    ``saturation`` is what `saturate` made of ``outputs`` with ``rules``.
    """
    if not saturation.contradictions:
        return

    def found(assumed: Collection[Assumption], book: RuleBook) -> set[Contradiction]:
        return set(saturate(outputs, book, assumptions=assumed).contradictions)

    excused = found((), rules)
    if set(saturation.contradictions) <= excused:
        return
    deadline = time.perf_counter() + SECONDS
    facts = rules.only(())
    book = facts if found(saturation.assumed, facts) - excused else rules
    assumed = fewest(saturation.assumed, lambda some: bool(found(some, book) - excused), deadline)
    fired = [r.name for r in book.rules if r.kind == "fact" and saturation.matches.get(r.name)]
    needed = fewest(
        fired,
        lambda some: bool(found(assumed, book.without(set(fired) - set(some))) - excused),
        deadline,
    )
    raise ContradictionError(told(assumed, [book.rule(name) for name in needed]))


def fewest(items: Sequence[T], enough: Callable[[Sequence[T]], bool], deadline: float) -> list[T]:
    """Items none of which can be left out; fewer than all of them as far as time allows."""
    kept, size = list(items), len(items)
    while size:
        start = 0
        while start < len(kept) and time.perf_counter() < deadline:
            rest = kept[:start] + kept[start + size :]
            if enough(rest):
                kept = rest
            else:
                start += size
        size //= 2
    return kept


def told(assumed: Sequence[Assumption], rules: Sequence[Rule]) -> str:
    """The message: every source, by its place."""
    sources = [str(a) for a in assumed]
    telling = [r for r in rules if any(map(of_op, r.conditions))]
    shown = telling if len(sources) + len(telling) > 1 else rules
    sources += [f"rule {r.name} ({r.place})" for r in shown]
    return (
        f"assume: needs facts that can all be true of a value; got {'; '.join(sources)}."
        " Drop one, or mend the value."
    )


def of_op(term: Sexpr) -> bool:
    """Does a condition speak of an op?  Else it only says what follows from facts."""
    if not isinstance(term, tuple):
        return False
    return any(str(term[0]) == op.constructor for op in OPS.values()) or any(map(of_op, term[1:]))
