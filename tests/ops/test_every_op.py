"""Being registered is being tested: each op against NumPy, and its gradient against differences."""

import numpy as np
import pytest

import eqsat_tensor.ops  # noqa: F401  (fills the registry)
from eqsat_tensor.autodiff import pullback
from eqsat_tensor.conditions import checks_of
from eqsat_tensor.errors import LabelError
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import ANY_ARITY, FLOAT64, FLOATS, INEXACT, OPS
from eqsat_tensor.reference import evaluate
from eqsat_tensor.rules.signature import has_type_rule
from eqsat_tensor.scalar import CountingBuilder, NumpyBuilder
from tests.oracle import assert_same
from tests.strategies import SYMMETRIC, instances, leaves, of, values

USES = [(op, use) for op in OPS.values() for use in instances(op)]
# Their derivative is 0 wherever it is defined, or they have none at whole numbers.
NO_DIFFERENCES = ("floor_divide",)


def each_op(chosen=lambda op, use: True):
    """A test of an op and a use, run as one test an op over all its uses that are chosen."""
    uses = {}
    for op, use in USES:
        if chosen(op, use):
            uses.setdefault(op.name, []).append(use)

    def wrap(test):
        @pytest.mark.parametrize("name", uses)
        def run(name):
            for use in uses[name]:
                try:
                    test(OPS[name], use)
                except AssertionError as error:
                    raise AssertionError(f"{name} {use}: {error}") from error

        return run

    return wrap


def test_every_op_has_uses_and_a_text():
    for op in OPS.values():
        assert op.doc, op
        assert op.name == "input" or any(instances(op)), op


# Rules know no complex numbers: the e-graph sees these on inputs and results alone; `assume` becomes
# facts of its operand; `precise_dot` is put into a program when it has been chosen; `fourier` makes
# complex numbers of real ones, too.
OF_PARTS = {"real", "imag", "complex", "assume", "precise_dot", "fourier"}


def test_every_op_has_a_type_rule_that_rules_can_use():
    seen = [op for op in OPS.values() if op.arity != ANY_ARITY]
    assert {op.name for op in seen if not has_type_rule(op)} == OF_PARTS


def test_every_op_has_a_gradient_or_no_float_result():
    for op in OPS.values():
        inexact = any(op.infer(*u.types, **u.attributes).dtype in INEXACT for u in instances(op))
        if inexact and op.kind is not Kind.LEAF:
            assert op.vjp is not None or op.expand is not None, op
        assert all(reason for reason in op.refused.values()), op


@each_op()
def test_infer_is_what_numpy_gives(op, use):
    arrays = values(op, use, np.random.default_rng(1), hard=True)
    with np.errstate(all="ignore"):
        result = np.asarray(op.numpy(*arrays, **use.attributes))
    inferred = op.infer(*use.types, **use.attributes)
    assert result.dtype == inferred.dtype
    assert result.shape == inferred.shape


@each_op(lambda op, use: op.kind is Kind.ELEMENTWISE and op.name != "cast")
def test_the_scalar_body_is_the_meaning(op, use):
    arrays = values(op, use, np.random.default_rng(2), hard=True)
    with np.errstate(all="ignore"):
        want = np.asarray(op.numpy(*arrays))
    assert_same(op.body(NumpyBuilder(), *arrays), want, label=str(use))
    counter = CountingBuilder()
    op.body(counter, *arrays)
    assert counter.cost > 0


@each_op(lambda op, use: op.expand is not None)
def test_the_expansion_of_a_composite_is_its_meaning(op, use):
    operands = leaves(use)
    node = op(*operands, **use.attributes)
    body = op.expand(*operands, **use.attributes)
    assert body.type == node.type
    for seed, hard in ((3, False), (4, True)):
        arrays = values(op, use, np.random.default_rng(seed), hard)
        if op.dtypes[-1] in FLOATS and op.arity == 2:  # a - b may overflow where both are huge
            arrays = [
                np.where(np.abs(a) < np.sqrt(np.finfo(a.dtype).max), a, a.dtype.type(1))
                for a in arrays
            ]
        known = dict(zip(operands, arrays, strict=True))
        got, want = evaluate([body, node], known)
        assert_same(got, want, "real", label=f"{use} {arrays}")


def _differentiable(op, use):
    return (
        op.kind is not Kind.LEAF
        and op.name not in NO_DIFFERENCES
        and any(t.dtype == FLOAT64 for t in use.types)
        and op.infer(*use.types, **use.attributes).dtype == FLOAT64
    )


@each_op(_differentiable)
def test_the_gradient_is_the_difference_quotient(op, use):
    random = np.random.default_rng(5)
    operands = leaves(use)
    arrays = values(op, use, random)
    node = op(*operands, **use.attributes)
    weight = leaves(type(use)((node.type,)))[0]
    known = dict(zip(operands, arrays, strict=True))
    known[weight] = np.asarray(random.uniform(-1, 1, node.shape))
    wrt = [x for k, x in enumerate(operands) if x.dtype == FLOAT64 and k not in op.refused]
    if not wrt:
        return
    found = evaluate(pullback([node], [weight], wrt), known)
    for x, got in zip(wrt, found, strict=True):
        assert got.shape == x.shape
        want = np.zeros(x.shape)
        for index in np.ndindex(x.shape):
            step = 1e-6
            ends = []
            for sign in (1, -1):
                moved = known[x].copy()
                moved[index] += sign * step
                if op.name in SYMMETRIC:
                    moved = (moved + np.swapaxes(moved, -1, -2)) / 2
                ends.append(np.sum(evaluate([node], {**known, x: moved})[0] * known[weight]))
            want[index] = (ends[0] - ends[1]) / (2 * step)
        np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-7, err_msg=f"{op} {use}")


@pytest.mark.parametrize(
    "op", [o for o in OPS.values() if o.kind is Kind.ELEMENTWISE and FLOATS[0] in o.dtypes]
)
def test_a_gradient_has_the_dtype_of_its_operand(op):
    if op.name == "cast" or op.infer(*(of("float32", 2),) * op.arity).dtype not in FLOATS:
        return
    operands = leaves(next(u for u in instances(op) if u.types[-1] == of("float32", 7)))
    node = op(*operands)
    operands = [x for k, x in enumerate(operands) if k not in op.refused]
    for x, part in zip(operands, pullback([node], [node], operands), strict=True):
        assert part.type == x.type


@pytest.mark.parametrize("label", [3, -4])
def test_a_label_outside_its_axis_is_an_error(label):
    use = next(u for u in instances(OPS["pick"]) if u.labels == 3)
    x, index = leaves(use)
    node = OPS["pick"](x, index, **use.attributes)
    assert len(checks_of([node])) == 1
    labels = np.full(index.shape, label)
    with pytest.raises(LabelError, match="labels from -3 to 2"):
        evaluate([node], {x: np.zeros(x.shape, x.dtype), index: labels})
