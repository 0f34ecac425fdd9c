"""`Program` and sizes -> what each of its kernels reads, writes and computes: numbers only.

A *kernel* here is what is run as one: a nest, several nests that take turns on blocks, a matrix
product, a call.  Each array counts once, and only as much of it as the loops can touch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from eqsat_tensor.extents import Size, evaluate, product
from eqsat_tensor.lower.cpu.bind import HostCall, Product, Program, Step
from eqsat_tensor.types import Shape


@dataclass(frozen=True)
class Kernel:
    """One kernel for given sizes.

    kind      "map", "row", "full", "col", "scan", "scatter", "update"; joined by " + " where several
              nests take turns; "gemm"; of a call the op's name.
    domain    the loops of the first nest, or [batch, m, n, k].
    reads, writes  names of arrays: inputs by their leaves, ``tmp<k>``, ``out<k>``.
    flops     floating-point operations; a function such as exp counts as its vector code does
              (`scalar.Primitive.cost`), a call in Python as none.
    moved     bytes read and written.
    width     bytes of the widest element.
    host      is it a call by way of Python?
    """

    number: int
    kind: str
    domain: tuple[int, ...]
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    flops: float
    moved: int
    width: int
    host: bool = False

    @property
    def units(self) -> float:
        """The operations as ones of float64: narrow types go more to a vector."""
        return self.flops * max(4, self.width) / 8


def kernels(program: Program, sizes: Mapping[str, int]) -> list[Kernel]:
    """The kernels in order, for these sizes."""
    meter = _Meter(program, sizes)
    return [meter.kernel(k, members) for k, members in enumerate(program.tiles)]


class _Meter:
    def __init__(self, program: Program, sizes: Mapping[str, int]) -> None:
        self.program, self.sizes = program, sizes
        self.held: dict[str, tuple[int, int]] = {}  # name -> elements, bytes of one
        for name, dtype, shape in program.inputs:
            self.held[name] = (self.number(product(shape)), np.dtype(dtype).itemsize)
        for k, (dtype, shape) in enumerate(program.outputs):
            self.held[f"out{k}"] = (self.number(product(shape)), np.dtype(dtype).itemsize)
        for name, (size, elements) in program.temporaries.items():
            self.held[name] = (self.number(elements), size)

    def number(self, size: Size) -> int:
        return size if isinstance(size, int) else evaluate(size, self.sizes)

    def kernel(self, number: int, members: tuple[int, ...]) -> Kernel:
        steps = [self.program.steps[i] for i in members]
        first = steps[0]
        if first.product is not None and len(steps) == 1:
            return self.of_product(number, first.product)
        if first.host is not None:
            return self.of_call(number, first.host)
        touched: dict[str, int] = {}  # name -> bytes
        reads: dict[str, None] = {}
        writes: dict[str, None] = {}
        flops = 0.0
        for step in steps:
            if step.product is not None:
                product = self.of_product(number, step.product)
                flops += product.flops
                for name in (*product.reads, *product.writes):
                    touched[name] = math.prod(self.held[name])
                reads |= dict.fromkeys(product.reads)
                writes |= dict.fromkeys(product.writes)
                continue
            points = math.prod(map(self.number, step.domain))
            flops += points * step.flops
            for name, written in self.arrays(step):
                elements, size = self.held[name]
                part = min(elements, points) * size
                touched[name] = max(touched.get(name, 0), part)
                (writes if written else reads)[name] = None
        reads = {n: None for n in reads if n not in writes}  # what the kernel itself made
        return Kernel(
            number,
            " + ".join("gemm" if step.product is not None else step.kind for step in steps),
            tuple(map(self.number, self.loops(first))),
            tuple(sorted(reads)),
            tuple(sorted(writes)),
            flops,
            sum(touched.values()),
            max((self.held[n][1] for n in touched), default=8),
        )

    @staticmethod
    def loops(step: Step) -> Shape:
        """The sizes of a step's loops."""
        product = step.product
        if product is None:
            return step.domain
        return product.batch, product.rows, product.columns, product.inner

    def arrays(self, step: Step) -> Iterator[tuple[str, bool]]:
        """The arrays that a nest touches, and whether it writes them."""
        partials = [p.buffer for p in step.partials]
        for word in step.words:
            if word[0] == "pointer":
                yield word[1], word[1].startswith("out") or word[1] in step.buffers
        for name in partials:
            yield name, True

    def of_product(self, number: int, made: Product) -> Kernel:
        batch, m, n, k = (self.number(s) for s in (made.batch, made.rows, made.columns, made.inner))
        size = np.dtype(made.dtype).itemsize
        a, b, result, *scaled = made.buffers
        names = [n for n in (a, b, *scaled) if isinstance(n, str)]
        addend = (n if made.row else m * n) if scaled else 0
        elements = m * k + k * n + m * n + addend
        return Kernel(
            number,
            "gemm",
            (batch, m, n, k),
            tuple(dict.fromkeys(names)),
            (str(result),),
            2.0 * batch * m * n * k,
            batch * elements * size,
            size,
        )

    def of_call(self, number: int, call: HostCall) -> Kernel:
        results = [array for _, array in call.results]
        moved = sum(
            math.prod(map(self.number, array.shape)) * np.dtype(array.dtype).itemsize
            for array in (*call.operands, *results)
        )
        reads = dict.fromkeys(a.buffer for a in call.operands if isinstance(a.buffer, str))
        return Kernel(
            number,
            call.op,
            tuple(map(self.number, results[0].shape)),
            tuple(sorted(reads)),
            tuple(str(a.buffer) for a in results),
            0.0,
            moved,
            max(np.dtype(a.dtype).itemsize for a in results),
            True,
        )
