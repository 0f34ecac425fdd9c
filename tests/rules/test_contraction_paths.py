"""Sums of products of three and more tensors come out in the cheapest order, however they were spelled.

The cheapest order is found here by trying every one: `einsum` with each path in turn, priced by the
cost model as it is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.extract.cost import CostModel
from eqsat_tensor.lang import Expr, topological
from eqsat_tensor.normalize import normalize
from eqsat_tensor.reference import evaluate
from eqsat_tensor.tensor import as_expr
from tests.rules.programs import leaves_like, optimise

rng = np.random.default_rng(5)
# the subscripts, and the size of each letter
EINSUMS: dict[str, tuple[str, str]] = {
    "chain to a vector": ("ij,jk,k->i", "i=70 j=60 k=80"),
    "chain": ("ij,jk,kl->il", "i=90 j=4 k=80 l=70"),
    "chain of four": ("ij,jk,kl,lm->im", "i=60 j=5 k=70 l=6 m=50"),
    "bilinear": ("i,ij,j->", "i=90 j=80"),
    "star": ("ai,aj,ak->ijk", "a=40 i=20 j=5 k=30"),
    "star of vectors": ("ijk,i,j,k->", "i=20 j=30 k=40"),
    "batched chain": ("bij,bjk,bk->bi", "b=5 i=50 j=40 k=60"),
    "batch in the middle": ("ibj,bjk,kl->bil", "b=6 i=30 j=40 k=50 l=4"),
    "hyperedge": ("ai,aj,a->ij", "a=80 i=30 j=40"),
    "factors of a tensor": ("ir,jr,kr->ijk", "i=20 j=30 k=25 r=6"),
    "projections of a core": ("abc,ai,bj,ck->ijk", "a=4 b=5 c=6 i=20 j=25 k=30"),
    "two-index transform": ("ab,ai,bj->ij", "a=60 b=50 i=8 j=9"),
    "ring": ("ab,bc,cd,da->", "a=40 b=7 c=30 d=6"),
    "two small before a large": ("a,b,abk->k", "a=2 b=2 k=3000"),
}


def sizes_of(text: str) -> dict[str, int]:
    """The size of each letter."""
    return {part[0]: int(part[2:]) for part in text.split()}


def arrays_of(name: str) -> tuple[str, list[np.ndarray]]:
    text, lengths = EINSUMS[name]
    sizes = sizes_of(lengths)
    random = np.random.default_rng(len(name))
    operands = text.partition("->")[0].split(",")
    return text, [random.standard_normal([sizes[c] for c in term]) for term in operands]


def by_elements(text: str, *operands: Any) -> Any:
    """The einsum spelled with broadcasts: all factors multiplied, then summed."""
    terms, _, result = text.partition("->")
    letters = [*result, *sorted({*terms} - {*result, ","})]
    whole: Any = None
    for term, x in zip(terms.split(","), operands, strict=True):
        mine = [c for c in letters if c in term]
        x = x.transpose([term.index(c) for c in mine])
        shape = [x.shape[mine.index(c)] if c in mine else 1 for c in letters]
        whole = x.reshape(shape) if whole is None else whole * x.reshape(shape)
    axes = tuple(range(len(result), len(letters)))
    return whole.sum(axis=axes) if axes else whole


def cost_of(roots: list[Expr]) -> float:
    """What the nodes of a program cost."""
    model = CostModel()
    return sum(
        model.price(n.op, n.type, [a.type for a in n.arguments], n.attributes)
        for n in topological(roots)
    )


def paths(count: int) -> Iterator[list[tuple[int, int]]]:
    """Every order of pairs of so many operands, as NumPy numbers them."""
    if count == 1:
        yield []
        return
    for j in range(count):
        for i in range(j):
            for rest in paths(count - 1):
                yield [(i, j), *rest]


def cheapest(text: str, arrays: list[np.ndarray]) -> float:
    """The cost of the cheapest order of pairs, as written and made plain."""
    leaves = leaves_like(arrays)
    exprs = [as_expr(x) for x in leaves]
    found = []
    for path in paths(len(arrays)):
        written = et.einsum(text, *leaves, optimize=["einsum_path", *path])
        found.append(cost_of(normalize([as_expr(written)], exprs)[0]))
    return min(found)


@pytest.mark.parametrize("spelled", ["einsum", "by elements"])
@pytest.mark.parametrize("name", EINSUMS)
def test_the_extracted_program_costs_what_the_cheapest_order_costs(name: str, spelled: str) -> None:
    text, arrays = arrays_of(name)
    call = et.einsum if spelled == "einsum" else by_elements
    made = optimise(lambda *x: call(text, *x), arrays)
    want = np.einsum(text, *arrays)
    np.testing.assert_allclose(made.value(*arrays), want, atol=1e-12 * np.abs(want).max())
    assert cost_of(list(made.extracted)) <= 1.01 * cheapest(text, arrays)


@pytest.mark.parametrize("name", EINSUMS)
def test_gradients_are_contracted_as_well(name: str) -> None:
    """By each operand: an einsum of the others and of the cotangent, which is all ones here."""
    text, arrays = arrays_of(name)
    terms, _, result = text.partition("->")
    operands = terms.split(",")

    def gradients(*x: Any) -> Any:
        return tuple(et.grad(et.sum(by_elements(text, *x)), list(x)))

    made = optimise(gradients, arrays)
    ones = np.ones(np.einsum(text, *arrays).shape)
    inputs = dict(zip(made.leaves, arrays, strict=True))
    for k, got in enumerate(evaluate(list(made.extracted), inputs)):
        others = [a for i, a in enumerate(arrays) if i != k]
        rest = [t for i, t in enumerate(operands) if i != k]
        want = np.einsum(f"{','.join([*rest, result])}->{operands[k]}", *others, ones)
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12 * np.abs(want).max())
    largest = max(int(np.prod(n.shape)) for n in topological(made.extracted))
    whole = int(np.prod(list(sizes_of(EINSUMS[name][1]).values())))
    assert largest < whole or whole == max(a.size for a in (*arrays, ones))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", EINSUMS)
def test_sizes_may_be_known_at_run_time_only(name: str, dtype: str) -> None:
    """Then no node has as many axes as there are letters: the outer product is not made."""
    text, arrays = arrays_of(name)
    same = [np.asarray(a, dtype) for a in arrays]
    leaves = leaves_like(same, lower=2)
    made = optimise(lambda *x: by_elements(text, *x), same, lower=2)
    letters = len(set(text) - set(",->"))
    results = len(text.partition("->")[2])
    most = max(letters - 1, results, *(x.ndim for x in leaves))
    assert max(len(n.shape) for n in topological(made.extracted)) <= most


def test_axes_that_were_joined_are_parted_where_that_pays() -> None:
    """A product of three batches of matrices whose batch was joined with the rows, summed."""
    a, b, c = (rng.standard_normal(s) for s in ((6, 40, 5), (6, 5, 70), (6, 70, 30)))
    made = optimise(lambda x, y, z: ((x @ y) @ z).reshape(240, 30).sum(axis=1), (a, b, c))
    want = ((a @ b) @ c).reshape(240, 30).sum(axis=1)
    np.testing.assert_allclose(made.value(a, b, c), want)
    written = cost_of(list(made.written))
    assert cost_of(list(made.extracted)) < 0.3 * written


def test_squares_of_sums_stay_as_they_are() -> None:
    """(sum_k x_k y_k)^2 cancels once; as a sum over pairs it would cancel twice."""
    x, y = rng.standard_normal((50, 3)), rng.standard_normal((3, 60))
    made = optimise(lambda x, y: ((x @ y) * (x @ y)).sum(), (x, y))
    assert made.ops().count("matmul") == 1


def test_tensors_without_elements_are_left_alone() -> None:
    empty = [np.ones((3, 0)), np.ones((0, 4)), np.ones(4)]
    made = optimise(lambda *v: by_elements("ij,jk,k->i", *v), empty)
    np.testing.assert_array_equal(made.value(*empty), np.zeros(3))
