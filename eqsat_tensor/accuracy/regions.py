"""A program -> the same program with each region of elementwise ops replaced by its most accurate form.

A program is cut at contractions, reductions, moves and whatever else is not elementwise arithmetic on
floats of one dtype.  What lies between is a scalar function of the region's inputs, applied to every
element: `search` finds its terms.  A region on the program's own inputs is sampled from their ranges;
one inside, from the values that its inputs take when the program runs on small sampled arrays.

    log(1 + exp(x @ w))   ->   a region log(1 + exp(z)) on z = x @ w
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eqsat_tensor.accuracy.points import EVERYWHERE, Draw, Range, from_ranges, from_rows, ordinary
from eqsat_tensor.accuracy.reals import known_ops
from eqsat_tensor.accuracy.search import EFFORT, Effort, Result, search
from eqsat_tensor.accuracy.terms import from_exprs, to_exprs
from eqsat_tensor.errors import EqsatError
from eqsat_tensor.lang import FLOAT32, FLOAT64, Expr, substitute_sizes, topological
from eqsat_tensor.ops.assume import assume_op, facts_of, without_assumptions
from eqsat_tensor.reference import evaluate
from eqsat_tensor.rules.book import RuleBook
from eqsat_tensor.types import symbols_of

DTYPES = (FLOAT32, FLOAT64)
LARGEST = 48  # nodes of a region; a program's longer chains are cut
MOST_INPUTS = 6
RUNS = 24  # of the program on sampled arrays, for the regions inside
ROWS = 20_000  # values of a region's inputs that are kept
ELEMENTS = 1_000_000  # of a program's inputs: larger ones are not sampled
SIZES = (5, 3, 7, 4, 6)  # what the symbols of shapes are while the program is sampled


@dataclass(frozen=True)
class Region:
    """Elementwise nodes of one type.

    roots   what the rest of the program reads; inputs  what the region reads, constants apart.
    """

    roots: tuple[Expr, ...]
    inputs: tuple[Expr, ...]


@dataclass(frozen=True)
class Improved:
    """A program, and what became of each of its regions."""

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
) -> Improved:
    """The most accurate forms of ``roots``.

    leaves  all inputs of the program, ranges of the first of them in order; None and those that are not
    there: all finite floats, or what an `assume` says.  rules  `RuleBook.for_search`.
    """
    bounds = assumed(roots, dict(zip(leaves, ranges, strict=False)))
    plain = without_assumptions(roots)
    regions = regions_of(plain)
    rows = _Rows(plain, leaves, bounds, seed)
    notes: list[str] = []
    found: list[tuple[Region, Result]] = []
    table: dict[Expr, tuple[Region, int, Result]] = {}
    for region in regions:
        draws = _draws(region, bounds, rows)
        if draws is None:
            notes.append(f"a region of {len(region.inputs)} inputs could not be sampled")
            continue
        terms = from_exprs(region.roots, region.inputs)
        dtype = region.roots[0].dtype
        draw, judge = draws
        count = len(region.inputs)
        result = search(terms, count, dtype, draw, rules, seed, effort, judge)
        found.append((region, result))
        notes += result.notes
        table |= {root: (region, i, result) for i, root in enumerate(region.roots)}

    def change(node: Expr, operands: tuple[Expr, ...]) -> Expr:
        return node if operands == node.arguments else node.rebuilt(operands)

    made: dict[Expr, Expr] = {}
    for node in topological(plain, lambda e: table[e][0].inputs if e in table else e.arguments):
        if node in table:
            region, i, result = table[node]
            inputs = [made[x] for x in region.inputs]
            (made[node],) = to_exprs([result.terms[i]], inputs, node.type)
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


# ------------------------------------------------------------------------------------- sampling
def _draws(region: Region, bounds: Mapping[Expr, Range], rows: _Rows) -> tuple[Draw, Draw] | None:
    """How inputs are drawn for a search and for what judges it; None where they cannot be."""
    if all(x.op.name == "input" for x in region.inputs):
        ranges = [bounds.get(x, EVERYWHERE) for x in region.inputs]
        draw = from_ranges(ranges, region.roots[0].dtype)
        return draw, draw
    found = rows.of(region.inputs)
    if found is None or len(found[0]) < 2:
        return None
    return from_rows([c[::2] for c in found]), from_rows([c[1::2] for c in found])


class _Rows:
    """Values inside a program, from running it on sampled arrays of small sizes."""

    def __init__(
        self,
        roots: Sequence[Expr],
        leaves: Sequence[Expr],
        bounds: Mapping[Expr, Range],
        seed: int,
    ) -> None:
        self.roots, self.leaves, self.bounds, self.seed = roots, leaves, bounds, seed

    def of(self, inputs: Sequence[Expr]) -> list[np.ndarray] | None:
        """Values of ``inputs``, element by element together; None where the program does not run."""
        names = sorted({n for x in self.leaves for s in x.shape for n in symbols_of(s)})
        sizes = {n: SIZES[i % len(SIZES)] for i, n in enumerate(names)}
        small = substitute_sizes([*self.leaves, *inputs], sizes)
        leaves, wanted = small[: len(self.leaves)], small[len(self.leaves) :]
        shapes = [[s for s in x.shape if isinstance(s, int)] for x in leaves]
        if sum(math.prod(s) for s in shapes) > ELEMENTS:
            return None
        random = np.random.default_rng([self.seed, len(inputs)])
        columns: list[list[np.ndarray]] = [[] for _ in inputs]
        for run in range(RUNS):
            arrays = {
                leaf: self._array(written, leaf, shape, run, random)
                for written, leaf, shape in zip(self.leaves, leaves, shapes, strict=True)
            }
            try:
                with np.errstate(all="ignore"):
                    values = evaluate(wanted, arrays)
            except (EqsatError, ValueError, IndexError, ArithmeticError, np.linalg.LinAlgError):
                continue
            for column, value in zip(columns, values, strict=True):
                column.append(np.ravel(value))
        joined = [np.concatenate(c) if c else np.zeros(0) for c in columns]
        if not len(joined[0]) or any(len(j) != len(joined[0]) for j in joined):
            return None
        finite = np.flatnonzero(np.logical_and.reduce([np.isfinite(j) for j in joined]))
        if not len(finite):
            return None
        if len(finite) > ROWS:
            finite = random.choice(finite, ROWS, replace=False)
        return [j[finite] for j in joined]

    def _array(
        self,
        written: Expr,
        leaf: Expr,
        shape: Sequence[int],
        run: int,
        random: np.random.Generator,
    ) -> np.ndarray:
        """Numbers near 1, of one scale, or all near one value, by turns."""
        kind = leaf.dtype.kind
        if kind == "b":
            return random.integers(0, 2, shape).astype(bool)
        if kind != "f":
            return random.integers(0, 3, shape).astype(leaf.dtype)
        given = self.bounds.get(written)
        count = math.prod(shape)
        temper = run % 4
        if given is not None or temper == 0:
            x = ordinary(given or EVERYWHERE, count, leaf.dtype, random)
        elif temper == 1:
            x = random.normal(size=count)
        elif temper == 2:
            x = random.normal(size=count) * 2.0 ** random.uniform(-20, 20)
        else:
            x = random.normal() * 2.0 ** random.uniform(0, 10) + random.normal(size=count)
        return np.asarray(x).astype(leaf.dtype).reshape(shape)


def is_elementwise(roots: Sequence[Expr]) -> bool:
    """True where a program is nothing but elementwise arithmetic on its inputs."""
    plain = without_assumptions(roots)
    return all(n.op.name in ("input", "full") or _belongs(n) for n in topological(plain))
