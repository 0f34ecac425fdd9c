"""Code on disk is found by the program as it was written, or else by what it is normalized to."""

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor import compile as pipeline
from eqsat_tensor.errors import EqsatError

X, Y = np.linspace(0.5, 2.0, 7), np.linspace(-1.0, 1.0, 7)


@pytest.fixture
def normalizations(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with every program that is normalized."""
    seen: list[int] = []
    normalized = pipeline.normalized

    def counting(program):
        seen.append(1)
        return normalized(program)

    monkeypatch.setattr(pipeline, "normalized", counting)
    return seen


def test_a_program_that_is_written_again_is_not_normalized(normalizations):
    def program(x, y):
        return et.tanh(y * x + 0.46875) - et.sum(x)

    first = et.jit(program)(X, Y)
    assert len(normalizations) == 1
    again = et.jit(program)
    np.testing.assert_array_equal(again(X, Y), first)
    assert len(normalizations) == 1
    assert again.report().cached
    assert "tanh" in str(again.explain())  # which needs the normal form after all
    assert len(normalizations) > 1


def test_a_program_of_the_same_normal_form_finds_the_same_code(normalizations):
    first = et.jit(lambda x: et.cos(x * x + 0.59375) + x)
    turned = et.jit(lambda x: et.cos(0.59375 + x * x) + x)
    np.testing.assert_array_equal(first(X), turned(X))
    assert (first.report().cached, turned.report().cached) == (False, True)
    assert len(normalizations) == 2
    again = et.jit(lambda x: et.cos(0.59375 + x * x) + x)
    np.testing.assert_array_equal(again(X), first(X))
    assert len(normalizations) == 2


def test_programs_that_differ_in_one_constant_do_not_meet():
    for number in (0.0, -0.0, np.nan, 0.71875, np.nextafter(0.71875, 1)):
        f = et.jit(lambda x, c=number: et.copysign(x * 1.28125 + c, c))
        np.testing.assert_array_equal(f(X), np.copysign(X * 1.28125 + number, number))


def test_callbacks_are_told_apart_though_they_are_written_alike():
    def calling(factor):
        def callback(x):
            return x * factor

        return et.jit(lambda x: et.wrap(callback, lambda x: x)(x) + 0.84375)

    for factor in (2.0, 3.0, 2.0):
        np.testing.assert_array_equal(calling(factor)(X), X * factor + 0.84375)


def test_what_has_no_rule_for_complex_numbers_is_refused_when_the_function_is_made():
    z = et.tensor("z", shape=("n",), dtype="complex128")
    with pytest.raises(EqsatError):
        et.function([z], et.floor(z))
