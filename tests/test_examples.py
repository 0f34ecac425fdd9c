"""The programs of ``benchmarks/examples.py`` are right, with gradients, whatever is timed."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import numpy as np
import pytest

FILE = Path(__file__).parent.parent / "benchmarks" / "examples.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("examples", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["examples"] = module
    sys.path.insert(0, str(FILE.parent))  # as when the file is run
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(FILE.parent))
    return module


def test_every_example_is_right(script):
    for name, example in script.examples(3).items():
        calls = script.ready(example, ["NumPy", "eqsat"])
        assert "eqsat" in calls, name
        assert ("NumPy" in calls) == (not example.gradients), name


def test_gradients_are_those_of_differences(script):
    for name, example in script.examples(1).items():
        if example.arrays[0].dtype != "float64" or not example.gradients:
            continue
        value, gradients = script.of_eqsat(example)()
        for k, gradient in zip(example.gradients, gradients, strict=True):
            step = np.random.default_rng(k).standard_normal(example.arrays[k].shape) * 1e-6
            moved = [a + step if i == k else a for i, a in enumerate(example.arrays)]
            back = [a - step if i == k else a for i, a in enumerate(example.arrays)]
            slope = (example.function(np, *moved) - example.function(np, *back)) / 2
            assert slope == pytest.approx(np.sum(gradient * step), rel=1e-4), name
        assert value == pytest.approx(example.function(np, *example.arrays))


def test_what_is_wrong_is_not_timed(script):
    example = next(iter(script.examples(1).values()))
    wrong = script.Example(lambda xp, a: a + (1 if xp is np else 2), example.arrays)
    with pytest.raises(AssertionError, match="eqsat"):
        script.ready(wrong, ["NumPy", "eqsat"])


def test_the_table_and_its_pictures_hold_what_was_measured(script, tmp_path):
    chosen = {n: e for n, e in script.examples(2).items() if n.startswith(("a + 1", "selu"))}
    table = script.Table(["NumPy", "eqsat"])
    table.lines += [script.measured(n, e, table.systems, 1) for n, e in chosen.items()]
    assert all(set(line.times) == {"NumPy", "eqsat"} for line in table.lines)
    assert all(line.share > 0 for line in table.lines)
    table.write(tmp_path)
    rows = (tmp_path / "measured.md").read_text().splitlines()
    assert [r.split(" | ")[0] for r in rows[-3:]] == [f"| {n}" for n in chosen]
    formulas, programs = (
        ElementTree.parse(tmp_path / f"measured-{n}.svg").getroot()
        for n in ("formulas", "programs")
    )
    texts = {t.text for t in formulas.iter("{http://www.w3.org/2000/svg}text")}
    assert {"NumPy", "eqsat", "a + 1", "1e1", "1e2"} <= texts
    assert len(list(formulas.iter("{http://www.w3.org/2000/svg}polyline"))) == 2
    texts = {t.text for t in programs.iter("{http://www.w3.org/2000/svg}text")}
    assert {"selu, float32, 1e6", f"{table.lines[-1].ratio:.2f}"} <= texts
