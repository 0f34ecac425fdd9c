"""A variant -> its `Explanation`.

The rules named are a *sufficient set*: running with these alone gives the same program; and each of
them stands beside a node that would not be there without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eqsat_tensor import compile as pipeline
from eqsat_tensor.calibration import profile_for
from eqsat_tensor.egraph.decode import decode_classes
from eqsat_tensor.explain.rejected import Alternatives
from eqsat_tensor.explain.sets import RuleSearch
from eqsat_tensor.explain.told import Explanation, Line, Rejected
from eqsat_tensor.extents import symbols_of
from eqsat_tensor.extract.cost import CostModel
from eqsat_tensor.lang import Expr, leaf_text, line_names, text
from eqsat_tensor.lower.cpu.emit import emit
from eqsat_tensor.lower.cuda.emit import emit as emit_cuda
from eqsat_tensor.lower.cuda.outside import on_host
from eqsat_tensor.schedule import schedule
from eqsat_tensor.variant import Variant

NOMINAL = 1000  # stands for a size that no call has given yet

SEARCHED = (
    "the program after is the one of least measured error among forms that identities of real functions, "
    "series and branches give: accuracy() measures it; the rules told are those of what it began with"
)


@dataclass(frozen=True)
class Chosen:
    """What was chosen for a variant, and at what sizes (buckets)."""

    variant: Variant
    roots: tuple[Expr, ...]
    buckets: Mapping[str, int]

    @classmethod
    def of(cls, variant: Variant) -> Chosen:
        """At the sizes of the variant's last binding, or at nominal ones."""
        sizes = variant.last_sizes or {
            name: NOMINAL
            for leaf in variant.program.leaves
            for s in leaf.shape
            for name in symbols_of(s)
        }
        buckets = {name: pipeline.bucket(n) for name, n in sizes.items()}
        return cls(variant, variant.chosen(sizes), buckets)

    @property
    def model(self) -> CostModel:
        """What the choice was made by."""
        return CostModel(profile_for(self.variant.options.target), self.buckets)

    @property
    def fired(self) -> dict[str, int]:
        """Every rule that matched, and how often."""
        graph = self.variant.rewritten.graph
        return dict(graph.fired) if graph is not None else {}

    @property
    def likely(self) -> set[str]:
        """The rules that made or joined classes of which the chosen program has a node: few of those
        that matched, and mostly enough."""
        graph = self.variant.rewritten.graph
        if graph is None:
            return set()
        selected = self.variant.rewritten.selected(self.model)
        picks = selected.choice.picks
        return set().union(*(graph.rules.get(eclass, ()) for eclass in picks))

    def search(self) -> RuleSearch:
        """What finds out which rules are needed; of optimize="accuracy", before its search by error."""
        variant, options, roots = self.variant, self.variant.options, self.roots
        if options.optimize == "accuracy":
            options = replace(
                options, optimize="speed", ranges=(), seed=0, sample=None, verbose=False
            )
            roots = pipeline.chosen(variant.rewritten, self.buckets, options)
        graph = variant.rewritten.graph
        nodes = len(graph.nodes) if graph is not None else 0
        return RuleSearch(variant.normal, roots, options, self.buckets, nodes)


def explain_variant(variant: Variant) -> Explanation:
    """The story of a variant at the sizes of its last binding, or at nominal ones."""
    chosen = Chosen.of(variant)
    rewritten, fired = variant.rewritten, chosen.fired
    rules: list[str] = []
    by_node: dict[Expr, list[str]] = {}
    notes = rewritten.diagnostics
    if fired:
        search = chosen.search()
        rules = search.needed(fired, chosen.likely)
        by_node = search.needed_by_node(rules)
        notes = (*notes, *search.notes)
    graph = rewritten.graph
    on_device = variant.options.target == "cuda"
    if variant.options.optimize == "accuracy":
        told = pipeline.searched(rewritten, chosen.buckets, variant.options)[1]
        notes = (*notes, SEARCHED, *told)
    values, small = pipeline.lowered(chosen.roots, chosen.buckets)
    plan = schedule(on_host(values) if on_device else values)
    return Explanation(
        name=variant.name,
        before=text(variant.normal.roots),
        after=text(chosen.roots),
        lines_before=_lines(variant.normal.roots, chosen.model, {}, {}),
        lines_after=_lines(chosen.roots, chosen.model, by_node, _rejected(chosen)),
        rules={n: fired[n] for n in rules},
        fired=fired,
        sizes=chosen.buckets,
        kernels=str(plan),
        code=emit_cuda(plan, chosen.buckets).text if on_device else emit(plan, small=small).text,
        seconds=rewritten.seconds,
        nodes=len(graph.nodes) if graph is not None else 0,
        classes=len(graph.by_class) if graph is not None else 0,
        stopped=rewritten.stopped,
        notes=notes,
    )


def _lines(
    roots: Sequence[Expr],
    model: CostModel,
    rules: Mapping[Expr, Sequence[str]],
    rejected: Mapping[Expr, tuple[Rejected, ...]],
) -> tuple[Line, ...]:
    texts = dict(line.split(" = ", 1) for line in text(roots).splitlines()[:-1])
    lines = []
    for node, name in line_names(roots).items():
        cost = model.price(node.op, node.type, [a.type for a in node.arguments], node.attributes)
        place = f"{Path(node.place[0]).name}:{node.place[1]}" if node.place is not None else ""
        named = tuple(rules.get(node, ()))
        lines.append(Line(name, texts[name], place, cost, named, rejected.get(node, ())))
    return tuple(lines)


def _rejected(chosen: Chosen) -> dict[Expr, tuple[Rejected, ...]]:
    """For each node of the program what else its e-class held."""
    if chosen.variant.rewritten.graph is None:
        return {}
    model = chosen.model
    selected = chosen.variant.rewritten.selected(model)
    graph = selected.graph
    made = decode_classes(graph, selected.choice)
    restored = selected.whole(list(made.values()))[len(chosen.variant.rewritten.roots) :]
    names = line_names(chosen.roots)
    called = {
        c: names.get(e) or leaf_text(e)
        for c, e in zip(made, restored, strict=True)
        if e in names or not e.arguments
    }
    book = pipeline.rulebook(chosen.variant.options)
    alternatives = Alternatives(graph, model, book, called)
    return {e: alternatives.of(c) for c, e in zip(made, restored, strict=True) if e in names}
