"""What the kernels of several kinds of nest have in common: outer loops, blocks, empty sums."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eqsat_tensor.extents import Size, product
from eqsat_tensor.lower.cpu.pairs import store_pair
from eqsat_tensor.lower.cpu.passes import Passes
from eqsat_tensor.lower.cpu.places import Here
from eqsat_tensor.schedule.loop_values import Pair, Reduce, Value
from eqsat_tensor.schedule.loops import Nest, Root


def outer_loops(w: Passes, axes: int, body: Callable[[list[str]], None]) -> None:
    """Loops over the first axes; the very first from %begin to %end."""

    def level(axis: int, index: list[str]) -> list[str]:
        if axis == axes:
            body(index)
            return []
        low, high = ("%begin", "%end") if axis == 0 else ("0", w.size(w.nest.domain[axis]))
        return w.function.loop(low, high, 1, [], lambda i, _: level(axis + 1, [*index, i]))

    level(0, [])


def store_one(w: Passes, root: Root, here: Here) -> None:
    """Store a root that has no axis inside the place: one element, or a lane a row."""
    if root.value not in w.buffers:
        return
    if isinstance(root.value, Pair):
        store_pair(w, root, frozenset(), here)
        return
    if root.value in w.rows:
        text = w.rows[root.value]
    else:
        known = w.value(root.value, root.access, root.guards, here)
        text = w.vector(known, root.value, here.lanes)
    w.store(root.value, root.result, text, frozenset(), here)


def or_zero(w: Passes, reduce: Value, text: str, sizes: Sequence[Size], lanes: int = 0) -> str:
    """A sum of nothing is 0.0, where accumulators start from -0.0."""
    assert isinstance(reduce, Reduce)
    if reduce.dtype.kind != "f" or reduce.combine != "sum":
        return text
    count = product(sizes)
    if isinstance(count, int) and count > 0:
        return text
    builder = w.builder(reduce.dtype, lanes)
    empty = w.function.emit(f"icmp eq i64 {w.size(count)}, 0")
    return w.function.emit(
        f"select i1 {empty}, {builder.type} {builder.constant(0)}, {builder.type} {text}"
    )


def block(w: Passes, unit: str) -> tuple[str, str]:
    """First and last index of the first axis in a block."""
    f = w.function
    group = w.slot("i64", "group")
    low = f.multiply(unit, group)
    return low, w.clamp("smin", f.add(low, group), w.size(w.nest.domain[0]))


def number_of(nest: Nest, value: Value) -> int:
    """The place of a root among a nest's roots."""
    return next(k for k, r in enumerate(nest.roots) if r.value is value)
