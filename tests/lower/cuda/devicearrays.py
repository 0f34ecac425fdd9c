"""What is expected of arrays on the stand-in device, and tensors of one unknown size."""

from __future__ import annotations

import numpy as np

import eqsat_tensor as et
from tests.lower.cuda import fakecupy


def same(got, want, tolerance=1e-12):
    assert isinstance(got, fakecupy.ndarray), type(got)
    assert (got.shape, got.dtype) == (np.shape(want), np.asarray(want).dtype)
    np.testing.assert_allclose(got.get(), want, tolerance, tolerance)


def vector(name="x", dtype="float64"):
    return et.tensor(name, shape=("n",), dtype=dtype)
