"""Programs on which the growth of rules is measured: those that have made e-graphs explode.

tower       dense layers, their loss, and the gradients of all weights
attention   scores, softmax, products, and their gradients
sums        long sums and products with repeated and negated terms
degenerate  elementwise ops at random over inputs and the constants 0 and 1
movement    transposes, reshapes, broadcasts and slices in a row
masks       selections one in another, by conditions some of which are the same, and their gradients
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

import eqsat_tensor.ops  # noqa: F401  fills the registry
from eqsat_tensor.extents import symbol
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import FLOAT64, OPS, Expr, apply, topological
from eqsat_tensor.ops.forms import SCIPY
from eqsat_tensor.types import Shape, TensorType, literal


@cache
def seeds() -> Mapping[str, tuple[Expr, ...]]:
    """The outputs of each program by its name."""
    found = {"tower": _tower(4), "attention": _attention(), "movement": _movement()}
    found |= {"sum": (_chain("add", 14),), "product": (_chain("multiply", 14),)}
    found["signed sum"] = (_chain("add", 14, signed=True),)
    found["masks"] = _masks(12)
    for count in (20, 60, 120):
        found[f"degenerate {count}"] = _degenerate(count)
    return found


def _leaf(name: str, *shape: object) -> Expr:
    key = -1 - sum(ord(c) << (8 * i) for i, c in enumerate(name[:5]))
    return apply(OPS["input"], name=name, key=key, dtype=FLOAT64, shape=shape)


def _constant(value: float, shape: Shape) -> Expr:
    return apply(OPS["full"], value=literal(value, FLOAT64), shape=shape)


def gradients(output: Expr, leaves: Sequence[Expr]) -> list[Expr]:
    """Reverse mode by the ops' own rules; zero where a leaf has no part in the output."""
    cotangents: dict[Expr, Expr] = {output: _constant(1.0, output.shape)}
    for node in reversed(topological([output])):
        ct = cotangents.get(node)
        if ct is None or not node.arguments:
            continue
        assert node.op.vjp is not None, node.op
        for operand, part in zip(
            node.arguments, node.op.vjp(ct, node, *node.arguments, **node.named), strict=True
        ):
            if part is not None:
                known = cotangents.get(operand)
                cotangents[operand] = part if known is None else OPS["add"](known, part)
    return [cotangents.get(leaf, _constant(0.0, leaf.shape)) for leaf in leaves]


def _tower(layers: int) -> tuple[Expr, ...]:
    batch = symbol("n")
    x = _leaf("x", batch, 8)
    weights = []
    for i in range(layers):
        weight, bias = _leaf(f"w{i}", 8, 8), _leaf(f"b{i}", 8)
        weights += [weight, bias]
        spread = apply(OPS["broadcast"], bias, axes=(0,), shape=(batch, 8))
        x = OPS["tanh"](OPS["add"](OPS["matmul"](x, weight), spread))
    loss = apply(OPS["sum"], OPS["multiply"](x, x), axes=(0, 1))
    return (loss, *gradients(loss, weights))


def _attention() -> tuple[Expr, ...]:
    rows = symbol("m")
    q, k, v = _leaf("q", rows, 8), _leaf("k", 6, 8), _leaf("v", 6, 8)
    scores = OPS["matmul"](q, apply(OPS["transpose"], k, axes=(1, 0)))
    scores = OPS["divide"](scores, _constant(3.0, scores.shape))
    e = OPS["exp"](scores)
    total = apply(OPS["sum"], e, axes=(1,))
    weights = OPS["divide"](e, apply(OPS["broadcast"], total, axes=(1,), shape=e.shape))
    out = OPS["matmul"](weights, v)
    loss = apply(OPS["sum"], OPS["log"](OPS["add"](OPS["exp"](out), _constant(1.0, out.shape))),
                 axes=(0, 1))  # fmt: skip
    return (loss, *gradients(loss, [q, k, v]))


def _chain(name: str, count: int, signed: bool = False) -> Expr:
    leaves = [_leaf(f"x{i}", symbol("n"), 3) for i in range(4 if signed else count)]
    total = leaves[0]
    for i in range(1, count):
        term = leaves[i % len(leaves)]
        total = OPS[name](total, OPS["negative"](term) if signed and i % 3 == 0 else term)
    return total


def _movement() -> tuple[Expr, ...]:
    x = _leaf("x", 4, 6)
    for _ in range(4):
        x = apply(OPS["transpose"], x, axes=(1, 0))
        x = OPS["exp"](apply(OPS["transpose"], OPS["negative"](x), axes=(1, 0)))
        x = apply(OPS["reshape"], apply(OPS["reshape"], x, shape=(24,)), shape=(4, 6))
    wide = apply(OPS["broadcast"], x, axes=(0,), shape=(3, 4, 6))
    return (apply(OPS["sum"], wide, axes=(0,)), apply(OPS["sum"], wide, axes=(1, 2)))


def _masks(count: int) -> tuple[Expr, ...]:
    """Every third condition is the first again; values where it does not hold are 0, every fourth 1."""
    shape = (symbol("n"), 3)
    x, zero, one = _leaf("x", *shape), _constant(0.0, shape), _constant(1.0, shape)
    conditions = [OPS["less"](zero, _leaf(f"c{i}", *shape)) for i in range(count)]
    y = OPS["exp"](x)
    for i in range(count):
        condition = conditions[0 if i % 3 == 0 else i]
        y = OPS["where"](condition, y, one if i % 4 == 3 else zero)
    total = apply(OPS["sum"], y, axes=(0, 1))
    return (y, *gradients(total, [x]))


def _degenerate(count: int) -> tuple[Expr, ...]:
    """SciPy's functions are left out: there are many of them, and few rules about them."""
    shape = (symbol("n"), 3)
    pool = [_leaf(f"x{i}", *shape) for i in range(4)]
    pool += [_constant(value, shape) for value in (0.0, 1.0, 2.0)]
    random = np.random.default_rng(count)
    binary, unary = _elementwise(2), _elementwise(1)

    def pick() -> Expr:
        return pool[int(random.integers(max(0, len(pool) - 12), len(pool)))]

    for _ in range(count):
        if random.random() < 0.4:
            pool.append(unary[int(random.integers(len(unary)))](pick()))
        else:
            pool.append(binary[int(random.integers(len(binary)))](pick(), pick()))
    sums = apply(OPS["sum"], pool[-1], axes=(1,))
    return (sums, apply(OPS["max"], pool[-2], axes=(0,)), pool[-3])


def _elementwise(arity: int) -> list:
    """Ops that take floats to floats of the same type."""
    type = TensorType(FLOAT64, (2,))
    return [
        op
        for op in OPS.values()
        if op.kind is Kind.ELEMENTWISE
        and op.arity == arity
        and FLOAT64 in op.dtypes
        and not op.attributes
        and op.name not in SCIPY
        and op.infer(*(type,) * arity) == type
    ]
