"""Threads that call functions of changing sizes get right results, the same bits, and bounded memory."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "soak.py"
pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("soak", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["soak"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_half_a_minute_of_calls_by_eight_threads():
    done = subprocess.run(
        [sys.executable, SCRIPT, "--seconds", "20"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "calls of 20 functions" in done.stdout


def test_other_bits_and_errors_are_told(script):
    subjects = script.subjects()[:2]
    every = [c for c in script.cases(subjects) if c.size < 100]
    for case in every:
        case.wanted = script.digest(case.function(*case.arguments))
    assert script.soak(every, 0.2)[0] == []
    every[0].wanted = "other"

    def fails(*_):
        raise RuntimeError("no")

    every[1].function = fails
    wrong, _, _ = script.soak(every, 0.2)
    assert any("other bits" in text for text in wrong)
    assert any("RuntimeError" in text for text in wrong)


def test_memory_that_grows_is_told(script):
    steady = [(k / 10, 1000) for k in range(31)]
    assert script.growth(steady, 3.0) == 0
    leaking = [(at, int(1000 * (1 + 0.05 * at))) for at, _ in steady]
    assert script.growth(leaking, 3.0) > script.GROWTH


def test_a_wrong_result_is_told(script):
    subjects = script.subjects()[:1]
    subjects[0].numpy = lambda x, y: 2.5 * x + y + 1
    every = script.cases(subjects)[:3]
    assert len(script.held_against_numpy(subjects, every)) == 3
