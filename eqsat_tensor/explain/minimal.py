"""The fewest rules that give the same program, and a NumPy script that shows what they did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eqsat_tensor import compile as pipeline
from eqsat_tensor.explain.story import Chosen
from eqsat_tensor.extents import symbols_of
from eqsat_tensor.lang import text
from eqsat_tensor.printing.script import script_of
from eqsat_tensor.rules import Rule
from eqsat_tensor.shown import Shown
from eqsat_tensor.variant import Variant

SMALL = (5, 16, 64)  # what sizes are in the script, where the program's conditions hold


@dataclass(frozen=True, repr=False)
class MinimalRules(Shown):
    """A set of rules that gives the same program, and no longer does when any one is left out.

    names   in the order of the books.
    rules   the rules themselves (a proposer has none): mathematics, guarantee, file and line.
    script  a Python file for NumPy (and SciPy, where its functions are used) alone: the program as
            written, as rewritten, and an assertion that both agree on random inputs.
    """

    names: tuple[str, ...]
    rules: Mapping[str, Rule]
    before: str
    after: str
    script: str

    def __str__(self) -> str:
        lines = []
        for name in self.names:
            rule = self.rules.get(name)
            told = f"{rule.guarantee}, {rule.place}" if rule is not None else "proposer"
            lines.append(f"{name}  ({told})")
        return "\n".join(lines) or "none"


def minimal_rules(variant: Variant) -> MinimalRules:
    """The fewest rules that give the variant's program, by leaving out and looking again.

    Raises UnsupportedError where the program cannot be written for NumPy: it calls back into Python.
    """
    chosen = Chosen.of(variant)
    names = chosen.search().needed(chosen.fired, chosen.likely)
    book = pipeline.rulebook(variant.options)
    program = variant.program
    held = [*(cell.front for cell in variant.cells), *variant.captured]
    known = dict(zip(program.leaves[program.arguments :], held, strict=True))
    normal = variant.normal
    became = dict(zip(program.leaves, normal.leaves, strict=True))
    script = script_of(
        normal.roots,
        chosen.roots,
        normal.leaves,
        {became[leaf]: value for leaf, value in known.items()},
        _sizes(variant),
        f"{variant.name}: as written, and as rewritten by {', '.join(names) or 'no rule'}.",
    )
    rules = {r.name: r for r in book.rules if r.name in names}
    return MinimalRules(tuple(names), rules, text(normal.roots), text(chosen.roots), script)


def _sizes(variant: Variant) -> Mapping[str, int]:
    """Small sizes that the program allows; those of the last call where no small ones do."""
    program, last = variant.program, variant.last_sizes or {}
    sizes = {s for leaf in program.leaves for s in leaf.shape}
    names = sorted({name for s in sizes for name in symbols_of(s)} | set(last))
    for most in SMALL:
        tried = {name: min(last.get(name, most), most) for name in names}
        if all(guard.holds(tried) for guard in program.guards):
            return tried
    return dict(last)
