"""Expressions are hash-consed and of any depth; every op's record is whole."""

import gc

import numpy as np

from eqsat_tensor.conditions import guards_of
from eqsat_tensor.extents import symbol
from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.lang import FLOAT64, OPS, apply, rewrite, substitute_sizes, text, topological
from eqsat_tensor.ops.arithmetic import add, multiply, negative
from eqsat_tensor.ops.captured import input_leaf
from eqsat_tensor.ops.movement import broadcast_to, reshape

N = symbol("n")


def leaf(*shape, name="x"):
    return input_leaf(name, FLOAT64, shape)


def test_equal_expressions_are_one_object():
    x, y = leaf(3), leaf(3)
    assert x is not y
    assert add(x, y) is add(x, y)
    assert add(x, y) is not add(y, x)


def test_nodes_know_where_they_were_written():
    place = negative(leaf(2)).place
    assert place is not None
    assert place[0].endswith("test_lang.py")


def test_the_order_has_operands_first_and_each_node_once():
    x = leaf(3)
    y = negative(x)
    order = topological([multiply(y, y), y])
    assert [n.op.name for n in order] == ["input", "negative", "multiply"]


def test_depth_does_not_matter():
    x = leaf()
    y = x
    for _ in range(20_000):
        y = negative(y)
    assert len(topological([y])) == 20_001
    assert rewrite([y], lambda n, a: n if n is x else a[0]) == [x]
    del y
    gc.collect()


def test_sizes_are_substituted_everywhere():
    x = leaf(N, 2)
    (y,) = substitute_sizes([reshape(x, (N * 2,))], {"n": 3})
    assert y.shape == (6,)
    assert y.arguments[0].shape == (3, 2)


def test_guards_are_listed_once():
    x = leaf(N)
    both = add(broadcast_to(x, (3,)), negative(broadcast_to(x, (3,))))
    assert len(guards_of([both])) == 1


def test_programs_are_shown_line_by_line():
    x, y = leaf(N, name="x"), leaf(N, name="y")
    shown = text([negative(add(x, y))])
    assert shown == "%0 = add(x, y) : f64[n]\n%1 = negative(%0) : f64[n]\nreturn %1"


def test_every_record_is_whole():
    constructors = [op.constructor for op in OPS.values()]
    assert len(set(constructors)) == len(constructors)
    for op in OPS.values():
        assert op.name == op.name.lower()
        assert op.doc.endswith((".", "?")), op
        assert all(isinstance(kind, Attribute) for kind in op.attributes.values())
        if op.kind is Kind.COMPOSITE:
            assert op.expand is not None, op
        if op.commutative:
            assert op.arity == 2, op


def test_attributes_are_read_by_name():
    x = apply(OPS["iota"], axis=0, dtype=np.dtype("int64"), shape=(3,))
    assert x["axis"] == 0
    assert x.named == {"axis": 0, "dtype": np.dtype("int64"), "shape": (3,)}
