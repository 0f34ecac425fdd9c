"""`Expr` -> loop values: composites expanded, scalar bodies recorded, movement made into accesses.

%0 = softplus(x) : f64[n]              ->  Map softplus
%1 = transpose(%0, axes=(1, 0))        ->  View of it, axis 0 read by axis 1
%2 = concatenate(a, b, axis=0)         ->  select(iota < n, pad(a), pad(b))
%3 = matmul(transpose(x), v) : [k, 1]  ->  Reduce sum of Map multiply
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from eqsat_tensor.extents import Size
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import BOOL, FLOAT16, FLOAT32, INT64, OF_ONE_RESULT, OPS, Expr, topological
from eqsat_tensor.scalar import PRIMITIVES, Builder
from eqsat_tensor.schedule import pairs
from eqsat_tensor.schedule.chains import Chains, chains_of
from eqsat_tensor.schedule.loops import (
    Call,
    Constant,
    Host,
    Input,
    Iota,
    Map,
    Pad,
    Pick,
    Reduce,
    Scan,
    SizeValue,
    Stored,
    Value,
    View,
    through,
)
from eqsat_tensor.types import Shape, TensorType, literal

# Products with a side that is statically 1 become reductions of our own, which fuse.
OWN_VECTOR_PRODUCTS = True


CHAIN = 8  # updates one after another, from which on each is done in place


def lower_program(outputs: Sequence[Expr], strided: Collection[Expr] = ()) -> tuple[Value, ...]:
    """The loop values of ``outputs``, one an output, no two the same and none an input.

    strided: input leaves whose arrays are not C-contiguous.
    """
    table = Values(frozenset(strided), chains_of(outputs))
    results: list[Value] = []
    for value in table.lower(outputs):
        stored = value
        reshape = isinstance(value, Call) and value.function == "reshape"
        if value in results or reshape or isinstance(value, Input | Constant | SizeValue):
            stored = Map(value.type, "keep", (value,))
        results.append(stored)
    return tuple(results)


class Recorder(Builder):
    """Runs a scalar body on values of one shape, making `Map` values."""

    def __init__(self, table: Values, shape: Shape) -> None:
        self.table, self.shape = table, shape

    def apply(self, name: str, *operands: Any) -> Value:
        kept = operands[1] if name == "select" else operands[0]
        dtype = BOOL if PRIMITIVES[name].result == "bool" else kept.dtype
        return self.table.map(name, TensorType(dtype, self.shape), *operands)

    def constant(self, value: float, like: Any) -> Value:
        return self.table.constant(value, like.dtype)


class Values:
    """The table of one program: equal values are one object."""

    def __init__(self, strided: frozenset[Expr], chains: Chains) -> None:
        self.strided, self.chains = strided, chains
        self.known: dict[tuple[Any, ...], Value] = {}
        self.done: dict[Expr, Value] = {}
        self.names: dict[str, Expr] = {}

    def lower(self, outputs: Sequence[Expr]) -> list[Value]:
        for node in topological(outputs):
            if node in self.done:
                continue
            if node.op.kind is Kind.COMPOSITE and node.op.expand is not None:
                expanded = node.op.expand(*map(widened, node.arguments), **node.named)
                self.done[node] = self.cast(self.lower([expanded])[0], node.dtype)
            else:
                operands = tuple(self.done[a] for a in node.arguments)
                self.done[node] = self.lower_node(node, operands)
        return [self.done[o] for o in outputs]

    def lower_node(self, node: Expr, operands: tuple[Value, ...]) -> Value:
        if node.op.name == "cast":
            return self.cast(operands[0], node.dtype)
        if node.op.kind is Kind.ELEMENTWISE:
            result: Value = node.op.body(Recorder(self, node.shape), *operands)
            return self.full(result, node.shape)
        if node.dtype == FLOAT16 and node.op.kind in (Kind.REDUCTION, Kind.CONTRACTION):
            return self.accumulated(node, operands)
        if node.op.kind is Kind.REDUCTION:
            return self.make(Reduce, node.type, node.op.name, operands[0], tuple(node["axes"]))
        if node.op.kind is Kind.LIBRARY:
            return pairs.parts(self, self.called(node, operands))
        if node.op.name in pairs.LOWER:
            return pairs.LOWER[node.op.name](self, node, *operands)
        if node.op.kind is Kind.CUMULATIVE:
            return self.scan(node, *operands)
        method: Callable[..., Value] = getattr(self, f"lower_{node.op.name}")
        return method(node, *operands)

    def accumulated(self, node: Expr, operands: Sequence[Value]) -> Value:
        """A reduction or product of halves: in float32, rounded once."""
        wide = tuple(self.cast(v, FLOAT32) for v in operands)
        type = node.type.with_dtype(FLOAT32)
        if node.op.kind is Kind.REDUCTION:
            result = self.make(Reduce, type, node.op.name, wide[0], tuple(node["axes"]))
        else:
            method: Callable[..., Value] = getattr(self, f"{node.op.name}_of")
            result = method(type, *wide)
        return self.cast(result, FLOAT16)

    # ------------------------------------------------------------------------------ constructors
    def make(self, kind: type[Value], type: TensorType, *fields: Any) -> Value:
        key = (kind, type, *fields)
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = kind(type, *fields)
        return found

    def constant(self, value: object, dtype: np.dtype) -> Value:
        return self.make(Constant, TensorType(dtype, ()), literal(value, dtype))

    def full(self, value: Value, shape: Shape) -> Value:
        """A 0-d value in every element of a shape; a value of that shape stays as it is."""
        if value.shape == shape or not isinstance(value, Constant | SizeValue):
            return value
        return self.make(View, value.type.with_shape(shape), value, ())

    def map(self, primitive: str, type: TensorType, *operands: Value) -> Value:
        bare = tuple(
            o.source if isinstance(o, View) and isinstance(o.source, Constant | SizeValue) else o
            for o in operands
        )
        views = [o for o in bare if not isinstance(o, Constant | SizeValue)]
        first = views[0] if views else None
        if isinstance(first, View) and _moves_only(first):
            inner, axes = first.source.shape, first.axes
            if all(
                isinstance(v, View) and (v.axes, v.source.shape) == (axes, inner) for v in views
            ):
                # The same broadcast or transpose of all operands: computed before it, once.
                below = tuple(o.source if isinstance(o, View) else o for o in bare)
                return self.view(
                    type.shape, self.map(primitive, type.with_shape(inner), *below), axes
                )
        return self.make(Map, type, primitive, bare)

    def cast(self, value: Value, dtype: np.dtype) -> Value:
        if value.dtype == dtype:
            return value
        return self.map("cast", value.type.with_dtype(dtype), value)

    def view(
        self, shape: Shape, source: Value, axes: Sequence[tuple[int | None, Size, int]]
    ) -> Value:
        if isinstance(source, View):
            composed = through(source, tuple(axes))
            axes = [(a, s, t) for a, s, t in composed if a is None or isinstance(a, int)]
            source = source.source
        if shape == source.shape and tuple(axes) == _same(shape):
            return source
        return self.make(View, source.type.with_shape(shape), source, tuple(axes))

    # ------------------------------------------------------------------------------------ leaves
    def lower_input(self, node: Expr) -> Value:
        name = str(node["name"])
        assert self.names.setdefault(name, node) is node, f"two inputs are called {name}"
        return self.make(Input, pairs.paired(node.type), name, node not in self.strided)

    def lower_full(self, node: Expr) -> Value:
        value = self.make(Constant, TensorType(node.dtype, ()), node["value"])
        return self.full(value, node.shape)

    def lower_iota(self, node: Expr) -> Value:
        return self.make(Iota, node.type, node["axis"])

    def lower_size(self, node: Expr) -> Value:
        return self.make(SizeValue, node.type, node["size"][0])

    def scan(self, node: Expr, source: Value, last: Value | None = None) -> Value:
        """Of two operands the first is what the place before is multiplied by."""
        axis, reverse = node["axis"], bool(node["reverse"])
        if node.shape[axis] == 1:
            return source if last is None else last
        if last is not None:
            return self.make(Scan, node.type, node.op.name, last, axis, reverse, source)
        return self.make(Scan, node.type, node.op.name.removeprefix("cum"), source, axis, reverse)

    def lower_keep(self, node: Expr, value: Value) -> Value:
        return Map(value.type, "keep", (value,))

    # ---------------------------------------------------------------------------------- movement
    def lower_broadcast(self, node: Expr, value: Value) -> Value:
        new = set(node["axes"])
        return self.view(
            node.shape, value, [(j, 0, 1) for j in range(len(node.shape)) if j not in new]
        )

    def lower_squeeze(self, node: Expr, value: Value) -> Value:
        return self.view(node.shape, value, _dropped(value.shape, set(node["axes"])))

    def lower_transpose(self, node: Expr, value: Value) -> Value:
        place = {axis: j for j, axis in enumerate(node["axes"])}
        return self.view(node.shape, value, [(place[k], 0, 1) for k in range(len(place))])

    def lower_slice(self, node: Expr, value: Value) -> Value:
        terms = zip(node["start"], node["step"], strict=True)
        return self.view(node.shape, value, [(j, s, t) for j, (s, t) in enumerate(terms)])

    def lower_diagonal(self, node: Expr, value: Value) -> Value:
        rank = len(node.shape)
        return self.view(node.shape, value, [*_same(node.shape), (rank - 1, 0, 1)])

    def lower_refine(self, node: Expr, value: Value) -> Value:
        return self.view(node.shape, value, _same(node.shape))

    lower_stretch = lower_unstretch = lower_refine  # of sizes that are equal, by a guard

    def lower_assume(self, node: Expr, value: Value) -> Value:
        return value

    def lower_reshape(self, node: Expr, value: Value) -> Value:
        long_from = [j for j, s in enumerate(value.shape) if s != 1]
        long_to = [j for j, s in enumerate(node.shape) if s != 1]
        if [value.shape[j] for j in long_from] == [node.shape[j] for j in long_to]:
            place = dict(zip(long_from, long_to, strict=True))
            return self.view(
                node.shape, value, [(place.get(j), 0, 1) for j in range(value.type.rank)]
            )
        if isinstance(value, View) and isinstance(value.source, Constant | SizeValue):
            return self.full(value.source, node.shape)
        return self.make(Call, node.type, "reshape", (self.stored(value),))

    def lower_pad(self, node: Expr, value: Value) -> Value:
        return self.padded(value, node.shape, node["low"], node["step"])

    def padded(self, value: Value, shape: Shape, low: Shape, step: tuple[int, ...]) -> Value:
        """``value`` with element i of axis j at low[j] + i * step[j] of ``shape``, zeros between."""
        low = tuple(low)
        for axis, stride in enumerate(step):
            if stride != 1:
                value = self.dilated(value, axis, shape[axis], low[axis], stride)
                low = (*low[:axis], 0, *low[axis + 1 :])
        if value.shape == shape and all(s == 0 for s in low):
            return value
        return self.make(Pad, value.type.with_shape(shape), value, low)

    def dilated(self, value: Value, axis: int, size: Size, low: Size, step: int) -> Value:
        """``value`` with element i at low + i * step of an axis of ``size``, zeros between."""
        shape = (*value.shape[:axis], size, *value.shape[axis + 1 :])
        whole = (*shape[:axis], size, *value.shape[axis:])
        index = TensorType(INT64, shape)
        at = self.make(Iota, index, axis)
        at = self.map("subtract", index, at, self.size_of(low))
        step_value = self.constant(step, np.dtype(INT64))
        label = self.map("floor_divide", index, at, step_value)
        flags = index.with_dtype(BOOL)
        zero = self.constant(0, np.dtype(INT64))
        hit = self.map("equal", flags, self.map("remainder", index, at, step_value), zero)
        hit = self.map("logical_and", flags, hit, self.map("greater_equal", flags, label, zero))
        end = self.map("less", flags, label, self.size_of(value.shape[axis]))
        hit = self.map("logical_and", flags, hit, end)
        first = self.map("maximum", index, label, zero)  # negative labels would wrap
        spread = self.view(
            whole, value, [(j if j < axis else j + 1, 0, 1) for j in range(value.type.rank)]
        )
        picked = self.make(Pick, value.type.with_shape(shape), spread, axis + 1, first)
        nothing = self.constant(0, value.dtype)
        return self.map("select", picked.type, hit, picked, nothing)

    def size_of(self, size: Size) -> Value:
        if isinstance(size, int):
            return self.constant(size, np.dtype(INT64))
        return self.make(SizeValue, TensorType(INT64, ()), size)

    def lower_concatenate(self, node: Expr, first: Value, second: Value) -> Value:
        axis = node["axis"]
        split = first.shape[axis]
        zeros: list[Size] = [0] * len(node.shape)
        low = tuple(split if j == axis else z for j, z in enumerate(zeros))
        left = self.make(Pad, node.type, first, tuple(zeros))
        right = self.make(Pad, node.type, second, low)
        index = self.make(Iota, TensorType(INT64, node.shape), axis)
        here = self.map("less", TensorType(BOOL, node.shape), index, self.size_of(split))
        return self.map("select", node.type, here, left, right)

    def lower_gather(self, node: Expr, value: Value, index: Value) -> Value:
        """A pick along a new first axis: both are only looked at through views."""
        lead, rest = len(index.shape), len(value.shape) - 1
        whole = (value.shape[0], *node.shape)
        rows = [(0, 0, 1), *((1 + lead + j, 0, 1) for j in range(rest))]
        label = self.view(node.shape, index, [(j, 0, 1) for j in range(lead)])
        return self.make(Pick, node.type, self.view(whole, value, rows), 0, label)

    def lower_scatter(self, node: Expr, base: Value, index: Value, updates: Value) -> Value:
        operands = (self.base_of(node, base), self.loaded(index), self.loaded(updates))
        return Call(node.type, "scatter", operands, (("mode", node["mode"]),))

    def lower_update_slice(self, node: Expr, base: Value, part: Value) -> Value:
        """A selection; of a long chain, where each would select from all before it, in place."""
        start, step = node["start"], node["step"]
        if self.chains.length[node] > CHAIN:
            options = (("start", start), ("step", step))
            operands = (self.base_of(node, base), self.loaded(part))
            return Call(node.type, "update", operands, options) if node.shape else part
        yes = self.full(self.constant(True, BOOL), part.shape)
        flags = node.type.with_dtype(BOOL)
        inside = self.padded(yes, flags.shape, start, step)
        chosen = self.padded(part, node.shape, start, step)
        result = self.map("select", node.type, inside, chosen, base)
        if node not in self.chains.kept:
            return result
        stored = self.make(Stored, node.type, "keep", (result,))
        if isinstance(part, Map):
            self.read_there(node, stored)
        return stored

    def read_there(self, node: Expr, stored: Value) -> None:
        """Who reads what was written from now on reads it in the stored array."""
        part, terms = node.arguments[1], list(zip(node["start"], node["step"], strict=True))
        self.done[part] = self.view(
            part.shape, stored, [(j, s, t) for j, (s, t) in enumerate(terms)]
        )
        if part.op.name == "broadcast" and all(part.shape[a] == 1 for a in part["axes"]):
            kept = iter(range(len(part.shape)))
            axes = [None if j in part["axes"] else next(kept) for j in range(len(part.shape))]
            self.done[part.arguments[0]] = self.view(
                part.arguments[0].shape,
                stored,
                [(a, s, t) for a, (s, t) in zip(axes, terms, strict=True)],
            )

    def base_of(self, node: Expr, base: Value) -> Value:
        """Memory to change: that of an operand that nothing else reads, else a copy's."""
        if node.arguments[0] in self.chains.alone and isinstance(base, Call) and base.in_place:
            return base
        return Map(base.type, "keep", (base,))

    def loaded(self, value: Value) -> Value:
        """The operand of a call, in memory also where it is a constant."""
        if isinstance(value, Constant | SizeValue):
            return self.map("keep", value.type, value)
        return self.stored(value)

    def lower_pick(self, node: Expr, value: Value, index: Value) -> Value:
        return self.make(Pick, node.type, value, node["axis"], index)

    # -------------------------------------------------------------------------- library, products
    def called(self, node: Expr, operands: Sequence[Value]) -> Value:
        named, result = node.named, None
        if node.op.results is not None:
            result = named["result"]
            named = {k: v for k, v in named.items() if k not in OF_ONE_RESULT}
        arrays = tuple(self.array(v, a.type) for v, a in zip(operands, node.arguments, strict=True))
        fields = (node.op.name, tuple(named.items()), result)
        return self.make(Host, node.type, "host", arrays, (), *fields)

    def array(self, value: Value, type: TensorType) -> Value:
        """A value as an array in memory, or a constant of rank 0."""
        if isinstance(value, Constant) and not type.shape:
            return value
        if isinstance(value, Constant | SizeValue):
            return self.map("keep", type, value)
        return pairs.whole(self, self.stored(value), type)

    def lower_matmul(self, node: Expr, a: Value, b: Value) -> Value:
        return self.matmul_of(node.type, a, b)

    def lower_gemm(self, node: Expr, *operands: Value) -> Value:
        return self.gemm_of(node.type, *operands)

    def matmul_of(self, type: TensorType, a: Value, b: Value) -> Value:
        if type.dtype.kind != "f" or self.is_own_product(type):
            return self.product(type, a, b)
        return self.blas_product(type, a, b)

    @staticmethod
    def is_own_product(type: TensorType) -> bool:
        """Is a product with a vector done by our own loops?"""
        return OWN_VECTOR_PRODUCTS and 1 in type.shape[-2:]

    def gemm_of(
        self, type: TensorType, alpha: Value, a: Value, b: Value, beta: Value, c: Value
    ) -> Value:
        whole = isinstance(c, Input | Call | Reduce | Scan) or _is_row(type, c)
        if whole and type.dtype.kind == "f" and not self.is_own_product(type):
            return self.blas_product(type, a, b, alpha, beta, c)
        # What is computed for the addend alone would be stored, copied into the result and read
        # again by the library: it is added where the result is read instead.
        product = self.matmul_of(type, a, b)
        scaled = self.map("multiply", type, self.spread(alpha, type.shape), product)
        added = self.map("multiply", type, self.spread(beta, type.shape), c)
        return self.map("add", type, scaled, added)

    def spread(self, value: Value, shape: Shape) -> Value:
        return self.view(shape, value, [])

    def product(self, type: TensorType, a: Value, b: Value) -> Value:
        """A matrix product as a sum over a last axis k of a box [..., m, n, k]."""
        rank = len(type.shape)
        batch = [(j, 0, 1) for j in range(rank - 2)]
        box = (*type.shape, a.shape[-1])
        left = self.view(box, a, [*batch, (rank - 2, 0, 1), (rank, 0, 1)])
        right = self.view(box, b, [*batch, (rank, 0, 1), (rank - 1, 0, 1)])
        if type.dtype.kind == "b":
            both = self.map("logical_and", TensorType(BOOL, box), left, right)
            return self.make(Reduce, type, "any", both, (rank,))
        terms = self.map("multiply", type.with_shape(box), left, right)
        return self.make(Reduce, type, "sum", terms, (rank,))

    def blas_product(self, type: TensorType, a: Value, b: Value, *scaled: Value) -> Value:
        plain_a, transpose_a = self.untransposed(a)
        plain_b, transpose_b = self.untransposed(b)
        options = [("transpose_a", transpose_a), ("transpose_b", transpose_b)]
        if scaled:
            alpha, beta, c = scaled
            if _is_row(type, c):
                assert isinstance(c, View), c
                c = c.source  # a bias
                options.append(("row", True))
            scaled = (alpha, beta, c)
        operands = tuple(self.stored(v) for v in (plain_a, plain_b, *scaled))
        return self.make(Call, type, "gemm", operands, tuple(options))

    def untransposed(self, value: Value) -> tuple[Value, bool]:
        """A matrix (with leading axes) and whether ``value`` is its transpose: a part of it, if so."""
        rank = len(value.shape)
        if isinstance(value, View) and rank == len(value.source.shape):
            swapped = (*_same(value.shape)[: rank - 2], (rank - 1, 0, 1), (rank - 2, 0, 1))
            if value.axes == swapped:
                shape = (*value.shape[:-2], value.shape[-1], value.shape[-2])
                return self.view(shape, value.source, _same(shape)), True
        return value, False

    def stored(self, value: Value) -> Value:
        """The operand of a call: what is not contiguous in memory is copied."""
        held = isinstance(value, View) and not isinstance(value.source, Constant | SizeValue)
        if held and isinstance(value, View) and _moves_only(value):
            axes = [axis for axis, _, _ in value.axes if axis is not None]
            outer = [j for j, size in enumerate(value.shape) if size != 1]
            if axes == sorted(axes) and set(outer) <= set(axes):  # only axes of size 1 come and go
                return self.make(Call, value.type, "reshape", (self.stored(value.source),))
        if isinstance(value, Input) and not value.contiguous:
            return self.map("keep", value.type, value)
        return value


def _is_row(type: TensorType, c: Value) -> bool:
    """Is an addend of a matrix product one row for all?"""
    return isinstance(c, View) and len(type.shape) == 2 and c.axes == ((1, 0, 1),)


def widened(x: Expr) -> Expr:
    """Halves as float32, in which what has several steps is computed."""
    return OPS["cast"](x, dtype=FLOAT32) if x.dtype == FLOAT16 else x


def _moves_only(view: View) -> bool:
    """A broadcast, transpose or squeeze: every element of the source is read."""
    return all(
        start == 0 and step == 1 and size == (1 if axis is None else view.shape[axis])
        for (axis, start, step), size in zip(view.axes, view.source.shape, strict=True)
    ) and len({axis for axis, _, _ in view.axes if axis is not None}) == sum(
        axis is not None for axis, _, _ in view.axes
    )


def _same(shape: Shape) -> tuple[tuple[int, Size, int], ...]:
    return tuple((j, 0, 1) for j in range(len(shape)))


def _dropped(shape: Shape, axes: set[int]) -> list[tuple[int | None, Size, int]]:
    kept = iter(range(len(shape)))
    return [(None if j in axes else next(kept), 0, 1) for j in range(len(shape))]
