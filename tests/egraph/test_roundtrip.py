"""decode(encode(e)) is e: every op, attributes of every kind, the constants that engines mistreat."""

from __future__ import annotations

import math

import numpy as np
import pytest

from eqsat_tensor.egraph.decode import decode
from eqsat_tensor.egraph.saturate import saturate
from eqsat_tensor.extents import symbol
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import (
    ANY_ARITY,
    BOOL,
    COMPLEX128,
    DTYPES,
    FLOAT32,
    FLOAT64,
    INT64,
    OPS,
    Expr,
)
from eqsat_tensor.types import Literal, literal
from tests.egraph.programs import N, first_choice, full, leaf, op, small_book
from tests.strategies import instances, leaves

M = symbol("m", 1)
EMPTY = small_book("")


def samples() -> dict[str, Expr]:
    """One node of each op."""
    x, y, z = (leaf(n, (N, 3), key=k) for k, n in enumerate("xyz"))
    b, c = leaf("b", (N, 3), BOOL, key=3), leaf("c", (N, 3), BOOL, key=4)
    square = leaf("s", (N, 3, 3), key=5)
    matrix = leaf("m", (3, M), key=6)
    alpha = leaf("alpha", (), key=7)
    found = {
        "input": op("exp", x),
        "full": full(2.5, x),
        "iota": op("iota", axis=1, dtype=INT64, shape=(N, 3)),
        "size": op("size", size=(N * M + 1,), dtype=INT64),
        "cast": op("cast", x, dtype=FLOAT64),
        "where": op("where", b, x, y),
        "any": op("any", b, axes=(0, 1)),
        "all": op("all", b, axes=(1,)),
        "broadcast": op("broadcast", x, axes=(0, 2), shape=(M, N, 5, 3)),
        "squeeze": op("squeeze", leaf("q", (1, N, 1), key=8), axes=(0, 2)),
        "transpose": op("transpose", square, axes=(2, 0, 1)),
        "reshape": op("reshape", x, shape=(N * 3,)),
        "refine": op("refine", leaf("r", (N, M), key=9), shape=(N, N)),
        "stretch": op("stretch", leaf("r", (N, M), key=9), shape=(N, N)),
        "unstretch": op("unstretch", leaf("r", (N, M), key=9), shape=(N, N)),
        "slice": op("slice", x, start=(N - 1, 0), step=(-1, 2), shape=(N, 2)),
        "pad": op("pad", x, low=(M, 1), step=(1, 2), shape=(N + M, 7)),
        "concatenate": op("concatenate", x, leaf("u", (M, 3), key=10), axis=0),
        "diagonal": op("diagonal", square),
        "pick": op("pick", x, leaf("i", (N,), INT64, key=11), axis=1),
        "gather": op("gather", x, leaf("g", (M,), INT64, key=13), checked=1, shape=(M, 3)),
        "scatter": op(
            "scatter",
            x,
            leaf("g", (M,), INT64, key=13),
            leaf("v", (M, 3), key=14),
            mode="add",
            checked=1,
            shape=(N, 3),
        ),
        "update_slice": op(
            "update_slice", x, leaf("w", (M, 1), key=15), start=(0, 2), step=(2, 1), shape=(N, 3)
        ),
        "matmul": op("matmul", x, matrix),
        "gemm": op("gemm", alpha, x, matrix, alpha, leaf("k", (N, M), key=12)),
    }
    u = leaf("u", (N, 3), COMPLEX128, key=16)
    found |= {name: op(name, u) for name in ("real", "imag", "conjugate")}
    found["complex"] = op("complex", y, y)
    for name, o in OPS.items():
        if name in found:
            continue
        if o.arity == ANY_ARITY or name == "assume":
            continue  # the engine never sees one: `eqsat_tensor.opaque`, `Encoder.assume`
        if o.kind is Kind.LIBRARY or "reverse" in o.attributes:
            use = next(iter(instances(o)))
            found[name] = op(name, *leaves(use), **use.attributes)
        elif "axes" in o.attributes:
            found[name] = op(name, *(x, y)[: o.arity], axes=(1,))
        else:
            operands = (x, y, z, x) if BOOL not in o.dtypes or len(o.dtypes) > 1 else (b, c, b)
            if x.dtype not in o.dtypes and o.dtypes != (BOOL,):
                operands = tuple(leaf(n, (N, 3), INT64, key=13 + k) for k, n in enumerate("ijk"))
            found[name] = op(name, *operands[: o.arity])
    return found


@pytest.mark.parametrize("name", list(samples()))
def test_every_op_comes_back_as_itself(name: str) -> None:
    expr = samples()[name]
    result = saturate([expr, expr], EMPTY)
    assert result.graph is not None, result.diagnostic
    back = decode(result.graph, first_choice(result.graph))
    assert back[0] is expr
    assert back[1] is expr
    assert result.graph.types[result.graph.roots[0]] == expr.type


def test_all_ops_together_come_back_as_themselves() -> None:
    exprs = list(samples().values())
    result = saturate(exprs, EMPTY)
    assert result.graph is not None, result.diagnostic
    back = decode(result.graph, first_choice(result.graph))
    assert all(b is e for b, e in zip(back, exprs, strict=True))


CONSTANTS = [
    (v, d)
    for d in (FLOAT32, FLOAT64)
    for v in (0.0, -0.0, 1.0, -1.5, math.inf, -math.inf, math.nan, 0.1, 1e-30, 5e-324, 1e30)
] + [(v, INT64) for v in (0, -1, 2**63 - 1, -(2**63), 2**53 + 1)]


@pytest.mark.parametrize(("value", "dtype"), CONSTANTS, ids=str)
def test_constants_keep_their_bits(value: float, dtype: np.dtype) -> None:
    expr = op("full", value=literal(value, dtype), shape=(2,))
    result = saturate([expr], EMPTY)
    assert result.graph is not None, result.diagnostic
    assert decode(result.graph, first_choice(result.graph))[0] is expr


def test_both_zeros_live_side_by_side_and_in_either_order() -> None:
    x = leaf(dtype=FLOAT64)
    for values in ((0.0, -0.0), (-0.0, 0.0)):
        exprs = [full(v, x) for v in values]
        result = saturate(exprs, EMPTY)
        assert result.graph is not None, result.diagnostic
        back = decode(result.graph, first_choice(result.graph))
        assert [math.copysign(1, b["value"].value) for b in back] == [
            math.copysign(1, v) for v in values
        ]


def test_a_nan_with_a_payload_becomes_the_plain_one() -> None:
    bits = np.array([0x7FF8000000000001], np.uint64).tobytes()
    expr = op("full", value=Literal(FLOAT64, bits), shape=())
    result = saturate([expr], EMPTY)
    assert result.graph is not None
    back = decode(result.graph, first_choice(result.graph))[0]
    assert math.isnan(back["value"].value)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_inputs_of_every_dtype_and_rank(dtype: np.dtype) -> None:
    exprs = [op("keep", leaf(f"x{r}", (N, M, N + M, 0, 1)[:r], dtype, key=r)) for r in range(6)]
    result = saturate(exprs, EMPTY)
    assert result.graph is not None, result.diagnostic
    back = decode(result.graph, first_choice(result.graph))
    assert all(b is e for b, e in zip(back, exprs, strict=True))


def test_new_nodes_take_the_place_of_the_users_line() -> None:
    x = leaf()
    expr = op("log", op("add", full(1.0, x), op("exp", x)))
    result = saturate([expr], small_book())
    assert result.graph is not None
    root = result.graph.roots[0]
    picks = dict(first_choice(result.graph).picks)
    (softplus,) = [i for i in result.graph.by_class[root] if result.graph.nodes[i].op == "softplus"]
    picks[root] = softplus
    new = decode(result.graph, type(first_choice(result.graph))(picks))[0]
    assert new.op.name == "softplus"
    assert new.place == expr.place
