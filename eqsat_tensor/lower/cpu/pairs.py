"""Pairs of neighbours in memory: parts of complex numbers, stored together and read apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eqsat_tensor.schedule.loop_values import Pair, Value
from eqsat_tensor.schedule.loops import Root

if TYPE_CHECKING:
    from eqsat_tensor.lower.cpu.evaluate import Evaluator
    from eqsat_tensor.lower.cpu.places import Guards, Here
    from eqsat_tensor.lower.cpu.writer import Writer


def store_pair(w: Evaluator, root: Root, guards: Guards, here: Here) -> None:
    """Compute both parts of a `Pair`, then store them: re, im, re, im, ..."""
    pair = root.value
    assert isinstance(pair, Pair), pair
    known = [w.value(v, root.inside, guards, here) for v in root.sources]
    texts = [w.vector(k, v, here.lanes) for k, v in zip(known, root.sources, strict=True)]
    if pair not in w.buffers:
        return
    kind, lanes, f = w.memory(pair), here.lanes, w.function
    pointer, inner = w.address(pair, root.access, here)
    mask = w.mask(guards, here)
    if lanes and inner == 2:
        wide = f"<{lanes} x {kind}>"
        first, second = texts
        both = _shuffled(
            w, wide, first, second, [q // 2 + lanes * (q % 2) for q in range(2 * lanes)]
        )
        if mask is not None:
            none = f"<{lanes} x i1>"
            mask = _shuffled(w, none, mask, "poison", [q // 2 for q in range(2 * lanes)])
        at = f.offset(kind, pointer, f.multiply(here.j, "2"))
        w.store_lanes(both, at, pair, mask, 2 * lanes)
        return
    for number, text in enumerate(texts):
        at = f.offset(kind, pointer, str(number))
        if lanes:
            w.scatter(text, at, inner, pair, mask, here)
        else:
            assert mask is None, "an epilogue has the box of its nest"
            f.effect(f"store {kind} {text}, ptr {at}")


def store_interleaved(w: Evaluator, root: Root, texts: list[str], here: Here) -> None:
    """Store a_0, b_0, ..., a_1, b_1, ...: vectors whose lanes lie as far apart as there are vectors."""
    kind, lanes, f, count = w.memory(root.value), here.lanes, w.function, len(texts)
    held = [w.to_memory(text, root.value, lanes) for text in texts]
    wide, half = f"<{lanes} x {kind}>", list(range(2 * lanes))
    if count > 2:
        held += ["poison"] * (4 - count)
        held = [_shuffled(w, wide, held[k], held[k + 1], half) for k in (0, 2)]
        wide = f"<{2 * lanes} x {kind}>"
    order = [q // count + lanes * (q % count) for q in range(count * lanes)]
    both = _shuffled(w, wide, held[0], held[1], order)
    mask = w.mask(frozenset(), here)
    if mask is not None:
        each = [q // count for q in range(count * lanes)]
        mask = _shuffled(w, f"<{lanes} x i1>", mask, "poison", each)
    pointer, _ = w.address(root.value, root.access, here)
    at = f.offset(kind, pointer, f.multiply(here.j, str(count)))
    w.store_lanes(both, at, root.value, mask, count * lanes)


def every_second(w: Writer, pointer: str, value: Value, here: Here) -> str:
    """A vector of elements two apart, from two loads that read nothing beyond the last of them."""
    f, kind, lanes = w.function, w.memory(value), here.lanes
    first = f.offset(kind, pointer, f.multiply(here.j, "2"))
    low, high = (
        w.vector_load(f.offset(kind, first, str(by)), value, None, here, raw=True)
        for by in (0, lanes - 1)
    )
    order = [2 * q if 2 * q < lanes else 2 * q + 1 for q in range(lanes)]
    return w.from_memory(_shuffled(w, f"<{lanes} x {kind}>", low, high, order), value, lanes)


def _shuffled(w: Writer, wide: str, first: str, second: str, order: list[int]) -> str:
    picks = ", ".join(f"i32 {q}" for q in order)
    return w.function.emit(
        f"shufflevector {wide} {first}, {wide} {second}, <{len(order)} x i32> <{picks}>"
    )
