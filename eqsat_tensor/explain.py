"""What the compiler did with a program: before, after, which rules, which kernels.

The rules named are a *sufficient set*: running with these alone gives the same program
(`sufficient_rules` finds it by leaving rules out and looking).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eqsat_tensor import compile as pipeline
from eqsat_tensor.compile import Rewritten
from eqsat_tensor.egraph.decode import decode_classes
from eqsat_tensor.extract import extract
from eqsat_tensor.extract.cost import CostModel
from eqsat_tensor.lang import Expr, line_names, text, topological
from eqsat_tensor.lower.cpu.emit import emit
from eqsat_tensor.options import Options
from eqsat_tensor.schedule import lower_program, schedule
from eqsat_tensor.types import symbols_of
from eqsat_tensor.variant import Variant

NOMINAL = 1000  # stands for a size that no call has given yet


@dataclass(frozen=True)
class Explanation:
    """The story of one compile.

    before, after  the program as text, normalized and as chosen.
    rules          name -> matches, of a set of rules that suffices to get from one to the other.
    fired          name -> matches, of every rule that matched.
    origins        line of ``after`` that is new -> those of ``rules`` that fired on its e-class.
    kernels        the loop nests; code: their LLVM IR.
    """

    name: str
    before: str
    after: str
    rules: Mapping[str, int]
    fired: Mapping[str, int]
    origins: Mapping[str, tuple[str, ...]]
    kernels: str
    code: str
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        rules = "\n".join(f"  {n} x {name}" for name, n in self.rules.items()) or "  none"
        parts = [
            f"before\n{_indent(self.before)}",
            f"rules\n{rules}",
            f"after\n{_indent(self.after)}",
            f"kernels\n{_indent(self.kernels)}",
            *self.notes,
        ]
        return "\n".join(parts)


def explain_variant(variant: Variant) -> Explanation:
    """The story of a variant at the sizes of its last binding, or at nominal ones."""
    sizes = variant.last_sizes or {
        name: NOMINAL
        for leaf in variant.program.leaves
        for s in leaf.shape
        for name in symbols_of(s)
    }
    buckets = {name: pipeline.bucket(n) for name, n in sizes.items()}
    rewritten, roots = variant.rewritten, variant.chosen(sizes)
    plan = schedule(lower_program(roots))
    fired = dict(rewritten.graph.fired) if rewritten.graph is not None else {}
    names = sufficient_rules(variant.normal, roots, fired, variant.options, buckets)
    return Explanation(
        name=variant.name,
        before=text(variant.normal.roots),
        after=text(roots),
        rules={n: fired[n] for n in names},
        fired=fired,
        origins=_origins(rewritten, roots, names, buckets),
        kernels=str(plan),
        code=emit(plan).text,
        notes=rewritten.diagnostics,
    )


def _origins(
    rewritten: Rewritten, roots: Sequence[Expr], rules: Sequence[str], buckets: Mapping[str, int]
) -> dict[str, tuple[str, ...]]:
    if rewritten.graph is None:
        return {}
    graph = rewritten.graph
    choice = extract(graph, CostModel(sizes=buckets))
    before = set(topological(rewritten.roots))
    names = line_names(roots)
    found = {}
    for eclass, expr in decode_classes(graph, choice).items():
        made = tuple(r for r in rules if r in graph.rules.get(eclass, ()))
        if made and expr in names and expr not in before:
            found[names[expr]] = made
    return found


def sufficient_rules(
    normal: Rewritten,
    target: Sequence[Expr],
    fired: Mapping[str, int],
    options: Options,
    buckets: Mapping[str, int],
) -> list[str]:
    """A set of rules, none of which can be left out alone, that gives the same program.

    Rules are left out in halves, then quarters, and so on, as long as the program stays the same.
    """
    if options.optimize == "none" or not fired:
        return []
    book = pipeline.rulebook(options)
    kept = [n for n in book.names if n in fired]

    def same(names: Sequence[str]) -> bool:
        program = pipeline.saturated(normal, book, names)
        return program.graph is not None and tuple(target) == pipeline.chosen(program, buckets)

    size = max(1, len(kept) // 2)
    while size:
        start = 0
        while start < len(kept):
            without = kept[:start] + kept[start + size :]
            if same(without):
                kept = without
            else:
                start += size
        size = 0 if size == 1 else (size + 1) // 2
    return kept


def _indent(block: str) -> str:
    return "\n".join("  " + line for line in block.splitlines())
