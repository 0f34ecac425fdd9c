"""The oracle itself: sizes from arrays, guards and checks, values by NumPy; and the comparator."""

import numpy as np
import pytest

from eqsat_tensor.errors import ShapeError
from eqsat_tensor.inputs import tensor
from eqsat_tensor.namespace import PUBLIC
from eqsat_tensor.reference import evaluate
from tests.oracle import assert_same


def test_sizes_come_from_the_arrays():
    x = tensor("x", ("n", "m"))
    result = PUBLIC["sum"](x, axis=1) * x.shape[1]
    found = evaluate([result.expr], {x.expr: np.ones((2, 5))})
    assert_same(found[0], np.full(2, 25.0))


def test_sizes_that_disagree_are_refused():
    x, y = tensor("x", ("n",)), tensor("y", ("n",))
    with pytest.raises(ShapeError, match=r"y: needs shape f64\[n\]; got \[3\]"):
        evaluate([(x + y).expr], {x.expr: np.ones(2), y.expr: np.ones(3)})
    with pytest.raises(ShapeError):
        evaluate([x.expr], {x.expr: np.ones((2, 2))})


def test_reshapes_are_guarded():
    x = tensor("x", ("n",))
    y = x.reshape(2, 3).expr
    assert evaluate([y], {x.expr: np.arange(6.0)})[0].shape == (2, 3)
    with pytest.raises(ShapeError, match="reshape: cannot reshape n elements to 6"):
        evaluate([y], {x.expr: np.ones(5)})


def test_numpys_warnings_are_silent():
    x = tensor("x", (2,))
    assert np.isnan(evaluate([PUBLIC["log"](x).expr], {x.expr: -np.ones(2)})[0]).all()


@pytest.mark.parametrize(
    ("got", "want", "guarantee", "same"),
    [
        (0.0, -0.0, "exact", False),
        (np.nan, -np.nan, "exact", True),
        (1.0, np.nextafter(1, 2), "exact", False),
        (1.0, np.nextafter(1, 2), "real", True),
        (1.0, 1.001, "real", False),
        (np.inf, 1e308, "real", False),
        (np.nan, 1.0, "approx", False),
    ],
)
def test_the_comparator_knows_the_guarantees(got, want, guarantee, same):
    if same:
        assert_same(got, want, guarantee)
    else:
        with pytest.raises(AssertionError, match="differ under"):
            assert_same(got, want, guarantee)


def test_the_comparator_compares_dtypes_and_shapes():
    with pytest.raises(AssertionError, match="dtype"):
        assert_same(np.float32(1), np.float64(1))
    with pytest.raises(AssertionError, match="shape"):
        assert_same(np.ones(1), np.ones(()))
