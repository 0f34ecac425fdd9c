"""Movements meet and vanish, and computation moves to where it is smaller: in structure and in value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import eqsat_tensor as et
from tests.rules.moved import CUBE, LABELS, TALL, WIDE, M, V, counts, same, shapes


@pytest.mark.parametrize("lower", [None, 3])
def test_slices_of_slices_are_one_and_twice_reversed_is_as_it_was(lower: int | None) -> None:
    made = same(lambda x: x[1:-1][1:-1], V, lower=lower)
    assert counts(made) == {"slice": 1}
    assert made.extracted[0]["start"] == (2,)
    assert not counts(same(lambda x: x[::-1][::-1], V, lower=lower))
    assert not counts(same(lambda x: et.flip(et.flip(x)), M, lower=lower))


def test_slices_merge_for_every_rank_up_to_four() -> None:
    box = np.arange(3.0 * 4 * 5 * 6).reshape(3, 4, 5, 6)
    assert counts(same(lambda x: x[1:, ::2, :, 1:4][:, 1:, ::-2, 1:], box)) == {"slice": 1}
    assert counts(same(lambda x: x[1:, ::2, :3][:, 1:, ::-1], CUBE)) == {"slice": 1}
    assert counts(same(lambda x: x[1:, ::2][::-1, 1:], M)) == {"slice": 1}


# x summed along axes, then indexed: what remains to be added is smaller
INDICES: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "0": (0, lambda s: s[-2, 1:]),
    "1": (1, lambda s: s[-2, 1:]),
    "2": (2, lambda s: s[-2, 1:]),
    "01": ((0, 1), lambda s: s[1:3]),
    "02": ((0, 2), lambda s: s[1]),
    "12": ((1, 2), lambda s: s[-1]),
    "0-rows": (0, lambda s: s[1]),
    "2-columns": (2, lambda s: s[:, 0]),
}


@pytest.mark.parametrize("name", INDICES)
@pytest.mark.parametrize("reduce", [et.sum, et.max])
def test_what_is_left_of_a_reduction_is_reduced(name: str, reduce: Callable[..., Any]) -> None:
    axes, index = INDICES[name]
    made = same(lambda x: index(reduce(x, axis=axes)), CUBE)
    [read] = shapes(made, "sum" if reduce is et.sum else "max")
    assert np.prod(read) < CUBE.size, made.extracted


def test_softmax_of_the_rows_that_are_kept_but_never_of_a_part_of_a_row() -> None:
    made = same(lambda x: et.softmax(x, axis=1)[1:, 0], M)
    assert shapes(made, "softmax") == [(2, 4)]
    made = same(lambda x: et.softmax(x, axis=0)[1:, 0], M)
    assert shapes(made, "softmax") == [(3, 1)]
    made = same(lambda x: et.log_softmax(x, axis=1)[1], M)
    assert shapes(made, "log_softmax") == [(1, 4)]


@pytest.mark.parametrize(
    ("index", "rows", "columns"),
    [
        (lambda p: p[1], 1, 50),
        (lambda p: p[:, 1], 40, 1),
        (lambda p: p[1:3, 2:9], 2, 7),
    ],
)
def test_a_part_of_a_product_is_a_product_of_parts(
    index: Callable[..., Any], rows: int, columns: int
) -> None:
    made = same(lambda a, b: index(a @ b), WIDE, TALL)
    [read] = shapes(made, "matmul")
    assert read == (rows, 60)
    assert made.extracted[0].shape in ((rows, columns), (rows,), (columns,))


def test_rows_of_a_product_by_label_are_a_product_of_rows() -> None:
    made = same(lambda a, b, i: (a @ b)[i], WIDE, TALL, LABELS)
    assert shapes(made, "matmul") == [(2, 60)]


def test_a_part_of_elementwise_results_is_computed_alone() -> None:
    made = same(lambda x, y: (et.exp(x) * y + 1.0)[0], M, M)
    assert shapes(made, "exp") in ([(1, 4)], [(4,)])
    made = same(lambda x: et.where(x > 0.5, et.log(x + 1.0), 0.0)[:, 1], M)
    assert np.prod(shapes(made, "log1p")[0]) == 3
    made = same(lambda x, i: et.tanh(x)[i], WIDE, LABELS)
    assert shapes(made, "tanh") == [(2, 60)]


def test_a_stencil_is_computed_once_not_once_for_each_neighbour() -> None:
    made = same(lambda x: (lambda y: y[2:] - 2 * y[1:-1] + y[:-2])(et.exp(x)), V)
    assert counts(made)["exp"] == 1


def test_parts_of_what_was_joined() -> None:
    def halves(x: Any, y: Any) -> Any:
        both = et.concatenate([x, y])
        return both[: x.shape[0]] * both[x.shape[0] :]

    for lower in (None, 3):
        assert counts(same(halves, V, V, lower=lower)) == {"multiply": 1}
    assert not counts(same(lambda x: et.concatenate([x[:2], x[2:]]), V))
    assert not counts(same(lambda x: et.roll(et.roll(x, 2), -2), V))
    assert counts(same(lambda x, y: et.concatenate([x, y])[1:3], V, V)) == {"slice": 1}
    assert counts(same(lambda x, y: et.concatenate([x, y])[6:], V, V)) == {"slice": 1}
    assert not counts(same(lambda x: et.concatenate([x, x[:0]]), V))


def test_what_is_joined_is_reduced_first() -> None:
    assert "concatenate" not in counts(same(lambda x, y: et.sum(et.concatenate([x, y])), V, V))
    assert counts(same(lambda x, y: et.sum(et.stack([x, y]), axis=0), V, V)) == {"add": 1}
    assert "concatenate" not in counts(same(lambda x, y: et.max(et.concatenate([x, y])), V, V))
    made = same(lambda x, y: et.concatenate([et.exp(x), et.exp(y)]), V, V)
    assert counts(made) == {"concatenate": 1, "exp": 1}


def test_transposes_of_any_rank_meet() -> None:
    box = np.arange(120.0).reshape(1, 2, 3, 4, 5)
    turned = [(1, 2, 3, 4, 0), (4, 0, 1, 2, 3)]
    assert not counts(same(lambda x: et.transpose(et.transpose(x, turned[0]), turned[1]), box))
    made = same(lambda x: et.sum(et.transpose(x, (1, 0, 2)), axis=0), CUBE)
    assert counts(made) == {"sum": 1}
    made = same(lambda x: et.max(et.transpose(x, (2, 0, 1)), axis=(0, 2)), CUBE)
    assert counts(made) == {"max": 1}
    assert counts(same(lambda x: et.exp(x.mT).mT, M)) == {"exp": 1}


def test_a_reshape_by_ones_is_no_reshape() -> None:
    assert "reshape" not in counts(same(lambda x: et.reshape(x, (1, -1)) + 1.0, V))
    assert "reshape" not in counts(same(lambda x: et.reshape(x[:, None], (-1,)) * 2.0, V))
    made = same(lambda x: et.exp(et.reshape(x, (-1, 1))), V)
    assert shapes(made, "exp") == [(5,)]


def test_numbers_and_vectors_are_computed_before_they_are_repeated() -> None:
    made = same(lambda x, s: et.broadcast_to(x, (3, 5)) * s + s, V, np.array(2.0))
    assert shapes(made, "multiply") == [(5,)]
    made = same(lambda x: et.sum(et.broadcast_to(x, (3, 5)), axis=1), V)
    assert shapes(made, "sum") == [(5,)]
    made = same(lambda x: et.sum(et.broadcast_to(x, (3, 4))), np.array(2.0, "float32"))
    assert counts(made) == {"multiply": 1}
    assert made.extracted[0].dtype == np.float32
    made = same(lambda x, y: et.log(2 + x - et.full_like(y, 1.0)), V + 2.5, V)
    assert counts(made) == {"log1p": 1}
