"""Being registered is being tested: both modes of each op, its second derivatives, and its batches."""

import numpy as np
import pytest

import eqsat_tensor.ops  # noqa: F401  (fills the registry)
from eqsat_tensor.autodiff import pullback, pushforward
from eqsat_tensor.batching.rules import batch
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import FLOAT64, FLOATS, OPS, topological
from eqsat_tensor.ops.captured import input_leaf
from eqsat_tensor.reference import evaluate
from tests.oracle import assert_same
from tests.strategies import SYMMETRIC, instances, leaves, values


def _is_telling(op, use):
    """One shape will do for what goes element by element; what is empty is held by test_every_op."""
    alone = op.kind is Kind.ELEMENTWISE or (op.kind is Kind.COMPOSITE and not op.attributes)
    return op.kind is not Kind.LEAF and (not alone or use.types[-1].shape in ((3, 5), (3, 2)))


USES = [(op, use) for op in OPS.values() for use in instances(op) if _is_telling(op, use)]
# One use a shape: what moves axes does not look at dtypes.
SHAPED = list(
    {
        (op.name, tuple(t.shape for t in use.types), str(use.attributes)): (op, use)
        for op, use in USES
    }.values()
)
# Jumps, where a difference quotient says nothing; their derivative is 0 elsewhere.
JUMPS = ("floor_divide",)


def _differentiable(op, use):
    return (
        op.name not in JUMPS
        and op.infer(*use.types, **use.attributes).dtype == FLOAT64
        and any(t.dtype == FLOAT64 and k not in op.refused for k, t in enumerate(use.types))
    )


SMOOTH = [u for u in USES if _differentiable(*u)]
IDS = [f"{op.name}-{number}" for number, (op, _) in enumerate(SMOOTH)]


def along(program, known, directions):
    """d/dt of the values at known + t directions: differences, extrapolated to errors near 1e-12."""

    def at(t):
        moved = {x: known[x] + t * d for x, d in directions.items()}
        return [np.asarray(v, np.float64) for v in evaluate(program, {**known, **moved})]

    def slope(h):
        return [(a - b) / (2 * h) for a, b in zip(at(h), at(-h), strict=True)]

    coarse, fine = slope(2e-4), slope(1e-4)
    return [(4 * f - c) / 3 for c, f in zip(coarse, fine, strict=True)]


def inner(a, b):
    return sum(np.sum(x * y) for x, y in zip(a, b, strict=True))


class Drawn:
    """One use with values: its node, a cotangent, a tangent for each float operand."""

    def __init__(self, op, use):
        random = np.random.default_rng(7)
        operands = leaves(use)
        self.node = op(*operands, **use.attributes)
        self.known = dict(zip(operands, values(op, use, random), strict=True))
        known = [x for k, x in enumerate(operands) if k not in op.refused]
        self.wrt = [x for x in known if x.dtype == FLOAT64]
        self.ct = self.fresh(random, self.node)
        self.tangents = [self.fresh(random, x) for x in self.wrt]
        if op.name in SYMMETRIC:
            along = self.known[self.tangents[0]]
            self.known[self.tangents[0]] = (along + np.swapaxes(along, -1, -2)) / 2
        self.directions = {x: self.known[t] for x, t in zip(self.wrt, self.tangents, strict=True)}

    def fresh(self, random, like):
        leaf = input_leaf("t", like.dtype, like.shape)
        self.known[leaf] = np.asarray(random.uniform(-1, 1, like.shape))
        return leaf


@pytest.mark.parametrize(("op", "use"), SMOOTH, ids=IDS)
def test_the_tangent_is_the_difference_quotient(op, use):
    d = Drawn(op, use)
    (found,) = evaluate(pushforward([d.node], d.wrt, d.tangents), d.known)
    (want,) = along([d.node], d.known, d.directions)
    np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("op", "use"), SMOOTH, ids=IDS)
def test_the_two_modes_are_transposes(op, use):
    d = Drawn(op, use)
    forward = evaluate(pushforward([d.node], d.wrt, d.tangents), d.known)
    backward = evaluate(pullback([d.node], [d.ct], d.wrt), d.known)
    left = inner(forward, [d.known[d.ct]])
    right = inner(backward, [d.known[t] for t in d.tangents])
    np.testing.assert_allclose(left, right, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(("op", "use"), SMOOTH, ids=IDS)
def test_the_gradient_of_the_gradient_is_its_difference_quotient(op, use):
    d = Drawn(op, use)
    first = pullback([d.node], [d.ct], d.wrt)
    want = along(first, d.known, d.directions)
    found = evaluate(pushforward(first, d.wrt, d.tangents), d.known)
    for got, w in zip(found, want, strict=True):
        np.testing.assert_allclose(got, w, rtol=1e-8, atol=1e-8)
    # reverse over reverse: the Hessian is symmetric, so the same vector comes out
    again = evaluate(pullback(first, d.tangents, d.wrt), d.known)
    for got, w in zip(again, want, strict=True):
        np.testing.assert_allclose(got, w, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(
    "op", [o for o in OPS.values() if o.kind is Kind.ELEMENTWISE and FLOATS[0] in o.dtypes]
)
def test_a_tangent_has_the_dtype_of_the_result(op):
    use = next((u for u in instances(op) if u.types[-1].dtype == FLOATS[0]), None)
    if use is None or op.infer(*use.types, **use.attributes).dtype not in FLOATS:
        return
    operands = leaves(use)
    node = op(*operands, **use.attributes)
    wrt = [x for k, x in enumerate(operands) if x.dtype in FLOATS and k not in op.refused]
    (found,) = pushforward([node], wrt, wrt)
    assert found.type == node.type


@pytest.mark.parametrize("which", ["all", "first", "last"])
@pytest.mark.parametrize(
    ("op", "use"), SHAPED, ids=[f"{o.name}-{i}" for i, (o, _) in enumerate(SHAPED)]
)
def test_a_batch_is_its_elements_side_by_side(op, use, which):
    if which != "all" and op.arity == 1:
        return
    random = np.random.default_rng(11)
    operands = leaves(use)
    node = op(*operands, **use.attributes)
    chosen = {"all": operands, "first": operands[:1], "last": operands[-1:]}[which]
    count = 3
    shared = dict(zip(operands, values(op, use, random), strict=True))
    rows = [shared | dict(list(_drawn(op, use, operands, random, chosen))) for _ in range(count)]
    wide = {x: input_leaf("wide", x.dtype, (count, *x.shape)) for x in chosen}
    known = shared | {w: np.stack([r[x] for r in rows]) for x, w in wide.items()}
    (got,), (has,) = batch([node], wide, count)
    assert has
    assert not any(x in topological([got]) for x in chosen)
    found = evaluate([got], known)[0]
    want = np.stack([evaluate([node], r)[0] for r in rows])
    assert_same(found, want, "real")


def _drawn(op, use, operands, random, chosen):
    for x, value in zip(operands, values(op, use, random), strict=True):
        if x in chosen:
            yield x, value
