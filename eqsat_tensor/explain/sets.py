"""Which rules a program needs: rules are left out, and the program that comes of the others looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from eqsat_tensor import compile as pipeline
from eqsat_tensor.lang import Expr, topological
from eqsat_tensor.options import Options
from eqsat_tensor.rewritten import Rewritten

LEAST_ROWS = 10_000
ROWS_OF_A_NODE = 30  # of all tables together; about 5 are usual
GROWN = 1  # programs that grew beyond that, after which no more are made
CUT = (
    "some of the rules may not be needed: without one of them the e-graph grows without end, and the "
    "search for fewer was ended there"
)


class RuleSearch:
    """Programs by the rules that were allowed, each made once.

    target  what came of all rules; sizes  the buckets that it was chosen for; nodes  of the e-graph of
    all rules: without some of them another may grow far larger, which takes long.
    """

    def __init__(
        self,
        normal: Rewritten,
        target: Sequence[Expr],
        options: Options,
        sizes: Mapping[str, int],
        nodes: int,
    ) -> None:
        self.normal = normal
        self.target = tuple(target)
        self.sizes = sizes
        self.rows = LEAST_ROWS + ROWS_OF_A_NODE * nodes
        self.book, self.options = pipeline.rulebook(options), options
        self.grown = 0
        self._made: dict[frozenset[str], tuple[Expr, ...]] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be told of the rules that were found."""
        return (CUT,) if self.grown >= GROWN else ()

    def program(self, names: Iterable[str]) -> tuple[Expr, ...]:
        """What comes of these rules alone: nothing where the engine fails, or no more programs are made."""
        key = frozenset(names)
        found = self._made.get(key)
        if found is None and self.grown >= GROWN:
            return ()
        if found is None:
            program = pipeline.saturated(self.normal, self.book, key, self.rows)
            self.grown += program.stopped.startswith("rows")
            found = () if program.graph is None else self.chosen(program)
            self._made[key] = found
        return found

    def chosen(self, program: Rewritten) -> tuple[Expr, ...]:
        """The cheapest program of an e-graph, by the cost model of the options' target."""
        return pipeline.chosen(program, self.sizes, self.options)

    def gives_target(self, names: Iterable[str]) -> bool:
        """Do these rules alone give the program?"""
        return self.program(names) == self.target

    def needed(self, fired: Iterable[str], likely: Iterable[str] = ()) -> list[str]:
        """A set of rules, none of which can be left out alone, that gives the same program; it may hold
        more than that where `notes` say so.

        ``likely`` ones are tried first.  Large parts are left out first where few are needed; all
        where not even ``fired`` suffices.
        """
        fired, likely = set(fired), set(likely)
        if self.gives_target(()):
            return []
        kept = [n for n in self.book.names if n in likely]
        if not self.gives_target(kept):
            kept = [n for n in self.book.names if n in fired]
            if not self.gives_target(kept):
                return kept
        size = len(kept) // 4
        while size > 1:
            shorter = self._without_parts(kept, size)
            size = size // 2 if len(shorter) < len(kept) else 1  # nearly all are needed: one by one
            kept = shorter
        while True:
            shorter = self._without_parts(kept, 1)
            if len(shorter) == len(kept):
                return kept
            kept = shorter

    def _without_parts(self, kept: list[str], size: int) -> list[str]:
        start = 0
        while start < len(kept):
            without = kept[:start] + kept[start + size :]
            if self.gives_target(without):
                kept = without
            else:
                start += size
        return kept

    def needed_by_node(self, names: Sequence[str]) -> dict[Expr, list[str]]:
        """Node of the target -> those of ``names`` without which it, or what it is on, is not there.

        A rule counts for the nodes that go first without it: those whose operands stay (leaves have
        no line in a text, and do not count).  So each rule of a set that `needed` found counts for one
        node at least: for the results, where it is not known what comes without it.
        """
        order = topological(self.target)
        found: dict[Expr, list[str]] = {}
        for name in names:
            without = self.program([n for n in names if n != name])
            there = set(topological(without)) if without else set(order)
            lost = {node for node in order if node.arguments and node not in there}
            first = [n for n in lost if not any(a in lost for a in n.arguments)]
            for node in first or self.target:
                found.setdefault(node, []).append(name)
        return found
