"""Binding: a program's launches, buffers and calls for given sizes, in numbers.

All temporaries lie in one allocation, placed by lifetime.  How threads share work (`geometry`)
depends on sizes alone, not on the device: the same sizes give the same bits everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eqsat_tensor.extents import Size, SizeTerm, evaluate
from eqsat_tensor.lower.cuda.emit import Launch, Step
from eqsat_tensor.lower.cuda.program import Array, Outside, Product, Program, Work
from eqsat_tensor.lower.cuda.tiles import SIDE, TALL
from eqsat_tensor.types import Literal

THREADS = 256  # of a block
BLOCKS = 1 << 20  # most of a launch along x; threads then take several turns
CHUNKS = 1024  # blocks that share a reduction, about: some for each multiprocessor
GROUPS = 16  # a thread of a chunk takes at least so many, about
WIDE_ROW = 1024  # groups of a row from which a block takes it, and not a warp
ALIGN = 256
SERIAL = (64, 8192)  # a scatter of no more updates, or of as many columns, needs no order


@dataclass(frozen=True)
class Run:
    """A launch in numbers.  arguments: numbers, and names of buffers."""

    kernel: str
    grid: tuple[int, int]
    block: tuple[int, int]
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Sort:
    """Positions that bring ``count`` int64 labels to order, equal ones staying in theirs."""

    labels: str
    order: str
    count: int


@dataclass(frozen=True)
class Place:
    """An array of known shape in a buffer, or a constant."""

    buffer: str | Literal
    dtype: np.dtype
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"

    @property
    def constant(self) -> np.ndarray | None:
        """The value of a constant, of rank 0; None for what is in a buffer."""
        if isinstance(self.buffer, str):
            return None
        return np.frombuffer(self.buffer.bits, self.dtype).reshape(())


@dataclass(frozen=True)
class Multiply:
    """A matrix product in numbers; `Product` says what is what."""

    product: Product
    batch: int
    rows: int
    columns: int
    inner: int
    a: Place
    b: Place
    result: Place
    alpha: Place | None
    beta: Place | None
    source: Place | None


@dataclass(frozen=True)
class Invoke:
    """A call of a library op on arrays."""

    op: str
    attributes: Mapping[str, Any]
    operands: tuple[Place, ...]
    results: tuple[tuple[int | None, Place], ...]


Action = Run | Sort | Multiply | Invoke


@dataclass(frozen=True)
class Bound:
    """A program for given sizes: actions in order, and where temporaries lie.

    spans: of each temporary, by name: bytes, first and last nest that use it.
    offsets: bytes from the start of one allocation of ``arena`` bytes.
    """

    actions: tuple[Action, ...]
    inputs: tuple[Place, ...]
    outputs: tuple[Place, ...]
    spans: Mapping[str, tuple[int, int, int]]
    offsets: Mapping[str, int]
    arena: int


def bind(program: Program, sizes: Mapping[str, int]) -> Bound:
    """A program for these sizes (and strides of inputs that are not contiguous, as ``name:axis``)."""
    binder = _Binder(program, sizes)
    for number, work in enumerate(program.work):
        binder.nest(number, work)
    offsets, arena = binder.placed()
    inputs = tuple(
        Place(name, np.dtype(dtype), binder.shape(shape)) for name, dtype, shape in program.inputs
    )
    outputs = tuple(
        Place(f"out{k}", np.dtype(dtype), binder.shape(shape))
        for k, (dtype, shape) in enumerate(program.outputs)
    )
    return Bound(tuple(binder.actions), inputs, outputs, binder.spans, offsets, arena)


class _Binder:
    """Collects actions, and how long each temporary lives."""

    def __init__(self, program: Program, sizes: Mapping[str, int]) -> None:
        self.program, self.sizes = program, sizes
        self.known: dict[Size, int] = {}
        self.actions: list[Action] = []
        self.spans: dict[str, tuple[int, int, int]] = {}  # bytes, first, last nest

    def number(self, size: Size) -> int:
        if isinstance(size, int):
            return size
        if size not in self.known:
            self.known[size] = evaluate(size, self.sizes)
        return self.known[size]

    def shape(self, shape: Sequence[Size]) -> tuple[int, ...]:
        return tuple(map(self.number, shape))

    # ------------------------------------------------------------------------------------- nests
    def nest(self, number: int, work: Work) -> None:
        """The actions of one nest."""
        for name in work.buffers:
            size, elements = self.program.temporaries[name]
            last = max(number, self.program.last.get(name, number))
            self.spans[name] = (size * self.number(elements), number, last)
        if work.product is not None:
            self.actions.append(self.product(work.product))
        elif work.outside is not None:
            self.actions.append(self.call(work.outside))
        elif work.step.kind == "scatter":
            self.scatter(number, work.step)
        else:
            self.launches(number, work.step)

    def launches(self, number: int, step: Step) -> None:
        chunks = max((self.chunks(launch) for launch in step.launches), default=1)
        for place, dtype, values in step.partials:
            size = chunks * self.number(values) * np.dtype(dtype).itemsize
            self.spans[f"part{number}.{place}"] = (size, number, number)
        for name, dtype, values in step.scalars:
            self.spans[name] = (self.number(values) * np.dtype(dtype).itemsize, number, number)
        fitting = [launch for launch in step.launches if self.fits(launch)]
        for launch in fitting[:1] if step.kind == "row" else fitting:
            direct = step.kind in ("full", "col") and launch.form == "fold"
            first = step.kind == "scan" and launch.form == "chunks"
            if chunks == 1 and (direct or first):
                continue  # the other kernel has done it all
            self.launch(number, launch, chunks)

    def launch(self, number: int, launch: Launch, chunks: int) -> None:
        grid, block = geometry(
            launch, self.number(launch.count), self.number(launch.length), chunks
        )
        if grid[0]:
            arguments = tuple(self.argument(number, kind, key, chunks) for kind, key in launch.keys)
            self.actions.append(Run(launch.kernel, grid, block, arguments))

    def argument(self, number: int, kind: str, key: tuple[Any, ...], chunks: int) -> Any:
        match key[0]:
            case "size":
                return np.int64(self.number(key[1]))
            case "chunks":
                return np.int64(chunks)
            case "constant":
                return np.frombuffer(key[1].bits, key[1].dtype)[0]
            case "size value":
                return np.asarray(self.number(key[2])).astype(key[1])[()]
            case "partial":
                return f"part{number}.{key[1]}"
            case "labels" | "order":
                return f"{key[0]}{number}"
        assert key[0] == "pointer", key
        return str(key[1])

    def fits(self, launch: Launch) -> bool:
        """Are rows short enough for the registers of a block?"""
        return not launch.turns or self.number(launch.length) <= launch.turns * THREADS

    def chunks(self, launch: Launch) -> int:
        """How many blocks share each row or column."""
        count, length = self.number(launch.count), self.number(launch.length)
        if launch.form == "chunks":
            return max(1, min(CHUNKS // max(count, 1), -(-length // (THREADS * GROUPS))))
        if launch.form == "columns":
            wide = -(-count // 32)
            deep = THREADS // min(32, _power(count))
            return max(1, min(CHUNKS // max(wide, 1), -(-length // (deep * GROUPS))))
        return 1

    def scatter(self, number: int, step: Step) -> None:
        """Updates in order: a column a thread, or labels sorted and a run of equal ones a thread."""
        serial, labels, ordered = step.launches
        updates, columns = self.number(labels.count), self.number(serial.count)
        if updates <= SERIAL[0] or columns >= SERIAL[1]:
            self.launch(number, serial, 1)
            return
        for name in ("labels", "order"):
            self.spans[f"{name}{number}"] = (8 * updates, number, number)
        self.launch(number, labels, 1)
        self.actions.append(Sort(f"labels{number}", f"order{number}", updates))
        self.launch(number, ordered, 1)

    # ------------------------------------------------------------------------------------- calls
    def place(self, array: Array) -> Place:
        return Place(array.buffer, np.dtype(array.dtype), self.shape(array.shape))

    def product(self, product: Product) -> Multiply:
        def scaled(array: Array | None) -> Place | None:
            return None if array is None else self.place(array)

        return Multiply(
            product,
            self.number(product.batch),
            self.number(product.rows),
            self.number(product.columns),
            self.number(product.inner),
            self.place(product.a),
            self.place(product.b),
            self.place(product.result),
            scaled(product.alpha),
            scaled(product.beta),
            scaled(product.source),
        )

    def call(self, outside: Outside) -> Invoke:
        return Invoke(
            outside.op,
            {name: self.known_value(value) for name, value in outside.attributes},
            tuple(map(self.place, outside.operands)),
            tuple((which, self.place(array)) for which, array in outside.results),
        )

    def known_value(self, value: Any) -> Any:
        """An attribute with its sizes as numbers."""
        if isinstance(value, tuple) and not hasattr(value, "_fields"):
            return tuple(map(self.known_value, value))
        return self.number(value) if isinstance(value, SizeTerm) else value

    # ------------------------------------------------------------------------------------ memory
    def placed(self) -> tuple[dict[str, int], int]:
        """Where each temporary lies, first fit over lifetimes, the largest first; bytes of all."""
        done: list[tuple[int, int, int, int, str]] = []  # offset, end, first, last
        for name, (size, first, last) in sorted(
            self.spans.items(), key=lambda kv: (-kv[1][0], kv[0])
        ):
            size, offset = (size + ALIGN - 1) // ALIGN * ALIGN, 0
            for begin, end, a, b, _ in sorted(done):
                if not (last < a or b < first) and offset < end and begin < offset + size:
                    offset = end
            done.append((offset, offset + size, first, last, name))
        total = max((end for _, end, _, _, _ in done), default=0)
        return {name: offset for offset, _, _, _, name in done}, total


def _power(number: int) -> int:
    """The power of 2 that is not less."""
    return 1 << max(0, number - 1).bit_length()


def geometry(
    launch: Launch, count: int, length: int, chunks: int
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Blocks and threads of a launch, along x and y; no blocks where there is nothing to do."""
    if count <= 0:
        return (0, 1), (1, 1)
    if launch.form == "elements":
        return (min(-(-count // THREADS), BLOCKS), 1), (THREADS, 1)
    if launch.form == "tiles":
        return (min(count, BLOCKS), 1), (SIDE, TALL)
    if launch.form in ("columns", "fold"):
        wide = min(32, _power(count))
        deep = THREADS // wide
        return (min(-(-count // wide), BLOCKS), chunks if launch.form == "columns" else 1), (
            wide,
            deep,
        )
    if launch.form == "chunks" or chunks > 1:
        return (min(count * chunks, BLOCKS), 1), (THREADS, 1)
    team = min(32, _power(max(length, 1)))
    if length > 32:  # more threads a row where rows are long, or too few to fill the device
        many = count * 32 >= 1 << 17
        team = 32 if many and length < WIDE_ROW else min(THREADS, _power(length))
    while launch.turns and launch.turns * team < length:
        team *= 2
    teams = max(1, THREADS // team) if team <= 32 else 1
    return (min(-(-count // teams), BLOCKS), 1), (team, teams)
