"""SciPy's functions in compiled code: each lane as SciPy has it, found again from the disk cache."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.errors import UnsupportedError
from eqsat_tensor.inputs import tensor
from eqsat_tensor.lang import OPS
from eqsat_tensor.lower.cpu.bind import Program
from eqsat_tensor.lower.cpu.external import EXTERNALS
from eqsat_tensor.lower.cpu.plans import compile_plan
from eqsat_tensor.lower.cpu.scipy_functions import scipy_symbols
from eqsat_tensor.scalar import PRIMITIVES
from eqsat_tensor.schedule import schedule
from eqsat_tensor.schedule.values import lower_program
from eqsat_tensor.tensor import Tensor
from tests.oracle import assert_same

HARD = (0.0, -0.0, 1.0, -1.0, 0.5, 1.5, -2.5, 3.0, 30.0, 1e-300, np.inf, -np.inf, np.nan)


def hard_operands(arity: int, dtype: str) -> list[np.ndarray]:
    """Every pair of hard values; for three operands the third is turned about."""
    x, y = (v.ravel() for v in np.meshgrid(HARD, HARD))
    with np.errstate(all="ignore"):
        return [v.astype(dtype) for v in (x, y, np.roll(x, 7))[:arity]]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_lane_has_what_scipy_gives(dtype: str) -> None:
    inputs = [tensor(f"x{k}", ("n",), dtype) for k in range(3)]
    exprs = [x.expr for x in inputs]
    outputs = [Tensor(OPS[name](*exprs[: PRIMITIVES[name].arity])) for name in EXTERNALS]
    compiled = et.function(inputs, outputs)
    whole = hard_operands(3, dtype)
    for size in (0, 1, 7, whole[0].size):
        operands = [x[:size] for x in whole]
        for name, got in zip(EXTERNALS, compiled(*operands), strict=True):
            word = PRIMITIVES[name]
            with np.errstate(all="ignore"):
                want = word.numpy(*operands[: word.arity])
            assert_same(got, want, "exact", name)


@pytest.mark.parametrize("name", ["gammaln", "betainc", "zeta"])
def test_a_single_element_is_computed_without_lanes(name: str) -> None:
    arity = PRIMITIVES[name].arity
    inputs = [tensor(f"x{k}", (), "float64") for k in range(arity)]
    compiled = et.function(inputs, Tensor(OPS[name](*(x.expr for x in inputs))))
    operands = [np.float64(v) for v in (2.5, 1.75, 0.5)[:arity]]
    assert compiled(*operands) == PRIMITIVES[name].numpy(*operands)


def test_a_program_says_which_symbols_it_needs() -> None:
    x = tensor("x", ("n",), "float64")
    values = lower_program([OPS["zeta"](x.expr, OPS["gammaln"](x.expr))])
    program = compile_plan(schedule(values))
    (image,) = program.images
    assert image.externals == (
        "scipy.special._ufuncs._zeta.data",
        "scipy.special._ufuncs._zeta.loop",
        "scipy.special.cython_special.gammaln",
    )
    assert Program.from_bytes(program.to_bytes()) == program


@pytest.mark.parametrize("name", sorted(EXTERNALS))
def test_scipy_offers_every_word(name: str) -> None:
    path = f"scipy.special.{PRIMITIVES[name].external}"
    symbols = [path] if "cython" in path else [f"{path}.loop", f"{path}.data"]
    assert all(scipy_symbols(symbols).values())


def test_what_scipy_does_not_offer_is_an_error() -> None:
    with pytest.raises(UnsupportedError, match=r"nothing: needs a SciPy whose .* offers nothing"):
        scipy_symbols(["scipy.special.cython_special.nothing"])
    with pytest.raises(UnsupportedError, match=r"hankel1: needs .* of doubles"):
        scipy_symbols(["scipy.special.cython_special.hankel1"])  # it gives a complex number


COMPILE = """
import sys, numpy as np, eqsat_tensor as et
from eqsat_tensor.lang import OPS
from eqsat_tensor.inputs import tensor
from eqsat_tensor.tensor import Tensor
x = tensor("x", ("n",), "float64")
f = et.function([x], Tensor(OPS[sys.argv[1]](x.expr)))
print(f(np.array([2.5]))[0], "scipy" in sys.modules, "llvmlite.binding.module" in sys.modules)
"""


def test_a_program_from_the_disk_finds_its_functions(tmp_path: Path) -> None:
    environment = {**os.environ, "EQSAT_CACHE_DIR": str(tmp_path)}
    texts = []
    for name in ("gammaln", "gammaln", "exp"):
        command = [sys.executable, "-c", COMPILE, name]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        texts.append(done.stdout.split())
    assert texts[0] == texts[1]
    assert float(texts[0][0]) == PRIMITIVES["gammaln"].numpy(2.5)
    assert texts[0][1] == "True"
    assert texts[2][1] == "False", "SciPy is imported for what does not need it"
