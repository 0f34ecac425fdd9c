"""Maps that read or store an array across: square tiles, turned over in shared memory.

    out[i, j] = f(x[i, j], a[j, i])     a block takes 32 x 32 elements: its threads along x lie along i while
                                        they load a's, and along j while they compute and store

Element by element each such read takes 32 bytes of memory for itself.  A row of a tile in shared memory is one
element longer than the tile is wide, so that threads that read a column find it in different banks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from eqsat_tensor.extents import Size, product
from eqsat_tensor.lower.cuda.passes import Passes
from eqsat_tensor.lower.cuda.words import TYPES
from eqsat_tensor.lower.cuda.writer import INDEX, Guards, Here, gathered
from eqsat_tensor.lower.walk import Key, is_stored, operands_at
from eqsat_tensor.schedule.accesses import Access, linear
from eqsat_tensor.schedule.loop_values import Pair, Reduce, Value, operands_of
from eqsat_tensor.schedule.loops import Nest

SIDE = 32  # of a tile: threads of a warp
TALL = 8  # threads of a block along y
SHARED = 48 << 10  # bytes of shared memory that a block may have


class Tiled(Passes):
    """Writes a map by tiles of its inner axis and the one ``across``."""

    def __init__(self, nest: Nest, buffers: Mapping[Value, str]) -> None:
        super().__init__(nest, buffers)
        self.width = 1
        self.inner = len(nest.domain) - 1
        self.across, self.reads, self.writes = self._turned()
        self.places: dict[tuple[Value, Access, Guards], str] = {}

    @property
    def bytes(self) -> int:
        """Of shared memory."""
        sizes = [v.dtype.itemsize for v, _, _ in self.reads] + [
            v.dtype.itemsize for v in self.writes
        ]
        return SIDE * (SIDE + 1) * sum(sizes)

    def pays(self, about: Callable[[Size], int]) -> bool:
        """Is something turned, and are both sides of a tile full?  about: of a size, how large."""
        sides = [self.nest.domain[a] for a in (self.inner, self.across)]
        few = min(map(about, sides)) < SIDE // 2
        return bool(self.reads or self.writes) and not few and self.bytes <= SHARED

    def _turned(self) -> tuple[int, list[Key], list[Value]]:
        """The axis along which most of what lies across does, and what is read and stored so."""
        reads: dict[int, list[Key]] = {}
        writes: dict[int, list[Value]] = {}
        for value, access, guards in _loads(self.nest, self.buffers):
            axis = None if gathered(access) else self._axis(value, access)
            if axis is not None:
                reads.setdefault(axis, []).append((value, access, guards))
        for root in self.nest.roots:
            axis = None if isinstance(root.value, Pair) else self._axis(root.value, root.access)
            if axis is not None:
                writes.setdefault(axis, []).append(root.value)
        axes = sorted({*reads, *writes})
        if not axes:
            return self.inner, [], []
        axis = max(axes, key=lambda a: len(reads.get(a, [])) + len(writes.get(a, [])))
        return axis, reads.get(axis, []), writes.get(axis, [])

    def _axis(self, value: Value, access: Access) -> int | None:
        """The axis along which neighbours in memory lie, where it is not the inner one."""
        steps = linear(value, access)[1]
        if steps.get(self.inner, 0) in (0, 1):
            return None
        return next((axis for axis, step in steps.items() if step == 1), None)

    # --------------------------------------------------------------------------- loads and stores
    def tile(self, dtype: np.dtype) -> str:
        """Shared memory for one tile."""
        name = self.function.fresh("m")
        self.function.line(f"__shared__ {TYPES[dtype.name]} {name}[{SIDE}][{SIDE + 1}];", 0)
        return name

    def load(
        self, value: Value, access: Access, guards: Guards, here: Here, labels: Mapping[int, str]
    ) -> str:
        name = self.places.get((value, access, guards))
        if name is None:
            return super().load(value, access, guards, here, labels)
        return self.function.let(TYPES[value.dtype.name], f"{name}[threadIdx.x][row]")

    def store(
        self, value: Value, access: Access, text: str, guards: Guards, here: Here, live: str = ""
    ) -> None:
        name = self.places.get((value, access, guards))
        if name is None:
            super().store(value, access, text, guards, here, live)
        else:
            self.function.line(f"{name}[threadIdx.x][row] = {text};")


def write_tiles(w: Tiled) -> None:
    """Load what lies across; compute and store the rest; store what lies across."""
    f, domain = w.function, w.nest.domain
    rest = [axis for axis in range(len(domain)) if axis not in (w.inner, w.across)]
    sizes = [*(domain[a] for a in rest), _tiles(domain[w.across]), _tiles(domain[w.inner])]
    stores = [r for r in w.nest.roots if r.value in w.writes]
    loaded = [(key, w.tile(key[0].dtype)) for key in w.reads]
    stored = [((r.value, r.access, r.guards), w.tile(r.value.dtype)) for r in stores]
    total = f.let(INDEX, w.size(product(sizes)))
    with f.block(f"for ({INDEX} tile = blockIdx.x; tile < {total}; tile += gridDim.x)"):
        *index, far, near = w.decomposed("tile", sizes)
        outer = dict(zip(rest, index, strict=True))
        first = {a: f.let(INDEX, f"{t} * {SIDE}") for a, t in ((w.across, far), (w.inner, near))}
        if loaded:
            with _each(w, outer, first, w.across) as here:
                for (value, access, guards), name in loaded:
                    test = w.condition(guards, here)
                    element = f"{w.memory(value)}[{w.offset(value, access, here, {})}]"
                    load = f"{name}[row][threadIdx.x] = {element};"
                    f.line(f"if ({test}) {load}" if test else load)
            f.line("__syncthreads();")
        w.places = dict([*loaded, *stored])
        with _each(w, outer, first, w.inner) as here:
            w.body_of(w.nest.roots, here, {})
        f.line("__syncthreads();")
        w.places = {}
        if stored:
            with _each(w, outer, first, w.across) as here:
                for (value, access, guards), name in stored:
                    w.store(value, access, f"{name}[row][threadIdx.x]", guards, here)
            f.line("__syncthreads();")


def tiles_of(w: Tiled) -> Size:
    """How many tiles there are."""
    domain = w.nest.domain
    rest = [size for axis, size in enumerate(domain) if axis not in (w.inner, w.across)]
    return product([*rest, _tiles(domain[w.across]), _tiles(domain[w.inner])])


def _tiles(size: Size) -> Size:
    return (size + (SIDE - 1)) // SIDE


@contextmanager
def _each(
    w: Tiled, outer: Mapping[int, str], first: Mapping[int, str], along: int
) -> Iterator[Here]:
    """The places of a tile that a thread takes, threads along x lying along an axis."""
    f, domain = w.function, w.nest.domain
    other = w.across + w.inner - along
    with f.block(f"EQ_UNROLL for (int turn = 0; turn < {SIDE // TALL}; ++turn)"):
        f.line(f"const int row = threadIdx.y + turn * {TALL};")
        index = dict(outer)
        index[along] = f.let(INDEX, f"{first[along]} + threadIdx.x")
        index[other] = f.let(INDEX, f"{first[other]} + row")
        inside = " && ".join(f"{index[a]} < {w.size(domain[a])}" for a in (along, other))
        with f.block(f"if ({inside})"):
            yield Here([index[a] for a in range(len(domain))])


def _loads(nest: Nest, buffers: Mapping[Value, str]) -> list[Key]:
    """What a map loads, and where."""
    own = {root.value: root for root in nest.roots}
    stack: list[Key] = [(v, r.inside, r.guards) for r in nest.roots for v in r.sources]
    seen: set[Key] = set()
    found = []
    while stack:
        key = stack.pop()
        if key in seen:
            continue
        seen.add(key)
        if is_stored(key[0], key[1], 0, own, buffers):
            found.append(key)
        elif operands_of(key[0]) and not isinstance(key[0], Reduce):
            stack += operands_at(*key)
    return found
