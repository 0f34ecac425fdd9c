"""What errors advise: the next thing to write, at the line of the user."""

import math

import numpy as np
import pytest
import scipy.special

import eqsat_tensor as et
from eqsat_tensor.errors import (
    ArgumentError,
    DtypeError,
    EqsatError,
    ShapeError,
    TraceError,
    UnsupportedError,
)
from eqsat_tensor.namespace import ELSEWHERE, NOT_THERE

X = np.array([1.0, 2.0])


@pytest.mark.parametrize("name", sorted(ELSEWHERE))
def test_a_name_of_other_compilers_leads_to_what_is_written_here(name):
    assert name not in NOT_THERE
    assert name not in dir(et)
    with pytest.raises(AttributeError, match=f"no attribute '{name}': [A-Za-z]"):
        getattr(et, name)


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (np.linalg.eig, r"numpy\.linalg\.eig: .*real or complex depends on values"),
        (scipy.special.lambertw, r"scipy\.special\.lambertw: .*omplex"),
        (scipy.special.softmax, r"SciPy's: of its special"),
    ],
)
def test_numpys_names_give_the_reason(function, text):
    with pytest.raises((EqsatError, TypeError), match=text):
        et.jit(lambda x: function(x))(np.eye(2))


def test_functions_of_math_are_told_from_numpys():
    for function in (math.sin, math.sqrt, float):
        with pytest.raises(TraceError, match=r"Of math's .*NumPy's"):
            et.jit(lambda x, f=function: f(x))(1.0)


def test_a_format_needs_a_value():
    with pytest.raises(TraceError, match=r"format: .*et\.print"):
        et.jit(lambda x: f"{x:.3f}")(1.0)
    assert et.jit(lambda x: x * len(f"{x}"))(X).shape == (2,)
    known = et.jit(lambda x: x * len(f"{et.array(2.5) * 1:.3f}"))(X)
    np.testing.assert_array_equal(known, X * 5)


@pytest.mark.parametrize("name", ["n+1", "2n", "", "n m", "-n"])
def test_names_of_sizes_are_words(name):
    with pytest.raises(ArgumentError, match=r"names of sizes that are words.*x\.shape"):
        et.tensor("x", (name,))


def test_updates_say_how_a_state_may_change():
    state, count = et.shared(np.zeros(0)), et.shared(0)
    with pytest.raises(ShapeError, match=r'et\.shared\(value, shape=\("n",\)\)'):
        et.function([], [], updates={state: et.concatenate([state, et.ones(1)])})
    with pytest.raises(DtypeError, match=r'Cast it: \.astype\("int64"\)'):
        et.function([], [], updates={count: count + 0.5})


def test_what_no_code_of_a_user_called_has_no_place(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "mpmath", None)
    with pytest.raises(UnsupportedError) as raised:
        et.jit(lambda x: x, mode="verify")(X)
    assert "frozen" not in str(raised.value)


def test_what_is_no_array_is_named_with_its_article():
    import array

    with pytest.raises(ArgumentError, match="got x=an array"):
        et.jit(lambda x: x)(array.array("d", [1.0]))
