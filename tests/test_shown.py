"""Reports at a prompt and in a notebook."""

import pickle

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.errors import ArgumentError

X = np.array([1.0, 2.0])


def _compiled():
    f = et.jit(lambda x: et.log(1 + et.exp(x)), mode="profile")
    f(X)
    return f


@pytest.mark.parametrize(
    "report", ["explain", "report", "cost", "profile", "accuracy", "verification", "minimal_rules"]
)
def test_a_report_is_at_a_prompt_what_print_shows(report):
    made = getattr(_compiled(), report)()
    assert repr(made) == str(made) != ""
    assert made._repr_html_() == f"<pre>{made}</pre>".replace(">>>", "&gt;&gt;&gt;") or (
        "<lambda>" in str(made) and "&lt;lambda&gt;" in made._repr_html_()
    )


def test_a_front_is_at_a_prompt_what_print_shows():
    front = et.tune(lambda x: et.sqrt(x + 1) - et.sqrt(x), (X,))
    assert repr(front) == str(front)


def test_a_picture_is_text_and_in_a_notebook_a_frame(tmp_path):
    page = _compiled().draw(tmp_path / "f.html")
    assert isinstance(page, str)
    assert (tmp_path / "f.html").read_text() == page
    frame = page._repr_html_()
    assert frame.startswith("<iframe srcdoc=")
    assert "&lt;!DOCTYPE html&gt;" in frame


def test_a_tensor_cannot_be_pickled_and_says_what_can():
    x = et.tensor("x", ("n",))
    with pytest.raises(ArgumentError, match=r"pickle: needs a value or a function.*et\.function"):
        pickle.dumps(x + 1)
    again = pickle.loads(pickle.dumps(et.function([x], x + 1)))
    np.testing.assert_array_equal(again(X), X + 1)
