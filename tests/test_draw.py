"""`f.draw()`: a page of its own, with every node of both programs."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.explain.layered import placed
from eqsat_tensor.lang import topological
from tests.test_explain import PROGRAMS

SVG = "{http://www.w3.org/2000/svg}"


def page_of(name):
    function, arguments = PROGRAMS[name]
    f = et.jit(function)
    f(*arguments)
    return f, f.draw()


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_node_and_edge_of_both_programs_is_there(name):
    f, page = page_of(name)
    variant = f.traces.last.variant
    before, after = ElementTree.fromstring(page).iter(f"{SVG}svg")
    for picture, roots in (
        (before, variant.normal.roots), (after, variant.chosen(variant.last_sizes)),
    ):  # fmt: skip
        nodes = topological(roots)
        shown = [
            (g.findtext(f"{SVG}text"), g.findall(f"{SVG}text")[1].text)
            for g in picture.iter(f"{SVG}g")
        ]
        expected = [(n.op.name if n.arguments else None, str(n.type)) for n in nodes]
        assert len(shown) == len(expected)
        for (label, type), (op, wanted) in zip(shown, expected, strict=True):
            assert op is None or label == op
            assert type == wanted
        assert len(list(picture.iter(f"{SVG}path"))) == sum(len(n.arguments) for n in nodes)


def test_tips_name_lines_rules_and_types():
    _, page = page_of("softplus")
    tips = [t.text for t in ElementTree.fromstring(page).iter(f"{SVG}title")]
    (tip,) = [t for t in tips if "softplus" in t]
    assert tip.splitlines()[0] == "%0 = softplus(a0) : f64[x0]"
    assert re.search(r"^test_explain\.py:\d+$", tip, re.M)
    assert tip.endswith("log-of-one-plus, log1p-of-exp")


def test_the_page_needs_nothing_else_and_is_always_the_same(tmp_path):
    _, page = page_of("cross-entropy")
    assert page == page_of("cross-entropy")[1]
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "<script" not in page
    f = et.function([x := et.tensor("<a&b>", ("n",))], et.exp(x), name="<f> & g")
    written = f.draw(tmp_path / "f.html")
    assert (tmp_path / "f.html").read_text() == written
    root = ElementTree.fromstring(written)
    assert root.findtext("body/h1") == "<f> & g"


def test_nodes_stand_below_their_operands_and_apart():
    random = np.random.default_rng(0)
    operands = [[int(o) for o in set(random.integers(0, i, min(i, 2)))] for i in range(60)]
    widths = [float(w) for w in random.integers(20, 90, 60)]
    centres, (width, height) = placed(operands, widths)
    for i, (x, y) in enumerate(centres):
        assert x - widths[i] / 2 >= 0
        assert x + widths[i] / 2 <= width
        assert y < height
        assert all(centres[o][1] < y for o in operands[i])
        for j in range(i):
            apart = abs(centres[j][0] - x) >= (widths[i] + widths[j]) / 2
            assert centres[j][1] != y or apart
