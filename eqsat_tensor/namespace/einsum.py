"""`einsum` as matrix products: diagonals and sums of one operand first, then pairs in good order.

A pair with a common label that is summed is one batched matmul between transposes and reshapes;
one without is an elementwise product.  So gradients and rules meet nothing that is new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eqsat_tensor.errors import ShapeError, message
from eqsat_tensor.extents import Size, product, same_size
from eqsat_tensor.lang import BOOL, Expr
from eqsat_tensor.namespace.operands import gathered, public, show
from eqsat_tensor.namespace.pieces import nominal
from eqsat_tensor.namespace.subscripts import Labels, from_lists, parse
from eqsat_tensor.ops import arithmetic, compare, contract, movement, reduce, select
from eqsat_tensor.tensor import Tensor

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Term:
    """An expression, and the label of each of its axes."""

    expr: Expr
    labels: Labels

    def ordered(self, labels: Sequence[str]) -> Expr:
        """The expression with its axes in the order of these labels, which are all of them."""
        return movement.transpose(self.expr, [self.labels.index(c) for c in labels])


@public(numpy=np.einsum)
def einsum(
    subscripts: Any,
    /,
    *operands: Any,
    optimize: Any = True,
    dtype: Any = None,
    casting: Any = "safe",
) -> Tensor:
    """Sums of products of elements, as the subscripts say: ``einsum("ij,jk->ik", a, b)``.

    Labels that the result lacks are summed; one label twice in a term takes a diagonal; ``...``
    stands for axes that broadcast; without ``->`` the result has the labels that occur once, in
    alphabetical order.  Also ``einsum(a, [0, 1], b, [1, 2], [0, 2])``.
    optimize: a path of `numpy.einsum_path`, or anything else for one chosen here.
    """
    given = list(operands)
    if not isinstance(subscripts, str):
        subscripts, given = from_lists([subscripts, *operands])
    exprs = gathered("einsum", given, dtype, casting)
    parsed = parse(subscripts, [len(e.shape) for e in exprs])
    got = f"{subscripts!r}, " + ", ".join(map(show, given))
    terms = [_without_repeats(Term(e, c), got) for e, c in zip(exprs, parsed.operands, strict=True)]
    terms = _of_common_sizes(terms, got)
    result = parsed.result
    needed = [_needed(terms, i, result) for i in range(len(terms))]
    terms = [_summed(t, kept) for t, kept in zip(terms, needed, strict=True)]
    for step in _path(terms, result, optimize):
        chosen = [terms[i] for i in step]
        rest = [t for i, t in enumerate(terms) if i not in step]
        while len(chosen) > 1:
            left, right, *chosen = chosen
            kept = {*result, *(c for t in (*rest, *chosen) for c in t.labels)}
            order = result if not rest and not chosen else None
            chosen.insert(0, _product(left, right, kept, order))
        terms = [*rest, *chosen]
    (last,) = terms
    return Tensor(_summed(last, set(result)).ordered(result))


# --------------------------------------------------------------------------------- one operand
def _without_repeats(term: Term, got: str) -> Term:
    """Diagonals for labels that stand twice; they move to the end."""
    expr, labels = term.expr, list(term.labels)
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            a = labels.index(label)
            b = labels.index(label, a + 1)
            sizes = list(expr.shape)
            if same_size(sizes[a], sizes[b]) is False:
                raise ShapeError(message("einsum", f"one size for {label!r}", got))
            sizes[b] = sizes[a]
            others = [j for j in range(len(labels)) if j not in (a, b)]
            square = movement.transpose(movement.refine(expr, sizes), [*others, a, b])
            expr, labels = select.diagonal(square), [*(labels[j] for j in others), label]
    return Term(expr, labels)


def _of_common_sizes(terms: Sequence[Term], got: str) -> list[Term]:
    """One size a label: axes of size 1 where others are longer are dropped."""
    sizes: dict[str, Size] = {}
    for term in terms:
        for label, size in zip(term.labels, term.expr.shape, strict=True):
            before = sizes.get(label, 1)
            if before == 1 or size == 1:
                sizes[label] = size if before == 1 else before
            elif same_size(before, size) is False:
                raise ShapeError(message("einsum", f"one size for {label.strip('.')!r}", got))
            elif isinstance(size, int):
                sizes[label] = size
    result = []
    for term in terms:
        pairs = list(zip(term.labels, term.expr.shape, strict=True))
        gone = [j for j, (c, s) in enumerate(pairs) if s == 1 and sizes[c] != 1]
        labels = [c for j, c in enumerate(term.labels) if j not in gone]
        short = movement.squeeze(term.expr, gone)
        result.append(Term(movement.refine(short, [sizes[c] for c in labels]), labels))
    return result


def _needed(terms: Sequence[Term], index: int, result: Labels) -> set[str]:
    """Labels that the result or another operand has."""
    return {*result, *(c for i, t in enumerate(terms) if i != index for c in t.labels)}


def _summed(term: Term, kept: set[str]) -> Term:
    """The sum over all labels but those that are kept."""
    axes = [j for j, c in enumerate(term.labels) if c not in kept]
    if not axes:
        return term
    return Term(total(term.expr, axes), [c for c in term.labels if c in kept])


def total(x: Expr, axes: Sequence[int]) -> Expr:
    """The sum over axes in the dtype itself; of truth values, whether one is true."""
    if x.dtype == BOOL and axes:
        found: Expr = reduce.any_(x, axes=tuple(axes))
        return found
    return reduce.sum_over(x, axes)


def times(a: Expr, b: Expr) -> Expr:
    """The elementwise product; of truth values, whether both are true."""
    op = compare.logical_and if a.dtype == BOOL else arithmetic.multiply
    result: Expr = op(a, b)
    return result


# --------------------------------------------------------------------------------- two operands
def _product(left: Term, right: Term, kept: set[str], order: Labels | None) -> Term:
    """The product, summed over labels that are not kept; in `order` where that costs nothing."""
    sizes = dict(zip(left.labels, left.expr.shape, strict=True))
    sizes |= zip(right.labels, right.expr.shape, strict=True)
    shared = [c for c in left.labels if c in right.labels]
    summed = [c for c in shared if c not in kept]
    batch = [c for c in shared if c in kept]
    rows = [c for c in left.labels if c not in shared]
    columns = [c for c in right.labels if c not in shared]
    if not summed or (batch and not rows and not columns):
        labels = list(order or [*batch, *rows, *columns])
        every = [*labels, *summed]
        made = times(*(_spread(t, every, [sizes[c] for c in every]) for t in (left, right)))
        return Term(total(made, range(len(labels), len(every))), labels)
    if order is not None:
        if rows and columns and order.index(columns[0]) < order.index(rows[0]):
            left, right, rows, columns = right, left, columns, rows
        batch, rows, columns = (sorted(g, key=order.index) for g in (batch, rows, columns))
    labels = [*batch, *rows, *columns]
    made = contract.matmul(
        _matrices(left.ordered([*batch, *rows, *summed]), len(batch), len(rows)),
        _matrices(right.ordered([*batch, *summed, *columns]), len(batch), len(summed)),
    )
    shape = [sizes[c] for c in labels]
    if len(rows) < 2 and len(columns) < 2:
        none = [len(batch) + j for j, g in enumerate((rows, columns)) if not g]
        return Term(movement.squeeze(made, none), labels)
    return Term(movement.reshape(made, shape), labels)


def _matrices(x: Expr, lead: int, rows: int) -> Expr:
    """The axes behind `lead` as two: `rows` of them, which may be none, and the others."""
    columns = len(x.shape) - lead - rows
    if rows == 0:
        x = movement.expand_dims(x, (lead,))
    if columns == 0:
        x = movement.expand_dims(x, (lead + max(rows, 1),))
    cut = lead + max(rows, 1)
    return movement.reshape(
        x, (*x.shape[:lead], product(x.shape[lead:cut]), product(x.shape[cut:]))
    )


def _spread(term: Term, labels: Sequence[str], shape: Sequence[Size]) -> Expr:
    """The expression with new axes for the labels that it lacks."""
    mine = [c for c in labels if c in term.labels]
    new = [j for j, c in enumerate(labels) if c not in term.labels]
    return movement.broadcast(term.ordered(mine), new, shape)


# ------------------------------------------------------------------------------------------ order
def _path(terms: Sequence[Term], result: Labels, optimize: Any) -> list[tuple[int, ...]]:
    """Which operands to multiply at each step, as NumPy's `einsum_path` numbers them."""
    if len(terms) < 2:
        return []
    if isinstance(optimize, list | tuple) and optimize and optimize[0] == "einsum_path":
        return [tuple(int(i) for i in step) for step in optimize[1:]]
    if len(terms) == 2:
        return [(0, 1)]
    letters = dict(zip(dict.fromkeys(c for t in terms for c in t.labels), LETTERS, strict=False))
    text = ",".join("".join(letters[c] for c in t.labels) for t in terms)
    text += "->" + "".join(letters[c] for c in result)
    empty = np.empty(())
    shapes = [tuple(map(nominal, t.expr.shape)) for t in terms]
    method = optimize if optimize in ("greedy", "optimal") else "greedy"
    found = np.einsum_path(text, *(np.broadcast_to(empty, s) for s in shapes), optimize=method)[0]
    return [tuple(int(i) for i in step) for step in found[1:]]
