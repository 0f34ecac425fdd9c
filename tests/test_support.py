"""The table of what is supported is what the registries say; its classes are what programs do."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.namespace import PUBLIC
from eqsat_tensor.namespace.linalg import LINALG
from eqsat_tensor.namespace.special import SPECIAL

FILE = Path(__file__).parent.parent / "docs" / "make_support.py"
_spec = importlib.util.spec_from_file_location("make_support", FILE)
support = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(support)


def test_the_table_is_that_of_the_registries(update_golden):
    wanted = support.text()
    if update_golden:
        support.TARGET.write_text(wanted)
    assert support.TARGET.read_text() == wanted, "run pytest tests/test_support.py --update-golden"


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
