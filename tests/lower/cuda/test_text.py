"""The text of kernels: what is in it, what is shared, what it does not depend on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eqsat_tensor.errors import UnsupportedError
from eqsat_tensor.lower.cuda.emit import HEADER, emit
from eqsat_tensor.lower.cuda.resident import TURNS
from eqsat_tensor.lower.cuda.words import TABLES, covers, literal_text, word_text
from eqsat_tensor.scalar import PRIMITIVES
from eqsat_tensor.schedule import schedule
from tests.lower.loopprograms import PROGRAMS
from tests.lower.loopvalues import F32, M, N, array, fn

GOLDEN = Path(__file__).parent / "golden"
KERNELS = {
    "chain10": lambda: PROGRAMS["chain10"](),
    "softmax": lambda: PROGRAMS["softmax"](),
    "sum_of_squares": lambda: [(array("x", N, dtype=F32) * array("x", N, dtype=F32)).sum()],
    "column_sums": lambda: [array("x", N, M).sum(0)],
    "transposed_sum": lambda: [array("x", N, M).mT + array("y", M, N)],
    "padded_broadcast": lambda: [array("x", N).pad((1, 2)).to(M, N + 3) + array("y", M, N + 3)],
}


def text_of(outputs, **options):
    return emit(schedule([t.v for t in outputs]), **options).text


@pytest.mark.parametrize("name", KERNELS)
def test_the_text_of_a_kernel_is_this(name, update_golden):
    text = text_of(KERNELS[name]())
    path = GOLDEN / f"{name}.cu"
    if update_golden:
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.read_text() == text, "run pytest tests/lower/cuda/test_text.py --update-golden"


def test_layers_that_differ_in_numbers_and_buffers_share_a_kernel():
    x, ws = array("x", N, M), [array(f"w{k}", N, M) for k in range(3)]
    texts = {text_of([fn("exp", x * w + (0.3 + k))]) for k, w in enumerate(ws)}
    assert len(texts) == 1
    outputs = [fn("exp", array(c, N) * 3.7).sum() for c in "xyz"]
    module = emit(schedule([t.v for t in outputs]))
    launched = [launch.kernel for step in module.steps for launch in step.launches]
    assert (len(launched), len(set(launched))) == (6, 2)


def test_few_long_rows_are_shared_among_blocks_and_many_are_not():
    plan = schedule([t.v for t in PROGRAMS["softmax"]()])
    forms = {}
    for n, m in ((100_000, 1000), (100_000, 100_000), (4, 1_000_000)):
        module = emit(plan, {"n": n, "m": m})
        forms[n, m] = [(x.form, x.turns) for x in module.steps[0].launches]
    assert forms[100_000, 1000] == [("rows", TURNS), ("rows", 0)], "in registers where it fits"
    assert forms[100_000, 100_000] == [("rows", 0)]
    chunks, fold = ("chunks", 0), ("fold", 0)
    assert forms[4, 1_000_000] == [chunks, fold, chunks, fold, chunks]


def test_what_lies_across_is_turned_where_both_sides_are_long():
    def form(rows, columns):
        text = emit(schedule([(array("x", rows, columns).mT * 2.0).v]))
        return text.steps[0].launches[0].form

    assert form(N, M) == form(17, M) == form(16, 40) == "tiles"
    assert form(N, 3) == form(3, N) == form(15, 40) == "elements"


def test_what_does_not_fit_in_shared_memory_is_not_turned():
    total = array("x0", N, M).mT
    for k in range(1, 6):
        total = total + array(f"x{k}", N, M).mT
    (launch,) = emit(schedule([(total + array("y", M, N)).v])).steps[0].launches
    assert launch.form == "elements"


def test_the_words_of_every_dtype_are_those_of_the_vocabulary():
    for kind, table in TABLES.items():
        assert set(table) <= set(PRIMITIVES), kind
    missing = {
        word
        for word, primitive in PRIMITIVES.items()
        if not primitive.external and not any(word in table for table in TABLES.values())
    }
    assert missing == {"select", "cast"}, "of every dtype, in word_text and cast_text"


def test_a_word_without_text_is_an_error_that_names_it():
    assert not covers("digamma", np.dtype("float64"))
    with pytest.raises(UnsupportedError, match="no primitive 'digamma' for float64"):
        word_text("digamma", np.dtype("float64"), ["x"])


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_a_literal_is_the_very_number(dtype):
    kind = np.dtype(dtype)
    assert literal_text(-0.0, kind).startswith("-") or "8000" in literal_text(-0.0, kind)
    for value in (0.1, 1e-310, 3.4e38, 65504.0, -2.5, 1e300):
        with np.errstate(over="ignore"):
            exact = kind.type(value)
        text = literal_text(value, kind)
        if "eq_" in text:  # bits
            continue
        number = text.removesuffix("f")
        back = float.fromhex(number) if "0x" in number else float(number)
        assert kind.type(back) == exact, text


def test_a_text_is_self_contained_but_for_the_header():
    text = text_of(PROGRAMS["logistic_regression"]())
    assert text.startswith(HEADER)
    assert text.count("#include") == 1
