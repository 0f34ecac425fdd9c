"""Rows by label: reads of writes, writes of writes, sparse addends; labels that repeat stay apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import eqsat_tensor as et
from tests.rules.moved import LABELS, REPEATED, WIDE, M, V, counts, same, shapes, unique

PAIR = np.array([7.0, 9.0])
TRIPLE = np.array([1.0, 2.0, 4.0])


def test_a_read_of_what_was_added_is_an_addition_where_labels_are_unique() -> None:
    made = same(lambda x, i, v: x.at[unique(i)].add(v)[unique(i)], V, LABELS, PAIR)
    assert counts(made) == {"gather": 1, "add": 1}
    made = same(lambda x, i, v: x.at[i].add(v)[i], V, REPEATED, TRIPLE)
    assert counts(made) == {"scatter": 1, "gather": 1}
    np.testing.assert_allclose(made.value(V, REPEATED, TRIPLE), [5.5, 0.0, 5.5])


def test_a_read_of_what_was_set() -> None:
    assert not counts(same(lambda x, i, v: x.at[unique(i)].set(v)[unique(i)], V, LABELS, PAIR))
    made = same(lambda x, i, v: x.at[i].set(v)[i], V, REPEATED, TRIPLE)
    assert counts(made) == {"scatter": 1, "gather": 1}
    np.testing.assert_array_equal(made.value(V, REPEATED, TRIPLE), [4.0, 2.0, 4.0])


def test_setting_a_sum_is_adding_where_labels_are_unique() -> None:
    def program(x: Any, i: Any, v: Any) -> Any:
        return x.at[i].set(x[i] + v)

    made = same(lambda x, i, v: program(x, unique(i), v), V, LABELS, PAIR)
    assert counts(made) == {"scatter": 1}
    made = same(program, V, REPEATED, TRIPLE)
    assert counts(made) == {"scatter": 1, "gather": 1, "add": 1}
    np.testing.assert_array_equal(made.value(V, REPEATED, TRIPLE)[:2], [4.5, 0.0])


def test_known_labels_are_unique() -> None:
    made = same(lambda x, v: x.at[et.argsort(x)].add(v)[et.argsort(x)], V, V)
    assert "scatter" not in counts(made)


def test_writes_of_the_same_rows_are_one() -> None:
    made = same(
        lambda x, i, v, w: et.zeros_like(x).at[i].add(v).at[i].add(w), V, REPEATED, TRIPLE, V[:3]
    )
    assert counts(made) == {"add": 1, "scatter": 1}
    made = same(lambda x, i, v, w: x.at[i].add(v).at[i].set(w), V, REPEATED, TRIPLE, TRIPLE)
    assert counts(made) == {"scatter": 1}
    made = same(lambda x, i, v, w: x.at[i].max(v).at[i].max(w), V, REPEATED, TRIPLE, TRIPLE)
    assert counts(made) == {"maximum": 1, "scatter": 1}


def test_the_gradient_of_a_few_rows_is_added_to_those_rows_alone() -> None:
    def step(w: Any, i: Any) -> Any:
        return w - 0.1 * et.grad(et.sum(et.tanh(w[i]) ** 2), w)

    made = same(step, WIDE, REPEATED)
    assert all(shape[0] == 3 for shape in shapes(made, "multiply")), made.extracted
    assert counts(made)["scatter"] == 1
    assert shapes(made, "scatter") == [WIDE.shape]
    assert "subtract" not in counts(made) or all(s[0] == 3 for s in shapes(made, "subtract"))


def test_rows_of_rows_are_rows_by_labels_of_labels() -> None:
    made = same(lambda x, i, j: x[i][j], WIDE, REPEATED, np.array([2, 1]))
    assert shapes(made, "gather") == [(3,), (40, 60)]


@pytest.mark.parametrize("labels", [[0, 2, 1], [0, 2, 5], [-1, 0, 2]])
def test_one_hot_rows_are_read_and_labels_that_are_none_give_zeros(labels: list[int]) -> None:
    def product(w: Any, y: Any) -> Any:
        return (y[:, None] == et.arange(3)).astype("float64") @ w

    made = same(product, M, np.array(labels))
    assert "matmul" not in counts(made)

    def total(x: Any, y: Any) -> Any:
        return et.sum(x * (y[:, None] == et.arange(60)).astype("float64"), axis=1)

    made = same(total, WIDE[:3], np.array(labels))
    assert counts(made)["pick"] == 1
    assert "sum" not in counts(made)


def test_a_diagonal_is_not_read_out_of_a_matrix_that_was_made_of_it() -> None:
    assert not counts(same(lambda x: et.diag(et.diag(x)), V))


def test_padding_is_not_computed_with() -> None:
    made = same(lambda x: et.grad(et.sum((x[1:] - x[:-1]) ** 2), x), np.linspace(0, 1, 400))
    assert all(s == (399,) for s in shapes(made, "multiply")), made.extracted
    assert counts(same(lambda x: et.sum(et.pad(x, 3)), V)) == {"sum": 1}
