"""Dear sides of selections: done where a lane takes them, with the numbers of a selection by lane."""

import re

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.lower.cpu.function import Function
from eqsat_tensor.lower.cpu.sides import dear_sides
from eqsat_tensor.schedule.loop_values import Input, Map
from eqsat_tensor.types import TensorType

FLOAT, BOOL = (TensorType(np.dtype(name), (100,)) for name in ("float64", "bool"))


def of(primitive, *operands):
    return Map(BOOL if primitive == "less" else FLOAT, primitive, operands)


def leaf():
    return Input(FLOAT, "x")


def in_order(root):
    """The values beneath a root, operands first."""
    order = {}

    def visit(value):
        for operand in getattr(value, "operands", ()):
            visit(operand)
        order[value] = None

    visit(root)
    return list(order)


def sides_of(select):
    return dear_sides(in_order(select), lambda value: isinstance(value, Input)).get(select, ())


def test_what_one_side_alone_needs_is_found():
    x, y = leaf(), leaf()
    shared = of("exp", x)
    dear = of("log", of("multiply", shared, y))
    select = of("select", of("less", x, y), dear, of("add", shared, y))
    (side,) = sides_of(select)
    assert side.operand == 1
    assert set(side.beneath) == {shared, y}


def test_a_cheap_side_and_one_that_others_use_too_stay():
    x, y = leaf(), leaf()
    assert not sides_of(of("select", of("less", x, y), of("add", x, y), y))
    root = of("exp", x)
    assert not sides_of(of("select", of("less", root, y), root, y))
    assert not sides_of(of("select", of("less", x, y), root, root))


def test_both_sides_and_sides_within_sides():
    x, y = leaf(), leaf()
    inner = of("select", of("less", y, x), of("exp", x), of("log", x))
    outer = of("select", of("less", x, y), inner, of("tanh", x))
    found = dear_sides(in_order(outer), lambda value: isinstance(value, Input))
    assert [s.operand for s in found[inner]] == [1, 2]
    assert [s.operand for s in found[outer]] == [1, 2]


def test_what_a_loop_does_not_change_leaves_its_branches():
    f = Function()

    def body(index, _):
        condition = f.emit(f"icmp sgt i64 {index}, 3")

        def side():
            fixed = f.emit("add i64 %begin, 1")
            return f.emit(f"mul i64 {fixed}, {index}")

        first = f.when(condition, "i64", "0", side)
        f.emit(f"mul i64 {f.emit('add i64 %begin, 1')}, {first}")
        return []

    f.loop("%begin", "%end", 1, [], body)
    text = f.text()
    assert text.count("add i64 %begin, 1") == 1
    assert text.index("add i64 %begin, 1") < text.index("phi")
    side = re.search(r"phi i64 \[(%t\d+), %z\d+\], \[0, %p\d+\]", text)
    assert side is not None
    assert f"{side[1]} = mul i64" in text


PROGRAMS = {
    "both": lambda x: et.where(x > 0, et.exp(x), et.log(-x)),
    "within": lambda x: et.where(x > 1, et.log(x), et.where(x < -1, et.tanh(x), et.sin(x))),
    "shared": lambda x: et.where(x > 0, et.exp(x) * et.cosh(x), et.exp(x)) + et.exp(x),
    "two selections": lambda x: et.where(x > 0, et.tanh(x), x) * et.where(x > 0, x, et.tanh(x)),
    "sum": lambda x: et.sum(et.where(x > 0, et.log(1 + x), et.exp(x)), axis=-1),
    "row": lambda x: et.where(x > et.max(x, axis=-1, keepdims=True) / 2, et.exp(x), et.log(1 - x)),
    "condition of the row": lambda x: et.where(et.sum(x, axis=-1, keepdims=True) > 0, et.exp(x), x),
    "by place": lambda x: et.where(et.arange(x.shape[-1]) < 5, et.exp(x), et.tanh(x)),
    "column": lambda x: et.sum(et.where(x > 0, et.exp(x), et.tanh(x)), axis=0),
    "cumulative": lambda x: et.cumsum(et.where(x > 0, et.exp(x), et.tanh(x)), axis=-1),
    "whole numbers": lambda x: et.where(x > 0, et.floor(et.exp(x)), et.tanh(x)).astype("int64"),
    "truth values": lambda x: et.where(x > 0, et.exp(x) > 2, et.tanh(x) * et.exp(x) > -0.5),
    "transposed": lambda x: et.where(x.T > 0, et.exp(x.T), et.tanh(x.T)) + 1,
    "strided": lambda x: et.where(x[:, ::2] > 0, et.exp(x[:, ::2]), et.tanh(x[:, ::2])),
}


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_as_the_reference_evaluator(name, dtype):
    compiled = et.jit(PROGRAMS[name])
    plain = et.jit(PROGRAMS[name], mode="reference")
    random = np.random.default_rng(1)
    for shape in ((3, 1), (2, 7), (5, 16), (4, 67), (3, 130), (1, 1000)):
        x = random.standard_normal(shape)
        for case in (x, np.abs(x), -np.abs(x), np.sort(x, axis=-1), np.where(x > 2, x, -1.0)):
            values = case.astype(dtype)
            rtol = 64 * np.finfo(dtype).eps
            with np.errstate(all="ignore"):
                wanted = plain(values)
                atol = rtol * float(np.max(np.abs(wanted), initial=0, where=np.isfinite(wanted)))
                np.testing.assert_allclose(
                    compiled(values), wanted, rtol=rtol, atol=atol, err_msg=str(shape)
                )


def test_a_side_of_a_wider_type_takes_no_lanes_from_the_rest():
    def mixed(x):
        wide = x.astype("float64")
        return et.where(x > 3, et.exp(wide * wide - 8).astype("float32"), et.exp(x))

    f = et.jit(mixed)
    x = np.random.default_rng(5).uniform(-4, 4, 1000).astype(np.float32)
    np.testing.assert_allclose(f(x), et.jit(mixed, mode="reference")(x), rtol=1e-6)
    lanes = [int(n) for n in re.findall(r"<(\d+) x float>", f.llvm)]
    narrow = et.jit(lambda x: et.where(x > 3, et.exp(x * x - 8), et.exp(x)))
    narrow(x)
    assert max(lanes) == max(int(n) for n in re.findall(r"<(\d+) x float>", narrow.llvm))


def test_selections_nested_deeper_than_calls():
    def run(x):
        y = x
        for i in range(400):
            y = et.where(x > i / 400, et.exp(y * 0.5), et.tanh(y) + 1)
        return y

    x = np.random.default_rng(3).random(90)
    f = et.jit(run, optimize="none")
    np.testing.assert_allclose(f(x), et.jit(run, mode="reference")(x), rtol=1e-10)


def test_no_result_hangs_on_its_neighbours():
    f = et.jit(lambda x: et.where(x > 0, et.exp(x) + et.log(x), et.tanh(x) * x))
    x = np.random.default_rng(2).standard_normal(331)
    whole = f(x)
    for i in range(0, 331, 13):
        assert f(x[i : i + 1])[0] == whole[i]
        np.testing.assert_array_equal(f(x[i:]), whole[i:])
