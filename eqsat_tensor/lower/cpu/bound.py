"""Binding: a program's argument blocks, steps and memory for given sizes.

All argument blocks lie in one array of i64 words, temporaries in one arena, placed by lifetime.
Nests that take turns on blocks hold what they hold through the whole of their group.
"""

from __future__ import annotations

import ctypes
from bisect import insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eqsat_tensor.extents import product
from eqsat_tensor.lower.cpu import blas, clock, driver, host, lines
from eqsat_tensor.lower.cpu.products import Products, bits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eqsat_tensor.lower.cpu.bind import Product, Program, Step

BLOCK = 8192  # elements of a block of a full reduction: a constant, so results depend on sizes only
TILE = 512  # most rows of a block of a tile or a column reduction; fewer where rows are long
TILE_ELEMENTS = 51_200  # of one array in a block of a tile, about
COLUMNS = 1 << 18  # elements of a block of a column reduction, about
CHUNKS = 4  # chunks a thread
GRAIN = 40_000.0  # estimated nanoseconds below which a step stays on one thread
MEMORY_NS, COST_NS = 0.15, 0.035  # of an element, and of one unit of cost
ALIGN = 64


@dataclass
class Bound:
    """A program for given sizes.

    words         argument blocks; steps refer to it by address.
    steps         [k, 5]: kernel, argument, units, chunks, minus alignment (`driver`).
    input_slots   for each input, addresses of the i64 words that take its data pointer.
    output_slots  the same for each output.
    outputs       dtype and shape of each output.
    arena         memory of the temporaries.
    work          estimated nanoseconds of all steps on one thread.
    failure       of a program with host calls: what they raise, and where their flag is.
    stamps        of a timed program: where in ``words`` the times of each kernel are (`clock`).
    """

    words: NDArray[np.int64]
    steps: NDArray[np.int64]
    input_slots: list[list[int]]
    output_slots: list[list[int]]
    outputs: list[tuple[np.dtype, tuple[int, ...]]]
    arena: NDArray[np.uint8]
    work: float
    failure: host.Failure | None = None
    keep: tuple[Any, ...] = ()
    stamps: tuple[int, ...] = ()

    @property
    def temporaries(self) -> int:
        """Bytes of memory that calls use beside arguments and results, those of inner graphs too."""
        inner = sum(k.temporaries for k in self.keep if isinstance(k, Bound))
        return max(0, self.arena.nbytes - ALIGN) + inner

    def took(self) -> list[clock.Took]:
        """What each kernel of a timed program took, over all calls since it was bound."""
        found = (self.words[at + 1 : at + clock.WORDS].tolist() for at in self.stamps)
        return [clock.Took(calls, total, fewest) for total, calls, fewest in found]

    def run(self, pointers: Sequence[int]) -> None:
        """Run on arrays at these addresses, inputs first, then outputs.  Not for speed."""
        for slots, pointer in zip([*self.input_slots, *self.output_slots], pointers, strict=True):
            for slot in slots:
                ctypes.c_int64.from_address(slot).value = pointer
        driver.drive(self.steps)
        if self.failure is not None:
            self.failure.raise_kept()

    def __call__(self, *arrays: NDArray[Any]) -> list[NDArray[Any]]:
        """New outputs for these inputs, in the order of `Program.inputs`."""
        results = [np.empty(shape, dtype) for dtype, shape in self.outputs]
        self.run([a.ctypes.data for a in (*arrays, *results)])
        return results


@dataclass
class _Fold:
    argument: int  # first of its four words
    kernel: int
    width: int


class _Binder(Products):
    """Collects words and steps; addresses are filled in when all is there."""

    stamps: list[int] | None = None  # where the times of each kernel are kept; None: nowhere

    def domain(self, step: Step) -> list[int]:
        return [self.number(s) for s in step.domain]

    # --------------------------------------------------------------------------------- one nest
    def group(self, step: Step, rows: int) -> int:
        """Indices of the first axis a block."""
        domain = self.domain(step)
        rest = int(np.prod(domain[1:], dtype=np.int64)) if domain else 1
        if step.kind == "full":
            return rows or max(1, -(-BLOCK // max(rest, 1)))
        return rows or max(64, min(TILE, COLUMNS // max(rest, 1)))

    def tile_rows(self, steps: Sequence[Step], products: Sequence[Product] = ()) -> int:
        """Rows of a block of a tile: what its nests read of a block stays in cache together."""
        if products:
            return min(self.product_rows(product) for product in products)
        width = max(int(np.prod(self.domain(step)[1:], dtype=np.int64)) for step in steps)
        return max(16, min(TILE, TILE_ELEMENTS // max(width, 1)))

    def units(self, step: Step, rows: int) -> int:
        domain = self.domain(step)
        if not domain:
            return 1
        if step.partials:
            return -(-domain[0] // self.group(step, rows))
        if step.kind in ("map", "scan") and 0 in domain:
            return 0
        if step.kind == "scan" and not step.outer:  # the scanned axis is one piece
            return domain[1] if len(domain) > 1 else 1
        return domain[0]

    def block(self, i: int, step: Step, rows: int) -> tuple[int, list[_Fold]]:
        """The argument block of a nest, and the folds of its partial results."""
        start = len(self.words)
        direct = self.units(step, rows) == 1
        partial = {p.number: p for p in step.partials}
        for key in step.words:
            word, kind = len(self.words), key[0]
            self.words.append(0)
            if kind == "size":
                self.words[word] = self.number(key[1])
            elif kind == "pointer":
                self.pointers.append((word, key[1]))
            elif kind == "constant":
                self.words[word] = bits(key[1].bits)
            elif kind == "size value":
                exact = np.array(self.number(key[2])).astype(key[1]).tobytes()
                self.words[word] = bits(exact)
            elif kind == "stream":
                self.words[word] = self.stream(key[1], step)
            elif kind == "group":
                self.words[word] = self.group(step, rows)
            elif kind == "blocks":
                self.blocks_of(i, step, rows, word, key[1])
            else:
                assert kind == "partial", key
                number = key[1]
                name = partial[number].buffer if direct else f"part{i}.{number}"
                self.pointers.append((word, name))
        if not self.words[start:]:
            self.words.append(0)
        folds = [] if direct else [self.fold(i, step, p.number, rows) for p in step.partials]
        return start, folds

    def blocks_of(self, i: int, step: Step, rows: int, word: int, buffer: str) -> None:
        """The partial results that a buffer was folded of, if made by the same blocks; else null."""
        name, length, group = self.folded.get(buffer, ("", 0, 0))
        if name and (length, group) == (self.domain(step)[0], self.group(step, rows)):
            self.pointers.append((word, name))
            bytes_, first, _ = self.spans[name]
            self.spans[name] = bytes_, first, i

    def stream(self, name: str, step: Step) -> int:
        """Whether an output is large enough to be stored past the caches."""
        dtype, shape = self.program.outputs[int(name.removeprefix("out"))]
        size = np.dtype(dtype).itemsize
        return lines.word_of(size * self.number(product(shape)), size * self.domain(step)[-1])

    def fold(self, i: int, step: Step, number: int, rows: int) -> _Fold:
        """The argument of a fold of partials, and their memory."""
        partial = next(p for p in step.partials if p.number == number)
        units, width = self.units(step, rows), self.number(partial.width)
        name = f"part{i}.{number}"
        self.spans[name] = (units * width * np.dtype(partial.dtype).itemsize, i, i)
        self.folded[partial.buffer] = name, self.domain(step)[0], self.group(step, rows)
        argument = len(self.words)
        self.words += [0, units, width, 0]
        self.pointers += [(argument, name), (argument + 3, partial.buffer)]
        return _Fold(argument, driver.fold_address(partial.combine, partial.dtype), width)

    def cost(self, step: Step) -> float:
        if step.product is not None:
            return self.product_cost(step.product)
        elements = float(np.prod([float(s) for s in self.domain(step)]))
        return elements * max(MEMORY_NS, COST_NS * step.cost)

    def chunks(self, units: int, cost: float) -> int:
        parallel = self.threads > 1 and cost >= GRAIN
        return max(1, min(CHUNKS * self.threads, units)) if parallel else 1

    def kernel(self, i: int, step: Step) -> None:
        """The steps of a nest by itself."""
        units, cost = self.units(step, 0), self.cost(step)
        argument, folds = self.block(i, step, 0)
        rank = len(step.domain)
        vectors = rank == (2 if step.outer == 0 else 0) if step.kind == "scan" else rank == 1
        align = ALIGN if vectors and step.kind in ("map", "scan") else 1
        self.work += cost
        if units:
            address = self.program.addresses()[step.kernel]
            self.steps.append((address, argument, units, self.chunks(units, cost), align))
        self.fold_steps(folds)

    def fold_steps(self, folds: Sequence[_Fold]) -> None:
        for f in folds:
            self.steps.append((f.kernel, f.argument, f.width, 1, 1))

    def tile(self, members: tuple[int, ...]) -> None:
        """One step for nests that take turns on blocks of rows, then the folds."""
        steps = self.program.steps
        products = [p for i in members if (p := steps[i].product) is not None]
        length = self.number(products[0].rows) if products else self.domain(steps[members[0]])[0]
        rows = self.tile_rows([steps[i] for i in members], products)
        blocks, cost = -(-length // rows), sum(self.cost(steps[i]) for i in members)
        entries: list[tuple[int, int, int, int]] = []
        folds: list[_Fold] = []
        for i in members:
            step = steps[i]
            if step.product is not None:
                argument, _ = self.product_block(step.product)
                kernel = blas.gemm_address(step.product.dtype, "rows")
                entries.append((kernel, argument, length, rows))
                continue
            argument, own = self.block(i, step, rows)
            folds += own
            units = self.units(step, rows)
            size = 1 if step.partials else rows
            if products and step.kind == "map":  # its rows may be one axis with what is in them
                size *= units // max(length, 1)
            entries.append((self.program.addresses()[step.kernel], argument, units, size))
        start = len(self.words)
        self.words.append(len(entries))
        for kernel, argument, units, size in entries:
            self.at.append((len(self.words) + 1, argument))
            self.words += [kernel, 0, units, size]
        self.work += cost
        if blocks:
            chunks = self.chunks(blocks, cost)
            self.steps.append((driver.group_address(), start, blocks, chunks, 1))
        self.fold_steps(folds)

    def all_steps(self) -> None:
        """The steps of every group of nests."""
        if self.stamps is not None:
            self.last_stamp = len(self.words)
            self.words.append(0)
            self.start_clock()
        for members in self.program.tiles:
            self.group_steps(members)
            if self.stamps is not None:
                self.stamp()

    def group_steps(self, members: tuple[int, ...]) -> None:
        """The steps of one group."""
        for k, i in enumerate(members):
            product = self.program.steps[i].product
            if len(members) > 1 and product is not None and not self.product_rows(product):
                for part in (members[:k], (i,), members[k + 1 :]):
                    if part:
                        self.group_steps(part)
                return
        if len(members) > 1:
            self.tile(members)
            return
        (i,) = members
        step = self.program.steps[i]
        if step.host is not None:
            self.call(step.host)
        elif step.product is not None:
            self.product(i, step.product)
        else:
            self.kernel(i, step)

    def start_clock(self) -> None:
        """The step that the first stamp counts from."""
        argument = len(self.words)
        self.words.append(0)
        self.at.append((argument, self.last_stamp))
        self.steps.append((clock.start_address(), argument, 1, 1, 1))

    def stamp(self) -> None:
        """The step that says what the steps since the last stamp took."""
        assert self.stamps is not None
        argument = len(self.words)
        self.words += [0, 0, 0, clock.NEVER]
        self.at.append((argument, self.last_stamp))
        self.stamps.append(argument)
        self.steps.append((clock.stamp_address(), argument, 1, 1, 1))

    # ----------------------------------------------------------------------------------- memory
    def place(self) -> tuple[NDArray[np.uint8], dict[str, int]]:
        """An arena, and the address of each temporary in it: first fit over lifetimes."""
        program = self.program
        group_of = {i: g for g in program.tiles for i in g}
        spans = dict(self.spans)
        for i, step in enumerate(program.steps):
            for name in step.buffers:
                size, elements = program.temporaries[name]
                spans[name] = (size * self.number(elements), i, program.last.get(name, i))
        home = {name: name for name in spans}
        for name in sorted(program.reuse, key=lambda n: spans[n][1]):  # in order of making
            owner = home[name] = home[program.reuse[name]]
            bytes_, first, last = spans[owner]
            spans[owner] = (bytes_, first, max(last, spans.pop(name)[2]))
        offsets: dict[str, int] = {}
        done: list[tuple[int, int, int, int]] = []  # offset, end, first, last: in order
        for name, (size, first, last) in sorted(spans.items(), key=lambda kv: (-kv[1][0], kv[0])):
            first, last = group_of[first][0], group_of[last][-1]
            size = (size + 2 * ALIGN - 1) // ALIGN * ALIGN
            beside = [(begin, end) for begin, end, a, b in done if a <= last and b >= first]
            offset = offsets[name] = _gap(beside, size)
            insort(done, (offset, offset + size, first, last))
        total = max((end for _, end, _, _ in done), default=0)
        arena = np.empty(total + ALIGN, np.uint8)
        start = (arena.ctypes.data + ALIGN - 1) // ALIGN * ALIGN
        where = {name: start + offset for name, offset in offsets.items()}
        return arena, {name: where[owner] for name, owner in home.items()}

    def finish(self) -> Bound:
        program = self.program
        arena, where = self.place()
        words = np.array(self.words, np.int64)
        base = words.ctypes.data
        for word, target in self.at:
            words[word] = base + 8 * target
        slots: dict[str, list[int]] = {}
        for word, name in self.pointers:
            if name in where:
                words[word] = where[name]
            else:
                slots.setdefault(name, []).append(base + 8 * word)
        for slot, name in self.links:
            if name in where:
                self.fill([slot], where[name])
            else:
                slots.setdefault(name, []).append(slot)
        steps = np.zeros((len(self.steps), driver.STEP_WORDS), np.int64)
        for k, (kernel, argument, units, chunks, align) in enumerate(self.steps):
            steps[k] = kernel, base + 8 * argument, units, chunks, -align
        for at, others in reversed(self.raw_steps):
            steps = np.concatenate([steps[:at], others, steps[at:]])
        if self.failure is not None:
            self.failure.word = base + 8 * self.mark
        outputs = [
            (np.dtype(dtype), tuple(self.number(s) for s in shape))
            for dtype, shape in program.outputs
        ]
        return Bound(
            words,
            steps,
            [slots.get(name, []) for name, _, _ in program.inputs],
            [slots.get(f"out{k}", []) for k in range(len(outputs))],
            outputs,
            arena,
            self.work,
            self.failure,
            tuple(self.kept),
            tuple(self.stamps or ()),
        )


def _gap(taken: list[tuple[int, int]], size: int) -> int:
    """The first offset from which so many bytes are free beside blocks (offset, end) in order."""
    offset = 0
    for begin, end in taken:
        if begin - offset >= size:
            break
        offset = max(offset, end)
    return offset


def bind(
    program: Program,
    values: Mapping[str, int],
    threads: int,
    around: host.Surroundings | None = None,
    timed: bool = False,
) -> Bound:
    """`Program.bind`, with strides among the values."""
    binder = _Binder(program, values, threads, around)
    binder.stamps = [] if timed else None
    binder.all_steps()
    return binder.finish()
