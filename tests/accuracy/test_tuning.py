"""`et.tune`: candidates, the front, bounds; errors are those of the function as written."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.accuracy.report import Errors
from eqsat_tensor.accuracy.tuning import Candidate, Front, _marked
from eqsat_tensor.errors import ArgumentError, UnsupportedError

X = np.array([1e8, 2.0, 800.0, 1e-3])


def naive(x):
    return et.log(1 + et.exp(x))


def candidate(seconds: float, bits: float, worst: float) -> Candidate:
    return Candidate({"optimize": str(bits)}, False, seconds, Errors(bits, worst, 0.0), str)


def test_the_front_has_what_no_other_beats():
    every = [
        candidate(*c) for c in ((1, 30, 64), (2, 20, 30), (3, 25, 26), (4, 0.2, 1), (5, 0.2, 1))
    ]
    front = Front("f", tuple(_marked(every)))
    assert [c.seconds for c in front.best] == [1, 2, 4]
    assert front.pick(max_bits=22).seconds == 2
    assert front.pick(max_ulp=2.0**27).seconds == 3
    assert front.pick(max_bits=30, max_ulp=1).seconds == 4
    with pytest.raises(ArgumentError, match=r"at most 0\.1 bits.*got at best 0\.20 bits and 1 ulp"):
        front.pick(max_bits=0.1)


def test_candidates_are_measured_and_a_bound_picks_one():
    front = et.tune(naive, (X,))
    found = {c.label: c for c in front.candidates}
    assert set(found) == {
        "optimize=none",
        "optimize=accuracy",
        "optimize=speed, math=default",
        "optimize=speed, math=fast",
    }
    assert found["optimize=none"].errors.nonfinite == 0.5
    assert found["optimize=speed, math=default"].errors.bits < 1
    f = et.tune(naive, (X,), max_bits=1)
    np.testing.assert_allclose(f(X), np.logaddexp(0, X), rtol=1e-14)


def test_float32_is_tried_only_where_it_is_allowed():
    front = et.tune(naive, (X,), float32=True)
    narrow = [c for c in front.candidates if c.narrow]
    assert narrow
    assert len(front.candidates) == 2 * len(narrow)
    assert all(c.function(X).dtype == np.float64 for c in front.candidates)
    least = min(c.errors.bits for c in narrow)
    assert 10 < least < 40  # 29 bits of 53 are not there


def test_a_front_is_text_data_and_a_picture(tmp_path):
    front = et.tune(naive, (X,))
    assert str(front).startswith("naive\n")
    assert json.loads(json.dumps(front.as_json()))["candidates"][0]["seconds"] > 0
    text = front.plot(tmp_path / "front.svg")
    assert (tmp_path / "front.svg").read_text() == text
    assert len(ElementTree.fromstring(text).findall("{*}circle")) == len(front.candidates)


@pytest.mark.parametrize("make", [lambda f: f, et.jit])
def test_python_functions_and_jitted_ones_are_tuned_alike(make):
    front = et.tune(make(naive), (X,), math=("strict",))
    assert {c.options.get("math") for c in front.candidates} == {None, "strict"}


def test_functions_of_graphs_are_tuned_too_without_state():
    x = et.tensor("x", shape=("n",))
    f = et.function([x], [et.mean(x * x) - et.mean(x) ** 2, et.sum(x)])
    front = et.tune(f, (1e6 + np.array([1.0, 2.0, 4.0]),))
    assert front.pick(max_bits=2).options["optimize"] != "none"
    w = et.shared(1.0)
    with pytest.raises(UnsupportedError, match="with state"):
        et.tune(et.function([x], x * w), (X,))
    with pytest.raises(UnsupportedError, match="in float32"):
        et.tune(f, (X,), float32=True)


def test_a_sample_is_a_tuple():
    with pytest.raises(ArgumentError, match="as a tuple"):
        et.tune(naive, X)
