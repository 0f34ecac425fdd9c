"""Whose fault a wrong result is: rules, found by leaving them out, or the code made of a program.

    all rules that fired -> those without any one of which the result is right -> the smallest input

Rewritten programs are evaluated by NumPy, so the code generator is no suspect while rules are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from eqsat_tensor import compile as pipeline
from eqsat_tensor.bisection import minimal
from eqsat_tensor.errors import EqsatError
from eqsat_tensor.extents import Size, SizeTerm, Symbol
from eqsat_tensor.extents import evaluate as size_number
from eqsat_tensor.lang import Expr, substitute_sizes
from eqsat_tensor.reference import evaluate
from eqsat_tensor.rules import Rule, RuleBook
from eqsat_tensor.rules.syntax import show
from eqsat_tensor.rules.vocabulary import RELATIONS
from eqsat_tensor.runtime.native import run
from eqsat_tensor.verify.bounds import Fault
from eqsat_tensor.verify.calls import Comparison, compare
from eqsat_tensor.verify.shrink import elementwise_program, shrink_values

if TYPE_CHECKING:
    from eqsat_tensor.variant import Variant

PLACES = 4  # elements looked at in high precision while rules are left out
SHOWN = 64  # elements of inputs that are made plain and shown
FACTS = {r.name for r in RELATIONS if not r.name.startswith("is-")}
EXAMPLES = 60  # on which rules that are guilty together are held, to find the one

Sizes = Mapping[str, int]
Arrays = Sequence[np.ndarray]
Held = Callable[["Variant", Arrays, Arrays, Sizes, int], Comparison]


@dataclass(frozen=True)
class Verdict:
    """Whose fault it is, in words.  allowed: that of rules which ``math="fast"`` allows."""

    text: str
    allowed: bool = False


def blame(
    pure: Variant, labels: Sequence[str], arrays: Arrays, sizes: Sizes, held: Held
) -> Verdict:
    """Whose fault it is that ``pure`` is wrong at these arrays, one a leaf.

    labels: what messages call the leaves.  held: compares results with the program as written.
    """
    search = _Search(pure, labels, sizes, held)
    program = pure.rewritten
    if not search.wrong(pure.chosen(sizes), arrays, sizes):
        return Verdict(search.of_code(arrays))
    fired = program.graph.fired if program.graph is not None else {}
    kept = [n for n in search.book.names if n in fired]
    if not search.fails(kept, arrays):
        return Verdict("No set of rules that fired is wrong by itself: please report this program.")
    together = minimal(kept, lambda names: search.fails(names, arrays))
    rules = [search.book.rule(n) for n in together if n in search.rules]
    if any(r.guarantee == "approx" for r in rules):
        return Verdict("", True)
    facts = search.facts(together, rules, arrays)
    guilty = search.refuted([*together, *facts]) or together
    words = ", ".join(map(search.described, guilty))
    if facts and not set(facts) & set(guilty):
        words += f"; with what {', '.join(map(search.described, facts))} says"
    leave = ", ".join(f"'-{n}'" for n in guilty)
    least = search.smallest(search.program(together), arrays)
    return Verdict(f"Guilty: {words}. {least} Leave it out by rules=({leave},).")


class _Search:
    def __init__(self, pure: Variant, labels: Sequence[str], sizes: Sizes, held: Held) -> None:
        self.pure, self.labels, self.sizes, self.held = pure, labels, dict(sizes), held
        self.normal = pure.normal
        self.book = pipeline.rulebook(pure.options)
        self.rules = {r.name for r in self.book.rules}
        self.buckets = {name: pipeline.bucket(n) for name, n in sizes.items()}

    def program(self, names: Sequence[str], book: RuleBook | None = None) -> tuple[Expr, ...]:
        """What comes of these rewrites alone; the program as written where the engine fails."""
        made = pipeline.saturated(self.normal, self.book if book is None else book, names)
        return pipeline.chosen(made, self.buckets, self.pure.options)

    def fails(self, names: Sequence[str], arrays: Arrays, book: RuleBook | None = None) -> bool:
        return self.wrong(self.program(names, book), arrays, self.sizes) is not None

    def wrong(self, roots: Sequence[Expr], arrays: Arrays, sizes: Sizes) -> Fault | None:
        """A fault of a rewritten program, by NumPy; None where it is right or cannot be run."""
        try:
            results = evaluate(roots, dict(zip(self.normal.leaves, arrays, strict=True)), sizes)
            found = self.held(self.pure, arrays, results, sizes, PLACES)
        except (EqsatError, np.linalg.LinAlgError):  # a smaller input may be a singular matrix
            return None
        return found.faults[0] if found.faults else None

    def of_code(self, arrays: Arrays) -> str:
        """What to say where the rewritten program is right by NumPy."""
        written = replace(self.pure, options=replace(self.pure.options, optimize="none"), codes={})
        inputs = tuple(arrays[: self.pure.program.arguments])
        made = [np.asarray(r) for r in run(written.binding(self.sizes), inputs)]
        found = self.held(self.pure, arrays, made, self.sizes, PLACES)
        which = "as written is wrong, too" if found.wrong else "as rewritten is wrong"
        return f"No rule is guilty: the machine code of the program {which}; please report it."

    def facts(self, names: Sequence[str], rules: Sequence[Rule], arrays: Arrays) -> list[str]:
        """Fact rules without any one of which the result is right; none where no rule asks."""
        asked = {str(c[0]) for r in rules for c in r.conditions if isinstance(c, tuple)}
        if not asked & FACTS:
            return []
        every = [r.name for r in self.book.rules if r.kind == "fact"]

        def happens(some: Sequence[str]) -> bool:
            without = self.book.without(set(every) - set(some))
            return self.fails(names, arrays, without)

        return minimal(every, happens)

    def refuted(self, names: Sequence[str]) -> list[str]:
        """Of several rules, those that verification refutes."""
        from eqsat_tensor.verify.rules import verify_rule

        if len(names) < 2:
            return []
        reports = [
            verify_rule(self.book.rule(n), self.book, EXAMPLES) for n in names if n in self.rules
        ]
        return [r.name for r in reports if r.counterexample is not None]

    def described(self, name: str) -> str:
        """A rule with its place and sides."""
        if name not in self.rules:
            return f"proposer {name}"
        rule = self.book.rule(name)
        if rule.kind == "fact":
            return f"fact {name} ({rule.place})"
        return f"rule {name} ({rule.place}: {show(rule.lhs)} -> {show(rule.rhs)})"

    # ------------------------------------------------------------------------- the smallest input
    def smallest(self, roots: Sequence[Expr], arrays: Arrays) -> str:
        """The smallest input at which these roots are wrong, in words."""
        sizes, arrays = self.smaller(roots, arrays)
        fault = self.wrong(roots, arrays, sizes)
        assert fault is not None
        leaves = self.pure.program.with_sizes(sizes).leaves
        inputs = dict(zip(leaves, arrays, strict=True))
        values: Mapping[Expr, np.ndarray] = inputs

        def fails(values: Mapping[Expr, np.ndarray]) -> Fault | None:
            return self.wrong(roots, [values[leaf] for leaf in leaves], sizes)

        alone = self.element(roots, inputs, sizes, fault)
        if alone is not None:
            values, fails = alone
        if sum(v.size for v in values.values()) > SHOWN:
            shapes = ", ".join(
                f"{self.label(v)} of shape {list(x.shape)}" for v, x in values.items()
            )
            return f"Smallest input: {shapes}: {fault}."
        values = shrink_values(values, lambda v: fails(v) is not None)
        shown = ", ".join(f"{self.label(leaf)} = {_plain(x)}" for leaf, x in values.items())
        return f"Smallest input: {shown}: {fails(values)}."

    def smaller(self, roots: Sequence[Expr], arrays: Arrays) -> tuple[dict[str, int], Arrays]:
        """Sizes as small as they may be, and the parts of the arrays that have them."""
        sizes = dict(self.sizes)
        shapes = [leaf.shape for leaf in self.pure.program.leaves]
        lone = dict(filter(None, (_lone_symbol(size) for shape in shapes for size in shape)))
        for name, lower in lone.items():
            tried = {*range(lower, 4), *(sizes[name] >> k for k in range(1, 20))}
            for size in sorted(n for n in tried if lower <= n < sizes[name]):
                fewer = sizes | {name: size}
                part = self.part(arrays, fewer)
                if part is not None and self.wrong(roots, part, fewer) is not None:
                    sizes, arrays = fewer, part
                    break
        return sizes, arrays

    def part(self, arrays: Arrays, sizes: Sizes) -> Arrays | None:
        """The beginnings of arrays that have these sizes."""
        found = []
        for leaf, array in zip(self.pure.program.with_sizes(sizes).leaves, arrays, strict=True):
            shape = tuple(size_number(s, {}) for s in leaf.shape)
            if any(n > m for n, m in zip(shape, array.shape, strict=True)):
                return None
            found.append(np.array(array[tuple(map(slice, shape))], order="C"))
        return found

    def element(
        self, roots: Sequence[Expr], inputs: Mapping[Expr, np.ndarray], sizes: Sizes, fault: Fault
    ) -> tuple[Mapping[Expr, np.ndarray], Callable[..., Fault | None]] | None:
        """The program of the wrong element alone, where it is elementwise, and what it fails by."""
        outputs = self.pure.program.with_sizes(sizes).outputs
        if any(o.dtype.kind == "c" for o in outputs):
            return None
        given = dict(sizes)
        own = dict(zip(substitute_sizes(self.normal.leaves, given), inputs.values(), strict=True))
        root = roots[fault.output]
        while root.op.name == "keep":  # a root that is an input; no rewrite crosses any other
            (root,) = root.arguments
        pair = [outputs[fault.output], *substitute_sizes([root], given)]
        small = elementwise_program(pair, {**inputs, **own}, np.array(fault.index, int))
        if small is None:
            return None
        (written, made), values = small
        improves = self.pure.options.math != "strict"

        def fails(values: Mapping[Expr, np.ndarray]) -> Fault | None:
            results = evaluate([made], values)
            found = compare(results, [written], values, improves, PLACES)
            return found.faults[0] if found.faults else None

        return (values, fails) if fails(values) is not None else None

    def label(self, leaf: Expr) -> str:
        """What a leaf of a program is, in words."""
        return self.labels[int(str(leaf["name"])[1:])]


def _lone_symbol(size: Size) -> tuple[str, int] | None:
    """Name and least value of a size that is one symbol."""
    if isinstance(size, SizeTerm) and len(size.terms) == 1:
        monomial, factor = size.terms[0]
        if factor == 1 and len(monomial) == 1 and isinstance(monomial[0], Symbol):
            return monomial[0].name, monomial[0].lower
    return None


def _plain(x: np.ndarray) -> str:
    return np.array2string(x, separator=", ", floatmode="unique").replace("\n", "")
