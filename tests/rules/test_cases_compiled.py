"""The same cases in compiled code, float64 and float32; and in float32 by the reference evaluator."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import eqsat_tensor as et
from tests.rules.cases import Case, Points
from tests.rules.programs import FUSED, optimise
from tests.rules.test_cases import STABLE

SINGLE_RTOL = 1e-5
IN_SINGLE = [c for c in STABLE if c.singles]


def close(got: Any, value: Any, rtol: float, text: str) -> None:
    top = float(np.max(np.abs(value), initial=0.0)) if np.ndim(value) == 2 else 0.0
    np.testing.assert_allclose(got, value, rtol=rtol, atol=rtol * top + 1e-37, err_msg=text)


def compiled(it: Case, points: Points, rtol: float) -> None:
    f = et.jit(it.program)
    for arguments, value in points:
        arrays = [np.asarray(a) for a in arguments]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            got = f(*arrays)
        floats = {a.dtype for a in arrays if a.dtype.kind == "f"}
        assert {got.dtype} == floats
        close(got, value, rtol, f"{it.name} at {arguments}")


@pytest.mark.parametrize("it", STABLE, ids=str)
def test_compiled_code_has_the_value(it: Case) -> None:
    compiled(it, it.points, it.rtol)


@pytest.mark.parametrize("it", IN_SINGLE, ids=str)
def test_compiled_code_has_the_value_in_single_precision(it: Case) -> None:
    compiled(it, it.singles, SINGLE_RTOL)


@pytest.mark.parametrize("it", IN_SINGLE, ids=str)
def test_a_stable_form_a_hundred_times_dearer_is_still_taken_in_single_precision(it: Case) -> None:
    made = optimise(it.program, it.singles[0][0], dear=FUSED)
    for arguments, value in it.singles:
        got = made.value(*arguments)
        assert np.asarray(got).dtype == np.float32
        close(got, value, SINGLE_RTOL, f"{it.name} at {arguments}:\n{made.extracted}")
