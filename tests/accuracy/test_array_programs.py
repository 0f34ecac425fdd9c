"""Some of the array programs of the benchmark: never much worse than NumPy, and numbers where the truth is."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks" / "accuracy"


@pytest.fixture(scope="module")
def command():
    spec = importlib.util.spec_from_file_location("accuracy_benchmark", FOLDER / "__main__.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = before
    return module


SOME = (
    "variance of shifted data", "covariance by moments", "log-sum-exp", "mixture of Gaussians",
    "binary cross entropy", "Student-t", "Kullback-Leibler", "Kullback-Leibler from logits",
    "distance by products", "quadratic formula, small root", "compound interest",
    "geodesic distance", "normalised histogram", "softmax of large logits", "softmax of a softmax",
    "cosine distance", "difference of sigmoids", "entropy of softmax", "log returns", "weighted variance",
    "difference of log-odds", "binomial deviance", "log of Poisson probability", "Heron's area",
    "law of cosines", "angle between vectors", "logistic growth",
)  # fmt: skip


def test_there_are_many_programs_of_different_names(command):
    names = [p.name for p in command.PROGRAMS]
    assert len(names) == len(set(names)) >= 40
    assert set(SOME) <= set(names)


@pytest.mark.parametrize("name", SOME)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_program_is_no_worse_than_numpy(command, name, dtype):
    [program] = [p for p in command.PROGRAMS if p.name == name]
    found = command.measured(program, dtype, 6, 1)
    bits, lost = found["ours"]
    assert lost == 0
    assert bits <= found["NumPy"][0] + 1.0  # half a bit over many calls


@pytest.mark.parametrize(
    ("name", "most"),
    [("covariance by moments", 1.5), ("cosine distance", 1.5), ("Poisson deviance", 1.0), ("log returns", 1.0),
     ("difference of sigmoids", 1.5), ("Rodrigues' second coefficient", 1.5)],
)  # fmt: skip
def test_a_searched_program_is_no_worse_than_the_default_one(command, name, most):
    """Fused sums stay fused; the default form is a candidate; differences of like inputs are measured."""
    [program] = [p for p in command.PROGRAMS if p.name == name]
    random = np.random.default_rng(1)
    calls = [program.draw(random) for _ in range(6)]
    truth = command.truth_of(program, calls)
    ours, searched = (
        np.stack([system(program, calls[0])(*arrays) for arrays in calls])
        for system in (command.ours, command.searched)
    )
    bits = command.error_bits(searched, truth).mean()
    assert bits <= min(most, command.error_bits(ours, truth).mean() + 0.3)


def test_a_form_loses_no_more_than_a_bit_beside_the_default_either(command):
    """Where the program as written overflows all the same is lost to it, and much to the default."""
    [program] = [p for p in command.PROGRAMS if p.name == "log of binomial probability"]
    random = np.random.default_rng(1)
    calls = [[np.float32(a) for a in program.draw(random)] for _ in range(6)]
    truth = command.truth_of(program, calls).astype(np.float32)
    run = command.searched(program, calls[0])
    made = np.stack([run(*arrays) for arrays in calls])
    assert command.error_bits(made, truth).mean() < 1


def test_faults_are_told(command):
    fine = {"NumPy": (1.0, 0.5), "ours": (1.2, 0.0)}
    rows = {"a": {"float64": fine}, "b": {"float64": {"NumPy": (1.0, 0.0), "ours": (3.0, 0.25)}}}
    assert [f.split(",")[0] for f in command.faults(rows)] == ["b", "b"]
    assert command.mean_of(rows, "float64", "ours") == pytest.approx(2.1)
    worse = {"c": {"float64": fine | {command.SEARCHED: (2.0, 0.0)}}}
    assert command.faults(worse) == ["c, float64: 2.00 bits searched, 1.20 by default"]
    slope = {"d": {"float32": {"ours": (0.5, 0.0), "ours, widened": (0.0, 0.0)}}}  # NumPy has none
    assert command.faults(slope) == []
