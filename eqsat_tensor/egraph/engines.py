"""The engines that are kept: a program takes one that knows few rules beside those that it needs."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from itertools import count

from eqsat_tensor.egraph.engine import Engine
from eqsat_tensor.egraph.schema import base_forms
from eqsat_tensor.lang import OPS
from eqsat_tensor.rules.book import RuleBook

ENGINES = 8  # engines kept in a thread
SURPLUS = 100  # rules that an engine may have beyond twice those that a program needs
RULE_KEY = "rules/"


def rule_key(number: int) -> str:
    """What a rule goes by in an engine."""
    return f"{RULE_KEY}{number}"


def rule_number(key: str) -> int | None:
    """The number of the rule that goes by a key; None for a key of something else."""
    return int(key[len(RULE_KEY) :]) if key.startswith(RULE_KEY) else None


class Engines(threading.local):
    """Each thread's engines by book; an engine must not be touched by another thread.

    Push and pop cost 10 us a rule, so a program gets an engine without many rules that it does not
    need; there may be several for a book.
    """

    def __init__(self) -> None:
        self.process = os.getpid()
        self.kept: OrderedDict[tuple[str, int, int], Engine] = OrderedDict()
        self.number = count()

    def get(self, book: RuleBook, rules: Sequence[int]) -> Engine:
        """An engine for a program that needs these rules at first."""
        if self.process != os.getpid():  # forked: the parent's engines are not ours
            self.__init__()  # type: ignore[misc]
        needed = {rule_key(i) for i in rules}
        surplus: dict[tuple[str, int, int], tuple[int, int]] = {}
        for key, engine in self.kept.items():
            loaded = {k for k in engine.loaded if k.startswith(RULE_KEY)}
            fits = len(loaded | needed) <= 2 * len(needed) + SURPLUS
            if engine.alive and fits and key[:2] == (book.digest, len(OPS)):
                surplus[key] = len(needed - loaded), len(loaded - needed)
        if surplus:
            best = min(surplus, key=surplus.__getitem__)
            self.kept.move_to_end(best)
            return self.kept[best]
        engine = Engine(base_forms())
        self.kept[book.digest, len(OPS), next(self.number)] = engine
        while len(self.kept) > ENGINES:
            self.kept.popitem(last=False)
        return engine


engines = Engines()
