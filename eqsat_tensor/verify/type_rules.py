"""The generated type rules, one an op: the type that the engine derives for a node that a rule made
is the one that ``infer`` gives.

Nodes are drawn over dtypes, ranks and sizes, some of them symbols.  Where a size is a symbol the
engine may say nothing (it computes with numbers alone); where all sizes are known it must say.
"""

from __future__ import annotations

import inspect
import itertools
import re
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

import eqsat_tensor.ops
from eqsat_tensor.egraph.derive import derived_types
from eqsat_tensor.egraph.engine import EngineError
from eqsat_tensor.errors import EqsatError
from eqsat_tensor.extents import minimum, symbol
from eqsat_tensor.kinds import Attribute
from eqsat_tensor.lang import INT64, INTS, OPS, Expr, OpDef, apply, text
from eqsat_tensor.ops.gather import MODES
from eqsat_tensor.rules.book import TYPES
from eqsat_tensor.rules.signature import constructors, type_rule
from eqsat_tensor.types import Shape, TensorType, literal
from eqsat_tensor.verify.conditions import Misfit
from eqsat_tensor.verify.operand_types import propose
from eqsat_tensor.verify.report import Report
from eqsat_tensor.verify.trials import Counterexample
from eqsat_tensor.verify.typed_draw import ANY_DTYPE, Draw

SIZES = (2, 3, 1, 5, 4, 0, 7)  # a size of 5 becomes a symbol, half the time
SYMBOLIC = 5
BATCH = 1000  # nodes that go to the engine together
TRIES = 12  # draws for each example, most of which do not fit an op of many conditions
LIKE = 0.5  # how often all operands have one type
PREFIX = "type/"


def type_rules() -> tuple[str, ...]:
    """Names of the type rules that can be wrong: those of ops with operands."""
    return tuple(
        PREFIX + name
        for name, op in constructors().items()
        if op.arity > 0 and type_rule(op) is not None
    )


def verify_type_rule(name: str, examples: int) -> Report:
    """Hold the type rule ``type/Exp`` on that many nodes, all different."""
    op = constructors()[name.removeprefix(PREFIX)]
    random = np.random.default_rng(zlib.crc32(name.encode()))
    nodes = list(itertools.islice(_different(_nodes(op, random, examples * TRIES)), examples))
    found: Counterexample | None = None
    for start in range(0, len(nodes), BATCH):
        found = _wrong(op, nodes[start : start + BATCH])
        if found is not None:
            break
    problem = "" if nodes else "no instance: nothing drawn fits the op"
    return Report(
        name, "type", TYPES, "exact", place_of_type_rule(name), len(nodes), len(nodes), 0.0, 0, 0, found,
        problem, dtypes=tuple(sorted({n.dtype.name for n in nodes})),
    )  # fmt: skip


def _wrong(op: OpDef, nodes: list[Expr]) -> Counterexample | None:
    """The smallest of these nodes whose type the engine gets wrong."""
    try:
        found = derived_types(op, nodes)
    except EngineError as error:
        if len(nodes) == 1:
            return _counterexample(nodes[0], f"the engine failed: {error}")
        half = len(nodes) // 2
        return _wrong(op, nodes[:half]) or _wrong(op, nodes[half:])
    wrong = [
        (node, type)
        for node, type in zip(nodes, found, strict=True)
        if type != node.type and not (type is None and _has_symbol(node))
    ]
    if not wrong:
        return None
    node, type = min(wrong, key=lambda pair: _weight(pair[0]))
    return _counterexample(node, "no type" if type is None else str(type))


def _counterexample(node: Expr, derived: str) -> Counterexample:
    operands = {f"x{i}": str(a.type) for i, a in enumerate(node.arguments)}
    return Counterexample(
        "another type", text([node]), "", operands, derived, str(node.type), str(node.type), 0.0
    )


def _has_symbol(node: Expr) -> bool:
    types = [node.type, *(a.type for a in node.arguments)]
    return any(not isinstance(size, int) for type in types for size in type.shape)


def _weight(node: Expr) -> tuple[bool, int, int]:
    """Nodes without symbols first, then those of fewest axes, then of fewest elements."""
    types = [node.type, *(a.type for a in node.arguments)]
    ranks = sum(type.rank for type in types)
    sizes = [size if isinstance(size, int) else SYMBOLIC for type in types for size in type.shape]
    return _has_symbol(node), ranks, sum(sizes)


# ---------------------------------------------------------------------------------- instances
def _different(nodes: Iterator[Expr]) -> Iterator[Expr]:
    seen: set[tuple[Any, ...]] = set()
    for node in nodes:
        key = (*(a.type for a in node.arguments), node.attributes)
        if key not in seen:
            seen.add(key)
            yield node


def _nodes(op: OpDef, random: np.random.Generator, tries: int) -> Iterator[Expr]:
    """Nodes of ``op`` on inputs, as many as come out of so many tries."""
    keys = itertools.count(1 << 50)
    leaves: dict[tuple[TensorType, int], Expr] = {}

    def leaf(type: TensorType, place: int) -> Expr:
        known = leaves.get((type, place))
        if known is None:
            known = leaves[type, place] = apply(
                OPS["input"], name=f"x{place}", key=next(keys), dtype=type.dtype, shape=type.shape
            )
        return known

    size = symbol("n", 1)
    for _ in range(tries):
        try:
            draw = SPECIAL.get(op.name, _proposed if random.random() < LIKE else _guessed)
            types, attributes = draw(op, random)
            if random.random() < 0.5:
                types = tuple(t.with_shape(_opened(t.shape, size)) for t in types)
                attributes = {
                    n: _opened(v, size) if op.attributes[n] is Attribute.SHAPE else v
                    for n, v in attributes.items()
                }
            yield apply(op, *(leaf(t, i) for i, t in enumerate(types)), **attributes)
        except (AssertionError, EqsatError, Misfit, ValueError, IndexError, TypeError, KeyError):
            continue  # it does not fit the op, which says so in one way or another


def _opened(shape: Shape, size: Any) -> Shape:
    return tuple(size if s == SYMBOLIC else s for s in shape)


Use: TypeAlias = tuple[tuple[TensorType, ...], dict[str, Any]]


def _proposed(op: OpDef, random: np.random.Generator) -> Use:
    """Operand types for a result type drawn first."""
    draw = Draw(random, {}, {}, ANY_DTYPE)
    dtype = ANY_DTYPE[int(random.integers(len(ANY_DTYPE)))]
    wanted = TensorType(dtype, _shape(random))
    attributes, types = propose(draw, op, wanted, {}, [f"?{i}" for i in range(op.arity)])
    return tuple(types), attributes


def _guessed(op: OpDef, random: np.random.Generator) -> Use:
    """Any types, often square, alike or with an axis in common, and attributes of the right kinds."""
    first = TensorType(op.dtypes[int(random.integers(len(op.dtypes)))], _shape(random))
    if random.random() < LIKE and first.rank >= 2:
        first = first.with_shape((*first.shape[:-1], first.shape[-2]))
    types = [first]
    for _ in range(1, op.arity):
        shape = first.shape if random.random() < LIKE else _shape(random)
        if random.random() < LIKE and first.rank and shape:
            shape = (*first.shape[:-1], shape[-1])
        same = random.random() < LIKE
        dtype = first.dtype if same else ANY_DTYPE[int(random.integers(len(ANY_DTYPE)))]
        types.append(TensorType(dtype, shape))
    named = {n: _value(kind, types, random) for n, kind in op.attributes.items()}
    if op.name == "transpose":
        named["axes"] = tuple(int(a) for a in random.permutation(first.rank))
    return tuple(types), named


def _scattered(op: OpDef, random: np.random.Generator) -> Use:
    first = TensorType(
        op.dtypes[int(random.integers(len(op.dtypes)))], (_size(random), *_shape(random))
    )
    index = TensorType(INTS[int(random.integers(len(INTS)))], _shape(random))
    updates = first.with_shape((*index.shape, *first.shape[1:]))
    mode = sorted(MODES)[int(random.integers(len(MODES)))]
    checked = int(random.integers(2))
    return (first, index, updates), {"mode": mode, "checked": checked, "shape": first.shape}


def _uniques(op: OpDef, random: np.random.Generator) -> Use:
    first = TensorType(
        op.dtypes[int(random.integers(len(op.dtypes)))], (*_shape(random), _size(random))
    )
    result, count = int(random.integers(4)), _size(random)
    shape = first.shape if result == 2 else (*first.shape[:-1], count)
    named = {"options": (count, int(random.integers(2))), "result": result, "shape": shape}
    return (first, first.with_shape(())), named | {"dtype": INT64 if result else first.dtype}


def _pseudo_inverses(op: OpDef, random: np.random.Generator) -> Use:
    first = _matrices(op, random)
    *lead, rows, columns = first.shape
    return (first, first.with_shape(lead)), {"shape": (*lead, columns, rows)}


def _least_squares(op: OpDef, random: np.random.Generator) -> Use:
    first = _matrices(op, random)
    *lead, rows, columns = first.shape
    count, result = _size(random), int(random.integers(2))
    shape = (*lead, minimum(rows, columns)) if result else (*lead, columns, count)
    types = (first, first.with_shape((*lead, rows, count)), first.with_shape(lead))
    return types, {"result": result, "shape": shape}


def _matrices(op: OpDef, random: np.random.Generator) -> TensorType:
    dtype = op.dtypes[int(random.integers(len(op.dtypes)))]
    return TensorType(dtype, (*_shape(random)[:2], _size(random), _size(random)))


# Ops whose operands and attributes hang together more than a guess would ever meet.
SPECIAL: dict[str, Callable[[OpDef, np.random.Generator], Use]] = {
    "scatter": _scattered,
    "unique": _uniques,
    "pinv": _pseudo_inverses,
    "lstsq": _least_squares,
}


def _size(random: np.random.Generator) -> int:
    return SIZES[int(random.integers(len(SIZES)))]


def _value(kind: Attribute, types: list[TensorType], random: np.random.Generator) -> Any:
    first, rank = types[0], types[0].rank
    match kind:
        case Attribute.INT:
            return int(random.integers(max(rank, 1)))
        case Attribute.AXES:
            count = int(random.integers(rank + 1))
            return tuple(sorted(int(a) for a in random.permutation(rank)[:count]))
        case Attribute.SIZES:
            return tuple(int(s) for s in random.integers(3, size=rank))
        case Attribute.SHAPE:
            choices = [first.shape, first.shape[:-1], types[-1].shape, _shape(random)]
            return choices[int(random.integers(len(choices)))]
        case Attribute.DTYPE:
            return ANY_DTYPE[int(random.integers(len(ANY_DTYPE)))]
        case Attribute.LITERAL:
            return literal(1, first.dtype)
        case _:
            raise Misfit(f"no way to draw a {kind}")


def _shape(random: np.random.Generator) -> tuple[int, ...]:
    rank = int(random.integers(5))
    return tuple(SIZES[i] for i in random.integers(len(SIZES), size=rank))


# ------------------------------------------------------------------------------------- places
OPS_FOLDER = Path(eqsat_tensor.ops.__file__).parent


@cache
def _records() -> dict[str, tuple[str, int]]:
    """Where each op is recorded: its name is the first argument of a call, or stands in a list."""
    found: dict[str, tuple[str, int]] = {}
    sources = [p for p in sorted(OPS_FOLDER.glob("*.py")) if p.stem not in ("__init__", "forms")]
    for pattern in (r'(?:^|\()\s*"([a-z0-9_]+)"(?:,|$)', r'"([a-z0-9_]+)"'):
        for path in sources:
            lines = path.read_text(encoding="utf-8").splitlines()
            for number, line in enumerate(lines, start=1):
                for name in re.findall(pattern, line):
                    found.setdefault(name, (f"ops/{path.name}", number))
    return found


def place_of_type_rule(name: str) -> str:
    """``file:line`` of the op's record; of an op from elsewhere, of its type function."""
    op = constructors()[name.removeprefix(PREFIX)]
    file, line = _records().get(op.name, ("", 0))
    if not file:
        code = inspect.unwrap(op.infer).__code__
        file, line = code.co_filename, code.co_firstlineno
    return f"{file}:{line}"
