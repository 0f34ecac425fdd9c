"""The cost model: what must be cheaper than what, and that every op has a price."""

import numpy as np
import pytest

import eqsat_tensor.ops  # noqa: F401  (fills the registry)
from eqsat_tensor.egraph.graph import Graph, Node
from eqsat_tensor.extents import symbol
from eqsat_tensor.extract.cost import HIGHEST, CostModel
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import OPS
from eqsat_tensor.types import TensorType

F32, F64 = np.dtype("float32"), np.dtype("float64")
N, M = symbol("n"), symbol("m")


def f64(*shape):
    return TensorType(F64, shape)


def price(name, operands, attributes=(), result=None, **sizes):
    """What the op costs on operands of these types, through a graph of one node."""
    op = OPS[name]
    if result is None:
        result = op.infer(*operands, **dict(zip(op.attributes, attributes, strict=True)))
    node = Node(name, tuple(range(len(operands))), tuple(attributes), False, len(operands))
    classes = [()] * len(operands) + [(0,)]
    graph = Graph((node,), (*operands, result), (len(operands),), tuple(classes), {}, {})
    return CostModel(sizes=sizes)(node, graph)


def test_every_elementwise_op_has_a_price():
    for op in OPS.values():
        if op.kind is Kind.ELEMENTWISE:
            attributes = [F64] if "dtype" in op.attributes else []
            dear = price(op.name, [f64(N)] * op.arity, attributes, f64(N), n=1000)
            cheap = price(op.name, [f64(N)] * op.arity, attributes, f64(N), n=10)
            assert 0 < cheap < dear < HIGHEST, op


def test_exp_costs_more_than_add_and_float32_half_of_float64():
    assert price("exp", [f64(1000)]) > 5 * price("add", [f64(1000)] * 2)
    half = price("exp", [TensorType(F32, (10**6,))])
    assert half / price("exp", [f64(10**6)]) == pytest.approx(0.5, abs=0.05)


def test_sizes_are_taken_where_given_and_a_thousand_where_not():
    assert price("exp", [f64(N)], n=1000) == price("exp", [f64(N)]) == price("exp", [f64(1000)])
    assert price("exp", [f64(N * M)], n=3, m=5) == price("exp", [f64(15)])
    assert price("exp", [f64(N - 5)], n=1) == price("exp", [f64(0)])


def test_a_sum_is_priced_by_its_input():
    assert price("sum", [f64(10, 1000)], [(1,)]) > 5 * price("sum", [f64(10, 100)], [(1,)])


def test_views_are_nearly_free():
    wide = f64(1000, 1000)
    adding = price("add", [wide, wide])
    assert price("transpose", [wide], [(1, 0)]) < adding / 1e4
    assert price("broadcast", [f64(1000)], [(0,), (1000, 1000)]) < adding / 1e4


def test_a_product_beats_the_broadcasted_sum_of_products():
    m, k, n = 200, 300, 400
    cube = f64(m, k, n)
    spelled = price("multiply", [cube, cube]) + price("sum", [cube], [(1,)])
    assert price("matmul", [f64(m, k), f64(k, n)]) < spelled


def test_the_order_of_a_chain_of_products_matters():
    tall, flat, vector = f64(2000, 20), f64(20, 2000), f64(2000, 1)
    left = price("matmul", [tall, flat]) + price("matmul", [f64(2000, 2000), vector])
    right = price("matmul", [flat, vector]) + price("matmul", [tall, f64(20, 1)])
    assert right < left / 5


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_a_composite_costs_about_its_parts(name):
    x = f64(N, 100)
    parts = price("exp", [x]) + price("max", [x], [(1,)]) + price("sum", [x], [(1,)])
    assert parts / 2 < price(name, [x], [(1,)]) < 3 * parts


def test_huge_sizes_saturate():
    assert 1e15 < price("exp", [f64(2**600, 2**600)]) <= HIGHEST
    square = f64(2**600, 2**600)
    assert price("matmul", [square, square]) <= HIGHEST


def test_factorisations_are_priced_by_what_they_compute():
    a, b = f64(500, 500), f64(500, 1)
    prices = [price(name, [a]) for name in ("cholesky", "det", "inv")]
    prices += [price("eigh", [a], [1, a.shape])]
    assert prices == sorted(prices)
    inverse, product = price("inv", [a]), price("matmul", [a, b])
    assert 2 < (inverse + product) / price("solve", [a, b]) < 3.5
    triangle = price("solve_triangular", [a, b], [1, 0])
    assert price("cholesky", [a]) + 2 * triangle < price("solve", [a, b])
    assert triangle < price("solve", [a, b]) / 20
    single = [TensorType(F32, t.shape) for t in (a, b)]
    assert price("solve", single) < 0.6 * price("solve", [a, b])


def test_a_stack_costs_its_matrices_and_a_small_one_a_call():
    one, many = price("inv", [f64(50, 50)]), price("inv", [f64(30, 50, 50)])
    assert 20 < many / one < 30
    assert price("inv", [f64(2, 2)]) == pytest.approx(10_000, rel=0.01)


def test_a_second_result_of_a_call_costs_nothing_more():
    a = f64(300, 300)
    nodes = (Node("slogdet", (0,), (0,), False, 1), Node("slogdet", (0,), (1,), False, 2))
    graph = Graph(nodes, (a, f64(), f64()), (1, 2), ((), (0,), (1,)), {}, {})
    model = CostModel()
    sign, log = (model(n, graph) for n in nodes)
    assert log == price("slogdet", [a], [1]) == price("slogdet", [a], [0])
    assert sign < log / 1e4
