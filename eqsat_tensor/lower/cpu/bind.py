"""A compiled plan, and what it becomes for given sizes: numbers only.

    Plan -compile_plan-> Program (object code, layouts; bytes for the cache)
    Program.bind(sizes) -> Bound (argument blocks, steps, an arena for temporaries)

A `Program` knows no plan any more: sizes are polynomials, evaluated at binding.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eqsat_tensor.extents import Size, product
from eqsat_tensor.lower.cpu import jit
from eqsat_tensor.lower.cpu.accumulate import combine_of
from eqsat_tensor.lower.cpu.bound import Bound, bind
from eqsat_tensor.lower.cpu.emit import emit
from eqsat_tensor.lower.cpu.host import Surroundings
from eqsat_tensor.lower.cpu.inplace import domain_of
from eqsat_tensor.lower.cpu.reuse import overwritten, reused, settled
from eqsat_tensor.lower.cpu.scipy_functions import scipy_symbols
from eqsat_tensor.lower.records import plain, records, rich
from eqsat_tensor.scalar import PRIMITIVES
from eqsat_tensor.schedule.loops import (
    Call,
    Constant,
    Host,
    Map,
    Nest,
    Plan,
    Reduce,
    Scan,
    Value,
    operands_of,
)
from eqsat_tensor.timing import stage
from eqsat_tensor.types import Literal, Shape

FORMAT = 8  # of the bytes; part of every cache key
UPDATE_COST = 8.0  # of an element that a call in place reads and writes


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

    objects: tuple[bytes, ...]  # one a kernel
    names: tuple[str, ...]
    steps: tuple[Step, ...]
    tiles: tuple[tuple[int, ...], ...]
    inputs: tuple[tuple[str, str, Shape], ...]  # name, dtype, shape
    outputs: tuple[tuple[str, Shape], ...]  # dtype, shape
    temporaries: Mapping[str, tuple[int, Size]]  # name -> bytes an element, elements
    last: Mapping[str, int]
    reuse: Mapping[str, str]  # temporary -> the dying one whose memory it takes
    overwritten: tuple[tuple[int, str], ...]  # outputs that may be stored over an input
    externals: tuple[str, ...] = ()  # symbols that SciPy supplies when the code is loaded
    _addresses: dict[str, int] = field(default_factory=dict, compare=False, repr=False)

    def addresses(self) -> Mapping[str, int]:
        """Addresses of the kernels, loaded at the first call."""
        if not self._addresses and self.names:
            symbols = scipy_symbols(self.externals) if self.externals else None
            with stage("load"):
                for name, item in zip(self.names, self.objects, strict=True):
                    self._addresses[name] = jit.kernel_address(item, symbols)
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


def compile_plan(
    plan: Plan,
    contract: bool = True,
    level: int = jit.KERNEL_LEVEL,
    small: frozenset[str] = frozenset(),
) -> Program:
    """Machine code for a plan.

    contract: whether a * b + c may be one operation (not in strict mode).  level: of code
    generation, 0 to 3.
    """
    plan = settled(plan)
    with stage("emit"):
        module = emit(plan, contract, small=small)
    with stage("LLVM"):
        objects = [jit.kernel_object(module.alone(name), level) for name in module.names]
    steps = tuple(
        _step(plan, nest, module.kernels[i], module.slots[i]) for i, nest in enumerate(plan.nests)
    )
    temporaries = {
        name: (value.dtype.itemsize, product(value.shape))
        for value, name in plan.buffers.items()
        if name.startswith("tmp")
    }
    return Program(
        tuple(objects),
        tuple(module.names),
        steps,
        plan.tiles,
        tuple((v.name, v.dtype.name, v.shape) for v in plan.inputs),
        tuple((v.dtype.name, v.shape) for v in plan.outputs),
        temporaries,
        dict(plan.last),
        reused(plan),
        overwritten(plan),
        module.externals,
    )


def _step(plan: Plan, nest: Nest, kernel: str, words: tuple[tuple[Any, ...], ...]) -> Step:
    written = tuple(
        name
        for r in nest.roots
        if (name := plan.buffers.get(r.value)) is not None and name.startswith("tmp")
    )
    domain, outer = nest.domain, nest.outer
    if nest.kind == "call":
        values = [r.value for r in nest.roots]
        if isinstance(values[0], Host):
            host = _host_call(plan, [v for v in values if isinstance(v, Host)])
            return Step("call", "", domain, 0, (), 1.0, written, (), None, host)
        (call,) = values
        assert isinstance(call, Call), call
        if call.in_place:  # the memory is that of its first operand, written before
            return Step(call.function, kernel, domain_of(call), 0, words, UPDATE_COST, ())
        return Step("call", "", domain, 0, (), 1.0, written, (), _product(plan, call))
    partials: list[Partial] = []
    if nest.kind == "full" or (nest.kind == "col" and not outer):
        for number, root in enumerate(nest.roots):
            if isinstance(root.value, Reduce):
                width = product(domain[nest.reduced :]) if nest.kind == "col" else 1
                word, dtype = combine_of(root.value), root.value.dtype.name
                partials.append(Partial(number, word, dtype, width, plan.buffers[root.value]))
    cost = sum(_cost(plan, root.value) for root in nest.roots)
    flops = cost - sum(not isinstance(root.value, Reduce | Scan) for root in nest.roots)
    return Step(
        nest.kind, kernel, domain, outer, words, cost, written, tuple(partials), flops=flops
    )


def _product(plan: Plan, call: Call) -> Product:
    assert call.function == "gemm", call.function
    options, names = dict(call.options), plan.buffers
    a, b, *scaled = call.operands
    return Product(
        call.dtype.name,
        product(call.shape[:-2]),
        call.shape[-2],
        call.shape[-1],
        a.shape[-2] if options["transpose_a"] else a.shape[-1],
        options["transpose_a"],
        options["transpose_b"],
        options.get("row", False),
        tuple(v.value if isinstance(v, Constant) else names[v] for v in (a, b, call, *scaled)),
    )


def _host_call(plan: Plan, calls: Sequence[Host]) -> HostCall:
    first = calls[0]

    def array(value: Value) -> HostArray:
        held = value.value if isinstance(value, Constant) else plan.buffers[value]
        return HostArray(held, value.dtype.name, value.shape)

    results = tuple((call.result, array(call)) for call in calls)
    return HostCall(first.op, first.attributes, tuple(map(array, first.operands)), results)


def _cost(plan: Plan, root: Value) -> float:
    """Cost of one element of a root, each inlined value counted once, and one for the loop or for
    what combines elements."""
    total = 1.0
    seen: set[Value] = set()
    stack = list(operands_of(root))
    if isinstance(root, Map):
        total += COSTS[root.primitive]
    while stack:
        value = stack.pop()
        if value not in seen and value not in plan.buffers and not isinstance(value, Constant):
            seen.add(value)
            total += COSTS[value.primitive] if isinstance(value, Map) else 0.0
            if not isinstance(value, Reduce):
                stack.extend(operands_of(value))
    return total


COSTS = {name: primitive.cost for name, primitive in PRIMITIVES.items()} | {"keep": 0.0}


_RECORDS = records(Program, Step, Partial, Product, HostCall, HostArray)
