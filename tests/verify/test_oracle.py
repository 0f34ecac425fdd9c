"""The oracle itself: every op has a true meaning and an error rule, and E bounds what NumPy errs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from eqsat_tensor import ops as _ops  # noqa: F401
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import FLOAT32, FLOAT64, OPS, Expr, apply
from eqsat_tensor.verify.bounds import C, K, agrees, distance, rounded, show, ulp
from eqsat_tensor.verify.draw import NONFINITE, PROFILES, draw_inputs
from eqsat_tensor.verify.precise import true_values
from eqsat_tensor.verify.programs import NEVER, random_program
from eqsat_tensor.verify.proposals import PROPOSERS
from eqsat_tensor.verify.running import evaluate_running, has_rule
from eqsat_tensor.verify.truth import Truth

PROGRAMS = 250
TAME = [p for p in PROFILES if p not in NONFINITE]


def leaf(name: str, shape: tuple[int, ...] = (), dtype: np.dtype = FLOAT64) -> Expr:
    return apply(OPS["input"], name=name, key=hash(name), dtype=dtype, shape=shape)


@pytest.mark.parametrize("name", OPS)
def test_every_op_has_a_true_meaning(name: str) -> None:
    op, truth = OPS[name], Truth(200)
    known = name in truth.table or name in truth.arrays or name == "cast"
    body = op.kind is Kind.ELEMENTWISE and op.scalar is not None
    # of what a library makes no element is ever settled: its bound is infinite
    of_kind = (Kind.LEAF, Kind.MOVEMENT, Kind.CUMULATIVE, Kind.LIBRARY)
    assert known or body or op.expand or op.kind in of_kind


@pytest.mark.parametrize("name", OPS)
def test_every_op_has_an_error_rule(name: str) -> None:
    assert has_rule(OPS[name])


def test_every_op_appears_in_random_programs() -> None:
    seen: Counter[str] = Counter()
    for seed in range(1200):
        program = random_program(np.random.default_rng(seed), 4, 2)
        stack = list(program.outputs)
        while stack:
            node = stack.pop()
            seen[node.op.name] += 1
            stack.extend(node.arguments)
    opaque = {op.name for op in OPS.values() if op.kind is Kind.LIBRARY}
    afterwards = {"precise_dot"}  # put into programs that have been chosen
    assert set(OPS) - set(seen) <= NEVER | opaque | afterwards, set(OPS) - set(seen)
    assert set(PROPOSERS) <= set(OPS)


def test_the_bound_holds_of_what_numpy_computes() -> None:
    """err(reference) <= E on every element of random programs where E is finite."""
    bounded = 0
    for seed in range(PROGRAMS):
        random = np.random.default_rng(seed)
        program = random_program(random, 3)
        inputs = draw_inputs(list(program.leaves.values()), TAME[seed % len(TAME)], random)
        [(value, error)] = evaluate_running(program.outputs, inputs)
        if value.size > 100:
            continue
        [truth] = true_values(program.outputs, inputs)
        for index in np.ndindex(value.shape):
            true = truth[index]
            if true is None or not np.isfinite(error[index]):
                continue
            bounded += 1
            if value.dtype.kind == "f":
                apart = distance(value[index], true, value.dtype)
                allowed = 1.01 * error[index] + ulp(true, value.dtype)
            else:
                apart, allowed = abs(float(value[index]) - float(true)), 1.01 * error[index]
            assert apart <= allowed, (seed, index, value[index], show(true), error[index])
    assert bounded > 2 * PROGRAMS


def test_the_truth_sees_through_cancellation() -> None:
    x = leaf("x")
    one = apply(OPS["full"], value=_literal(1e308), shape=())
    e = OPS["subtract"](OPS["add"](one, x), one)
    [truth] = true_values([e], {x: np.array(1e-308)})
    assert float(truth[()]) == 1e-308


@pytest.mark.parametrize("near_one", [
    lambda x: OPS["exp"](x), lambda x: OPS["square"](OPS["exp"](OPS["multiply"](x, half()))),
    lambda x: OPS["add"](OPS["cos"](x), x), lambda x: OPS["sqrt"](OPS["exp"](OPS["add"](x, x))),
])  # fmt: skip
def test_the_truth_sees_what_a_one_absorbed(near_one: Callable[[Expr], Expr]) -> None:
    """(1 + 1e-264) ** 1e264 is e, though 120 digits say that the base is 1."""
    x, y = leaf("x"), leaf("y")
    power = OPS["power"](near_one(x), y)
    [truth] = true_values([power], {x: np.array(1e-264), y: np.array(1e264)})
    assert float(truth[()]) == pytest.approx(np.e, rel=1e-15)
    [truth] = true_values([power], {x: np.array(1e-264), y: np.array(3.5)})
    assert float(truth[()]) == 1.0


def half() -> Expr:
    return apply(OPS["full"], value=_literal(0.5), shape=())


def test_the_truth_is_that_of_the_extended_reals() -> None:
    x = leaf("x")
    [truth] = true_values([OPS["log"](OPS["exp"](x))], {x: np.array(1e6)})
    assert float(truth[()]) == 1e6
    [truth] = true_values([OPS["log"](x)], {x: np.array(0.0)})
    assert float(truth[()]) == -np.inf
    [truth] = true_values([OPS["divide"](x, x)], {x: np.array(0.0)})
    assert np.isnan(float(truth[()]))


def test_a_value_outside_the_bound_is_a_fault_and_one_inside_is_not() -> None:
    x, y = leaf("x", (2,)), leaf("y", (2,))
    inputs = {x: np.array([1.0, 3.0]), y: np.array([1e-3, 2.0])}
    e = OPS["add"](x, y)
    right = inputs[x] + inputs[y]
    assert agrees([right], [e], inputs).ok
    assert agrees([np.nextafter(right, 9)], [e], inputs).ok
    [fault] = agrees([right * (1 + np.array([0, 1e-12]))], [e], inputs).faults
    assert fault.index == (1,)
    assert not agrees([right.astype(FLOAT32)], [e], inputs).ok


def test_a_finite_value_where_the_program_overflows_is_an_improvement() -> None:
    x = leaf("x")
    e = OPS["log1p"](OPS["exp"](x))
    inputs = {x: np.array(1000.0)}
    verdict = agrees([np.array(1000.0)], [e], inputs)
    assert verdict.ok
    assert verdict.improved == 1
    assert agrees([np.array(np.inf)], [e], inputs).improved == 0


def test_a_nan_is_a_fault_where_a_number_is_promised() -> None:
    x = leaf("x")
    assert not agrees([np.array(np.nan)], [OPS["exp"](x)], {x: np.array(1.0)}).ok
    assert agrees([np.array(np.nan)], [OPS["log"](x)], {x: np.array(-1.0)}).ok
    lost = agrees([np.array(1.0)], [OPS["exp"](x)], {x: np.array(np.nan)}, improves_nonfinite=False)
    assert not lost.ok


def test_the_sign_of_a_nan_promises_nothing() -> None:
    x = leaf("x", (2,))
    logarithm = OPS["log"](x)
    outputs = [OPS["signbit"](logarithm), OPS["copysign"](x, logarithm)]
    inputs = {x: np.array([-1.0, 0.5])}
    with np.errstate(invalid="ignore"):
        signs = np.signbit(np.log(inputs[x]))
    for negative in (True, False):
        results = [np.array([negative, signs[1]]), np.array([-1.0 if negative else 1.0, -0.5])]
        assert agrees(results, outputs, inputs).ok
    assert not agrees([~signs, np.array([1.0, 0.5])], outputs, inputs).ok


def test_integers_are_equal_or_wrong() -> None:
    x = leaf("x", (), OPS["iota"].dtypes[1])
    inputs = {x: np.array(2**30, np.int32)}
    e = OPS["multiply"](x, x)
    with np.errstate(all="ignore"):
        assert agrees([inputs[x] * inputs[x]], [e], inputs).ok
    assert not agrees([np.array(1, np.int32)], [e], inputs).ok


def test_constants_of_the_bound_are_small() -> None:
    assert C <= 4
    assert K <= 8
    assert rounded(Truth(200).number(1e39), FLOAT32) == np.inf


def _literal(value: float) -> object:
    from eqsat_tensor.types import literal

    return literal(value, FLOAT64)


def test_a_constant_of_a_float_body_is_a_real_number_though_it_is_written_as_a_whole_one() -> None:
    x, y = leaf("x"), leaf("y")
    product = OPS["multiply"](y, OPS["fraction"](x))
    [truth] = true_values([product], {x: np.array(np.inf), y: np.array(3.0)})
    assert truth[()] == 0
