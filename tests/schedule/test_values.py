"""Every op of the registry, alone and in chains, lowered, compiled and held against its NumPy meaning."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

import eqsat_tensor.ops  # noqa: F401
from eqsat_tensor.extents import Size, evaluate, symbol
from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.lang import OPS, Expr, OpDef, apply, topological
from eqsat_tensor.lower.cpu.plans import compile_plan
from eqsat_tensor.schedule import lower_program, schedule
from eqsat_tensor.schedule.loop_values import Call, Input, Map, Pick, Reduce, walk
from eqsat_tensor.types import literal

N, M = symbol("n"), symbol("m")
F64, F32, I64, I32, BOOL = (np.dtype(c) for c in ("f8", "f4", "i8", "i4", "?"))
SIZES = [(0, 3), (1, 1), (2, 7), (3, 31), (7, 2), (5, 64), (33, 100), (100, 0)]


def leaf(name: str, dtype: np.dtype, *shape: Size) -> Expr:
    key = hash((name, dtype.name, shape))
    return apply(OPS["input"], name=name, key=key, dtype=dtype, shape=shape)


def values_of(outputs: Sequence[Expr], arrays: dict[Expr, Any], sizes: dict[str, int]) -> list[Any]:
    """Each op's own NumPy meaning, node by node."""
    done: dict[Expr, Any] = dict(arrays)
    for node in topological(outputs):
        if node in done:
            continue
        named = {}
        for (name, kind), value in zip(node.op.attributes.items(), node.attributes, strict=True):
            sized = kind in (Attribute.SHAPE, Attribute.SIZES)
            named[name] = tuple(evaluate(s, sizes) for s in value) if sized else value
        with np.errstate(all="ignore"):
            done[node] = np.asarray(node.op.numpy(*(done[a] for a in node.arguments), **named))
    return [done[o] for o in outputs]


def data(node: Expr, sizes: dict[str, int], seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shape = tuple(evaluate(s, sizes) for s in node.shape)
    if node.dtype.kind == "b":
        return np.asarray(rng.random(shape) < 0.5)
    if node["name"].startswith("label"):
        return np.asarray(rng.integers(-3, 3, shape), node.dtype)
    if node.dtype.kind == "i":
        low = 0 if node["name"] == "small" else -6
        return np.asarray(rng.integers(low, 7, shape), node.dtype)
    return np.asarray(rng.standard_normal(shape) * 1.7, node.dtype)


def held(
    outputs: Sequence[Expr], sizes: Sequence[dict[str, int]], tolerance: float = 1e-12
) -> None:
    plan = schedule(lower_program(outputs))
    program = compile_plan(plan)
    leaves = {n["name"]: n for n in topological(outputs) if n.op.name == "input"}
    for case in sizes:
        arrays = {n: data(n, case, k) for k, n in enumerate(leaves.values())}
        given = [arrays[leaves[name]] for name, _, _ in program.inputs]
        results = program.bind(case)(*given)
        for got, want, node in zip(results, values_of(outputs, arrays, case), outputs, strict=True):
            assert got.shape == want.shape, (node, case, got.shape, want.shape)
            assert got.dtype == want.dtype, (node, got.dtype, want.dtype)
            if got.dtype.kind == "f":
                rough = 3e-5 if any(n.dtype == F32 for n in topological(outputs)) else tolerance
                scale = float(np.max(np.abs(want[np.isfinite(want)]), initial=0.0))
                np.testing.assert_allclose(
                    got, want, rough, rough * scale, err_msg=f"{node} {case}"
                )
            else:
                np.testing.assert_array_equal(got, want, err_msg=f"{node} {case}")


def pairs() -> list[dict[str, int]]:
    return [{"n": n, "m": m} for n, m in SIZES]


ELEMENTWISE = [op for op in OPS.values() if op.kind is Kind.ELEMENTWISE]
CUMULATIVE = [op for op in OPS.values() if op.kind is Kind.CUMULATIVE]
CASES = [(op, dtype) for op in ELEMENTWISE for dtype in op.dtypes]


@pytest.mark.parametrize(("op", "dtype"), CASES, ids=lambda v: getattr(v, "name", str(v)))
def test_an_elementwise_op_is_lowered_as_it_is_meant(op: OpDef, dtype: np.dtype) -> None:
    if op.name == "cast":
        x = leaf("x", dtype, N)
        outputs = [op(x, dtype=d) for d in (F64, F32, I64, I32, BOOL)]
    elif op.name == "where":
        outputs = [
            op(leaf("c", BOOL, N), *(leaf(f"{n}{d}", d, N) for n in "xy")) for d in (F64, I32, BOOL)
        ]
    else:
        second = "small" if op.name == "power" and dtype.kind == "i" else "y"
        outputs = [op(*(leaf(n, dtype, N) for n in ("x", second, "z")[: op.arity]))]
    held(outputs, [{"n": n} for n in (0, 1, 3, 64, 100)])


@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1), (2,), (0, 2), (1, 2), (0, 1, 2)], ids=str)
@pytest.mark.parametrize("op", [o for o in OPS.values() if o.kind is Kind.REDUCTION], ids=str)
def test_a_reduction_is_lowered_over_any_axes(op: OpDef, axes: tuple[int, ...]) -> None:
    outputs = [op(leaf(f"x{d}", d, N, M, 3), axes=axes) for d in op.dtypes]
    held(outputs, pairs())


@pytest.mark.parametrize("axis", range(3))
def test_cumulative_ops_are_lowered_along_any_axis(axis: int) -> None:
    outputs = []
    for op in CUMULATIVE:
        for dtype in op.dtypes:
            for reverse in (0, 1):
                leaves = [leaf(f"{n}{dtype}", dtype, N, M, 3) for n in "xy"[: op.arity]]
                outputs.append(op(*leaves, axis=axis, reverse=reverse))
    held(outputs, [s for s in pairs() if s["n"] * s["m"] < 3000], 1e-9)


@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1)], ids=str)
@pytest.mark.parametrize(
    "op", [o for o in OPS.values() if o.kind is Kind.COMPOSITE and "axes" in o.attributes], ids=str
)
def test_a_composite_is_lowered_by_its_expansion(op: OpDef, axes: tuple[int, ...]) -> None:
    if op.name.startswith("arg") and len(axes) > 1:
        axes = (1,)
    nonempty = [s for s in pairs() if s["n"] and s["m"]]
    wide = [leaf(name, F64, N, M) for name in "xw"][: op.arity]
    single = [leaf(name, F32, M, N) for name in "zv"][: op.arity]
    held([op(*wide, axes=axes), op(*single, axes=axes)], nonempty)


def x2(dtype: np.dtype = F64) -> Expr:
    return leaf("x", dtype, N, M)


def op(name: str, *arguments: Expr, **attributes: Any) -> Expr:
    return apply(OPS[name], *arguments, **attributes)


def full(value: float, *shape: Size, dtype: np.dtype = F64) -> Expr:
    return op("full", value=literal(value, dtype), shape=shape)


LABELLED = ("pick", "gather")  # an empty axis has no labels


def chain(writes: Sequence[tuple[Any, ...]]) -> Iterator[Expr]:
    """Updates one after another: the last as an output alone, and with the last but one."""
    for kept in (1, 2):
        last = [leaf("x", F64, N + 2, 4)]
        for part, start, *step in writes:
            step = step[0] if step else (1, 1)
            last.append(
                op("update_slice", last[-1], part, start=start, step=step, shape=(N + 2, 4))
            )
        yield from last[-kept:]


MOVES: dict[str, Callable[[], list[Expr]]] = {
    "broadcast": lambda: [op("broadcast", leaf("x", F64, M), axes=(0, 2), shape=(N, M, 3))],
    "squeeze": lambda: [
        op("squeeze", leaf("x", F64, N, 1, M), axes=(1,)),
        op("broadcast", op("squeeze", leaf("y", F64, 1, M), axes=(0,)), axes=(1,), shape=(M, N)),
    ],
    "transpose": lambda: [
        op("transpose", leaf("x", F32, N, M, 4), axes=(2, 0, 1)),
        op("exp", op("transpose", leaf("y", F64, N, M), axes=(1, 0))),
    ],
    "reshape": lambda: [
        op("reshape", x2(), shape=(N * M,)),
        op("reshape", op("exp", leaf("y", F64, N, 4)), shape=(2 * N, 2)),
        op("sum", op("reshape", op("reshape", x2(), shape=(M, N)), shape=(M * N,)), axes=(0,)),
        op("reshape", x2(), shape=(N, 1, M)),
    ],
    "slice": lambda: [
        op("slice", leaf("x", F64, N + 2, M), start=(1, M - 1), step=(1, -1), shape=(N, M)),
        op("slice", leaf("y", I32, 3 * N, M), start=(2, 0), step=(3, 1), shape=(N, M)),
        op("sum", op("slice", leaf("z", F64, 2 * N), start=(2 * N - 1,), step=(-2,), shape=(N,)), axes=(0,)),
    ],
    "pad": lambda: [
        op("pad", x2(), low=(2, 0), step=(1, 1), shape=(N + 3, M + 1)),
        op("pad", leaf("x32", F32, N, M), low=(1, 2), step=(2, 3), shape=(2 * N + 2, 3 * M + 3)),
        op("sum", op("pad", leaf("y", I64, N), low=(1,), step=(2,), shape=(2 * N + 1,)), axes=(0,)),
        op("exp", op("slice", op("pad", leaf("w", F64, N), low=(3,), step=(1,), shape=(N + 5,)),
                     start=(N + 4,), step=(-1,), shape=(N + 5,))),
    ],
    "pad of pad": lambda: [
        op("add", *(op("pad", op("pad", leaf(n, F64, N), low=(a,), step=(1,), shape=(N + 4,)),
                       low=(b,), step=(1,), shape=(N + 9,)) for n, a, b in (("x", 1, 2), ("y", 3, 0))))
    ],
    "concatenate": lambda: [
        op("concatenate", leaf("x", F64, N, M), leaf("y", F64, 2, M), axis=0),
        op("sum", op("concatenate", leaf("x", F64, N, M), leaf("z", F64, N, 5), axis=1), axes=(1,)),
    ],
    "diagonal": lambda: [op("diagonal", x2()), op("diagonal", leaf("y", F32, 2, N, N))],
    "pick": lambda: [
        op("pick", leaf("x", F64, N, 3), leaf("label", I64, N), axis=1),
        op("pick", op("exp", leaf("y", F64, 3, M)), leaf("label2", I32, M), axis=0),
    ],
    "gather": lambda: [
        op("gather", leaf("x", F64, N, M), leaf("label", I64, 5, M), checked=1, shape=(5, M, M)),
        op("gather", op("exp", leaf("y", F32, N)), leaf("label3", I32), checked=1, shape=()),
        op("sum", op("gather", op("transpose", leaf("x", F64, N, M), axes=(1, 0)),
                     leaf("label4", I64, N), checked=0, shape=(N, N)), axes=(1,)),
    ],
    "scatter": lambda: [
        *(op("scatter", leaf(f"x{d}", d, N, M), leaf("label", I64, 7), leaf(f"v{d}", d, 7, M), mode=mode,
             checked=0, shape=(N, M))
          for mode in ("set", "add", "multiply", "minimum", "maximum") for d in (F64, I32)),
        op("scatter", leaf("flags", BOOL, N), leaf("label2", I32, M), leaf("b", BOOL, M),
           mode="add", checked=0, shape=(N,)),
        op("scatter", full(0.0, N), leaf("label2", I32, M), full(1.0, M), mode="add",
           checked=0, shape=(N,)),
    ],
    "update_slice": lambda: [
        *chain([(full(1.0, 1, 2), (0, 1)), (leaf("v", F64, N, 1), (0, 2))]),
        *chain([(leaf("v", F64, N, 1), (0, 2)), (leaf("w", F64, 1, 4), (1, 0))] * 5),
        *chain([(leaf("w", F64, 1, 4), (1, 0)), (leaf("u", F64, 2, 2), (0, 1), (1, 2))] * 5),
        op("update_slice", leaf("y", F32, 2 * N), op("exp", leaf("z", F32, N)), start=(0,),
           step=(2,), shape=(2 * N,)),
    ],
    "keep": lambda: [op("keep", x2()), op("add", op("keep", op("multiply", x2(), x2())), x2())],
    "iota": lambda: [
        op("iota", axis=1, dtype=I64, shape=(N, M)),
        op("cast", op("iota", axis=0, dtype=I32, shape=(N, M)), dtype=F64),
    ],
    "full": lambda: [full(2.5, N, M), full(True, N, dtype=BOOL), full(-0.0), full(np.nan, 3)],
    "size": lambda: [op("size", size=(N * M + 1,), dtype=F64), op("size", size=(N,), dtype=I32)],
    "refine": lambda: [op("refine", leaf("x", F64, N), shape=(N,))],
    "same value twice": lambda: [op("exp", x2()), op("exp", x2()), x2()],
    "matmul": lambda: [
        op("matmul", leaf("x", F64, N, M), leaf("y", F64, M, 5)),
        op("matmul", op("transpose", leaf("x", F64, N, M), axes=(1, 0)), leaf("v", F64, N, 1)),
        op("matmul", leaf("r", F64, 1, N), leaf("x", F64, N, M)),
        op("matmul", leaf("i", I32, N, M), leaf("j", I32, M, 3)),
        op("matmul", leaf("b", F32, 2, N, M), op("transpose", leaf("c", F32, 2, 6, M), axes=(0, 2, 1))),
        op("matmul", op("slice", leaf("x", F64, N, M), start=(0, 0), step=(1, -1) and (1, 1), shape=(N, M)),
           op("exp", leaf("y", F64, M, 5))),
    ],
    "gemm": lambda: [
        op("gemm", full(0.5), leaf("x", F64, N, M), leaf("y", F64, M, 5), leaf("s", F64), leaf("z", F64, N, 5)),
        op("gemm", full(1.0), leaf("x", F64, N, M), leaf("y", F64, M, 5), full(1.0),
           op("broadcast", leaf("bias", F64, 5), axes=(0,), shape=(N, 5))),
        op("gemm", leaf("s", F64), leaf("x", F64, N, M), leaf("v", F64, M, 1), full(2.0), leaf("u", F64, N, 1)),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", MOVES)
def test_a_movement_or_product_is_lowered_as_it_is_meant(name: str) -> None:
    held(MOVES[name](), [s for s in pairs() if name not in LABELLED or (s["n"] and s["m"])])


def test_logaddexp_keeps_infinities() -> None:
    x, y = leaf("x", F64, N), leaf("y", F64, N)
    held([op("logaddexp", x, y)], [{"n": n} for n in (0, 1, 100)])


def test_equal_values_are_one() -> None:
    x, y = x2(), leaf("y", F64, N, M)
    first = op("softplus", op("add", x, y))
    (a, b) = lower_program([op("multiply", first, first), op("sum", first, axes=(0,))])
    assert len([v for v in walk([a, b]) if isinstance(v, Map)]) == 3


def test_a_broadcast_operand_is_computed_before_it_is_broadcast() -> None:
    g = op("broadcast", leaf("g", F64, M), axes=(0,), shape=(N, M))
    (value,) = lower_program([op("multiply", op("exp", g), x2())])
    (exp,) = [v for v in walk([value]) if isinstance(v, Map) and v.primitive == "exp"]
    assert exp.shape == (M,)


def test_vector_products_are_reductions_and_others_calls() -> None:
    x, v, y = x2(), leaf("v", F64, M, 1), leaf("y", F64, M, 3)
    (row,) = lower_program([op("matmul", x, v)])
    assert isinstance(row, Reduce)
    (whole,) = lower_program([op("exp", op("matmul", x, y))])
    assert [c.function for c in walk([whole]) if isinstance(c, Call)] == ["gemm"]


def test_an_output_is_never_an_input_itself() -> None:
    (value,) = lower_program([x2()])
    assert isinstance(value, Map)
    assert isinstance(value.operands[0], Input)


def test_a_pick_of_computed_values_computes_only_what_is_picked() -> None:
    z, label = leaf("z", F64, N, 7), leaf("label", I64, N)
    (loss,) = lower_program(
        [op("sum", op("pick", op("log_softmax", z, axes=(1,)), label, axis=1), axes=(0,))]
    )
    assert any(isinstance(v, Pick) for v in walk([loss]))
    plan = schedule([loss])
    assert all(len(r.value.shape) < 2 for nest in plan.nests for r in nest.roots)
    held(
        [
            op(
                "sum",
                op("pick", op("log_softmax", leaf("z", F64, N, 7), axes=(1,)), label, axis=1),
                axes=(0,),
            )
        ],
        [{"n": n} for n in (1, 5, 600)],
    )
