"""A program -> the same program with each region of elementwise ops replaced by its most accurate form.

A program is cut at contractions, reductions, moves and whatever else is not elementwise arithmetic on
floats of one dtype.  What lies between is a scalar function of the region's inputs, applied to every
element: `search` finds its terms.  A region on the program's own inputs is sampled from their ranges;
one inside, from the values that its inputs take when the program runs on small sampled arrays.

    log(1 + exp(x @ w))   ->   a region log(1 + exp(z)) on z = x @ w
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eqsat_tensor.accuracy.inputs import EVERYWHERE, Range
from eqsat_tensor.accuracy.meanings import known_ops
from eqsat_tensor.accuracy.rows import Rows
from eqsat_tensor.accuracy.search import EFFORT, Effort, Progress, Result, search, silent
from eqsat_tensor.accuracy.terms import Term, from_exprs, to_exprs
from eqsat_tensor.lang import FLOAT32, FLOAT64, Expr, topological
from eqsat_tensor.ops.assume import assume_op, facts_of, without_assumptions
from eqsat_tensor.rules.book import RuleBook

DTYPES = (FLOAT32, FLOAT64)
LARGEST = 48  # nodes of a region; a program's longer chains are cut
MOST_INPUTS = 6


@dataclass(frozen=True)
class Region:
    """Elementwise nodes of one type.

    roots   what the rest of the program reads; inputs  what the region reads, constants apart.
    """

    roots: tuple[Expr, ...]
    inputs: tuple[Expr, ...]


@dataclass(frozen=True)
class Improved:
    """A program, what became of each of its regions, and that in words."""

    roots: tuple[Expr, ...]
    found: tuple[tuple[Region, Result], ...]
    notes: tuple[str, ...]


def improve(
    roots: Sequence[Expr],
    leaves: Sequence[Expr],
    ranges: Sequence[Range | None],
    rules: RuleBook,
    seed: int = 0,
    effort: Effort = EFFORT,
    given: Sequence[Sequence[np.ndarray]] = (),
    progress: Progress = silent,
    rival: Sequence[Expr] = (),
) -> Improved:
    """The most accurate forms of ``roots``.

    leaves  all inputs of the program, ranges of the first of them in order; None and those that are not
    there: all finite floats, or what an `assume` says.  rules  `RuleBook.for_search`.
    given   arrays for the first leaves, a sequence for each call: where points come from, if there are any.
    rival   other forms of roots that are one region: they are candidates, too.
    """
    bounds = assumed(roots, dict(zip(leaves, ranges, strict=False)))
    plain = without_assumptions(roots)
    regions = regions_of(plain)
    rows = Rows(plain, leaves, bounds, seed, given)
    notes: list[str] = []
    found: list[tuple[Region, Result]] = []
    table: dict[Expr, tuple[Region, int, Result]] = {}
    for number, region in enumerate(regions, 1):
        progress(f"region {number} of {len(regions)}: {len(region.inputs)} inputs")
        dtype = region.roots[0].dtype
        draws = rows.draws(region.inputs, dtype)
        if draws is None:
            notes.append(f"a region of {len(region.inputs)} inputs could not be sampled")
            continue
        terms = from_exprs(region.roots, region.inputs)
        others = rivals(region, plain, without_assumptions(rival))
        result = search(terms, dtype, draws, rules, seed, effort, progress, others)
        found.append((region, result))
        notes += result.told()
        pairs = enumerate(zip(terms, result.terms, strict=True))
        changed = [i for i, (was, now) in pairs if now is not was]
        table |= {region.roots[i]: (region, i, result) for i in changed}

    def change(node: Expr, operands: tuple[Expr, ...]) -> Expr:
        return node if operands == node.arguments else node.rebuilt(operands)

    made: dict[Expr, Expr] = {}
    for node in topological(plain, lambda e: table[e][0].inputs if e in table else e.arguments):
        if node in table:
            region, i, result = table[node]
            inputs = [made[x] for x in region.inputs]
            (made[node],) = to_exprs([result.terms[i]], inputs, node.type, kept=True)
        else:
            made[node] = change(node, tuple([made[a] for a in node.arguments]))
    return Improved(tuple(made[r] for r in plain), tuple(found), tuple(dict.fromkeys(notes)))


def assumed(roots: Sequence[Expr], ranges: Mapping[Expr, Range | None]) -> dict[Expr, Range]:
    """The range of each input, as given and as the program assumes."""
    found = {leaf: r for leaf, r in ranges.items() if r is not None}
    for node in topological(roots):
        if node.op is not assume_op or node.arguments[0].op.name != "input":
            continue
        low, high = found.get(node.arguments[0], EVERYWHERE)
        for name, bound in facts_of(node):
            if name == "at-least" and bound is not None:
                low = max(low, bound)
            elif name == "at-most" and bound is not None:
                high = min(high, bound)
            elif name in ("positive", "nonnegative"):
                low = max(low, 0.0)
            elif name in ("negative", "nonpositive"):
                high = min(high, 0.0)
        found[node.arguments[0]] = (low, high)
    return found


# ------------------------------------------------------------------------------------- cutting
def regions_of(roots: Sequence[Expr]) -> list[Region]:
    """The regions of a program that are worth a search, operands before users."""
    order = topological(roots)
    group: dict[Expr, int] = {}
    members: dict[int, list[Expr]] = {}
    level: dict[Expr, int] = {}
    for node in order:
        inside = _belongs(node)
        crossings = [
            level[a] + (0 if inside and _joins(node, a) else 1) if a.arguments else 0
            for a in node.arguments
        ]
        level[node] = max(crossings, default=0)
        if not inside:
            continue
        near = {group[a] for a in node.arguments if _joins(node, a) and level[a] == level[node]}
        size = 1 + sum(len(members[g]) for g in near)
        if size > LARGEST:
            near = set()
            level[node] += 1  # what it reads is finished before it begins
        target = min(near, default=len(group))
        members.setdefault(target, [])
        for g in sorted(near - {target}):
            for m in members.pop(g):
                group[m] = target
                members[target].append(m)
        group[node] = target
        members[target].append(node)
    users: dict[Expr, list[Expr]] = {}
    for node in order:
        for a in node.arguments:
            users.setdefault(a, []).append(node)
    tops = set(roots)
    found = []
    for nodes in members.values():
        inside_nodes = set(nodes)
        read = [
            n for n in nodes if n in tops or any(u not in inside_nodes for u in users.get(n, ()))
        ]
        region = _region([n for n in read if n.dtype.kind == "f"], inside_nodes)
        if region is not None:
            found.append(region)
    return found


def _belongs(node: Expr) -> bool:
    """Is the node elementwise arithmetic on floats of one dtype (or a truth about such)?"""
    if node.op.name not in known_ops():
        return False
    floats = {a.dtype for a in node.arguments if a.dtype.kind == "f"}
    floats |= {node.dtype} if node.dtype.kind == "f" else set()
    others = [a for a in node.arguments if a.dtype.kind != "f"]
    truths = all(a.dtype.kind == "b" and _belongs(a) for a in others)
    return truths and (not floats or (len(floats) == 1 and floats <= set(DTYPES)))


def _joins(node: Expr, operand: Expr) -> bool:
    """May an operand be of the same region?"""
    return _belongs(operand) and operand.shape == node.shape


def _region(roots: Sequence[Expr], nodes: set[Expr]) -> Region | None:
    """The region of these roots, if a search can gain anything: two operations at least."""
    if not roots:
        return None
    inputs: dict[Expr, None] = {}
    below = topological(roots, lambda e: e.arguments if e in nodes else ())
    arithmetic = 0
    for node in below:
        if node in nodes:
            arithmetic += node.op.ulps > 0
        elif node.op.name != "full":
            inputs[node] = None
    if arithmetic < 2 or not 1 <= len(inputs) <= MOST_INPUTS:
        return None
    if any(x.dtype != roots[0].dtype for x in (*inputs, *roots)):
        return None
    return Region(tuple(roots), tuple(inputs))


def is_one_region(roots: Sequence[Expr], rival: Sequence[Expr]) -> bool:
    """True where a program is nothing but one region on its inputs, which is searched as it is written.

    Not where its ``rival`` has an op without a true value: with that none could measure whether it is better.
    """
    plain = without_assumptions(roots)
    found = regions_of(plain)
    if len(found) != 1 or not _is_all(found[0], plain):
        return False
    return None not in rivals(found[0], plain, without_assumptions(rival))


def _is_all(region: Region, roots: Sequence[Expr]) -> bool:
    return set(region.roots) == set(roots) and all(x.op.name == "input" for x in region.inputs)


def rivals(region: Region, roots: Sequence[Expr], rival: Sequence[Expr]) -> list[Term | None]:
    """Terms that equal those of a region that is the whole program; None where an op has no true value."""
    if not rival or not _is_all(region, roots):
        return []
    known = dict(zip(roots, rival, strict=True))
    made: list[Term | None] = []
    for root in region.roots:
        below = topological([known[root]], lambda e: () if e in region.inputs else e.arguments)
        told = all(e in region.inputs or e.op.name == "full" or _belongs(e) for e in below)
        made += from_exprs([known[root]], region.inputs) if told else [None]
    return made
