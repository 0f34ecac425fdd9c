"""Random programs over loop values, of shapes made of a few sizes, with several outputs."""

from __future__ import annotations

import random

from eqsat_tensor.extents import Size
from tests.lower.loopvalues import BOOL, F32, F64, I32, I64, M, N, T, array, fn

SIZES: list[Size] = [N, M, N + 1, M + 2, 3, 1]
UNARY = ["negative", "exp", "tanh", "sqrt", "absolute", "sigmoid", "square"]
BINARY = ["add", "subtract", "multiply", "maximum", "minimum"]


def random_program(seed: int, steps: int = 14) -> list[T]:
    """Outputs of a random program; its inputs have random shapes of `SIZES`."""
    rng = random.Random(seed)
    values: list[T] = []
    for k in range(rng.randint(1, 3)):
        shape = tuple(rng.choice(SIZES) for _ in range(rng.randint(1, 3)))
        dtype = rng.choice([F64, F64, F64, F32, I32])
        values.append(array("xyz"[k], *shape, dtype=dtype, contiguous=rng.random() < 0.85))
    used: set[int] = set()
    for _ in range(steps):
        index = rng.choice([rng.randrange(len(values)), len(values) - 1])
        made = _step(rng, values, values[index])
        if made is not None:
            used.add(index)
            values.append(made)
    free = [t for k, t in enumerate(values) if k not in used]
    outputs = [fn("keep", t) for t in free[-4:]]
    if rng.random() < 0.5 and len(values) > 4:
        outputs.append(fn("keep", values[len(values) // 2]))
    return outputs


def _step(rng: random.Random, values: list[T], x: T) -> T | None:
    rank, dtype = len(x.shape), x.v.dtype
    kind = rng.choice(
        ["unary", "binary", "binary", "scalar", "reduce", "normalise", "broadcast", "view", "pad",
         "transpose", "cast", "select", "iota", "reshape", "pick"]
    )  # fmt: skip
    if kind == "unary":
        name = (
            rng.choice(UNARY)
            if dtype.kind == "f"
            else rng.choice(["negative", "absolute", "square"])
        )
        return (
            fn(name, fn("absolute", x))
            if name == "sqrt"
            else fn(name, x)
            if dtype.kind != "b"
            else None
        )
    if kind == "binary":
        same = [t for t in values if t.v.type == x.v.type]
        return fn(rng.choice(BINARY if dtype.kind != "b" else ["logical_and"]), x, rng.choice(same))
    if kind == "scalar":
        return fn(rng.choice(BINARY), x, rng.choice([2, 3])) if dtype.kind != "b" else None
    if kind == "reduce" and rank:
        axes = sorted(rng.sample(range(rank), rng.randint(1, rank)))
        words = ["any", "all"] if dtype.kind == "b" else ["sum", "sum", "max", "min"]
        return x.reduce(rng.choice(words), *axes)
    if kind == "normalise" and rank and dtype.kind == "f":
        axis = rng.randrange(rank)
        rest = [j for j in range(rank) if j != axis]
        total = x.reduce(rng.choice(["sum", "max"]), axis)
        return fn("subtract", x, _spread(total, x.shape, rest))
    if kind == "broadcast" and rank < 3:
        place = rng.randint(0, rank)
        shape = (*x.shape[:place], rng.choice(SIZES), *x.shape[place:])
        return _spread(x, shape, [j for j in range(rank + 1) if j != place])
    if kind == "view" and rank:
        axis = rng.randrange(rank)
        index = [slice(None)] * rank
        fits = x.shape[axis] in (N + 1, M + 2, 3)
        cut = [slice(1, None), slice(None, -1)] if fits else []
        index[axis] = rng.choice([slice(None, None, -1), *cut])
        return x[tuple(index)]
    if kind == "pad" and rank:
        return x.pad(*((rng.randint(0, 2), rng.randint(0, 2)) for _ in range(rank)))
    if kind == "transpose" and rank > 1:
        order = list(range(rank))
        rng.shuffle(order)
        return x.transpose(*order)
    if kind == "cast":
        return x.cast(rng.choice([F64, F32])) if dtype.kind != "f" else x.cast(F64)
    if kind == "select" and dtype.kind != "b":
        return fn("select", fn("less", x, 1), x, fn("negative", x))
    if kind == "iota" and rank and dtype == F64:
        return fn("multiply", x, x.iota(rng.randrange(rank)).cast(F64))
    if kind == "reshape" and rank and not _strided(x):
        total: Size = 1
        for s in x.shape:
            total = total * s
        return x.reshape(total)
    if kind == "pick" and rank and x.shape[0] in (N + 1, M + 2, 3):
        line = _spread(x.iota(0), x.shape, range(rank)) if rank > 1 else x.iota(0)
        label = fn("remainder", line.reduce("max", 0), 3)
        return x.pick(0, label)
    return None


def _strided(x: T) -> bool:
    return not getattr(x.v, "contiguous", True)


def _spread(x: T, shape: tuple[Size, ...], places: object) -> T:
    from eqsat_tensor.schedule.loop_values import View

    terms = tuple((p, 0, 1) for p in places)  # type: ignore[attr-defined]
    return T(View(x.v.type.with_shape(shape), x.v, terms))


__all__ = ["BOOL", "I64", "random_program"]
