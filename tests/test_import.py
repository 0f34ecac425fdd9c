"""Importing the package is quick: what is heavy is imported when it is needed."""

import subprocess
import sys

import pytest

LATER = ("scipy", "llvmlite", "egglog", "cupy", "mpmath", "hypothesis", "highspy", "typer", "rich")


def loaded_by(code: str) -> set[str]:
    """Top-level modules that are there after ``code`` in a fresh interpreter."""
    code += "; import sys; print(*{m.partition('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    return loaded_by("import eqsat_tensor")


@pytest.mark.parametrize("name", LATER)
def test_importing_the_package_does_not_import(name, loaded):
    assert "eqsat_tensor" in loaded
    assert name not in loaded


def test_building_a_graph_and_its_gradient_needs_numpy_alone():
    code = (
        "import eqsat_tensor as et; x = et.tensor('x', shape=('n',), dtype='float64'); "
        "et.grad(et.sum(et.exp(x)), x)"
    )
    assert not loaded_by(code) & set(LATER)
