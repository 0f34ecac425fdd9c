"""What a program holds again and again is rewritten once, and everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor import compile as pipeline
from eqsat_tensor import repeats
from eqsat_tensor.extract.cost import CostModel
from eqsat_tensor.lang import Expr, topological
from eqsat_tensor.options import Options
from eqsat_tensor.program import make_program
from eqsat_tensor.reference import evaluate
from eqsat_tensor.repeats import windows
from eqsat_tensor.repeats.windows import Numbered, borders, looks
from eqsat_tensor.rewritten import Rewritten
from eqsat_tensor.tensor import Tensor

LAYERS = 48
SIZES = {"n": 5}


@pytest.fixture(autouse=True)
def small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs of tests are large enough to be looked through, and repeat themselves enough."""
    monkeypatch.setattr(pipeline, "LARGE", 50)
    monkeypatch.setattr(repeats, "WORTH", 0.9)


def network(layers: int = LAYERS) -> tuple[list[Tensor], list[Tensor]]:
    """Layers whose activation overflows as it is spelt, with gradients."""
    x = et.tensor("x", ("n", 4))
    weights = [et.tensor(f"w{i}", (4, 4)) for i in range(layers)]
    h = x
    for w in weights:
        h = et.log(1 + et.exp(h @ w))
    loss = et.mean(et.square(h))
    return [x, *weights], [loss, *et.grad(loss, weights)]


def recurrence(steps: int = 160) -> tuple[list[Tensor], list[Tensor]]:
    """One matrix used in every step: its gradient is a long sum."""
    w, b = et.tensor("w", (4, 4)), et.tensor("b", (4,))
    inputs = [et.tensor(f"x{i}", ("n", 4)) for i in range(steps)]
    h = inputs[0]
    for x in inputs:
        h = et.tanh(h @ w + x + b)
    loss = et.sum(h)
    return [w, b, *inputs], [loss, *et.grad(loss, [w, b])]


def updates(count: int = LAYERS) -> tuple[list[Tensor], list[Tensor]]:
    """Steps of an optimiser, which have nothing but its rate in common."""
    rate = et.tensor("rate", ())
    inputs, outputs = [rate], []
    for i in range(count):
        p, g, m = (et.tensor(f"{name}{i}", (3, 2)) for name in "pgm")
        inputs += [p, g, m]
        new = 0.9 * m + 0.1 * g * g
        outputs += [p - rate * g / (et.sqrt(new) + 1e-8), new]
    return inputs, outputs


def iteration(steps: int = 120) -> tuple[list[Tensor], list[Tensor]]:
    """Newton's method: elementwise, each step on the one before."""
    a = et.tensor("a", ("n",))
    y = a
    for _ in range(steps):
        y = y - (y * y - a) / (2 * y)
    return [a], [y, *et.grad(et.sum(y), [a])]


PROGRAMS = {f.__name__: f for f in (network, recurrence, updates, iteration)}


def written(inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Rewritten:
    """The normalized program."""
    leaves = [t.expr for t in inputs]
    return pipeline.normalized(make_program(leaves, [], [], [t.expr for t in outputs], []))


def rewritten(normal: Rewritten) -> pipeline.Rewritten:
    return pipeline.saturated(normal, pipeline.rulebook(Options()))


def cost(roots: Sequence[Expr]) -> float:
    """What a program costs, by the model that it was chosen by."""
    model = CostModel()
    return sum(
        model.price(e.op, e.type, [a.type for a in e.arguments], e.attributes)
        for e in topological(roots)
    )


def values(normal: Rewritten, scale: float = 0.25) -> dict[Expr, np.ndarray]:
    """Something for each leaf: positive, so that Newton's method converges."""
    random = np.random.default_rng(7)
    found = {}
    for leaf in normal.leaves:
        shape = tuple(SIZES["n"] if not isinstance(s, int) else s for s in leaf.shape)
        found[leaf] = scale * (0.5 + random.random(shape))
    return found


def numbered_of(normal: Rewritten) -> Numbered:
    nodes = topological(normal.roots)
    return Numbered(normal.roots, nodes, looks(nodes))


# ----------------------------------------------------------------------------- windows
def test_a_sequence_is_cut_at_its_periods():
    period = list(range(1, 12))
    cuts = borders([*range(100, 120), *period * 9, *range(200, 210)])
    inner = [b for b in cuts if 20 < b < 20 + 99]
    assert len(inner) >= 7
    assert {b - a for a, b in pairwise(inner)} == {11}


def test_what_comes_again_later_is_cut_as_it_was_before():
    part = [*range(300)]
    cuts = borders([*part, *range(1000, 1040), *part])
    assert {b - 340 for b in cuts if 340 < b < 640} >= {b for b in cuts if 0 < b < 300}


def test_a_sequence_in_which_nothing_comes_again_is_not_cut():
    assert borders(list(range(500))) == [0, 500]


def test_layers_are_windows_that_are_alike():
    normal = written(*network())
    numbered = numbered_of(normal)
    forms = [w.form for w in numbered.windows()]
    assert len(forms) - len(set(forms)) > LAYERS / 2


def test_windows_hold_each_node_once_and_take_from_earlier_ones():
    normal = written(*recurrence())
    numbered = numbered_of(normal)
    seen: set[int] = set()
    for window in numbered.windows():
        stretch = {window.nodes[n] for n in window.stretch}
        assert not stretch & seen
        for n in window.inputs:
            i = window.nodes[n]
            assert i in seen or not numbered.below[i]
        seen |= stretch
    assert seen == {i for i, operands in enumerate(numbered.below) if operands}


def test_operands_in_another_order_are_no_other_window():
    """Normalisation orders operands by names that differ from layer to layer."""
    x = et.tensor("x", (4, 4))
    h = x
    weights = [et.tensor(f"w{i}", (4, 4)) for i in range(4 * LAYERS)]
    for w in weights:
        h = h + et.tanh(h @ w)
    normal = written([x, *weights], [h])
    numbered = numbered_of(normal)
    sums = [e for e in topological(normal.roots) if e.op.name == "add"]
    assert len({e.arguments[0].op.name for e in sums}) == 2
    forms = [w.form for w in numbered.windows()]
    assert len(set(forms)) < len(forms) / 4


# ------------------------------------------------------------------------------ programs
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_of_repeats_is_right_and_no_dearer(name, monkeypatch):
    normal = written(*PROGRAMS[name]())
    parts = rewritten(normal)
    assert parts.repeats is not None
    assert parts.graph is not None
    found = pipeline.cheapest(parts, {}, Options())
    given = values(normal)
    for x, y in zip(
        evaluate(normal.roots, given, SIZES), evaluate(found, given, SIZES), strict=True
    ):
        assert x.dtype == y.dtype
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-12)
    monkeypatch.setattr(pipeline, "LARGE", 10**9)
    whole = rewritten(normal)
    assert whole.repeats is None
    assert whole.graph is not None
    assert len(parts.graph.nodes) < len(whole.graph.nodes)
    assert cost(found) <= 1.01 * cost(pipeline.cheapest(whole, {}, Options()))


def naive_layers() -> tuple[list[Tensor], list[Tensor]]:
    """Layers of which each overflows as it is spelt."""
    x, w = et.tensor("x", (3,)), [et.tensor(f"w{i}", (3,)) for i in range(LAYERS)]
    h = x
    for v in w:
        h = et.log(1 + et.exp(h * v))
    return [x, *w], [h]


def test_naive_layers_come_out_stable_each_of_them():
    parts = rewritten(written(*naive_layers()))
    assert parts.repeats is not None
    (root,) = pipeline.cheapest(parts, {}, Options())
    names = [e.op.name for e in topological([root])]
    assert names.count("softplus") == LAYERS
    assert "exp" not in names


def test_the_same_program_each_time():
    normal = written(*network())
    first, second = (pipeline.cheapest(rewritten(normal), {}, Options()) for _ in range(2))
    assert list(first) == list(second)


def test_strict_gives_the_bits_of_the_program_as_written():
    inputs, outputs = network()
    strict = et.function(inputs, outputs, math="strict")
    plain = et.function(inputs, outputs, optimize="none")
    random = np.random.default_rng(3)
    arrays = [random.normal(size=(6, 4)), *(random.normal(size=(4, 4)) for _ in inputs[1:])]
    assert strict.variant.rewritten.repeats is not None
    for x, y in zip(strict(*arrays), plain(*arrays), strict=True):
        assert x.tobytes() == y.tobytes()


def test_results_that_are_inputs_constants_or_twice_the_same():
    inputs, outputs = updates()
    outputs += [inputs[0], outputs[0], et.full_like(inputs[1], 3.0)]
    normal = written(inputs, outputs)
    parts = rewritten(normal)
    assert parts.repeats is not None
    found = pipeline.cheapest(parts, {}, Options())
    given = values(normal)
    for x, y in zip(
        evaluate(normal.roots, given, SIZES), evaluate(found, given, SIZES), strict=True
    ):
        np.testing.assert_allclose(x, y, rtol=1e-12)


def test_programs_without_repeats_and_with_assumptions_stay_whole():
    random = np.random.default_rng(0)
    pool = [et.tensor(f"x{i}", ("n",)) for i in range(4)]
    leaves = list(pool)
    ops = (et.add, et.multiply, et.maximum, lambda a, b: et.sin(a) - b)
    for _ in range(150):
        a, b = (pool[int(random.integers(len(pool)))] for _ in range(2))
        pool.append(ops[int(random.integers(len(ops)))](a, b))
    assert rewritten(written(leaves, pool[-20:])).repeats is None
    inputs, outputs = updates()
    outputs[0] = et.assume(outputs[0], positive=True) + 1
    assert rewritten(written(inputs, outputs)).repeats is None


def test_a_window_on_every_few_nodes_changes_no_value(monkeypatch):
    """Wherever a program is cut, it is right: windows are sound by themselves."""
    monkeypatch.setattr(repeats, "WORTH", 1e9)
    for step in (1, 2, 5):
        monkeypatch.setattr(
            windows,
            "borders",
            lambda look, step=step: sorted({*range(0, len(look), step), len(look)}),
        )
        for make in PROGRAMS.values():
            normal = written(*make(6))
            parts = rewritten(normal)
            if parts.repeats is None:  # too small
                continue
            found = pipeline.cheapest(parts, {}, Options())
            given = values(normal)
            expected = evaluate(normal.roots, given, SIZES)
            for x, y in zip(expected, evaluate(found, given, SIZES), strict=True):
                np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-12)


def test_explain_names_rules_that_suffice_and_the_nodes_they_made():
    f = et.function(*naive_layers())
    told = f.explain()
    assert f.variant.rewritten.repeats is not None
    again = pipeline.saturated(f.variant.normal, pipeline.rulebook(Options()), tuple(told.rules))
    assert pipeline.chosen(again, told.sizes) == f.variant.chosen({})
    lines = [line for line in told.lines_after if "softplus" in line.text]
    assert len(lines) == LAYERS
    assert any(line.rules for line in lines)
    assert any(rejected.text for line in lines for rejected in line.rejected)
