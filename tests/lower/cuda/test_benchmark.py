"""The benchmark of CUDA devices runs from end to end; its figures are of no device here."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from tests.lower.cuda import fakecupy
from tests.lower.cuda.emulator import needs_compiler

FILE = Path(__file__).parents[3] / "benchmarks" / "cuda" / "run.py"


@pytest.fixture
def run(monkeypatch):
    spec = importlib.util.spec_from_file_location("cuda_run", FILE)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(__import__("sys").modules, "cuda_run", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "SECONDS", 0.0)
    monkeypatch.setattr(module, "SYSTEMS", ("ours",))
    return module


@needs_compiler
def test_a_table_is_made_of_all_programs(run, monkeypatch):
    fakecupy.install(monkeypatch)
    small = [
        run.Program(p.name, p.fn, lambda r, _, p=p: p.make(r, 1e-4), p.diff) for p in run.PROGRAMS
    ]
    lines = run.table(small, 1e5).splitlines()
    rows = [line for line in lines if line.startswith("| ") and "program" not in line]
    assert [r.split("|")[1].strip() for r in rows] == [p.name for p in run.PROGRAMS]
    assert "emulated" in lines[0]


@pytest.mark.parametrize("number", range(11))
def test_a_program_means_the_same_to_numpy(run, number):
    """What CuPy is given is what NumPy would be given."""
    p = run.PROGRAMS[number]
    arrays = p.make(np.random.default_rng(0), 1e-3)
    want = p.fn(np, *arrays)
    import eqsat_tensor as et

    got = et.jit(lambda *a: p.fn(et, *a))(*arrays)
    assert run.same(got, want)


def test_without_a_device_it_says_what_is_missing(run, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["run.py"])
    with pytest.raises(SystemExit, match=r"CuPy(.|\n)*No table without a device"):
        run.main()
