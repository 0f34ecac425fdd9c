"""The table of what is supported is what the registries say; its classes are what programs do."""

import doctest
import importlib.util
from pathlib import Path

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.lang import OPS
from eqsat_tensor.namespace import PUBLIC
from eqsat_tensor.namespace.linalg import LINALG
from eqsat_tensor.namespace.special import SPECIAL

DOCS = Path(__file__).parent.parent / "docs"


def generator(name):
    """A program of the docs, as a module."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


support, ops = generator("make_support"), generator("make_ops")


@pytest.mark.parametrize("made", [support, ops], ids=lambda m: m.__name__)
def test_a_document_is_what_the_registries_say(made, update_golden):
    wanted = made.text()
    if update_golden:
        made.TARGET.write_text(wanted)
    assert made.TARGET.read_text() == wanted, "run pytest tests/test_support.py --update-golden"


def test_every_op_has_its_shapes_errors_and_gradient_in_words():
    for op in OPS.values():
        part = ops.section(op)
        assert all(f"* {word}: " in part for word in ("Shape", "Errors", "Gradient")), part
        assert "` is `" in part or op.name == "input", part


def test_documented_derivatives_are_what_comes_out():
    result = doctest.testfile(str(DOCS / "derivatives.md"), module_relative=False)
    assert result.attempted > 20
    assert result.failed == 0


@pytest.mark.parametrize(
    ("function", "how"),
    [
        (PUBLIC["exp"], support.COMPILED),
        (PUBLIC["cumsum"], support.COMPILED),
        (PUBLIC["einsum"], support.COMPILED),
        (PUBLIC["where"], support.COMPILED),
        (PUBLIC["sort"], support.LIBRARY),
        (PUBLIC["median"], support.LIBRARY),
        (LINALG["solve"], support.LIBRARY),
        (PUBLIC["gammaln"], support.EXTERNAL),
        (SPECIAL["jv"], support.EXTERNAL),
        (SPECIAL["xlogy"], support.COMPILED),
    ],
)
def test_the_way_is_read_off_what_a_function_reaches(function, how):
    assert support.how(function) == how


def test_what_is_called_compiled_calls_nothing():
    x = np.linspace(0.1, 0.9, 6)
    f = et.jit(lambda x: (et.cumsum(x), et.where(x > 0.5, x, 0), et.special.xlogy(x, x)))
    f(x)
    assert "host" not in f.explain().kernels
    g = et.jit(lambda x: et.sort(x))
    g(x)
    assert "sort(" in g.explain().kernels
