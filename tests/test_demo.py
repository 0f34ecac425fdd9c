"""The demo's own parts: its hand-derived step, its exact values, its verdict, its page."""

import importlib
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

DEMO = Path(__file__).parent.parent / "demo"


@pytest.fixture(scope="module")
def digits():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DEMO))
        yield importlib.import_module("digits")


def batch(digits, model):
    data = digits.digits()
    return digits.initial(model, 0), data.train_x[:60], data.train_y[:60]


def test_the_split_is_stratified_and_nothing_is_in_both_parts(digits):
    data = digits.digits()
    assert (len(data.train_x), len(data.test_x)) == (1437, 360)
    share = np.bincount(data.test_y) / np.bincount(np.concatenate([data.train_y, data.test_y]))
    assert share == pytest.approx(0.2, abs=0.01)
    assert data.train_x.min() == 0
    assert data.train_x.max() == 1


@pytest.mark.parametrize("number", [0, 1])
def test_the_step_by_hand_goes_down_the_slope(digits, number):
    model = digits.MODELS[number]
    p, x, y = batch(digits, model)
    before = {name: value.astype("float64") for name, value in p.items()}
    after = {name: value.copy() for name, value in before.items()}
    loss = digits.numpy_step(after, 1.0, x.astype("float64"), y)
    assert loss == pytest.approx(digits.naive_loss(x, y, before), rel=1e-9)
    random = np.random.default_rng(0)
    for name in before:
        direction = random.normal(size=before[name].shape)
        losses = [
            digits.naive_loss(x, y, before | {name: before[name] + h * direction})
            for h in (1e-5, -1e-5)
        ]
        slope = (losses[0] - losses[1]) / 2e-5
        assert np.sum((before[name] - after[name]) * direction) == pytest.approx(slope, rel=1e-5)


@pytest.mark.parametrize("number", [0, 1])
def test_compiled_steps_agree_with_those_by_hand(digits, number):
    model = digits.MODELS[number]
    p, x, y = batch(digits, model)
    compiled = digits.Compiled(model, p)
    for _ in range(5):
        assert float(compiled.step(x, y)) == pytest.approx(
            digits.numpy_step(p, model.rate, x, y), rel=1e-4
        )
    for name, value in compiled.parameters().items():
        np.testing.assert_allclose(value, p[name], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("number", [0, 1])
def test_exact_rows_are_what_float64_says(digits, number):
    p, x, y = batch(digits, digits.MODELS[number])
    value, tolerance = digits.exact_row(p, x[0], int(y[0]))
    wide = {name: v.astype("float64") for name, v in p.items()}
    assert value == pytest.approx(-digits.naive_loss(x[:1].astype("float64"), y[:1], wide))
    assert 0 < tolerance < 1e-2


def figures(**changes):
    scaled = {
        "finite": True,
        "naive_not_finite": 3,
        "batches": 5,
        "losses": [1.0],
        "rows": [{"got": -1.0, "mpmath": -1.0, "tolerance": 1e-6}],
    }
    return {
        "name": "a <model>",
        "bound": 0.95,
        "runs": [
            {"seed": 0, "losses": [2.0, 1.0], "accuracies": [0.9, 0.96], "compile_seconds": 0.1}
        ],
        "accuracy": 0.96,
        "timing": {"eqsat_ms": 0.1, "numpy_ms": 0.2},
        "scaled": scaled,
        "rules": {"log-of-softmax": 2},
        "origins": {"%0": ["log-of-softmax"]},
        "before": "%0 = exp(a0) : f32[n]\n%1 = log(%0) : f32[n]\nreturn %1",
        "after": "%0 = log_softmax(a0, axes=(1)) : f32[n]\nreturn %0",
        "kernels": "nest 0",
        "images": [[0.0, 0.5] * 32],
        "labels": [3],
        "predictions": [8],
    } | changes


def test_the_verdict_names_what_was_missed(digits):
    assert digits.failures([figures()]) == []
    assert "below 0.95" in digits.failures([figures(accuracy=0.9)])[0]
    scaled = figures()["scaled"]
    for bad, text in (
        (scaled | {"finite": False}, "not finite"),
        (scaled | {"naive_not_finite": 0}, "shows nothing"),
        (scaled | {"rows": [{"got": -1.1, "mpmath": -1.0, "tolerance": 1e-6}]}, "is wrong"),
        (scaled | {"rows": [{"got": np.nan, "mpmath": -1.0, "tolerance": 1e-6}]}, "is wrong"),
    ):
        assert text in digits.failures([figures(scaled=bad)])[0]


def test_the_page_is_self_contained_and_marks_what_is_new(digits):
    html = digits.page([figures()], ["something"])
    assert not [word for word in ("http", "src=", "<script", "<link", "@import") if word in html]
    assert "a &lt;model&gt;" in html
    assert '<span class="new">%0 = log_softmax' in html
    assert "log-of-softmax" in html.split('class="rule"')[1]
    assert '<p class="bad">something' in html
