"""A compiled program, and what it becomes for given sizes: numbers only.

    Plan -compile_plan-> Program (object code, layouts; bytes for the cache)
    Program.bind(sizes) -> Bound (argument blocks, steps, an arena for temporaries)

A `Program` knows no plan any more: sizes are polynomials, evaluated at binding.  So a process that
finds its programs on disk imports neither schedule nor emitters (`plans` has `compile_plan`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eqsat_tensor.extents import Size
from eqsat_tensor.lower.cpu.bound import Bound, bind
from eqsat_tensor.lower.cpu.host import Surroundings
from eqsat_tensor.lower.cpu.images import Image, addresses
from eqsat_tensor.lower.records import plain, records, rich
from eqsat_tensor.timing import stage
from eqsat_tensor.types import Literal, Shape

FORMAT = 9  # of the bytes; part of every cache key


@dataclass(frozen=True)
class Partial:
    """A reduction in blocks: root ``number`` of a nest, ``width`` values a block, into ``buffer``."""

    number: int
    combine: str
    dtype: str
    width: Size
    buffer: str


@dataclass(frozen=True)
class Product:
    """A call of the matrix product: shapes with leading batch axes, names of buffers."""

    dtype: str
    batch: Size
    rows: Size
    columns: Size
    inner: Size
    transpose_a: bool
    transpose_b: bool
    row: bool  # c is one row for all
    buffers: tuple[str | Literal, ...]  # a, b, result; then alpha, beta, c where scaled


@dataclass(frozen=True)
class HostArray:
    """A stored array of a host call; ``buffer`` is its name, or the value of a constant."""

    buffer: str | Literal
    dtype: str
    shape: Shape


@dataclass(frozen=True)
class HostCall:
    """A call of a library op's meaning: attributes by name; results by number (None: the only one)."""

    op: str
    attributes: tuple[tuple[str, Any], ...]
    operands: tuple[HostArray, ...]
    results: tuple[tuple[int | None, HostArray], ...]


@dataclass(frozen=True)
class Step:
    """What binding needs to know of one nest.

    kernel  name of its function ("" for a call).  words  what the argument block holds.
    cost    operations an element.  buffers  temporaries that it writes.  flops  operations a point
    of the domain, without what a loop costs itself.
    """

    kind: str
    kernel: str
    domain: Shape
    outer: int
    words: tuple[tuple[Any, ...], ...]
    cost: float
    buffers: tuple[str, ...]
    partials: tuple[Partial, ...] = ()
    product: Product | None = None
    host: HostCall | None = None
    flops: float = 0.0


@dataclass(frozen=True)
class Program:
    """Machine code and all that binding needs; made by `compile_plan` or `Program.from_bytes`."""

    images: tuple[Image, ...]
    kernels: tuple[tuple[str, int, str], ...]  # name, number of the image, name there
    steps: tuple[Step, ...]
    tiles: tuple[tuple[int, ...], ...]
    inputs: tuple[tuple[str, str, Shape], ...]  # name, dtype, shape
    outputs: tuple[tuple[str, Shape], ...]  # dtype, shape
    temporaries: Mapping[str, tuple[int, Size]]  # name -> bytes an element, elements
    last: Mapping[str, int]
    reuse: Mapping[str, str]  # temporary -> the dying one whose memory it takes
    overwritten: tuple[tuple[int, str], ...]  # outputs that may be stored over an input
    _addresses: dict[str, int] = field(default_factory=dict, compare=False, repr=False)

    def addresses(self) -> Mapping[str, int]:
        """Addresses of the kernels, loaded at the first call."""
        if not self._addresses and self.kernels:
            with stage("load"):
                where = [addresses(image) for image in self.images]
                for name, number, symbol in self.kernels:
                    self._addresses[name] = where[number][symbol]
        return self._addresses

    def bind(
        self,
        sizes: Mapping[str, int],
        threads: int = 1,
        strides: Mapping[str, Sequence[int]] | None = None,
        around: Surroundings | None = None,
        timed: bool = False,
    ) -> Bound:
        """Everything worked out for these sizes.

        sizes: number of every size symbol.  threads: how many threads chunks are made for.
        strides: of each input that is not contiguous, in elements, by name.  around: what the program
        calls and does not hold itself; without it, programs that call nothing.  timed: each kernel's
        time is kept (`Bound.took`).
        """
        values = dict(sizes)
        for name, given in (strides or {}).items():
            values |= {f"{name}:{axis}": stride for axis, stride in enumerate(given)}
        return bind(self, values, threads, around, timed)

    def to_bytes(self, objects: Sequence[Any] = ()) -> bytes:
        """The program for the cache on disk.

        objects: what attributes of host calls may be beside plain data (graphs, callbacks): they are
        kept as places in this order.
        """
        numbers = {id(value): k for k, value in enumerate(objects)}
        return json.dumps({"format": FORMAT, "program": plain(self, _RECORDS, numbers)}).encode()

    @staticmethod
    def from_bytes(data: bytes, objects: Sequence[Any] = ()) -> Program:
        """The program again, with the ``objects`` of this process in the places of those kept.

        Raises ValueError on what `to_bytes` did not make.
        """
        try:
            record = json.loads(data)
            if not isinstance(record, dict) or record.get("format") != FORMAT:
                raise ValueError(f"of format {FORMAT}")
            program = rich(record["program"], _RECORDS, objects)
        except (LookupError, TypeError, ValueError) as error:
            needs = "Program.from_bytes: needs bytes of this version's to_bytes"
            raise ValueError(f"{needs}; got others ({error}).") from None
        assert isinstance(program, Program), program
        return program


_RECORDS = records(Program, Image, Step, Partial, Product, HostCall, HostArray)
