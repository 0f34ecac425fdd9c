"""A program as the e-graph has it, and the one that was chosen of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eqsat_tensor.lang import Expr
from eqsat_tensor.opaque import Cut

if TYPE_CHECKING:
    from eqsat_tensor.egraph.graph import Choice, Graph
    from eqsat_tensor.extract.cost import CostModel
    from eqsat_tensor.repeats import Repeats
    from eqsat_tensor.repeats.selection import Selection


@dataclass(frozen=True)
class Rewritten:
    """A program after saturation: normalized roots, leaves, and the e-graph (None: as written).

    cut      what was left out of the program before the e-graph; repeats  what then came again and again.
    seconds  what each stage of saturation took; stopped  what ended it.
    """

    roots: tuple[Expr, ...]
    leaves: tuple[Expr, ...]
    graph: Graph | None
    diagnostics: tuple[str, ...] = field(default=())
    cut: Cut | None = None
    repeats: Repeats | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    stopped: str = ""

    def selected(self, model: CostModel) -> Selected:
        """The cheapest stable program of the e-graph, which there must be."""
        from eqsat_tensor.extract import extract

        assert self.graph is not None
        assert self.cut is not None
        if self.repeats is None:
            choice = extract(self.graph, model, written=self.cut.roots)
            return Selected(self, self.graph, choice)
        written = self.repeats.roots
        selection = self.repeats.selected(
            self.graph, lambda graph: extract(graph, model, written=written)
        )
        return Selected(self, selection.graph, selection.choice, selection)


@dataclass(frozen=True)
class Selected:
    """A program chosen of an e-graph.

    graph      what ``choice`` is of; selection  what it makes of a program's repeats.
    """

    program: Rewritten
    graph: Graph
    choice: Choice
    selection: Selection | None = None

    def whole(self, others: Sequence[Expr] = ()) -> list[Expr]:
        """The program's roots; then ``others``, which are of classes of the graph."""
        from eqsat_tensor.egraph.decode import decode

        cut = self.program.cut
        assert cut is not None
        if self.selection is None:
            return cut.restored(decode(self.graph, self.choice), others)
        roots, others = self.selection.restored(others)
        return cut.restored(roots, others)
