"""Programs of very much text: kernels beyond the limit are written short, and say the same."""

import re

import pytest

from eqsat_tensor.lower.cpu import emit as emit_module
from eqsat_tensor.lower.cpu.emit import emit
from eqsat_tensor.lower.cpu.plans import compile_plan
from eqsat_tensor.schedule import schedule
from tests.lower.boundprograms import (
    check,
    planned,
    run_guarded,
    size_cases,
    small_cases,
    symbols,
)
from tests.lower.loopprograms import PROGRAMS, N, array, fn


@pytest.fixture
def sparing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Text is spared from the first kernel on."""
    monkeypatch.setattr(emit_module, "LONG", -1)


@pytest.mark.usefixtures("sparing")
@pytest.mark.parametrize("name", PROGRAMS)
def test_terse_kernels_give_what_numpy_gives(name: str) -> None:
    plan = planned(name)
    program = compile_plan(plan)
    for sizes in size_cases(symbols(plan))[::2]:
        check(name, program, plan, sizes)
    if all(v.contiguous for v in plan.inputs):
        for sizes, given in small_cases(plan, size_cases(symbols(plan))[::9]):
            run_guarded(program.bind(sizes), given, True)


@pytest.mark.usefixtures("sparing")
def test_a_terse_body_is_written_once_and_calls_what_is_dear() -> None:
    body = fn("add", fn("exp", array("x", N)), array("y", N))
    text = emit(schedule([body.v]), vector_bytes=64).text.split("define void @kernel")[1]
    assert re.findall(r"= phi i64", text) == ["= phi i64"]
    assert "call <8 x double> @eqsat_call_exp" in text
    assert "masked.store.v8f64" in text
    assert "<32 x double>" not in text


def test_only_what_is_beyond_the_limit_is_terse(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = [fn(name, array(name, f"n{k}")) for k, name in enumerate(("exp", "tanh", "log"))]
    plan = schedule([b.v for b in bodies])
    usual = emit(plan, vector_bytes=64)
    monkeypatch.setattr(emit_module, "LONG", len(usual.parts["kernel0"][0]))
    some = emit(plan, vector_bytes=64)
    assert some.parts["kernel0"] == usual.parts["kernel0"]
    assert some.parts["kernel1"] == usual.parts["kernel1"]
    assert len(some.parts["kernel2"][0]) < len(usual.parts["kernel2"][0]) / 2
