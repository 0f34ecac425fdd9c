"""Random programs through the public pipeline, held against the true values.

What `eqsat_tensor.fuzz` does, on some hundred programs; ``eqsat fuzz --programs 20000`` does more.
That the comparator sees what goes wrong is shown by mutated lowerings, that a process may die by
one that does.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from eqsat_tensor.fuzz import workers
from eqsat_tensor.fuzz.programs import Case, check, draw_case
from eqsat_tensor.fuzz.workers import depth_of
from eqsat_tensor.lang import FLOAT64, OPS, topological
from eqsat_tensor.lower.cpu import accumulate, emit, passes
from eqsat_tensor.lower.cpu.builder import VectorBuilder
from eqsat_tensor.lower.cpu.evaluate import Evaluator
from eqsat_tensor.lower.cpu.places import Known
from eqsat_tensor.ops.captured import input_leaf
from eqsat_tensor.runtime import cache
from eqsat_tensor.types import DTYPES
from eqsat_tensor.verify.bounds import Verdict, agrees
from eqsat_tensor.verify.draw import Leaf
from eqsat_tensor.verify.programs import RandomProgram

PROGRAMS, PARTS = 500, 4


@pytest.mark.parametrize("part", range(PARTS))
def test_random_programs_are_right(part: int, capsys: pytest.CaptureFixture[str]) -> None:
    counts: Counter[str] = Counter()

    @settings(max_examples=PROGRAMS // PARTS, phases=(Phase.explicit, Phase.generate))
    @given(st.integers(0, 2**30 - 1), st.integers(1, 5))
    def run(seed: int, depth: int) -> None:
        check(seed + part * 2**30, depth, counts)  # each part has seeds of its own

    run()
    with capsys.disabled():
        print("\nrandom programs:", ", ".join(f"{n} {v}" for n, v in counts.items()))
    assert counts["programs"] >= PROGRAMS // PARTS * 0.9
    assert counts["any of these"] >= counts["programs"] / 3
    assert counts["hard values"] >= counts["programs"] / 3
    assert counts["unbounded"] <= counts["elements"] / 4


def test_programs_are_of_ops_and_dtypes_of_every_kind() -> None:
    ops: Counter[str] = Counter()
    dtypes: Counter[str] = Counter()
    inside = 0  # instances of rules whose value another op uses
    for seed in range(240):
        case = draw_case(seed, depth_of(seed))
        nodes = topological(case.program.outputs)
        ops.update({n.op.name for n in nodes})
        dtypes.update({n.dtype.name for n in nodes})
        inside += case.from_rule and len(case.program.outputs) == 1
    assert set(dtypes) == {d.name for d in DTYPES}
    assert set(ops) >= {
        "sort",
        "argsort",
        "solve",
        "inv",
        "cumsum",
        "gather",
        "scatter",
        "where",
        "slice",
    }
    assert inside > 20


# ----------------------------------------------------------------------------------- mutants
def swapped(patch: pytest.MonkeyPatch) -> None:
    """Differences and quotients with their operands exchanged."""
    apply = VectorBuilder.apply

    def mutated(self: VectorBuilder, primitive: str, *operands: str) -> str:
        if primitive in ("subtract", "divide"):
            operands = operands[::-1]
        return apply(self, primitive, *operands)

    patch.setattr(VectorBuilder, "apply", mutated)


def tail_dropped(patch: pytest.MonkeyPatch) -> None:
    """Reductions that leave out the masked end of a row."""
    take_in = passes.take_in

    def mutated(reduce: Any, builder: Any, old: Any, value: str, mask: str | None) -> list[str]:
        return take_in(reduce, builder, old, value, mask) if mask is None else list(old)

    patch.setattr(passes, "take_in", mutated)


def nan_lost(patch: pytest.MonkeyPatch) -> None:
    """Maxima and minima that do not carry a NaN."""
    patch.setattr(accumulate, "flagged", lambda reduce: False)


def wrong_axis(patch: pytest.MonkeyPatch) -> None:
    """Indices along the first axis, whichever was asked for."""
    iota = Evaluator.iota

    def mutated(self: Evaluator, value: Any, access: Any, guards: Any, here: Any) -> Known:
        return iota(self, value, (access[0],) * len(access), guards, here)

    patch.setattr(Evaluator, "iota", mutated)


def off_by_one(patch: pytest.MonkeyPatch) -> None:
    """Labels that point to the element after."""
    label = Evaluator.label

    def mutated(self: Evaluator, axis: Any, guards: Any, here: Any) -> Known:
        known = label(self, axis, guards, here)
        builder = self.builder(np.dtype(np.int64), here.lanes if known.kind == "vector" else 0)
        size = builder.splat(self.size(axis.pick.source.shape[axis.pick.axis]))
        beyond = builder.binary("add", known.text, builder.constant(1))
        inside = builder.compare("less", beyond, size)
        return Known(known.kind, builder.select(inside, beyond, builder.constant(0)))

    patch.setattr(Evaluator, "label", mutated)


MUTANTS = {f.__name__: f for f in (swapped, tail_dropped, nan_lost, wrong_axis, off_by_one)}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutated_lowering_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "get", lambda key: None)
    monkeypatch.setattr(cache, "put", lambda key, data: None)
    assert check_one(name).ok
    monkeypatch.setattr(emit, "_written", OrderedDict())  # no kernel from before
    MUTANTS[name](monkeypatch)
    assert not check_one(name).ok


def check_one(name: str) -> Verdict:
    """The verdict on a program that has what the mutant breaks."""
    x = input_leaf("x", FLOAT64, (7, 43))  # rows that do not stand side by side
    label = input_leaf("label", np.dtype(np.int64), (7,))
    values = {x: np.linspace(-2, 3, 301).reshape(7, 43), label: np.arange(7) % 5}
    match name:
        case "swapped":
            output = OPS["subtract"](x, OPS["exp"](x))
        case "tail_dropped":
            output = OPS["sum"](x, axes=(1,))
        case "nan_lost":
            output = OPS["max"](x, axes=(1,))
            values[x][3, 2] = np.nan
        case "wrong_axis":
            output = OPS["multiply"](x, OPS["iota"](axis=1, dtype=FLOAT64, shape=(7, 43)))
        case _:
            output = OPS["pick"](x, label, axis=1)
    inputs = {leaf: values[leaf] for leaf in values if leaf in topological([output])}
    program = RandomProgram([output], {leaf: Leaf(leaf) for leaf in inputs})
    case = Case(program, inputs, None, False, False, "ordinary")
    return agrees(case.run(case.compiled()), [output], inputs, improves_nonfinite=False)


# ---------------------------------------------------------------------------------- many programs
DYING = """
import json, os, sys
for seed in range(int(sys.argv[1]), int(sys.argv[1]) + int(sys.argv[2])):
    if seed == 3:
        print("out of memory", file=sys.stderr)
        os.abort()
    print(json.dumps({"seed": seed, "counts": {"programs": 1}, "fault": "wrong" * (seed == 5)}), flush=True)
"""


def test_a_process_that_dies_is_a_finding_and_takes_no_other_program_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workers, "WORKER", (sys.executable, "-c", DYING))
    findings = workers.fuzz(8, jobs=2)
    assert findings.counts["done"] == 8
    assert findings.counts["programs"] == 7
    assert set(findings.faults) == {3, 5}
    assert "code -6: out of memory" in findings.faults[3]


WAITING = """
import json, sys, time
for seed in range(int(sys.argv[1]), int(sys.argv[1]) + int(sys.argv[2])):
    if seed == 4:
        time.sleep(60)
    print(json.dumps({"seed": seed, "counts": {"programs": 1}, "fault": "wrong" * (seed == 2)}), flush=True)
"""


def test_a_fault_is_told_as_it_is_found_and_an_interrupt_leaves_what_was_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workers, "WORKER", (sys.executable, "-c", WAITING))
    told: list[int] = []
    done: list[int] = []

    def interrupt() -> None:
        while not told or done[-1] < 4:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    findings = workers.fuzz(8, 0, 1, done.append, lambda seed, what: told.append(seed))
    assert findings.stopped
    assert told == [2]
    assert done == [1, 2, 3, 4]
    assert findings.counts["done"] == 4
    assert findings.faults == {2: "wrong"}


def test_what_goes_wrong_with_the_workers_themselves_is_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workers, "WORKER", (sys.executable, "-c", "print('no record')"))
    with pytest.raises(json.JSONDecodeError):
        workers.fuzz(8, jobs=2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_stopped_tells_what_it_did(number: int, tmp_path: Path) -> None:
    errors = tmp_path / "errors"
    with errors.open("w") as stderr:
        command = [sys.executable, "-c", COMMAND, "fuzz", "--programs", "8", "--jobs", "1"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)
        while "seed 2" not in errors.read_text():  # told while the program of seed 4 still runs
            assert process.poll() is None, errors.read_text()
            time.sleep(0.05)
        time.sleep(0.3)
        process.send_signal(number)
        told, _ = process.communicate(timeout=30)
    assert process.returncode == 1, told
    assert "1 of 4 programs at fault; stopped before the other 4" in told
    assert "eqsat fuzz --programs 1 --seed 2" in errors.read_text()


COMMAND = f"""
import sys
from eqsat_tensor.fuzz import workers
workers.WORKER = (sys.executable, "-c", {WAITING!r})
from eqsat_tensor.cli import main
main()
"""


def test_the_command_tells_what_it_did() -> None:
    command = [sys.executable, "-m", "eqsat_tensor", "fuzz", "--programs", "6", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["faults"] == []
    assert not told["stopped"]
    assert "6 of 6" in done.stderr
    assert told["counts"]["programs"] == told["counts"]["done"] == 6
