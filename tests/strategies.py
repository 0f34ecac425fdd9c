"""What the tests draw: instances of every op, arrays of odd shapes and values, broadcast shapes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from eqsat_tensor.calls import graphs, ops
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import ANY_ARITY, BOOL, DTYPES, FLOAT64, FLOATS, INT64, INTS, Expr, OpDef
from eqsat_tensor.ops.captured import input_leaf
from eqsat_tensor.trees import flatten
from eqsat_tensor.types import TensorType, literal

SHAPES = ((), (0,), (1,), (7,), (3, 5), (2, 0), (1, 4))
SPECIAL = (0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-310, -1e-310, 1e300, 0.5)

# Where an op's value and derivatives are ordinary; (-2, 2) for the others.
DOMAINS: dict[str, tuple[float, float]] = {
    "log": (0.2, 3.0),
    "log1p": (-0.7, 3.0),
    "log1mexp": (-3.0, -0.2),
    "sqrt": (0.2, 3.0),
    "power": (0.2, 2.0),
    "reciprocal": (0.3, 3.0),
    "divide": (0.3, 3.0),
    "remainder": (0.3, 3.0),
    "prod": (0.5, 2.0),
    "logprod": (0.5, 2.0),
    "log2": (0.2, 3.0),
    "log10": (0.2, 3.0),
    "cbrt": (0.2, 3.0),
    "arcsin": (-0.9, 0.9),
    "arccos": (-0.9, 0.9),
    "arctanh": (-0.9, 0.9),
    "arccosh": (1.2, 3.0),
    "fmod": (0.3, 3.0),
    "hypot": (0.3, 3.0),
    "log_quotient": (0.3, 3.0),
    "root_of_difference": (0.3, 3.0),
    "log_difference": (0.3, 3.0),
    "arctan2": (0.3, 3.0),
}
_SPECIAL_DOMAINS = {
    (0.2, 0.8): """
        erfinv erfcinv ndtri logit betainc betaincc betaincinv betainccinv gammaincinv gammainccinv
    """,
    (0.4, 3.0): """
        gamma gammaln digamma beta betaln binom poch gammainc gammaincc exp1 expi spence y0 y1 k0 k0e
        k1 k1e jv yv iv ive kv kve xlogy entr rel_entr kl_div boxcox huber pseudo_huber
    """,
    (1.3, 3.0): "zeta riemann_zeta",
    (-0.9, 0.9): "ellipk ellipe",
    (-3.0, -0.2): "ndtri_exp",
    (0.2, 1.5): "ellipkm1 xlog1py boxcox1p inv_boxcox inv_boxcox1p",
}
DOMAINS |= {name: ends for ends, names in _SPECIAL_DOMAINS.items() for name in names.split()}


# Their first operand is a symmetric positive definite matrix; of the first two just a triangle is read.
SYMMETRIC = ("cholesky", "eigh")
DEFINITE = (*SYMMETRIC, "inv", "det", "slogdet", "solve", "solve_triangular")

CUTOFFS = {"pinv": 1, "lstsq": 2}  # operands below which singular values count as 0


@dataclass(frozen=True)
class Instance:
    """Operand types and attributes for one use of an op."""

    types: tuple[TensorType, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    labels: int | None = None  # the second operand holds labels of an axis of this size

    def __str__(self) -> str:
        return f"{', '.join(map(str, self.types))} {self.attributes}"


def of(dtype: Any, *shape: int) -> TensorType:
    """A type, ``of("float32", 3, 4)``."""
    return TensorType(np.dtype(dtype), shape)


def instances(op: OpDef) -> Iterator[Instance]:
    """Uses of an op in every dtype and in odd shapes; none for ``input``."""
    if op.name in TABLE:
        for types, attributes, *labels in TABLE[op.name]:
            fixed = op.arity == ANY_ARITY or not types
            for dtype in DTYPES[:1] if fixed else op.dtypes:
                kept = [t if fixed or t.dtype == INT64 else t.with_dtype(dtype) for t in types]
                yield Instance(tuple(kept), attributes, *labels)
    elif op.name == "where":
        for dtype in DTYPES:
            for shape in SHAPES:
                yield Instance((TensorType(BOOL, shape), *(TensorType(dtype, shape),) * 2))
    elif op.name == "cast":
        for old in DTYPES:
            for new in DTYPES:
                yield Instance((TensorType(old, (3, 2)),), {"dtype": new})
    elif "reverse" in op.attributes:
        for dtype in op.dtypes:
            for shape, axis in (((7,), 0), ((3, 5), 0), ((2, 3, 4), 1), ((3, 5), 1), ((0, 2), 0)):
                attributes = {"axis": axis, "reverse": (axis + len(shape)) % 2}
                yield Instance((TensorType(dtype, shape),) * op.arity, attributes)
    elif op.kind is Kind.REDUCTION or "axes" in op.attributes:
        for dtype in op.dtypes:
            for shape, axes in (((7,), (0,)), ((3, 5), (1,)), ((2, 3, 4), (0, 2)), ((1, 4), (0,))):
                if not (op.name.startswith("arg") and len(axes) > 1):
                    yield Instance((TensorType(dtype, shape),) * op.arity, {"axes": axes})
    elif op.kind is not Kind.LEAF:
        for dtype in op.dtypes:
            for shape in SHAPES:
                yield Instance((TensorType(dtype, shape),) * op.arity)


# fmt: off
TABLE: dict[str, list[tuple[Any, ...]]] = {
    "full": [((), {"value": literal(2.5, FLOAT64), "shape": (2, 3)}),
             ((), {"value": literal(7, INT64), "shape": ()})],
    "iota": [((), {"axis": 1, "dtype": INT64, "shape": (2, 3, 4)}),
             ((), {"axis": 0, "dtype": FLOAT64, "shape": (0,)})],
    "size": [((), {"size": (5,), "dtype": INT64})],
    "broadcast": [((of("f8", 3),), {"axes": (0, 2), "shape": (2, 3, 4)}),
                  ((of("f8"),), {"axes": (0,), "shape": (0,)})],
    "squeeze": [((of("f8", 1, 3, 1),), {"axes": (0, 2)})],
    "transpose": [((of("f8", 2, 3, 4),), {"axes": (2, 0, 1)})],
    "reshape": [((of("f8", 2, 6),), {"shape": (3, 1, 4)}), ((of("f8", 0, 3),), {"shape": (0,)})],
    "refine": [((of("f8", 2, 3),), {"shape": (2, 3)})],
    "assume": [((of("f8", 2, 3),), {"facts": "at-least=-1e3 not-nan", "place": ""})],
    "stretch": [((of("f8", 2, 3),), {"shape": (2, 3)})],
    "unstretch": [((of("f8", 2, 3),), {"shape": (2, 3)})],
    "slice": [((of("f8", 7, 4),), {"start": (1, 3), "step": (2, -1), "shape": (3, 4)}),
              ((of("f8", 7),), {"start": (6,), "step": (-3,), "shape": (3,)}),
              ((of("f8", 2),), {"start": (2,), "step": (1,), "shape": (0,)})],
    "pad": [((of("f8", 3, 2),), {"low": (1, 0), "step": (2, 1), "shape": (7, 5)}),
            ((of("f8", 0),), {"low": (2,), "step": (1,), "shape": (2,)})],
    "concatenate": [((of("f8", 2, 3), of("f8", 2, 5)), {"axis": 1}),
                    ((of("f8", 0), of("f8", 1)), {"axis": 0})],
    "diagonal": [((of("f8", 2, 3, 3),), {}), ((of("f8", 4, 2),), {})],
    "pick": [((of("f8", 4, 3), of("i8", 4)), {"axis": 1}, 3),
             ((of("f8", 3), of("i8")), {"axis": 0}, 3)],
    "sort": [((of("f8", 4, 3),), {"axis": 0}), ((of("f8", 2, 5),), {"axis": 1}),
             ((of("f8", 0),), {"axis": 0})],
    "argsort": [((of("f8", 4, 3),), {"axis": 0}), ((of("f8", 7),), {"axis": 0})],
    # Rows in which every place is told: there is but one order.
    "partition": [((of("f8", 4, 3),), {"axis": 1, "kth": (1,)}),
                  ((of("f8", 4, 2),), {"axis": 0, "kth": (1, 2)})],
    "argpartition": [((of("f8", 3, 4),), {"axis": 0, "kth": (1,)})],
    "ordered_by": [((of("f8", 4, 3), of("i8", 4, 3)), {"axis": 0}, 5)],
    "searchsorted": [((of("f8", 5), of("f8", 2, 3)), {"right": r}) for r in (0, 1)]
                  + [((of("f8", 2, 5), of("f8", 2, 3)), {"right": 1})],
    "lookup": [((of("f8", 4), of("i8", 2, 3)), {"shape": (2, 3)}, 6),
               ((of("f8", 0), of("i8", 2)), {"shape": (2,)}, 3),
               ((of("f8", 2, 3), of("i8", 2, 1, 4)), {"shape": (2, 1, 4)}, 5)],
    "label_sum": [((of("f8", 7), of("i8", 7)), {"strict": 0, "shape": (4,)}, 5),
                  ((of("f8", 2, 5), of("i8", 2, 5)), {"strict": 0, "shape": (2, 3)}, 4)],
    "convolution": [((of("f8", 7), of("f8", 3)), {"start": (0,), "shape": (9,)}),
                    ((of("f8", 2, 3), of("f8", 2, 6)), {"start": (-2,), "shape": (2, 5)}),
                    ((of("f8", 4), of("f8", 0)), {"start": (1,), "shape": (2,)}),
                    ((of("f8", 5), of("f8", 5)), {"start": (3,), "shape": (4,)}),
                    ((of("f8", 2, 1, 4), of("f8", 2, 1, 2)), {"start": (0,), "shape": (2, 1, 5)})],
    "unique": [((of("f8", 6), of("f8")), {
        "options": (size, filled, 1), "result": result,
        "shape": (6,) if result == 2 else (size,), "dtype": INT64})
        for size, filled in ((4, 0), (8, 1)) for result in (1, 2, 3)],
    "update_slice": [((of("f8", 7, 5), of("f8", 3, 2)), {"start": (1, 0), "step": (2, 3), "shape": (7, 5)}),
                     ((of("f8", 4), of("f8", 1)), {"start": (3,), "step": (1,), "shape": (4,)})],
    "gather": [((of("f8", 4, 3), of("i8", 2, 5)), {"checked": 1, "shape": (2, 5, 3)}, 4),
               ((of("f8", 3), of("i8")), {"checked": 0, "shape": ()}, 3),
               ((of("f8", 3, 0), of("i8", 2)), {"checked": 1, "shape": (2, 0)}, 3)],
    "scatter": [((of("f8", 4, 3), of("i8", 7), of("f8", 7, 3)), {"mode": mode, "checked": 1, "shape": (4, 3)}, 4)
                for mode in ("set", "add", "multiply", "minimum", "maximum")]
               + [((of("f8", 3), of("i8"), of("f8")), {"mode": "set", "checked": 0, "shape": (3,)}, 3),
                  ((of("f8", 2, 0), of("i8", 3, 1), of("f8", 3, 1, 0)), {"mode": "add", "checked": 1, "shape": (2, 0)}, 2)],
    "matmul": [((of("f8", 3, 5), of("f8", 5, 2)), {}), ((of("f8", 2, 1, 4), of("f8", 2, 4, 3)), {}),
               ((of("f8", 2, 0), of("f8", 0, 3)), {})],
    "cholesky": [((of("f8", 3, 3),), {}), ((of("f8", 2, 4, 4),), {}), ((of("f8", 0, 0),), {})],
    "inv": [((of("f8", 3, 3),), {}), ((of("f8", 2, 4, 4),), {}), ((of("f8", 1, 1),), {})],
    "det": [((of("f8", 3, 3),), {}), ((of("f8", 2, 4, 4),), {}), ((of("f8", 0, 0),), {})],
    "slogdet": [((of("f8", 3, 3),), {"result": r}) for r in (0, 1)],
    "eigh": [((of("f8", 3, 3),), {"result": 0, "shape": (3,)}),
             ((of("f8", 2, 4, 4),), {"result": 1, "shape": (2, 4, 4)})],
    "svd": [((of("f8", 3, 3),), {"result": r, "full": f, "shape": (3,) if r == 1 else (3, 3)})
            for r in (0, 1, 2) for f in (0, 1)]
           + [((of("f8", 2, m, n),), {"result": r, "full": 0, "shape": (2, *s)})
              for m, n in ((5, 3), (2, 4)) for k in (min(m, n),)
              for r, s in enumerate(((m, k), (k,), (k, n)))]
           + [((of("f8", 0, 2),), {"result": 2, "full": 0, "shape": (0, 2)})],
    "svdvals": [((of("f8", m, n),), {"shape": (min(m, n),)}) for m, n in ((3, 3), (5, 2), (2, 3))],
    "qr": [((of("f8", 3, 3),), {"result": r, "full": f, "shape": (3, 3)})
           for r in (0, 1) for f in (0, 1)]
          + [((of("f8", 2, 5, 3),), {"result": r, "full": 0, "shape": (2, (5, 3)[r], 3)})
             for r in (0, 1)],
    "pinv": [((of("f8", m, n), of("f8")), {"shape": (n, m)}) for m, n in ((3, 3), (5, 2), (2, 4))]
            + [((of("f8", 2, 4, 3), of("f8", 2)), {"shape": (2, 3, 4)})],
    "lstsq": [((of("f8", m, n), of("f8", m, 2), of("f8")), {"result": r, "shape": (n, 2) if r == 0 else (min(m, n),)})
              for m, n in ((3, 3), (5, 2), (2, 4)) for r in (0, 1)],
    "fourier": [((of("f8", *s),), {"axis": a, "inverse": i})
                for s, a in (((5,), 0), ((2, 4), 1), ((3, 2), 0), ((0, 3), 1)) for i in (0, 1)],
    "rfft": [((of("f8", *s),), {"axis": a, "shape": (*s[:a], s[a] // 2 + 1, *s[a + 1 :])})
             for s, a in (((5,), 0), ((6,), 0), ((1,), 0), ((2, 4), 1), ((3, 2), 0), ((0, 3), 1))],
    "irfft": [((of("c16", *s[:a], s[a] // 2 + 1, *s[a + 1 :]),), {"axis": a, "shape": s})
              for s, a in (((5,), 0), ((6,), 0), ((1,), 0), ((2, 4), 1), ((3, 2), 0), ((0, 3), 1))],
    "solve": [((of("f8", 3, 3), of("f8", 3, 2)), {}), ((of("f8", 2, 3, 3), of("f8", 2, 3, 1)), {}),
              ((of("f8", 3, 3), of("f8", 3, 0)), {})],
    "solve_triangular": [((of("f8", 3, 3), of("f8", 3, 2)), {"lower": a, "transposed": b})
                         for a in (0, 1) for b in (0, 1)],
    "gemm": [((of("f8"), of("f8", 3, 5), of("f8", 5, 2), of("f8"), of("f8", 3, 2)), {})],
}
# fmt: on


def _library_uses() -> None:
    """Uses of the ops that hold graphs and functions."""
    body = graphs.traced_body(
        lambda x, y: [x * y, x - y], _PAIR, [input_leaf("x", FLOAT64, (3,))] * 2
    )
    other = graphs.traced_body(lambda x, y: [x + y, y], _PAIR, [input_leaf("x", FLOAT64, (3,))] * 2)
    _, (one, two), parameters, _ = graphs.canonical([body, other], list(body.leaves))
    graph, second = (graphs.graph_of(n, parameters, e) for n, e in (("one", one), ("two", two)))
    pair = (of("f8", 3), of("f8", 3))
    callback = ops.Callback(
        lambda x, y: (np.sin(x) * y, y + 1), "callback", 2,
        lambda ct, out, x, y: (ct[0] * np.cos(x) * y, ct[0] * np.sin(x) + ct[1]),
    )  # fmt: skip
    results = ops.all_types(pair)
    for result in (0, 1):
        of_one = {"result": result, "dtype": FLOAT64, "shape": (3,)}
        TABLE.setdefault("call", []).append((pair, {"graph": graph, "sizes": (), **of_one}))
        TABLE.setdefault("cond", []).append(
            ((of("?"), *pair), {"graph": graph, "other": second, "sizes": (), **of_one})
        )
        TABLE.setdefault("wrap", []).append(
            (pair, {"callback": callback, "results": results, **of_one})
        )


_PAIR = flatten((0, 0))[1]
_library_uses()


def leaves(instance: Instance, prefix: str = "x") -> list[Expr]:
    """A new input for each operand."""
    return [input_leaf(f"{prefix}{i}", t.dtype, t.shape) for i, t in enumerate(instance.types)]


def values(
    op: OpDef, instance: Instance, random: np.random.Generator, hard: bool = False
) -> list[np.ndarray]:
    """Arrays for the operands: in the op's ordinary domain, or with hard values mixed in."""
    low, high = DOMAINS.get(op.name, (-2.0, 2.0))
    found = []
    for number, t in enumerate(instance.types):
        shape = tuple(int(s) for s in t.shape)
        if instance.labels is not None and number == 1:
            array = random.integers(-instance.labels, instance.labels, shape)
        elif op.name in DEFINITE and number == 0:
            array = random.uniform(-1, 1, shape)
            array = array @ np.swapaxes(array, -1, -2) + np.diag(1.0 + np.arange(shape[-1]))
        elif op.name in CUTOFFS and number == CUTOFFS[op.name]:
            array = np.full(shape, 1e-12)
        elif t.dtype == BOOL:
            array = random.integers(0, 2, shape)
        elif t.dtype in INTS:
            exponents = op.name == "integer_power" and number == 1
            array = random.integers(0 if exponents else -9, 10, shape)
        else:
            larger = (
                op.name == "root_of_difference" and number < 2
            )  # the difference is not negative
            array = random.uniform(low, high, shape) + (high if larger else 0)
            if t.dtype.kind == "c":
                array = array + 1j * random.uniform(low, high, shape)
            if hard and op.kind is not Kind.LIBRARY:
                special = random.choice(SPECIAL, shape)
                array = np.where(random.random(shape) < 0.5, special, array)
        with np.errstate(all="ignore"):
            found.append(np.asarray(array).astype(t.dtype))
    if op.name == "searchsorted":  # in rows out of order any place is right
        found[0] = np.sort(found[0], axis=-1)
    return found


@st.composite
def broadcasting_shapes(draw: Any, count: int = 2) -> list[tuple[int, ...]]:
    """Shapes that broadcast together: sizes 0, 1, primes; axes missing in front."""
    common = draw(st.lists(st.sampled_from((0, 1, 2, 3, 5)), max_size=4))
    shapes = []
    for _ in range(count):
        rank = draw(st.integers(0, len(common)))
        tail = common[len(common) - rank :]
        shapes.append(tuple(1 if draw(st.booleans()) else n for n in tail))
    return shapes


@st.composite
def arrays(draw: Any, shape: tuple[int, ...], dtype: Any = None) -> np.ndarray:
    """An array of a shape; of any supported dtype where none is given."""
    dtype = np.dtype(draw(st.sampled_from(DTYPES)) if dtype is None else dtype)
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    if dtype in FLOATS:
        return random.uniform(-3, 3, shape).astype(dtype)
    return random.integers(0, 2 if dtype == BOOL else 5, shape).astype(dtype)


BOUNDS = st.none() | st.integers(-8, 8)
STEPS = st.none() | st.integers(-4, 4).filter(bool)


@st.composite
def basic_keys(draw: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """A key of ints in range, slices, None and one Ellipsis."""
    count = draw(st.integers(0, len(shape)))
    key: list[Any] = []
    for size in shape[:count]:
        if size and draw(st.booleans()):
            key.append(draw(st.integers(-size, size - 1)))
        else:
            key.append(slice(draw(BOUNDS), draw(BOUNDS), draw(STEPS)))
        if draw(st.integers(0, 4)) == 0:
            key.append(None)
    if draw(st.booleans()):
        key.append(Ellipsis)
    return tuple(key)
